package engine_test

import (
	"context"
	"fmt"
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
	"rtsprec/engine/rtspcam"
	"rtsprec/engine/vfs"
)

// events keeps what the engine told.
type events struct {
	mu   sync.Mutex
	list []engine.Event
}

func (e *events) add(ev engine.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, ev)
}

// all returns the events of one type.
func all[T engine.Event](e *events) []T {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []T
	for _, ev := range e.list {
		if v, ok := ev.(T); ok {
			out = append(out, v)
		}
	}
	return out
}

// wholeDay is the length of segments where a test counts files: all are cut at multiples of
// it, also when that is in the middle of a test.
const wholeDay = 24 * time.Hour

func deps(t testing.TB) (engine.Deps, *events) {
	e := &events{}
	t.Cleanup(func() {
		if t.Failed() {
			for _, ev := range e.list {
				if ev.Type() != "progress" {
					t.Log(ev.Type(), ev.Text(time.UTC))
				}
			}
		}
	})
	return engine.Deps{FS: vfs.OS(), Clock: media.SystemClock{}, Dial: engine.DialRTSP, Observe: e.add, Version: "test"}, e
}

// camera is one entry of a plan.
func camera(name, url, transport string) journal.Camera {
	return journal.Camera{Name: name, URL: url, Transport: transport}
}

// waitFor polls until ok, or fails after a generous time.
func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); {
		if ok() {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Fatalf("waited in vain for %s", what)
}

// verified runs Verify and fails on anything but the wanted status.
func verified(t testing.TB, d engine.Deps, dir string, want archive.Status) *archive.Report {
	t.Helper()
	report, err := engine.Verify(context.Background(), d, dir, archive.VerifyOptions{Deep: true})
	if report == nil {
		t.Fatalf("verify: %v", err)
	}
	if report.Status != want {
		for _, f := range report.Findings {
			t.Log(f.Severity, f.Kind, f.Camera, f.File, f.Text)
		}
		for _, c := range report.Cameras {
			for _, g := range c.Gaps {
				t.Log("gap", c.Name, g.From, g.To, g.Causes, g.Note)
			}
		}
		t.Errorf("verify says %s, want %s", report.Status, want)
	}
	return report
}

func TestAHealthyRecordingHasNoGapAndEveryUnit(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			streams := map[string]rtspcam.Stream{
				"a": "h264+aac", "b": "h265+aac", "c": "mpeg4+pcma", "d": "h264b+pcmu",
			}
			cam := rtspcam.Start(t, rtspcam.Options{Paths: streams, User: "admin", Password: "p@ss:w/rd%"})
			d, _ := deps(t)
			dir := filepath.Join(t.TempDir(), "rec")
			o := engine.RecordOptions{Dir: dir, Length: 6 * time.Second, Segment: 2 * time.Second}
			for _, path := range []string{"a", "b", "c", "d"} {
				o.Cameras = append(o.Cameras, camera("cam-"+path, cam.URL(path), transport))
			}
			summary, err := engine.Record(t.Context(), d, o)
			if err != nil {
				t.Fatalf("record: %v", err)
			}
			for _, c := range summary.Cameras {
				if c.Coverage < 0.9999 || len(c.Files) < 3 {
					t.Errorf("%s: coverage %v in %d files", c.Name, c.Coverage, len(c.Files))
				}
			}
			verified(t, d, dir, archive.Clean)
			for _, path := range []string{"a", "b", "c", "d"} {
				marks := readMarks(t, filepath.Join(dir, "cam-"+path)) // less a GOP of lead-in
				if first, last := marks[0], marks[len(marks)-1]; last.Capture.Sub(first.Capture) < 4900*time.Millisecond {
					t.Errorf("cam-%s: only %v recorded", path, last.Capture.Sub(first.Capture))
				}
				noneMissing(t, "cam-"+path, marks)
				decodes(t, filepath.Join(dir, "cam-"+path))
			}
		})
	}
}

// noneMissing fails where a counter is missing or doubled.
func noneMissing(t testing.TB, camera string, marks []rtspcam.Mark) {
	t.Helper()
	seen := map[uint64]bool{}
	least, most := marks[0].Counter, marks[0].Counter
	for _, m := range marks {
		if seen[m.Counter] {
			t.Errorf("%s: unit %d is there twice", camera, m.Counter)
		}
		seen[m.Counter] = true
		least, most = min(least, m.Counter), max(most, m.Counter)
	}
	if got, want := uint64(len(seen)), most-least+1; got != want {
		t.Errorf("%s: %d of %d units", camera, got, want)
	}
}

func TestAnOutageIsAGapWithItsCauseAndMediaIsBackAtOnce(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264+aac"}})
	other := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"b": "h264+aac"}})
	d, ev := deps(t)
	dir := filepath.Join(t.TempDir(), "rec")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := engine.Record(ctx, d, engine.RecordOptions{Dir: dir, Cameras: []journal.Camera{
			camera("a", cam.URL("a"), "tcp"), camera("b", other.URL("b"), "tcp"),
		}})
		done <- err
	}()
	recorded := func(n int) func() bool {
		return func() bool { return len(all[engine.CameraUp](ev)) >= n && len(all[engine.Progress](ev)) >= 2*n }
	}
	waitFor(t, "both cameras", recorded(2))
	cam.Drop(2 * time.Second)
	waitFor(t, "the camera to be back", recorded(3))
	<-time.After(2 * time.Second) // some media behind the gap; not a wait for an event
	stop()
	if err := <-done; !fault.Is(err, fault.Incomplete) {
		t.Fatalf("record ended with %v, want incomplete", err)
	}
	report := verified(t, d, dir, archive.Incomplete)
	for _, c := range report.Cameras {
		switch {
		case c.Name == "b" && len(c.Gaps) > 0:
			t.Errorf("the other camera has a gap: %+v", c.Gaps)
		case c.Name == "a" && len(c.Gaps) != 1:
			t.Errorf("%d gaps, want one: %+v", len(c.Gaps), c.Gaps)
		case c.Name == "a":
			g := c.Gaps[0]
			// 2 s of outage, 500 ms to be back, a GOP of 1 s until a key frame
			if length := g.To.Sub(g.From); length < 1900*time.Millisecond || length > 3600*time.Millisecond {
				t.Errorf("gap of %v for an outage of 2 s", length)
			}
			if !g.Causes.Has(media.StreamEnded) && !g.Causes.Has(media.Unreachable) && !g.Causes.Has(media.Refused) {
				t.Errorf("causes %v", g.Causes)
			}
		}
	}
}

func TestACameraThatIsOffIsWaitedFor(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264", "b": "h264,drop@0s:3s"}})
	d, _ := deps(t)
	dir := filepath.Join(t.TempDir(), "rec")
	summary, err := engine.Record(t.Context(), d, engine.RecordOptions{Dir: dir, Length: 6 * time.Second, Cameras: []journal.Camera{
		camera("a", cam.URL("a"), "tcp"), camera("b", cam.URL("b"), "tcp"),
	}})
	if !fault.Is(err, fault.Incomplete) {
		t.Fatalf("record ended with %v, want incomplete", err)
	}
	if c := summary.Cameras[1]; !c.Answered || c.Coverage > 0.7 || c.Coverage < 0.2 || len(c.Gaps) != 1 {
		t.Errorf("the late camera: %+v", c)
	}
	verified(t, d, dir, archive.Incomplete)
}

func TestACameraThatNeverAnswersIsSaidSo(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264"}, User: "u", Password: "secret"})
	d, _ := deps(t)
	for name, c := range map[string]struct {
		url  string
		want fault.Kind
	}{
		"nobody":         {"rtsp://127.0.0.1:1/x", fault.Unreachable},
		"wrong password": {fmt.Sprintf("rtsp://u:wrong@%s/a", cam.Addr()), fault.Denied},
	} {
		dir := filepath.Join(t.TempDir(), "rec")
		_, err := engine.Record(t.Context(), d, engine.RecordOptions{
			Dir: dir, Length: 1500 * time.Millisecond, Cameras: []journal.Camera{camera("x", c.url, "tcp")},
		})
		if !fault.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestAKilledRecordingIsRepairedAndGoesOn(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264+aac"}})
	d, ev := deps(t)
	dir := filepath.Join(t.TempDir(), "rec")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := engine.Record(ctx, d, engine.RecordOptions{
			Dir: dir, Until: time.Now().Add(12 * time.Second), Cameras: []journal.Camera{camera("a", cam.URL("a"), "tcp")},
		})
		done <- err
	}()
	waitFor(t, "some media", func() bool { return len(all[engine.Progress](ev)) >= 3 })
	// What a kill leaves: a copy of the directory as it is, without its lock.
	crashed := filepath.Join(t.TempDir(), "crashed")
	if err := os.CopyFS(crashed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	stop()
	<-done
	if _, err := engine.Resume(t.Context(), d, crashed, engine.ResumeOptions{}); !fault.Is(err, fault.Incomplete) {
		t.Fatalf("resume: %v, want incomplete", err)
	}
	report := verified(t, d, crashed, archive.Incomplete)
	c := report.Cameras[0]
	if len(c.Gaps) != 1 || !c.Gaps[0].Causes.Has(media.ProcessDown) || c.Segments < 2 {
		t.Errorf("%d segments, gaps %+v", c.Segments, c.Gaps)
	}
	decodes(t, filepath.Join(crashed, "a"))
}

func TestProbeReportsWhatACameraSends(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{
		Paths: map[string]rtspcam.Stream{"a": "h264+aac,fps=12.5", "b": "h264b,udpblocked"}, User: "u", Password: "p",
	})
	d, _ := deps(t)
	reports, err := engine.Probe(t.Context(), d, engine.ProbeOptions{Cameras: []journal.Camera{
		camera("a", cam.URL("a"), ""), camera("b", cam.URL("b"), ""),
	}})
	if err != nil {
		t.Fatal(err)
	}
	a, b := reports[0], reports[1]
	if len(a.Tracks) != 2 || a.Tracks[0].Width != 320 || a.Tracks[0].FPS < 12.4 || a.Tracks[0].FPS > 12.6 || a.Tracks[0].GOPFrames != 25 {
		t.Errorf("a: %+v", a.Tracks)
	}
	if !a.Transports[0].Works || !a.Transports[1].Works || a.Auth == "" || a.Auth == "none" {
		t.Errorf("a: transports %+v, auth %q", a.Transports, a.Auth)
	}
	if b.Transports[0].Works || !b.Transports[1].Works || !b.Tracks[0].BFrames {
		t.Errorf("b: transports %+v, tracks %+v", b.Transports, b.Tracks)
	}
}

// TestAnOrderlyStopDamagesNothing stops at moments that fall into the middle of a unit:
// what is on its way then is neither lost nor damaged, it is after the end.
func TestAnOrderlyStopDamagesNothing(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "heavy+aac"}, KeyStart: true})
	for i, transport := range []string{"udp", "tcp", "udp", "tcp"} {
		d, ev := deps(t)
		dir := filepath.Join(t.TempDir(), "rec")
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := engine.Record(ctx, d, engine.RecordOptions{Dir: dir, Cameras: []journal.Camera{camera("a", cam.URL("a"), transport)}})
			done <- err
		}()
		waitFor(t, "media", func() bool {
			p := all[engine.Progress](ev)
			return len(p) > 0 && p[len(p)-1].Cameras[0].Bytes > 300_000
		})
		<-time.After(time.Duration(7*i+1) * time.Millisecond)
		stop()
		if err := <-done; err != nil {
			t.Errorf("%s: %v", transport, err)
		}
		verified(t, d, dir, archive.Clean)
		noneMissing(t, "a", readMarks(t, filepath.Join(dir, "a")))
		decodes(t, dir)
	}
}
