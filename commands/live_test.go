package commands

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/rate"
)

// screen is as much of a terminal as the live view uses.
type screen struct {
	lines []string
	row   int
	bad   []string // what it does not know
}

func (s *screen) feed(text string) {
	for text != "" {
		switch {
		case strings.HasPrefix(text, "\x1b["):
			end := strings.IndexAny(text, "ABCDHJKm")
			if end < 0 {
				s.bad = append(s.bad, text)
				return
			}
			arg, kind := text[2:end], text[end]
			text = text[end+1:]
			s.escape(arg, kind)
			continue
		case text[0] == '\r':
		case text[0] == '\n':
			s.row++
		default:
			s.at()
			s.lines[s.row] += text[:1]
		}
		text = text[1:]
	}
}

func (s *screen) at() {
	for len(s.lines) <= s.row {
		s.lines = append(s.lines, "")
	}
}

func (s *screen) escape(arg string, kind byte) {
	switch kind {
	case 'A':
		n := 1
		fmt.Sscan(arg, &n)
		if s.row -= n; s.row < 0 {
			s.bad = append(s.bad, "above the screen")
			s.row = 0
		}
	case 'J':
		if len(s.lines) > s.row {
			s.lines = s.lines[:s.row]
		}
	case 'm':
	default:
		s.bad = append(s.bad, arg+string(kind))
	}
}

// onScreen shows what the view left on a terminal of that size.
func onScreen(t *testing.T, f *fake) string {
	t.Helper()
	var s screen
	s.feed(f.err.String())
	if len(s.bad) > 0 {
		t.Errorf("a terminal does not understand %q", s.bad)
	}
	return strings.Join(s.lines, "\n")
}

func newLive(t *testing.T, width, height int) (*fake, *liveView) {
	f := newFake(t)
	f.Screen = func() (int, int, bool) { return width, height, true }
	return f, newLiveView(f.process())
}

func TestLiveTableShowsCamerasAndABar(t *testing.T) {
	f, v := newLive(t, 100, 24)
	v.event(noon, engine.Started{Dir: "math-101", Cameras: []string{"teacher", "students"}, Until: noon.Add(time.Hour)})
	v.progress(progressAt(noon.Add(15 * time.Minute)))
	v.event(noon.Add(15*time.Minute), engine.Notice{Camera: "students", Message: "no answer\nyet"})
	v.progress(progressAt(noon.Add(30 * time.Minute)))
	want := `12:15:00 students: no answer yet
math-101: 2 cameras until 13:00:00 local time
  camera    state         fps      bitrate     loss       gaps  on disk
  teacher   recording    25.0   4.1 Mbit/s   0.12 %     1, 3 s    12 MB
  students  retrying        -            -      0 %          -      0 B
    connection refused
  30:00 50% ━━━━━━━━━━━━━━━━━━━━──────────────────── 1:00:00`
	if got := onScreen(t, f); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	v.close()
	if got := onScreen(t, f); got != "12:15:00 students: no answer yet" {
		t.Errorf("after the end there is still\n%s", got)
	}
}

func TestLiveTableShowsHowFarHopsAreBehindTheCapture(t *testing.T) {
	f, v := newLive(t, 100, 24)
	v.event(noon, engine.Relaying{Input: "rtsp://cam/a", Targets: []string{"far"}})
	spread := func(p50, p95, most float64) rate.Spread { return rate.Spread{Count: 9, P50: p50, P95: p95, Max: most} }
	v.progress(engine.Progress{At: noon, From: noon, Cameras: []engine.CameraProgress{
		{Name: "a", State: "live", Delays: map[string]rate.Spread{"received": spread(12, 20, 31)}},
		{Name: "far", State: "sending", Quality: "720p25 1.8 Mbit/s", Delays: map[string]rate.Spread{"sent": spread(45, 80, 120.4)}},
	}})
	contains(t, onScreen(t, f), "    behind the capture (p50/p95/max): received 12/20/31 ms\n", "    sends 720p25 1.8 Mbit/s\n    behind the capture (p50/p95/max): sent 45/80/120 ms\n")

	f, v = newLive(t, 100, 24)
	v.event(noon, engine.Serving{})
	v.progress(engine.Progress{At: noon, Cameras: []engine.CameraProgress{
		{Name: "alone", State: "live", Delays: map[string]rate.Spread{"received": spread(12, 20, 31)}},
		{Name: "seen", State: "live", Delays: map[string]rate.Spread{"received": spread(1, 2, 3), "udp": spread(4, 5, 6)}},
	}})
	text := onScreen(t, f)
	contains(t, text, "received 1/2/3 ms, udp 4/5/6 ms")
	if strings.Contains(text, "12/20/31") {
		t.Errorf("of a path that nobody watches there is\n%s", text)
	}
}

func TestLiveTableFitsTheScreen(t *testing.T) {
	for _, size := range [][2]int{{40, 8}, {80, 24}, {20, 3}, {200, 50}, {10, 1}} {
		f, v := newLive(t, size[0], size[1])
		v.event(noon, engine.Started{Dir: "a-directory-with-quite-a-long-name"})
		p := engine.Progress{At: noon.Add(time.Minute), From: noon}
		for i := range 64 {
			p.Cameras = append(p.Cameras, engine.CameraProgress{Name: fmt.Sprintf("Hörsaal-%d", i), State: "recording", FPS: 25, Reason: strings.Repeat("why ", 30)})
		}
		v.progress(p)
		v.progress(p)
		lines := strings.Split(onScreen(t, f), "\n")
		if most := max(size[1]-1, 4); len(lines) > most {
			t.Errorf("%d lines on a screen of %d", len(lines), size[1])
		}
		for _, line := range lines {
			if n := len([]rune(line)); n >= size[0] {
				t.Errorf("%d characters on a screen of %d: %s", n, size[0], line)
			}
		}
		if size[1] == 24 {
			contains(t, strings.Join(lines, "\n"), "and 55 cameras that do not fit", "1:00 recorded; Ctrl-C finishes")
		}
	}
}

func TestLiveTableSaysWhatItWaitsFor(t *testing.T) {
	f, v := newLive(t, 80, 24)
	v.event(noon, engine.Started{Dir: "out", At: noon.Add(90 * time.Second), Length: 600})
	v.progress(engine.Progress{At: noon, Cameras: []engine.CameraProgress{{Name: "a", State: "connecting"}}})
	contains(t, onScreen(t, f), "out: 1 camera for 10:00", "begins at 12:01:30 local time, in 1:30")

	v.progress(engine.Progress{At: noon.Add(88500 * time.Millisecond), From: noon.Add(90 * time.Second), Until: noon.Add(690 * time.Second)})
	contains(t, onScreen(t, f), "until 12:11:30 local time", "begins at 12:01:30 local time, in 0:02")
	v.progress(engine.Progress{At: noon.Add(90 * time.Second), From: noon.Add(90 * time.Second), Until: noon.Add(690 * time.Second)})
	contains(t, onScreen(t, f), "  0:00 0% ────")

	f, v = newLive(t, 80, 24)
	v.progress(engine.Progress{At: noon})
	contains(t, onScreen(t, f), "nothing recorded yet")
	v.stopping(noon)
	contains(t, onScreen(t, f), "Ctrl-C again stops at once")
}

func TestNoColorIsObeyed(t *testing.T) {
	for no, want := range map[string]bool{"": true, "1": false} {
		f, _ := newLive(t, 80, 24)
		if no != "" {
			f.env["NO_COLOR"] = no
		}
		v := newLiveView(f.process())
		v.progress(progressAt(noon))
		if got := strings.Contains(f.err.String(), "\x1b[3"); got != want {
			t.Errorf("NO_COLOR=%q: colours %v, want %v", no, got, want)
		}
	}
}

func TestTerminalGetsTheTableAndAFileDoesNot(t *testing.T) {
	f := newFake(t, "record", "-i", "rtsp://cam", "-o", "out")
	f.Screen = func() (int, int, bool) { return 80, 24, true }
	tell(t, f, 31)
	contains(t, f.err.String(), "on disk", "━")
	if left := onScreen(t, f); strings.Contains(left, "on disk") {
		t.Errorf("the table is left behind:\n%s", left)
	}
	f = newFake(t, "record", "-i", "rtsp://cam", "-o", "out")
	tell(t, f, 1)
	if strings.Contains(f.err.String(), "\x1b") {
		t.Error("escape sequences in a file")
	}
}
