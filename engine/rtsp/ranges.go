package rtsp

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// timeRange is what a Range header (RFC 2326 12.29) or the query of an address asks for,
// or what a description offers. A reverse range has From behind To.
type timeRange struct {
	unit     rangeUnit
	From, To bound
}

// rangeUnit says how the bounds of a range are counted.
type rangeUnit string

const (
	rangeClock rangeUnit = "clock" // UTC (RFC 2326 3.7)
	rangeNPT   rangeUnit = "npt"   // from the start of the presentation (RFC 2326 3.6)
)

// bound is one end of a range. The zero bound is open.
type bound struct {
	set bool
	now bool          // npt: what is happening now
	at  time.Time     // clock: UTC
	npt time.Duration // npt: at least 0
}

// none reports whether nothing was asked for.
func (r timeRange) none() bool { return r.unit == "" }

// rangeError is a range that cannot be played and the status that says so.
type rangeError struct {
	code int
	why  string
}

func (e *rangeError) Error() string { return e.why }

func badRange(format string, args ...any) error {
	return &rangeError{400, fmt.Sprintf(format, args...)}
}

// invalidRange is 457: understood, and nothing that can be played.
func invalidRange(format string, args ...any) error {
	return &rangeError{457, fmt.Sprintf(format, args...)}
}

// parseRange reads the value of a Range header or of a range attribute; an empty one is
// no range. What no server has to know (a start time, other parameters) is left out.
// The error is a *rangeError: 400 for what is no range, 457 for units other than clock
// and npt.
func parseRange(value string) (timeRange, error) {
	value, _, _ = strings.Cut(value, ";")
	value = strings.TrimSpace(value)
	if value == "" {
		return timeRange{}, nil
	}
	unit, span, ok := strings.Cut(value, "=")
	if !ok {
		return timeRange{}, badRange("%.60q is no range", value)
	}
	r := timeRange{unit: rangeUnit(strings.ToLower(strings.TrimSpace(unit)))}
	parse := parseNPT
	switch {
	case r.unit == rangeNPT:
	case r.unit == rangeClock:
		parse = parseClock
	case strings.HasPrefix(string(r.unit), "smpte"):
		return timeRange{}, invalidRange("ranges in SMPTE time codes are not known here")
	default:
		return timeRange{}, invalidRange("ranges in %.20q are not known here", unit)
	}
	from, to, ok := strings.Cut(span, "-")
	if !ok {
		return timeRange{}, badRange("%.60q is no range: it has no \"-\"", value)
	}
	var err error
	if r.From, err = parse(strings.TrimSpace(from)); err != nil {
		return timeRange{}, err
	}
	if r.To, err = parse(strings.TrimSpace(to)); err != nil {
		return timeRange{}, err
	}
	if !r.From.set && !r.To.set {
		return timeRange{}, badRange("%.60q has neither start nor end", value)
	}
	return r, nil
}

// parseClock reads 20261122T143720.25Z. Any number of digits of a fraction is taken, to
// the nanosecond.
func parseClock(s string) (bound, error) {
	if s == "" {
		return bound{}, nil
	}
	t, err := time.Parse("20060102T150405Z", strings.ToUpper(s)) // a fraction may follow the seconds
	if err != nil {
		return bound{}, badRange("%.40q is no time: 20261122T143720.25Z is one", s)
	}
	if t.Year() < 1 {
		return bound{}, badRange("%.40q is no time: there was no year 0", s)
	}
	return bound{set: true, at: t}, nil
}

// parseNPT reads seconds, or hours, minutes and seconds, with a fraction, or "now".
func parseNPT(s string) (bound, error) {
	switch {
	case s == "":
		return bound{}, nil
	case strings.EqualFold(s, "now"):
		return bound{set: true, now: true}, nil
	}
	parts := strings.Split(s, ":")
	var d time.Duration
	switch len(parts) {
	case 1:
	case 3:
		hours, err := strconv.ParseUint(parts[0], 10, 16)
		minutes, err2 := strconv.ParseUint(parts[1], 10, 8)
		if err != nil || err2 != nil || minutes > 59 {
			return bound{}, badRange("%.40q is no time: 01:02:03.5 is one", s)
		}
		d = time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	default:
		return bound{}, badRange("%.40q is no time: 01:02:03.5 is one", s)
	}
	rest, err := parseSeconds(parts[len(parts)-1])
	if err != nil || rest < 0 || len(parts) == 3 && rest >= time.Minute {
		return bound{}, badRange("%.40q is no number of seconds", s)
	}
	return bound{set: true, npt: d + rest}, nil
}

// parseSeconds reads a decimal number of seconds, exactly to the nanosecond, with an
// optional sign; no exponents, no infinities. Further digits are cut off.
func parseSeconds(s string) (time.Duration, error) {
	digits, negative := strings.CutPrefix(s, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	if whole == "" && fraction == "" {
		return 0, strconv.ErrSyntax
	}
	const places = 9
	for _, c := range whole + fraction {
		if c < '0' || c > '9' {
			return 0, strconv.ErrSyntax
		}
	}
	if len(fraction) > places {
		fraction = fraction[:places]
	}
	fraction += strings.Repeat("0", places-len(fraction))
	if whole == "" {
		whole = "0"
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n > math.MaxInt64/int64(time.Second)-1 {
		return 0, strconv.ErrRange
	}
	nanos, _ := strconv.ParseInt(fraction, 10, 64)
	d := time.Duration(n)*time.Second + time.Duration(nanos)
	if negative {
		d = -d
	}
	return d, nil
}

// String is the range as it stands in a header; "" for none.
func (r timeRange) String() string {
	if r.none() {
		return ""
	}
	return string(r.unit) + "=" + r.From.text(r.unit) + "-" + r.To.text(r.unit)
}

func (b bound) text(unit rangeUnit) string {
	switch {
	case !b.set:
		return ""
	case b.now:
		return "now"
	case unit == rangeClock:
		return b.at.UTC().Format("20060102T150405.999999999Z")
	}
	seconds := strconv.FormatInt(int64(b.npt/time.Second), 10)
	if nanos := b.npt % time.Second; nanos > 0 {
		return seconds + "." + strings.TrimRight(fmt.Sprintf("%09d", nanos), "0")
	}
	return seconds
}

// clockRange makes a range of times; a zero one leaves that end open.
func clockRange(from, to time.Time) timeRange {
	r := timeRange{unit: rangeClock}
	if !from.IsZero() {
		r.From = bound{set: true, at: from.UTC()}
	}
	if !to.IsZero() {
		r.To = bound{set: true, at: to.UTC()}
	}
	return r
}

// nptRange makes a range from the start of a presentation; a negative end is open.
func nptRange(from, to time.Duration) timeRange {
	r := timeRange{unit: rangeNPT, From: bound{set: true, npt: from}}
	if to >= 0 {
		r.To = bound{set: true, npt: to}
	}
	return r
}

// queryRange reads the moment that an address names: ?start=&end=, each in RFC 3339 or as
// Unix seconds with or without a fraction. ok says that one of them is there. The error
// is a *rangeError: 400 for what is no time, 457 for an end that is not behind its start.
func queryRange(query string) (r timeRange, ok bool, err error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		if strings.Contains(query, "start=") || strings.Contains(query, "end=") {
			return timeRange{}, false, badRange("the query of the address cannot be read")
		}
		return timeRange{}, false, nil // not for us
	}
	from, err := parseMoment(values.Get("start"))
	if err != nil {
		return timeRange{}, false, err
	}
	to, err := parseMoment(values.Get("end"))
	if err != nil {
		return timeRange{}, false, err
	}
	if from.IsZero() && to.IsZero() {
		return timeRange{}, false, nil
	}
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		return timeRange{}, false, invalidRange("the end is not behind the start")
	}
	return clockRange(from, to), true, nil
}

// parseMoment reads a time of a query; zero for an empty one. Where an unescaped plus has
// become a blank, it is a plus again.
func parseMoment(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, strings.ReplaceAll(strings.ToUpper(s), " ", "+")); err == nil && t.Year() >= 1 && !t.IsZero() {
		return t.UTC(), nil
	}
	d, err := parseSeconds(s)
	if err != nil {
		return time.Time{}, badRange("%.40q is no time: 2026-11-22T09:00:00Z or Unix seconds", s)
	}
	return time.Unix(0, 0).Add(d).UTC(), nil
}
