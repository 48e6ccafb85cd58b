package commands

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// story is a recording as the engine tells it.
func story(d engine.Deps, clock *fixedClock, minutes int) {
	d.Observe(engine.Started{Dir: "out", Cameras: []string{"teacher"}, Until: noon.Add(time.Hour)})
	d.Observe(engine.CameraUp{Camera: "teacher", Transport: "udp", Tracks: []string{"H.264 1920x1080"}})
	d.Observe(engine.CameraDown{Camera: "teacher", Kind: "timeout", Reason: "silent\x1b[2J for 10 s", Tries: 1})
	d.Observe(engine.Gap{Camera: "teacher", From: noon, To: noon.Add(3 * time.Second), Causes: media.Because(media.Timeout)})
	d.Observe(engine.SegmentSealed{Camera: "teacher", File: "teacher/a.mp4", Start: noon, End: noon.Add(time.Minute)})
	for range minutes * 60 {
		clock.mu.Lock()
		clock.t = clock.t.Add(time.Second)
		now := clock.t
		clock.mu.Unlock()
		d.Observe(progressAt(now))
	}
}

func progressAt(now time.Time) engine.Progress {
	return engine.Progress{At: now, From: noon, Until: noon.Add(time.Hour), Cameras: []engine.CameraProgress{
		{Name: "teacher", State: "recording", FPS: 25, Bitrate: 4_100_000, Loss: 0.0012, Gaps: 1, GapTime: 3, Bytes: 12_300_000},
		{Name: "students", State: "retrying", Reason: "connection refused"},
	}}
}

// tell runs record with an engine that tells the story, one thing at a time.
func tell(t *testing.T, f *fake, minutes int) {
	f.Engine.Record = func(_ context.Context, d engine.Deps, o engine.RecordOptions) (*engine.Summary, error) {
		story(d, f.clock, minutes)
		return nil, nil
	}
	f.run(t, 0)
}

func TestLogHasALineAnEventAndOneAMinute(t *testing.T) {
	f := newFake(t)
	v := &plainView{p: f.process()}
	now := noon
	for range 5*60 + 1 {
		v.progress(progressAt(now))
		now = now.Add(time.Second)
	}
	lines := strings.Split(strings.TrimSpace(f.err.String()), "\n")
	if len(lines) != 5 {
		t.Errorf("%d lines in five minutes:\n%s", len(lines), f.err.String())
	}
	contains(t, lines[0], "2026-11-22T12:01:00+01:00 ", "teacher recording 25.0 fps 4.1 Mbit/s")

	f = newFake(t, "record", "-i", "rtsp://cam")
	tell(t, f, 0)
	lines = strings.Split(strings.TrimSpace(f.err.String()), "\n")
	if len(lines) != 5 {
		t.Errorf("%d lines for five events:\n%s", len(lines), f.err.String())
	}
	contains(t, f.err.String(), "2026-11-22T12:00:00+01:00 teacher: connected over UDP", "teacher/a.mp4")
	if strings.Contains(f.err.String(), "\x1b") {
		t.Error("escape sequences in a log")
	}
}

func TestQuietSaysOnlyWhatIsSerious(t *testing.T) {
	f := newFake(t, "record", "-i", "rtsp://cam", "-q")
	tell(t, f, 2)
	if got := f.err.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "silent") {
		t.Errorf("got %q", got)
	}
	f = newFake(t, "record", "-i", "rtsp://cam", "-q")
	f.Screen = func() (int, int, bool) { return 80, 24, true }
	tell(t, f, 2)
	if got := f.err.String(); strings.Count(got, "\n") != 1 || strings.Contains(got, "\x1b") {
		t.Errorf("on a terminal: %q", got)
	}
}

func TestEveryJSONLineHasATypeAndATime(t *testing.T) {
	f := newFake(t, "record", "-i", "rtsp://cam", "--json")
	f.Engine.Record = func(_ context.Context, d engine.Deps, o engine.RecordOptions) (*engine.Summary, error) {
		story(d, f.clock, 1)
		return &engine.Summary{Dir: "out"}, fault.New(fault.Incomplete, "gaps")
	}
	f.run(t, 3)
	var kinds []string
	lines := bufio.NewScanner(strings.NewReader(f.out.String()))
	for lines.Scan() {
		var line map[string]any
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		kind, _ := line["type"].(string)
		when, _ := line["time"].(string)
		if _, err := time.Parse(time.RFC3339Nano, when); err != nil || kind == "" {
			t.Errorf("no type or time in %s", lines.Text())
		}
		if len(kinds) == 0 || kinds[len(kinds)-1] != kind {
			kinds = append(kinds, kind)
		}
	}
	want := "started camera_up camera_down gap segment_sealed progress summary error"
	if got := strings.Join(kinds, " "); got != want {
		t.Errorf("types %s, want %s", got, want)
	}
	if strings.Contains(f.err.String(), "connected") {
		t.Errorf("events on standard error too: %s", f.err.String())
	}
}

// stuck is a terminal whose user pressed Ctrl-S.
type stuck struct {
	entered chan struct{} // one token a write
	release chan struct{} // closed: writes go on
	n       int
}

func (s *stuck) Write(b []byte) (int, error) {
	select {
	case s.entered <- struct{}{}:
	default:
	}
	<-s.release
	s.n++
	return len(b), nil
}

func TestRecordingNeverWaitsForItsDisplay(t *testing.T) {
	f := newFake(t)
	s := &stuck{entered: make(chan struct{}, 1), release: make(chan struct{})}
	f.Edge.Err = s
	d, closeDisplay := f.process().show(t.Context())
	d.observe(engine.Notice{Message: "first"})
	<-s.entered // the display hangs now
	for i := range 3 * pendingLimit {
		d.observe(engine.Notice{Message: fmt.Sprint(i)}) // this must not
		d.observe(progressAt(noon))
	}
	d.mu.Lock()
	waiting, lost := len(d.pending), d.lost
	d.mu.Unlock()
	if waiting != pendingLimit || lost != 2*pendingLimit {
		t.Errorf("%d events wait and %d are counted as lost", waiting, lost)
	}
	close(s.release)
	closeDisplay()
	if s.n != 1+pendingLimit+1 {
		t.Errorf("%d lines were written, want all that waited and one that says how many are lost", s.n)
	}
}

func TestErrorsOfTheDisplayEndNothing(t *testing.T) {
	f := newFake(t, "record", "-i", "rtsp://cam")
	f.Edge.Err = brokenPipe{errors.New("gone")}
	tell(t, f, 2)
}
