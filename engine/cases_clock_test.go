package engine_test

import (
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/journal"
	"rtsprec/engine/rtspcam"
)

// steppedClock is the host's clock, set by somebody meanwhile: what a clock shows
// moves, the monotonic reading beside it does not.
type steppedClock struct{ by atomic.Int64 } // whole seconds

func (c *steppedClock) Now() time.Time {
	now := time.Now()
	// With a monotonic reading the first word of a time is a flag, 33 bits of seconds and
	// 30 bits of nanoseconds; no function changes what is shown alone.
	*(*uint64)(unsafe.Pointer(&now)) += uint64(c.by.Load()) << 30
	return now
}

func (c *steppedClock) Wall() time.Time { return c.Now().Round(0) }

func TestTheSteppedClockIsLikeTheHosts(t *testing.T) {
	var c steppedClock
	before := c.Now()
	c.by.Store(-3600)
	after := c.Now()
	if d := after.Sub(before); d < 0 || d > time.Second {
		t.Errorf("a true duration of %v", d)
	}
	if d := after.Round(0).Sub(before.Round(0)); d > -time.Hour+time.Second || d < -time.Hour {
		t.Errorf("the clock shows %v more", d)
	}
}

func TestCase17TheHostClockSteps(t *testing.T) {
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264+aac"}})
	for _, step := range []time.Duration{time.Second, -time.Second, time.Hour, -time.Hour, 24 * time.Hour, -24 * time.Hour} {
		t.Run(step.String(), func(t *testing.T) {
			t.Parallel()
			d, ev := deps(t)
			clock := &steppedClock{}
			d.Clock = clock
			o := engine.RecordOptions{
				Dir: filepath.Join(t.TempDir(), "rec"), Length: 5 * time.Second, Segment: 2 * time.Second,
				Cameras: []journal.Camera{camera("a", cam.URL("a"), "tcp")},
			}
			done := make(chan error, 1)
			began := time.Now()
			go func() {
				_, err := engine.Record(t.Context(), d, o)
				done <- err
			}()
			waitFor(t, "media", flowing(ev, 1))
			clock.by.Store(int64(step / time.Second))
			select {
			case err := <-done:
				if err != nil {
					t.Errorf("record: %v", err)
				}
			case <-time.After(20 * time.Second):
				t.Fatal("the end of the window was missed")
			}
			if took := time.Since(began); took < 5*time.Second {
				t.Errorf("five seconds were recorded in %v", took)
			}
			report := verified(t, d, o.Dir, archive.Clean)
			if length := report.Window.To.Sub(report.Window.From); length != o.Length {
				t.Errorf("a window of %v", length)
			}
			marks := readMarks(t, o.Dir)
			noneMissing(t, "a", marks)
			if span := marks[len(marks)-1].Capture.Sub(marks[0].Capture); span < 4500*time.Millisecond {
				t.Errorf("only %v recorded", span)
			}
			decodes(t, o.Dir)
		})
	}
}
