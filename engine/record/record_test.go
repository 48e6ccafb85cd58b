package record

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestHealthyRecordingHasEveryUnitAndNoGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "teacher")
		g.create()
		s := g.sink("teacher")
		g.play(s, newFeed("teacher", time.Now()), 7*time.Second)
		g.close("stopped")
		list := g.same(g.fs, "teacher")
		if len(list) != 4 {
			t.Errorf("%d segments, not 4", len(list))
		}
		report := g.sound(g.fs, true)
		t.Log(report.Status, report.Cameras[0].Coverage)
	})
}
