package record

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"rtsprec/engine/media"
)

// TestMediaThatComesLateStandsWhereItWasCaptured: a sender that was cut off sends what it
// kept meanwhile faster than it was captured. The gap that was open since then closes at
// its first unit, and nothing moves to the time at which it came.
func TestMediaThatComesLateStandsWhereItWasCaptured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.create()
		s := g.sink("hall")
		f := newFeed("hall", time.Now())
		f.tracks = f.tracks[:1]
		g.play(s, f, 3*time.Second)
		cut := f.at.Add(3 * time.Second)
		g.end(s)
		time.Sleep(5 * time.Minute)

		// Five minutes of media in ten seconds, in a run of its own: the first unit follows
		// the last one that came before.
		f.newRun(cut)
		g.begin(s, f)
		for range 100 {
			units := f.units(media.ToDuration(f.ticks[0], 90000) + 3*time.Second)
			for i := range units {
				units[i].Arrival = time.Now()
			}
			g.send(s, "hall", units)
			time.Sleep(100 * time.Millisecond)
		}
		g.must(s.Close(context.Background()))
		g.close("stopped")
		list := g.same(g.fs, "hall")
		for _, stored := range list {
			if stored.seal.Start.Sub(cut) > 5*time.Minute+time.Second {
				t.Errorf("%s stands at the time at which it came", stored.line.File)
			}
		}
		report := g.sound(g.fs, false)
		c := report.Cameras[0]
		for _, gap := range c.Gaps {
			if gap.From.Before(cut.Add(5*time.Minute - time.Second)) {
				t.Errorf("gap from %s to %s after the cut: %s", gap.From.Sub(cut), gap.To.Sub(cut), gap.Causes)
			}
		}
		if c.Coverage.Unexplained > 0 {
			t.Errorf("%+v", c.Coverage)
		}
	})
}

// TestMediaThatComesLateInTheSameRun is the same where the session is kept open meanwhile:
// silence was journaled, and is withdrawn.
func TestMediaThatComesLateInTheSameRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.create()
		s := g.sink("hall")
		f := newFeed("hall", time.Now())
		g.play(s, f, 3200*time.Millisecond) // within a group of pictures
		time.Sleep(2 * time.Minute)
		units := f.units(2 * time.Minute)
		for i := range units {
			units[i].Arrival = time.Now()
		}
		g.send(s, "hall", units)
		g.must(s.Close(context.Background()))
		g.close("stopped")
		g.same(g.fs, "hall")
		report := g.sound(g.fs, false)
		for _, gap := range report.Cameras[0].Gaps {
			if gap.From.Before(f.at.Add(2*time.Minute - time.Second)) {
				t.Errorf("gap from %s to %s: %s", gap.From.Sub(f.at), gap.To.Sub(f.at), gap.Causes)
			}
		}
	})
}
