package record

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
)

func (g *rig) add(name string) media.Sink {
	g.Helper()
	s, err := g.rec.AddCamera(journal.Camera{Name: name, URL: "rtsp://10.0.0.9/" + name})
	g.must(err)
	return s
}

func TestACameraAddedUnderWayHasNoGapBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.create()
		hall := newFeed("hall", time.Now())
		g.play(g.sink("hall"), hall, 3*time.Second)
		time.Sleep(500 * time.Millisecond)
		s := g.add("yard")
		if _, err := g.rec.AddCamera(journal.Camera{Name: "yard"}); !fault.Is(err, fault.Busy) {
			t.Errorf("while its sink is in use: %v", err)
		}
		for _, name := range []string{"", "..", "lock", "Hall"} {
			if _, err := g.rec.AddCamera(journal.Camera{Name: name}); !fault.Is(err, fault.Usage) {
				t.Errorf("%q: %v", name, err)
			}
		}
		plan, err := journal.LoadPlan(g.fs, g.dir)
		g.must(err)
		if len(plan.Cameras) != 2 || plan.Cameras[1].Name != "yard" {
			t.Errorf("%+v", plan.Cameras)
		}
		yard := newFeed("yard", time.Now())
		g.play(s, yard, 3*time.Second)
		g.close("stopped")
		g.same(g.fs, "yard")
		report := g.sound(g.fs, false)
		for _, c := range report.Cameras {
			if c.Name == "yard" && (len(c.Gaps) > 0 || c.Coverage.Unexplained > 0 || c.Coverage.LeadIn < archive.Seconds(3*time.Second)) {
				t.Errorf("%+v %+v", c.Gaps, c.Coverage)
			}
		}
		if _, err := g.rec.AddCamera(journal.Camera{Name: "late"}); !fault.Is(err, fault.Canceled) {
			t.Errorf("after the end: %v", err)
		}
	})
}

// TestACameraRemovedAndAddedAgainGoesOn, in one process and over a restart: its numbers
// never repeat, and the time between is a gap because it was stopped.
func TestACameraRemovedAndAddedAgainGoesOn(t *testing.T) {
	for name, restart := range map[string]bool{"in one process": false, "over a restart": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, "hall")
				g.create()
				f := newFeed("yard", time.Now())
				s := g.add("yard")
				g.play(s, f, 3*time.Second)
				g.must(g.rec.RemoveCamera("yard"))
				if err := s.Write(context.Background(), media.AccessUnit{}); !fault.Is(err, fault.Canceled) {
					t.Errorf("write to what was removed: %v", err)
				}
				g.must(s.Close(context.Background()))
				if err := g.rec.RemoveCamera("yard"); !fault.Is(err, fault.NotFound) {
					t.Errorf("removed twice: %v", err)
				}
				if _, err := g.rec.Camera("yard"); !fault.Is(err, fault.NotFound) {
					t.Errorf("a removed camera's sink: %v", err)
				}
				time.Sleep(5 * time.Second)
				if restart {
					g.close("")
					g.open()
				}
				f.newRun(time.Now())
				f.count[0] = 100
				s = g.add("yard")
				g.play(s, f, 3*time.Second)
				g.close("stopped")
				g.same(g.fs, "yard")
				report := g.sound(g.fs, false)
				for _, c := range report.Cameras {
					if c.Name != "yard" {
						continue
					}
					if len(c.Gaps) != 1 || !c.Gaps[0].Causes.Has(media.Stopped) || c.Coverage.Unexplained > 0 {
						t.Errorf("%+v %+v", c.Gaps, c.Coverage)
					}
				}
			})
		})
	}
}

// TestAPowerCutWhileACameraIsAdded leaves a recording with it or without it.
func TestAPowerCutWhileACameraIsAdded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.create()
		hall := newFeed("hall", time.Now())
		g.play(g.sink("hall"), hall, time.Second)
		time.Sleep(2 * time.Second)
		with := 0
		n := g.cuts(1, func() {
			s := g.add("yard")
			g.play(s, newFeed("yard", time.Now()), 1500*time.Millisecond)
			g.must(g.rec.RemoveCamera("yard"))
			g.must(s.Close(context.Background()))
			g.close("stopped")
		}, func(c cut) {
			o := g.options(c.fs)
			o.Observe = nil
			rec, _, err := Open(o)
			g.must(err)
			if len(rec.Plan().Cameras) == 2 {
				with++
			}
			g.must(rec.Close(context.Background(), "", time.Time{}))
			report := g.sound(c.fs, false)
			for _, f := range report.Findings {
				if f.Kind == archive.LeftOpen || f.Kind == archive.Stranger {
					t.Errorf("%s: %s", f.Kind, f.File)
				}
			}
		})
		if with == 0 || with == n {
			t.Errorf("%d of %d with the camera", with, n)
		}
		t.Logf("%d cuts, %d of them with the camera", n, with)
	})
}
