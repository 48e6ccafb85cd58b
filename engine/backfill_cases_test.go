package engine_test

import (
	"context"

	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/rtsp"
	"rtsprec/engine/rtspcam"
	"rtsprec/engine/vfs"
)

// device plays a recording as devices do that are not what one wishes for.
type device struct {
	library *archive.Library
	ahead   time.Duration // of its clock
	hole    [2]time.Time  // it has nothing of this
	refuses int           // sessions
	breaks  int           // units after which the first session ends

	mu    sync.Mutex
	asked int
}

// dial stands for rtsp.Dial with a request for a replay.
func (v *device) dial(ctx context.Context, o rtsp.Options) (engine.Session, error) {
	if o.Replay == nil {
		return engine.DialRTSP(ctx, o)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked++
	if v.asked <= v.refuses {
		return nil, fault.New(fault.Busy, "the device has no session left")
	}
	shift := o.Replay.Zone - v.ahead
	s, err := v.library.Replay(ctx, "cam", archive.PlayOptions{From: o.Replay.From.Add(shift), To: o.Replay.To.Add(shift)})
	if err != nil {
		return nil, err
	}
	p := &deviceSession{Source: s, v: v, shift: shift}
	if v.breaks > 0 && v.asked == 2 { // the first asks what its clock says
		p.left = v.breaks
	}
	return p, nil
}

type deviceSession struct {
	media.Source
	v     *device
	shift time.Duration
	left  int
}

func (s *deviceSession) Stats() rtsp.Stats { return rtsp.Stats{} }

func (s *deviceSession) Next(ctx context.Context) (media.AccessUnit, error) {
	for {
		au, err := s.Source.Next(ctx)
		if err != nil {
			return au, err
		}
		if s.left > 0 {
			if s.left--; s.left == 0 {
				return au, fault.New(fault.Ended, "the device restarts")
			}
		}
		if at := au.Wall; !at.Before(s.v.hole[0]) && at.Before(s.v.hole[1]) {
			continue
		}
		au.Wall = au.Wall.Add(-s.shift)
		return au, nil
	}
}

// outage is a recording with a gap, and one of the same camera without.
type outage struct {
	near, other, far string
	gap              archive.Gap
}

// cutOutage records a cut of three seconds.
func cutOutage(t *testing.T) outage {
	t.Helper()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"live": "h264b+aac", "other": "h264+aac"}})
	near, stopNear := nearby(t, cam, "live")
	other, stopOther := nearby(t, cam, "other")
	l := newCable(t)
	d, e := deps(t)
	far := filepath.Join(t.TempDir(), "far")
	go func() {
		waitFor(t, "the window", func() bool { return len(all[engine.CameraUp](e)) > 0 })
		<-time.After(4 * time.Second)
		l.cut()
		<-time.After(3 * time.Second)
		l.mend()
	}()
	_, err := engine.Record(context.Background(), d, engine.RecordOptions{
		Dir: far, Length: 11 * time.Second, Segment: 4 * time.Second,
		Cameras: []journal.Camera{camera("cam", through(cam.URL("live"), l.to(hostOf(cam.URL("live")))), "tcp")},
	})
	if !fault.Is(err, fault.Incomplete) {
		t.Fatalf("record: %v", err)
	}
	stopNear()
	stopOther()
	rec, err := archive.Load(vfs.OS(), far)
	if err != nil || len(rec.Camera("cam").Fillable()) != 1 {
		t.Fatalf("the recording has not one gap: %v", err)
	}
	return outage{near, other, far, rec.Camera("cam").Fillable()[0]}
}

// again is a copy of the recording with the gap.
func (s outage) again(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "far")
	if err := os.CopyFS(dir, os.DirFS(s.far)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestCase40SourcesAreNotWhatOneWishesFor(t *testing.T) {
	t.Parallel()
	s := cutOutage(t)
	t.Run("it plays on behind the end", func(t *testing.T) {
		t.Parallel()
		playsOn(t, s)
	})
	middle := s.gap.From.Add(1200 * time.Millisecond)
	for _, c := range []struct {
		name   string
		dir    string
		device *device
		splice string
		least  float64 // coverage
		same   bool
	}{
		{name: "a clock that is three hours ahead", device: &device{ahead: 3 * time.Hour}, splice: "identity", least: 1, same: true},
		{name: "a clock that is half a second late", device: &device{ahead: -500 * time.Millisecond}, splice: "identity", least: 1, same: true},
		{name: "sessions refused", device: &device{refuses: 2}, splice: "identity", least: 1, same: true},
		{name: "a restart in the middle", device: &device{breaks: 220}, splice: "identity", least: 1, same: true},
		{name: "a hole in the source", device: &device{hole: [2]time.Time{middle, middle.Add(1500 * time.Millisecond)}}, splice: "time", least: 0.8},
		{name: "another encoder", dir: s.other, device: &device{}, splice: "time", least: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := s.again(t)
			d, e := deps(t)
			from := s.near
			if c.dir != "" {
				from = c.dir
			}
			c.device.library = archive.NewLibrary(vfs.OS(), media.SystemClock{}, from)
			d.Dial = c.device.dial
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			summary, err := engine.Resume(ctx, d, dir, engine.ResumeOptions{Backfill: []engine.BackfillSource{{Camera: "cam", URL: "rtsp://device/cam"}}})
			if err != nil && (c.least == 1 || !fault.Is(err, fault.Incomplete)) {
				t.Errorf("resume: %v", err)
			}
			if summary == nil || summary.Cameras[0].Coverage < c.least {
				t.Fatalf("coverage: %+v", summary)
			}
			for _, f := range all[engine.Backfilled](e) {
				if c.least == 1 && f.Splice != c.splice && c.device.breaks == 0 {
					t.Errorf("joined by %s", f.Splice)
				}
			}
			if c.same {
				same(t, dir, s.near)
			}
			want := archive.Clean
			if c.least < 1 {
				want = archive.Incomplete
			}
			verified(t, d, dir, want)
		})
	}
}

// playsOn is a device that does not end where it was told to.
func playsOn(t *testing.T, s outage) {
	dir := s.again(t)
	d, e := deps(t)
	url := "rtsp://" + replayServer(t, s.near) + "/cam?start={start}" // and no end
	if _, err := engine.Resume(context.Background(), d, dir, engine.ResumeOptions{Backfill: []engine.BackfillSource{{URL: url}}}); err != nil {
		t.Errorf("resume: %v", err)
	}
	if filled := all[engine.Backfilled](e); len(filled) != 1 || filled[0].Splice != "identity" {
		t.Errorf("filled: %+v", filled)
	}
	same(t, dir, s.near)
	verified(t, d, dir, archive.Clean)
}

// lossy is a session that loses what comes between two times after its start.
type lossy struct {
	engine.Session
	from, to time.Time
}

func (s *lossy) Next(ctx context.Context) (media.AccessUnit, error) {
	for {
		au, err := s.Session.Next(ctx)
		if err != nil || au.Arrival.Before(s.from) || !au.Arrival.Before(s.to) {
			return au, err
		}
	}
}

func TestWhatASessionLosesInItsMiddleIsFilledInPlace(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"live": "h264b+aac"}})
	near, stop := nearby(t, cam, "live")
	far := filepath.Join(t.TempDir(), "far")
	d, e := deps(t)
	d.Dial = func(ctx context.Context, o rtsp.Options) (engine.Session, error) {
		s, err := engine.DialRTSP(ctx, o)
		if err == nil && o.Replay == nil {
			now := time.Now()
			s = &lossy{s, now.Add(3500 * time.Millisecond), now.Add(5600 * time.Millisecond)}
		}
		return s, err
	}
	_, err := engine.Record(context.Background(), d, engine.RecordOptions{
		Dir: far, Length: 9 * time.Second, Segment: time.Minute,
		Cameras:  []journal.Camera{camera("cam", cam.URL("live"), "tcp")},
		Backfill: []engine.BackfillSource{{URL: "rtsp://" + replayServer(t, near) + "/cam"}},
	})
	if err != nil {
		t.Errorf("record: %v", err)
	}
	stop()
	if filled := all[engine.Backfilled](e); len(filled) != 1 || filled[0].Splice != "identity" {
		t.Errorf("filled: %+v", filled)
	}
	same(t, far, near)
	clipped(t, far)
	verified(t, d, far, archive.Clean)
}
