package engine

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/rtsp"
)

// BackfillSource says who can play again what a camera's recording lacks.
type BackfillSource struct {
	Camera string // name; "": every camera that has none of its own
	// URL is an rtsp:// or rtsps:// address. A part of its recording is asked for by
	// Range, or, where {start} or {end} stand in it, by the address: {start} alone is RFC
	// 3339 in UTC, {start:%Y_%m_%d_%H_%M_%S} follows strftime.
	URL string
}

// Validate fails with fault.Usage for an address that nobody could be asked by.
func (s BackfillSource) Validate() error {
	if _, err := expand(s.URL, time.Unix(0, 0), time.Unix(1, 0)); err != nil {
		return err
	}
	u, _, _ := strings.Cut(strings.ToLower(s.URL), "://")
	if u != "rtsp" && u != "rtsps" {
		return fault.New(fault.Usage, "%q is no rtsp:// address to fill gaps from", fault.URL(s.URL))
	}
	return nil
}

// replayOptions asks a source for a span.
func replayOptions(source string, from, to time.Time, zone time.Duration) (rtsp.Options, error) {
	asked, err := expand(source, from.Add(zone), to.Add(zone))
	if err != nil {
		return rtsp.Options{}, err
	}
	return rtsp.Options{URL: asked, Transport: rtsp.TCP, Replay: &rtsp.ReplayRequest{
		From: from, To: to, Zone: zone, Live: asked != source,
	}}, nil
}

// expand puts times into a template. What stands in braces and is neither start nor end
// stays as it is.
func expand(template string, start, end time.Time) (string, error) {
	var out strings.Builder
	for rest := template; ; {
		before, behind, ok := strings.Cut(rest, "{")
		out.WriteString(before)
		if !ok {
			return out.String(), nil
		}
		field, behind2, closed := strings.Cut(behind, "}")
		name, layout, _ := strings.Cut(field, ":")
		at := start
		switch {
		case !closed || name != "start" && name != "end":
			out.WriteString("{")
			rest = behind
			continue
		case name == "end":
			at = end
		}
		text, err := strftime(at.UTC(), layout)
		if err != nil {
			return "", err
		}
		out.WriteString(url.QueryEscape(text))
		rest = behind2
	}
}

// strftime formats a time by the conversions that devices need; "" is RFC 3339.
func strftime(t time.Time, layout string) (string, error) {
	if layout == "" {
		return t.Format("2006-01-02T15:04:05.000Z"), nil
	}
	var out strings.Builder
	for i := 0; i < len(layout); i++ {
		if layout[i] != '%' || i+1 == len(layout) {
			out.WriteByte(layout[i])
			continue
		}
		i++
		switch layout[i] {
		case 'Y':
			fmt.Fprintf(&out, "%04d", t.Year())
		case 'y':
			fmt.Fprintf(&out, "%02d", t.Year()%100)
		case 'm':
			fmt.Fprintf(&out, "%02d", int(t.Month()))
		case 'd':
			fmt.Fprintf(&out, "%02d", t.Day())
		case 'H':
			fmt.Fprintf(&out, "%02d", t.Hour())
		case 'M':
			fmt.Fprintf(&out, "%02d", t.Minute())
		case 'S':
			fmt.Fprintf(&out, "%02d", t.Second())
		case 'L':
			fmt.Fprintf(&out, "%03d", t.Nanosecond()/1e6)
		case 's':
			out.WriteString(strconv.FormatInt(t.Unix(), 10))
		case '%':
			out.WriteByte('%')
		default:
			return "", fault.New(fault.Usage, "%%%c in %q is not known: %%Y %%y %%m %%d %%H %%M %%S %%L (milliseconds) %%s (Unix seconds) are", layout[i], layout)
		}
	}
	return out.String(), nil
}

// deviceOf names the device of an address: one session at a time is asked of it.
func deviceOf(source string) string {
	_, rest, _ := strings.Cut(source, "://")
	if end := strings.IndexAny(rest, "/?"); end >= 0 {
		rest = rest[:end]
	}
	return strings.ToLower(rest[strings.LastIndex(rest, "@")+1:])
}
