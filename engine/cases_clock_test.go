package engine_test

import (
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/rtspcam"
)

// steppedClock is the host's clock, set by somebody meanwhile: what a clock shows
// moves, the monotonic reading beside it does not.
type steppedClock struct {
	by     atomic.Int64 // whole seconds
	asleep atomic.Int64 // the same, for another reason
}

// Asleep is what the machine says of suspensions.
func (c *steppedClock) Asleep() time.Duration { return time.Duration(c.asleep.Load()) * time.Second }

func (c *steppedClock) Now() time.Time {
	now := time.Now()
	// With a monotonic reading the first word of a time is a flag, 33 bits of seconds and
	// 30 bits of nanoseconds; no function changes what is shown alone.
	*(*uint64)(unsafe.Pointer(&now)) += uint64(c.by.Load()+c.asleep.Load()) << 30
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
	t.Parallel()
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

func TestCase17SessionsAfterAStepAreOnTheSameScale(t *testing.T) {
	t.Parallel()
	for _, step := range []time.Duration{time.Hour, -24 * time.Hour} {
		t.Run(step.String(), func(t *testing.T) {
			t.Parallel()
			cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264+aac"}})
			d, ev := deps(t)
			clock := &steppedClock{}
			d.Clock = clock
			dir := filepath.Join(t.TempDir(), "rec")
			stop := recording(t, d, engine.RecordOptions{Dir: dir, Cameras: []journal.Camera{camera("a", cam.URL("a"), "tcp")}})
			waitFor(t, "media", flowing(ev, 1))
			clock.by.Store(int64(step / time.Second))
			waitFor(t, "more", flowing(ev, 2))
			cam.Drop(300 * time.Millisecond)
			waitFor(t, "the camera to be back", func() bool { return len(all[engine.CameraUp](ev)) >= 2 })
			waitFor(t, "media", flowing(ev, len(all[engine.Progress](ev))+2))
			stop()
			report := verified(t, d, dir, archive.Incomplete)
			if gaps := report.Cameras[0].Gaps; len(gaps) != 1 || gaps[0].To.Sub(gaps[0].From) > 4*time.Second {
				t.Errorf("gaps %+v, want one for an outage of 300 ms", gaps)
			}
			for _, u := range storedUnits(t, dir, media.H264) {
				if off := u.at.Sub(u.mark.Capture); off.Abs() > slack {
					t.Fatalf("unit %d is %v off its capture", u.mark.Counter, off)
				}
			}
			decodes(t, dir)
		})
	}
}

func TestCase17APlannedStartFollowsAClockThatIsSetMeanwhile(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264+aac"}})
	d, ev := deps(t)
	clock := &steppedClock{}
	d.Clock = clock
	o := engine.RecordOptions{
		Dir: filepath.Join(t.TempDir(), "rec"), At: time.Now().Add(time.Hour + 3*time.Second).UTC().Truncate(time.Millisecond),
		Length: 3 * time.Second, Cameras: []journal.Camera{camera("a", cam.URL("a"), "tcp")},
	}
	done := make(chan error, 1)
	go func() {
		_, err := engine.Record(t.Context(), d, o)
		done <- err
	}()
	waitFor(t, "the start of waiting", func() bool { return len(all[engine.Started](ev)) > 0 })
	clock.by.Store(3600)
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the start was missed")
	}
	if w := verified(t, d, o.Dir, archive.Clean).Window; !w.From.Equal(o.At) || w.To.Sub(w.From) != o.Length {
		t.Errorf("window %+v", w)
	}
}

func TestCase34AMachineThatSlept(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264+aac"}})
	d, ev := deps(t)
	clock := &steppedClock{}
	d.Clock = clock
	o := engine.RecordOptions{
		Dir: filepath.Join(t.TempDir(), "rec"), Length: time.Hour + 8*time.Second,
		Cameras: []journal.Camera{camera("a", cam.URL("a"), "tcp")},
	}
	done := make(chan error, 1)
	go func() {
		_, err := engine.Record(t.Context(), d, o)
		done <- err
	}()
	waitFor(t, "media", flowing(ev, 1))
	clock.asleep.Store(3600)
	cam.Drop(300 * time.Millisecond)
	if err := <-done; !fault.Is(err, fault.Incomplete) {
		t.Errorf("record: %v, want incomplete", err)
	}
	report := verified(t, d, o.Dir, archive.Incomplete)
	gaps := report.Cameras[0].Gaps
	if len(gaps) != 1 || !gaps[0].Causes.Has(media.Suspended) || gaps[0].To.Sub(gaps[0].From) < time.Hour {
		t.Errorf("gaps %+v, want one of an hour and some, for the sleep", gaps)
	}
	if length := report.Window.To.Sub(report.Window.From); length != o.Length {
		t.Errorf("a window of %v", length)
	}
	decodes(t, o.Dir)
}
