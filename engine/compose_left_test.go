package engine

import (
	"context"
	"testing"
	"time"

	"rtsprec/engine/compose"
	"rtsprec/engine/media"
)

// keeping is a Sink that keeps what it is given.
type keeping struct {
	media.Sink
	units []media.AccessUnit
}

func (k *keeping) Write(_ context.Context, au media.AccessUnit) error {
	k.units = append(k.units, au)
	return nil
}

func TestPicturesLeftOutForWantOfTimeAreAGapOfThatCause(t *testing.T) {
	start := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	out := &keeping{}
	c := &composer{clock: &steady{host: media.SystemClock{}}, pacer: compose.NewPacer(start, 25, time.Second), out: &composeOut{sinks: []media.Sink{out}}}
	c.deps.Clock = c.clock
	give := func(now time.Time) compose.Due {
		due := c.pacer.Take(now)
		if gap := c.leftOut(due); gap != nil {
			c.missing = gap
		}
		// An encoder with B-frames hands on the one before first.
		before := media.AccessUnit{Wall: due.At.Add(-40 * time.Millisecond)}
		if err := c.hand(t.Context(), pictureTrack, []media.AccessUnit{before, {Wall: due.At}}, nil); err != nil {
			t.Fatal(err)
		}
		return due
	}
	if due := give(start); due.Skipped != 0 {
		t.Fatalf("%+v", due)
	}
	due := give(start.Add(2 * time.Second))
	if due.Skipped == 0 {
		t.Fatal("nothing was left out")
	}
	for i, au := range out.units {
		if last := i == len(out.units)-1; (au.Missing != nil) != last {
			t.Errorf("unit %d: %+v", i, au.Missing)
		}
	}
	gap := out.units[len(out.units)-1].Missing
	if gap == nil || !gap.Causes.Has(media.Overflow) || !gap.To.Equal(due.At) || !gap.From.Equal(start.Add(40*time.Millisecond)) {
		t.Errorf("%+v", gap)
	}
}
