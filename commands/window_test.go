package commands

import (
	"strings"
	"testing"
	"time"

	"rtsprec/engine/fault"
)

// It is noon, at +01:00.
func TestWindowIsWhatWasAskedFor(t *testing.T) {
	for _, c := range []struct {
		about            string
		at, until        string
		length           time.Duration
		wantAt, wantTill string
	}{
		{about: "until stopped"},
		{about: "a length", length: time.Hour},
		{about: "an end", until: "12:45", wantTill: "2026-11-22T12:45:00+01:00"},
		{about: "an end tomorrow", until: "05:00", wantTill: "2026-11-23T05:00:00+01:00"},
		{about: "an end in UTC", until: "2026-11-22T12:00:00Z", wantTill: "2026-11-22T13:00:00+01:00"},
		{about: "both", at: "13:00", until: "13:45", wantAt: "2026-11-22T13:00:00+01:00", wantTill: "2026-11-22T13:45:00+01:00"},
		{about: "over midnight", at: "23:00", until: "06:00", wantAt: "2026-11-22T23:00:00+01:00", wantTill: "2026-11-23T06:00:00+01:00"},
		{about: "a job that is late", at: "11:50", until: "12:45", wantAt: "2026-11-22T11:50:00+01:00", wantTill: "2026-11-22T12:45:00+01:00"},
		{about: "a job that is late, by length", at: "11:50", length: time.Hour, wantAt: "2026-11-22T11:50:00+01:00"},
		{about: "a beginning tomorrow", at: "05:00", wantAt: "2026-11-23T05:00:00+01:00"},
	} {
		w, err := planWindow(noon, mustInstant(t, c.at), mustInstant(t, c.until), c.length)
		if err != nil {
			t.Errorf("%s: %v", c.about, err)
			continue
		}
		if got := shown(w.at); got != c.wantAt {
			t.Errorf("%s: begins %q, want %q", c.about, got, c.wantAt)
		}
		if got := shown(w.until); got != c.wantTill {
			t.Errorf("%s: ends %q, want %q", c.about, got, c.wantTill)
		}
	}
}

func TestWindowThatIsOverIsRefusedWithTomorrow(t *testing.T) {
	for _, c := range []struct {
		about     string
		at, until string
		length    time.Duration
		says      string
		hint      string
	}{
		{about: "end has passed", until: "11:45", says: "has passed: it is 12:00:00", hint: "--until 2026-11-23T11:45:00+01:00"},
		{about: "end long ago", until: "2020-01-01T00:00:00Z", says: "has passed", hint: "--until 2026-11-23T01:00:00+01:00"},
		{about: "beginning has passed and no end", at: "11:00", says: "has passed", hint: "--at 2026-11-23T11:00:00+01:00"},
		{about: "all of it has passed", at: "10:00", until: "11:00", says: "the end, 11:00:00, has passed"},
		{about: "all of it has passed, by length", at: "10:00", length: time.Hour, says: "the end, 11:00:00, has passed"},
		{about: "beginning in another year", at: "2025-11-22T13:00:00Z", until: "13:00", says: "has passed"},
		{about: "end before beginning", at: "2026-11-22T15:00:00Z", until: "2026-11-22T14:00:00Z", says: "is not after --at"},
		{about: "two ends", until: "13:00", length: time.Hour, says: "-t and --until"},
	} {
		_, err := planWindow(noon, mustInstant(t, c.at), mustInstant(t, c.until), c.length)
		if !fault.Is(err, fault.Usage) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want a usage error with %q", c.about, err, c.says)
			continue
		}
		if hint := err.(hinted).hint; !strings.Contains(hint, c.hint) {
			t.Errorf("%s: the hint is %q, want %q", c.about, hint, c.hint)
		}
	}
}

func mustInstant(t *testing.T, text string) instant {
	t.Helper()
	if text == "" {
		return instant{}
	}
	i, err := parseInstant(text)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func shown(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}
