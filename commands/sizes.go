package commands

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// sizes are numbers of bytes as people write them: decimal units as disks are sold
// (500GB), and binary ones (64MiB).
var sizes = regexp.MustCompile(`^(\d+(?:\.\d+)?)\s*([kKMGT]?)(i?)B?$`)

// parseSize reads a number of bytes: "500GB", "64MiB", "1.5T", "1000000".
func parseSize(s string) (int64, error) {
	m := sizes.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil || m[2] == "" && m[3] != "" {
		return 0, fmt.Errorf("%q is no size: say 500GB, 64MiB or 1000000 (bytes)", s)
	}
	step := 1000.0
	if m[3] == "i" {
		step = 1024
	}
	n, _ := strconv.ParseFloat(m[1], 64)
	n *= math.Pow(step, float64(strings.Index(" kMGT", strings.Replace(m[2], "K", "k", 1))))
	if m[2] == "" {
		n, _ = strconv.ParseFloat(m[1], 64)
	}
	if n >= math.MaxInt64 {
		return 0, fmt.Errorf("%q is too much", s)
	}
	return int64(n), nil
}

var days = regexp.MustCompile(`^(\d+(?:\.\d+)?)\s*d$`)

// parseAge reads a length of time as parseSpan does, or in days: "30d".
func parseAge(s string) (time.Duration, error) {
	m := days.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return parseSpan(s)
	}
	n, _ := strconv.ParseFloat(m[1], 64)
	if n > 36500 {
		return 0, fmt.Errorf("%q is more than a hundred years", s)
	}
	return time.Duration(n * 24 * float64(time.Hour)), nil
}

// sizeText writes a number of bytes so that parseSize reads it back: the largest unit that
// divides it.
func sizeText(n int64) string {
	for _, u := range []struct {
		n    int64
		unit string
	}{{1 << 40, "TiB"}, {1e12, "TB"}, {1 << 30, "GiB"}, {1e9, "GB"}, {1 << 20, "MiB"}, {1e6, "MB"}, {1 << 10, "KiB"}, {1e3, "kB"}} {
		if n != 0 && n%u.n == 0 {
			return strconv.FormatInt(n/u.n, 10) + u.unit
		}
	}
	return strconv.FormatInt(n, 10)
}

// ageText writes a length of time so that parseAge reads it back; days where it is some.
func ageText(d time.Duration) string {
	if day := 24 * time.Hour; d != 0 && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	return shortSpan(d)
}
