package record

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rtsprec/engine/journal"
	"rtsprec/engine/media"
)

func TestRunsAreSegmentsAndTheTimeBetweenIsAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.plan.Segment = journal.Duration(time.Hour)
		g.create()
		s := g.sink("hall")
		f := newFeed("hall", time.Now())
		g.play(s, f, 3*time.Second)
		g.end(s)
		lost := time.Now()
		time.Sleep(4 * time.Second)
		g.must(s.End(context.Background(), media.Gap{Causes: media.Because(media.Unreachable), Note: "dial rtsp://a:geheim@h/: no route"}))
		time.Sleep(time.Second)
		f.count[0] = 75 // a key frame
		f.newRun(time.Now())
		back := time.Now()
		g.play(s, f, 3*time.Second)
		g.close("stopped")
		if list := g.same(g.fs, "hall"); len(list) != 2 {
			t.Errorf("%d segments, not 2", len(list))
		}
		report := g.sound(g.fs, false)
		gaps := report.Cameras[0].Gaps
		if len(gaps) != 1 || gaps[0].Causes != media.Because(media.StreamEnded, media.Unreachable) {
			t.Fatalf("gaps: %+v", gaps)
		}
		if gaps[0].From.Sub(lost).Abs() > 50*time.Millisecond || !gaps[0].To.Equal(back.UTC()) {
			t.Errorf("the gap is %v to %v, the outage %v to %v", gaps[0].From, gaps[0].To, lost, back)
		}
		for _, e := range eventsOf[GapClosed](g) {
			if e.Gap.Note != "" && e.Gap.Note != "dial rtsp://a:***@h/: no route" {
				t.Errorf("note: %q", e.Gap.Note)
			}
		}
	})
}

func TestSilenceIsJournaledWhileItLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.plan.Segment = journal.Duration(time.Hour)
		g.create()
		s := g.sink("hall")
		f := newFeed("hall", time.Now())
		g.begin(s, f)
		units := f.units(10 * time.Second)
		silent := func(au media.AccessUnit) bool {
			at := media.ToDuration(au.PTS, f.tracks[au.Track].ClockRate)
			return at >= 3*time.Second && at < 6*time.Second
		}
		units = slices.DeleteFunc(units, silent)
		i := slices.IndexFunc(units, func(au media.AccessUnit) bool {
			return media.ToDuration(au.PTS, f.tracks[au.Track].ClockRate) >= 6*time.Second
		})
		g.send(s, "hall", units[:i])
		time.Sleep(2500 * time.Millisecond)
		if opened := eventsOf[GapOpened](g); len(opened) != 2 {
			t.Errorf("%d gaps after 2.5 s of silence of two tracks: %+v", len(opened), opened)
		}
		g.send(s, "hall", units[i:])
		g.close("stopped")
		g.same(g.fs, "hall")
		report := g.sound(g.fs, false)
		if gaps := report.Cameras[0].Gaps; len(gaps) == 0 || gaps[0].To.Sub(gaps[0].From).Round(100*time.Millisecond) != 3*time.Second {
			t.Errorf("gaps: %+v", gaps)
		}
	})
}

// What only came late is no gap: the network stalled and then delivered everything.
func TestABurstAfterAStallWithdrawsTheSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.create()
		s := g.sink("hall")
		f := newFeed("hall", time.Now())
		g.begin(s, f)
		start := time.Now()
		for _, au := range f.units(8 * time.Second) {
			if at := au.Wall.Sub(start); at > 3*time.Second && at < 6*time.Second {
				au.Arrival = start.Add(6 * time.Second)
			}
			g.send(s, "hall", []media.AccessUnit{au})
		}
		g.close("stopped")
		g.same(g.fs, "hall")
		if len(eventsOf[GapOpened](g)) == 0 {
			t.Error("the stall was not noticed")
		}
		g.sound(g.fs, true)
	})
}

func TestPicturesBeforeTheFirstKeyFrameAreNoGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall", "yard")
		g.create()
		hall, yard := newFeed("hall", time.Now()), newFeed("yard", time.Now())
		yard.count[0] = 10 // joined in the middle of a group
		var feeds sync.WaitGroup
		for _, f := range []*feed{hall, yard} {
			s := g.sink(f.name)
			feeds.Go(func() { g.play(s, f, 5*time.Second) })
		}
		feeds.Wait()
		g.close("stopped")
		g.same(g.fs, "hall")
		list := read(t, g.fs, g.dir, "yard")
		if first := ofKind(list[0].marks, 'V')[0]; first != mark('V', 25) {
			t.Errorf("it begins with %s", first)
		}
		if got, want := len(marksOf(list, 'V')), 125-15; got != want {
			t.Errorf("%d pictures, not %d", got, want)
		}
		report := g.sound(g.fs, true)
		if lead := report.Cameras[1].Coverage.LeadIn; time.Duration(lead) != 600*time.Millisecond {
			t.Errorf("lead-in: %v", time.Duration(lead))
		}
	})
}

func TestNoKeyFrameForLongIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall", "yard")
		g.create()
		hall, yard := newFeed("hall", time.Now()), newFeed("yard", time.Now())
		yard.tracks = yard.tracks[:1]
		yard.gop, yard.count[0] = 500, 1
		var feeds sync.WaitGroup
		for _, f := range []*feed{hall, yard} {
			s := g.sink(f.name)
			feeds.Go(func() { g.play(s, f, 25*time.Second) })
		}
		feeds.Wait()
		g.close("stopped")
		report := g.sound(g.fs, false)
		gaps := report.Cameras[1].Gaps
		if len(gaps) != 1 || !gaps[0].Causes.Has(media.NoKeyframe) || gaps[0].To.Sub(gaps[0].From).Round(time.Second) != 20*time.Second {
			t.Errorf("gaps: %+v", gaps)
		}
	})
}

// A run that is begun without the last one having been ended leaves no hole.
func TestBeginWithoutEndIsAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.create()
		s := g.sink("hall")
		f := newFeed("hall", time.Now())
		g.play(s, f, 2*time.Second)
		time.Sleep(5 * time.Second)
		f.newRun(time.Now())
		g.play(s, f, 2*time.Second)
		g.close("stopped")
		g.same(g.fs, "hall")
		if gaps := g.sound(g.fs, false).Cameras[0].Gaps; len(gaps) == 0 {
			t.Error("no gap")
		}
	})
}

// Video decides: sound that goes on a little longer does not shorten what is missing.
func TestAGapIsMeasuredFromThePicture(t *testing.T) {
	for name, again := range map[string]bool{"another run": true, "the end of the window": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, "hall")
				g.plan.Commit = journal.Duration(10 * time.Second) // nobody notices the silence before
				g.create()
				s := g.sink("hall")
				f := newFeed("hall", time.Now())
				g.begin(s, f)
				g.send(s, "hall", slices.DeleteFunc(f.units(2500*time.Millisecond), func(au media.AccessUnit) bool {
					return au.Track == 0 && au.PTS >= 2*90000
				}))
				time.Sleep(800 * time.Millisecond)
				if again {
					f.count[0] = 100 // a key frame
					f.newRun(time.Now())
					g.play(s, f, 2*time.Second)
				}
				g.close("planned")
				if gaps := g.sound(g.fs, false).Cameras[0].Gaps; len(gaps) != 1 {
					t.Errorf("gaps: %+v", gaps)
				}
			})
		})
	}
}

func TestACameraThatNeverCameIsAGapOfTheWholeWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall", "yard")
		g.create()
		yard := g.sink("yard")
		g.must(yard.End(context.Background(), media.Gap{Causes: media.Because(media.Unreachable), Note: "no route"}))
		g.play(g.sink("hall"), newFeed("hall", time.Now()), 15*time.Second)
		g.close("stopped")
		g.same(g.fs, "hall")
		report := g.sound(g.fs, false)
		gaps := report.Cameras[1].Gaps
		if len(gaps) != 1 || !gaps[0].Causes.Has(media.Unreachable) || !gaps[0].Causes.Has(media.NotStarted) || gaps[0].To.Sub(gaps[0].From) < 14*time.Second {
			t.Errorf("gaps: %+v", gaps)
		}
	})
}
