package record

import (
	"testing"
	"testing/synctest"
	"time"

	"rtsprec/engine/media"
)

func TestWhatWasEndedCanBeGoneOnWithAndTheTimeBetweenIsExplained(t *testing.T) {
	for name, crash := range map[string]bool{"stopped in order": false, "killed after going on": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, "hall", "yard")
				g.create()
				f := newFeed("hall", time.Now())
				g.play(g.sink("hall"), f, 3*time.Second)
				g.close("stopped")
				time.Sleep(time.Minute)
				if found := g.open(); !found.Closed {
					t.Fatalf("%+v", found)
				}
				g.rec.Reopen(media.Because(media.Stopped), "not running")
				if crash {
					time.Sleep(time.Second) // the gap is journaled, and nothing else
					g.halt()
					g.rec.lines.sync()
					g.rec.releaseLock()
					found := g.open()
					if found.Closed {
						t.Error("going on was forgotten")
					}
					g.rec.Reopen(media.Because(media.Stopped), "not running")
				}
				f.newRun(time.Now())
				g.play(g.sink("hall"), f, 3*time.Second)
				g.close("stopped")
				g.same(g.fs, "hall")
				report := g.sound(g.fs, false)
				gaps := report.Cameras[0].Gaps
				if len(gaps) != 1 || !gaps[0].Causes.Has(media.Stopped) || gaps[0].Causes.Has(media.ProcessDown) != crash {
					t.Errorf("gaps: %+v", gaps)
				}
				for _, c := range report.Cameras {
					if c.Coverage.Unexplained > 0 {
						t.Errorf("%s: %v without a cause", c.Name, c.Coverage.Unexplained)
					}
				}
			})
		})
	}
}
