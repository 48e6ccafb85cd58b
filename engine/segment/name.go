package segment

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
)

const (
	nameLayout = "2006-01-02/150405.000Z"
	extension  = ".mp4"
)

// Part is appended to the name of a file while it is open.
const Part = ".part"

// FileName returns a segment's final name relative to its camera's folder, with forward
// slashes: the UTC day, then the time to the millisecond (cut, not rounded) and the
// number, which never repeats within a camera:
// "2026-11-22/090000.000Z-000001.mp4".
func FileName(start time.Time, n uint64) string {
	return fmt.Sprintf("%s-%06d%s", start.UTC().Format(nameLayout), n, extension)
}

// ParseName is the reverse of FileName, with or without Part and with any folders
// before the day. ok is false for any other name.
func ParseName(name string) (start time.Time, n uint64, ok bool) {
	rest := strings.TrimSuffix(name, Part)
	dir, file := path.Split(rest)
	stamp, digits, found := strings.Cut(strings.TrimSuffix(file, extension), "-")
	if !found {
		return time.Time{}, 0, false
	}
	start, err := time.Parse(nameLayout, path.Base(dir)+"/"+stamp)
	if err != nil {
		return time.Time{}, 0, false
	}
	n, err = strconv.ParseUint(digits, 10, 64)
	if err != nil || !strings.HasSuffix(rest, FileName(start, n)) {
		return time.Time{}, 0, false
	}
	return start, n, true
}
