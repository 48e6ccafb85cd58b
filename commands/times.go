package commands

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Spans, as ffmpeg takes them: seconds, or sexagesimal with one or two colons.
var (
	plainSeconds = regexp.MustCompile(`^[+-]?\d+(\.\d+)?$`)
	sexagesimal  = regexp.MustCompile(`^([+-]?)(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)$`)
)

// parseSpan reads a length of time: plain seconds ("90", "0.25"), MM:SS, HH:MM:SS with
// or without a fraction, or a Go duration ("45m", "1h30m", "250ms").
func parseSpan(s string) (time.Duration, error) {
	text := strings.TrimSpace(s)
	if plainSeconds.MatchString(text) {
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil || math.Abs(seconds) > float64(math.MaxInt64/int64(time.Second)-1) {
			return 0, fmt.Errorf("%q is too long", s)
		}
		return time.Duration(math.Round(seconds * float64(time.Second))), nil
	}
	if m := sexagesimal.FindStringSubmatch(text); m != nil {
		hours, _ := strconv.ParseFloat("0"+m[2], 64)
		minutes, _ := strconv.ParseFloat(m[3], 64)
		seconds, _ := strconv.ParseFloat(m[4], 64)
		if minutes > 59 && m[2] != "" || seconds >= 60 || hours > 1e6 {
			return 0, fmt.Errorf("%q is no time: minutes and seconds end at 59", s)
		}
		d := time.Duration(math.Round((hours*3600 + minutes*60 + seconds) * float64(time.Second)))
		if m[1] == "-" {
			d = -d
		}
		return d, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		return d, nil
	}
	return 0, fmt.Errorf("%q is no length of time: say 90 (seconds), 45m, 1h30m or 01:30:00", s)
}

// An instant is what --at and --until hold: a moment, or a time of day that becomes one
// when it is known from where to look.
type instant struct {
	text  string
	at    time.Time     // set: the moment itself
	ofDay time.Duration // otherwise: since local midnight
}

func (i instant) given() bool { return i.text != "" }

// String returns what was typed.
func (i instant) String() string { return i.text }

var timeOfDay = regexp.MustCompile(`^(\d{1,2}):(\d{2})(?::(\d{2}))?$`)

// parseInstant reads a local time of day (10:45, 10:45:30) or an RFC 3339 time.
func parseInstant(s string) (instant, error) {
	text := strings.TrimSpace(s)
	if m := timeOfDay.FindStringSubmatch(text); m != nil {
		hours, _ := strconv.Atoi(m[1])
		minutes, _ := strconv.Atoi(m[2])
		seconds, _ := strconv.Atoi("0" + m[3])
		if hours > 23 || minutes > 59 || seconds > 59 {
			return instant{}, fmt.Errorf("%q is no time of day: 00:00:00 to 23:59:59", s)
		}
		ofDay := time.Duration(hours*3600+minutes*60+seconds) * time.Second
		return instant{text: text, ofDay: ofDay}, nil
	}
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return instant{text: text, at: at}, nil
	}
	return instant{}, fmt.Errorf("%q is no time: say 10:45 (local time) or 2026-11-23T10:45:00+01:00", s)
}

// after returns the moment the instant means, seen from base: a time of day is the next
// one after base in base's time zone.
func (i instant) after(base time.Time) time.Time {
	if !i.at.IsZero() {
		return i.at.In(base.Location())
	}
	for day := 0; ; day++ {
		if t := i.onDay(base, day); t.After(base) {
			return t
		}
	}
}

// missed is how long ago a time of day may have passed and still mean today.
const missed = 6 * time.Hour

// near is after, but a time of day that passed less than missed ago means that one, so
// that a job that starts late sees that it does. At 23:50, 00:30 is tomorrow's; at
// 11:00, 10:45 is over.
func (i instant) near(now time.Time) time.Time {
	if i.at.IsZero() {
		for day := 0; day >= -1; day-- {
			if t := i.onDay(now, day); !t.After(now) && now.Sub(t) < missed {
				return t
			}
		}
	}
	return i.after(now)
}

// before returns the moment the instant means, looking back from base: a time of day is the
// last one that was.
func (i instant) before(base time.Time) time.Time {
	if !i.at.IsZero() {
		return i.at.In(base.Location())
	}
	for day := 0; ; day-- {
		if t := i.onDay(base, day); !t.After(base) {
			return t
		}
	}
}

// onDay is the time of day on base's date plus a number of days. On a day whose clock
// jumps over it, time.Date chooses a time an hour away.
func (i instant) onDay(base time.Time, days int) time.Time {
	year, month, day := base.Date()
	seconds := int(i.ofDay / time.Second)
	return time.Date(year, month, day+days, 0, 0, seconds, 0, base.Location())
}
