package web

import (
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rtsprec/engine/fault"
)

// maxPath bounds the names that strangers may ask for, in bytes.
const maxPath = 1024

// ParseTime reads a moment: RFC 3339 with or without a fraction, or seconds since 1970
// as a decimal number. Years 1970 to 9999. The error is of kind fault.Usage.
func ParseTime(s string) (time.Time, error) {
	bad := func() (time.Time, error) {
		return time.Time{}, fault.New(fault.Usage,
			"%q is no time: write 2026-11-22T09:00:00Z or seconds since 1970", shorten(s))
	}
	if t, ok := parseUnix(s); ok {
		return t, nil
	}
	// An unescaped + in a query, as people type zones, arrives as a blank.
	t, err := time.Parse(time.RFC3339Nano, strings.Replace(s, " ", "+", 1))
	if err != nil || t.Unix() < 0 || t.UTC().Year() > 9999 {
		return bad()
	}
	return t.UTC(), nil
}

// parseUnix reads digits with at most one point; what is finer than a nanosecond is cut.
func parseUnix(s string) (time.Time, bool) {
	whole, part, _ := strings.Cut(s, ".")
	if whole == "" || len(whole) > 12 || len(part) > 20 || !digits(whole) || !digits(part) {
		return time.Time{}, false
	}
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || sec > 253402300799 { // the end of 9999
		return time.Time{}, false
	}
	part = (part + "000000000")[:9]
	nsec, err := strconv.ParseInt(part, 10, 64)
	return time.Unix(sec, nsec).UTC(), err == nil
}

func digits(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

// shorten makes what a stranger wrote fit for a sentence.
func shorten(s string) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) <= 64 {
		return s
	}
	cut := 64
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "..."
}

// query is the part of a request that says what is asked for.
type query struct {
	Camera string // path
	Audio  string // path of another camera; empty: the camera's own sound
	From   time.Time
	To     time.Time
}

// maxRange bounds what one request may ask for: headers of longer clips and playlists
// would be made of more memory than a stranger should be able to take.
const maxRange = 24 * time.Hour

// parseQuery reads camera, audio, from and to. An absent time is zero.
func parseQuery(v url.Values) (query, error) {
	var q query
	var err error
	if q.Camera, err = parsePath(v, "camera"); err != nil {
		return q, err
	}
	if q.Camera == "" {
		return q, fault.New(fault.Usage, "say which camera: ?camera=RECORDING/CAMERA")
	}
	if q.Audio, err = parsePath(v, "audio"); err != nil {
		return q, err
	}
	if s := v.Get("from"); s != "" {
		if q.From, err = ParseTime(s); err != nil {
			return q, fault.Because("from", err)
		}
	}
	if s := v.Get("to"); s != "" {
		if q.To, err = ParseTime(s); err != nil {
			return q, fault.Because("to", err)
		}
	}
	if !q.From.IsZero() && !q.To.IsZero() && !q.From.Before(q.To) {
		return q, fault.New(fault.Usage, "to must be later than from")
	}
	return q, nil
}

// needRange demands both ends, not too far apart.
func (q query) needRange() error {
	switch {
	case q.From.IsZero() || q.To.IsZero():
		return fault.New(fault.Usage, "say from when to when: &from=2026-11-22T09:00:00Z&to=2026-11-22T09:05:00Z")
	case q.To.Sub(q.From) > maxRange:
		return fault.New(fault.Usage, "at most %v at a time; rtsprec export takes any length", maxRange)
	}
	return nil
}

// parsePath reads the path of a camera. It only refuses what can be none: the library
// knows what exists.
func parsePath(v url.Values, name string) (string, error) {
	path := strings.Trim(v.Get(name), "/")
	switch {
	case len(path) > maxPath:
		return "", fault.New(fault.Usage, "%s: a name of %d bytes is too long", name, len(path))
	case !utf8.ValidString(path) || strings.ContainsFunc(path, unicode.IsControl) || strings.Contains(path, `\`):
		return "", fault.New(fault.Usage, "%s: %q is no name of a camera", name, shorten(path))
	}
	for element := range strings.SplitSeq(path, "/") {
		if element == ".." || element == "." && path != "." || element == "" && path != "" {
			return "", fault.New(fault.Usage, "%s: %q is no name of a camera", name, shorten(path))
		}
	}
	return path, nil
}

// parseNumber reads a number that is not negative; ok is false when the query has none.
func parseNumber(v url.Values, name string) (n int64, ok bool, err error) {
	s := v.Get(name)
	if s == "" {
		return 0, false, nil
	}
	if !digits(s) || len(s) > 18 {
		return 0, false, fault.New(fault.Usage, "%s: %q is no number", name, shorten(s))
	}
	n, err = strconv.ParseInt(s, 10, 64)
	return n, err == nil && n < math.MaxInt64, err
}
