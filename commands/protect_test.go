package commands

import (
	"context"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/journal"
)

func TestWhatIsKeptIsToldToTheRecorder(t *testing.T) {
	f := newFake(t, "record", "-i", "rtsp://cam/live", "--keep-age", "30d", "--keep-size", "500GB", "--keep-free", "10GB")
	f.run(t, exitDone)
	want := archive.Keep{Age: 30 * 24 * time.Hour, Size: 500e9, Free: 10e9}
	if k := f.record[0].Keep; k.Age != want.Age || k.Size != want.Size || k.Free != want.Free {
		t.Errorf("%+v, not %+v", k, want)
	}
	f = newFake(t, "record", "-i", "rtsp://cam/live")
	f.run(t, exitDone)
	if !f.record[0].Keep.None() {
		t.Errorf("without flags: %+v", f.record[0].Keep)
	}
}

// TestTimesOfDayOfAProtectionLieBehindUs: at noon 11:30 was this morning and 23:00 last
// night, and what begins then ends after that.
func TestTimesOfDayOfAProtectionLieBehindUs(t *testing.T) {
	day := func(days, hour, minute int) time.Time { return time.Date(2026, 11, 22+days, hour, minute, 0, 0, zone) }
	for _, c := range []struct {
		args     []string
		from, to time.Time
	}{
		{[]string{"--from", "11:30"}, day(0, 11, 30), time.Time{}},
		{[]string{"--from", "23:00", "--to", "01:00"}, day(-1, 23, 0), day(0, 1, 0)},
		{[]string{"--to", "13:00"}, time.Time{}, day(-1, 13, 0)},
		{[]string{"--from", "2026-11-01T00:00:00Z"}, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), time.Time{}},
	} {
		f := newFake(t, append([]string{"protect", "."}, c.args...)...)
		var asked []journal.Protect
		f.Engine.Protections = func(context.Context, engine.Deps, string) ([]journal.Protect, error) { return nil, nil }
		f.Engine.Protect = func(_ context.Context, _ engine.Deps, _ string, p journal.Protect) (uint64, error) {
			asked = append(asked, p)
			return 1, nil
		}
		f.run(t, exitDone)
		if len(asked) != 1 || !asked[0].From.Equal(c.from) || !asked[0].To.Equal(c.to) {
			t.Errorf("%v: %+v", c.args, asked)
		}
	}
}
