package commands

import (
	"slices"
	"testing"
	"time"

	"rtsprec/engine/archive"
)

func TestWordsOfFFmpegAreReadWhereTheyAreKnown(t *testing.T) {
	for _, c := range []struct{ in, want []string }{
		{[]string{"export", "d", "-ss", "09:00", "-to", "20", "-t", "5"}, []string{"export", "d", "--ss", "09:00", "--to", "20", "-t", "5"}},
		{[]string{"--json", "export", "-ss=3", "d"}, []string{"--json", "export", "--ss=3", "d"}},
		{[]string{"export", "--", "-ss", "-to"}, []string{"export", "--", "-ss", "-to"}},
		{[]string{"record", "-to", "20"}, []string{"record", "-to", "20"}},
		{[]string{"export", "-ssx", "-tox", "-s", "-o", "-"}, []string{"export", "-ssx", "-tox", "-s", "-o", "-"}},
	} {
		if got := ffmpegForm(c.in); !slices.Equal(got, c.want) {
			t.Errorf("%q becomes %q, want %q", c.in, got, c.want)
		}
	}
}

func TestAPlaceInARecordingIsAClockOrAnOffset(t *testing.T) {
	// From 08:55 to 10:45 local time (CET), and over midnight.
	lesson := archive.Window{From: time.Date(2026, 11, 22, 7, 55, 0, 0, time.UTC), To: time.Date(2026, 11, 22, 9, 45, 0, 0, time.UTC)}
	night := archive.Window{From: time.Date(2026, 11, 22, 21, 0, 0, 0, time.UTC), To: time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)}
	for _, c := range []struct {
		w     archive.Window
		text  string
		after time.Time
		want  string
		local bool
	}{
		{lesson, "09:00", time.Time{}, "2026-11-22T08:00:00Z", true},
		{lesson, "08:00", time.Time{}, "2026-11-22T07:00:00Z", true}, // before it began: the same day
		{lesson, "09:00:30", time.Time{}, "2026-11-22T08:00:30Z", true},
		{lesson, "2026-11-22T09:00:00Z", time.Time{}, "2026-11-22T09:00:00Z", false},
		{lesson, "90", time.Time{}, "2026-11-22T07:56:30Z", false},
		{lesson, "0.5", time.Time{}, "2026-11-22T07:55:00.5Z", false},
		{lesson, "1h30m", time.Time{}, "2026-11-22T09:25:00Z", false},
		{lesson, "+09:00", time.Time{}, "2026-11-22T08:04:00Z", false},
		{lesson, "+01:00:00", time.Time{}, "2026-11-22T08:55:00Z", false},
		{night, "01:00", time.Time{}, "2026-11-23T00:00:00Z", true},
		{night, "01:00", night.From, "2026-11-23T00:00:00Z", true},
	} {
		var p position
		if err := p.Set(c.text); err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := p.in(c.w, c.after, zone).UTC().Format(time.RFC3339Nano); got != c.want || p.local() != c.local {
			t.Errorf("%s is %s (local: %v), want %s", c.text, got, p.local(), c.want)
		}
	}
	for _, text := range []string{"", "x", "-5", "25:00", "+x", "9:61", "2026-11-22", "1e9h"} {
		var p position
		if err := p.Set(text); err == nil {
			t.Errorf("%q was taken as %v", text, p)
		}
	}
}
