package commands

import (
	"testing"
	"time"
)

func TestSpansAreReadAsFfmpegAndGoWriteThem(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90":          90 * time.Second,
		"0":           0,
		"0.25":        250 * time.Millisecond,
		"-5":          -5 * time.Second,
		"2:30":        150 * time.Second,
		"90:00":       90 * time.Minute,
		"01:02:03":    time.Hour + 2*time.Minute + 3*time.Second,
		"1:02:03.5":   time.Hour + 2*time.Minute + 3500*time.Millisecond,
		"100:00:00":   100 * time.Hour,
		"45m":         45 * time.Minute,
		"1h30m":       90 * time.Minute,
		"250ms":       250 * time.Millisecond,
		" 10 ":        10 * time.Second,
		"-00:00:01":   -time.Second,
		"00:00:00.04": 40 * time.Millisecond,
	} {
		if got, err := parseSpan(text); err != nil || got != want {
			t.Errorf("parseSpan(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestWhatIsNoSpanIsRefused(t *testing.T) {
	for _, text := range []string{"", "abc", "o", "10:60", "1:60:00", "1:2:3:4", "45 minutes", "1e99", "99999999999999999999", "::", "10:", "NaN", "1d"} {
		if got, err := parseSpan(text); err == nil {
			t.Errorf("parseSpan(%q) = %v, want an error", text, got)
		}
	}
}

func TestTimeOfDayIsTheNextOneUnlessItHasJustPassed(t *testing.T) {
	for _, c := range []struct{ now, text, near, after string }{
		{"2026-11-22T09:00:00+01:00", "10:45", "2026-11-22T10:45:00+01:00", "2026-11-22T10:45:00+01:00"},
		{"2026-11-22T11:00:00+01:00", "10:45", "2026-11-22T10:45:00+01:00", "2026-11-23T10:45:00+01:00"},
		{"2026-11-22T23:50:00+01:00", "00:30", "2026-11-23T00:30:00+01:00", "2026-11-23T00:30:00+01:00"},
		{"2026-11-22T20:00:00+01:00", "09:00", "2026-11-23T09:00:00+01:00", "2026-11-23T09:00:00+01:00"},
		{"2026-11-23T01:00:00+01:00", "23:00", "2026-11-22T23:00:00+01:00", "2026-11-23T23:00:00+01:00"},
		{"2026-12-31T23:59:30+01:00", "0:00:10", "2027-01-01T00:00:10+01:00", "2027-01-01T00:00:10+01:00"},
		{"2026-11-22T11:00:00+01:00", "2026-11-20T10:00:00Z", "2026-11-20T11:00:00+01:00", "2026-11-20T11:00:00+01:00"},
	} {
		now := at(t, c.now).In(zone)
		i, err := parseInstant(c.text)
		if err != nil {
			t.Fatal(err)
		}
		if got := i.near(now).Format(time.RFC3339); got != c.near {
			t.Errorf("at %s, %s is near %s, want %s", c.now, c.text, got, c.near)
		}
		if got := i.after(now).Format(time.RFC3339); got != c.after {
			t.Errorf("after %s, %s is %s, want %s", c.now, c.text, got, c.after)
		}
	}
}

func TestTimeOfDayIsWhatTheClockShowsAlsoWhenItIsChanged(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ now, want string }{
		{"2026-03-28T23:00:00Z", "2026-03-29T09:00:00+02:00"}, // the night of 23 hours
		{"2026-10-24T23:00:00Z", "2026-10-25T09:00:00+01:00"}, // and of 25
	} {
		i, err := parseInstant("09:00")
		if err != nil {
			t.Fatal(err)
		}
		if got := i.near(at(t, c.now).In(berlin)).Format(time.RFC3339); got != c.want {
			t.Errorf("seen from %s, 09:00 is %s, want %s", c.now, got, c.want)
		}
	}
}

func TestWhatIsNoInstantIsRefused(t *testing.T) {
	for _, text := range []string{"", "24:00", "10:60", "10", "10:45pm", "tomorrow", "2026-11-22", "2026-11-22T10:45:00"} {
		if i, err := parseInstant(text); err == nil {
			t.Errorf("parseInstant(%q) = %v, want an error", text, i)
		}
	}
}

func FuzzSpanIsReadBackAsItIsShown(f *testing.F) {
	for _, text := range []string{"90", "01:02:03.25", "45m", "1h0m0s", "-3:00", "0.000001", "9223372036"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parseSpan(text)
		if err != nil || d == 0 {
			return
		}
		if again, err := parseSpan(shortSpan(d)); err != nil || again != d {
			t.Errorf("%q is %v, shown as %q, read back as %v (%v)", text, d, shortSpan(d), again, err)
		}
	})
}

func at(t *testing.T, text string) time.Time {
	t.Helper()
	when, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return when
}
