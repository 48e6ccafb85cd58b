package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/media"
	"rtsprec/engine/rtspcam"
	"rtsprec/testdata/peers"
)

// live555 is the RTSP library of VLC. Debian 12 builds VLC without it and has no package of
// its programs: scripts/live555.sh puts those of a newer Debian in PATH.

const patience = 90 * time.Second

// nobody runs a program as nobody, because VLC refuses to be root, in a folder of its own.
// When the time is over it is told to end.
func nobody(t testing.TB, limit time.Duration, args ...string) (out []byte, home string, err error) {
	t.Helper()
	home, err = os.MkdirTemp("", "live555") // not t.TempDir: nobody must get there
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	if os.Getuid() == 0 {
		args = append([]string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}, args...)
		if err := os.Chown(home, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Dir = home
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_RUNTIME_DIR="+home)
	out, err = cmd.CombinedOutput()
	return out, home, err
}

// inStream reads the marks of a byte stream of H.264 (ISO 14496-10 annex B).
func inStream(b []byte) (marks []rtspcam.Mark) {
	for nal := range bytes.SplitSeq(b, []byte{0, 0, 1}) {
		if m, ok := rtspcam.ReadMark(media.H264, nal); ok {
			marks = append(marks, m)
		}
	}
	return marks
}

// theater is a server with a camera that is live, and with a recording of it.
func theater(t testing.TB) (s *served, from, to time.Time) {
	t.Helper()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"cam": "h264+aac"}})
	dir := filepath.Join(t.TempDir(), "live")
	p := pulled("cam", cam.URL("cam"))
	p.Record = true
	s = serve(t, engine.ServeOptions{
		Record: engine.RecordInto{Dir: dir, Segment: 3 * time.Second}, UDP: freeUDP(t), Paths: []engine.ServePath{p},
	})
	waitFor(t, "a recording", func() bool { _, ok := newest(dir, "cam"); return ok })
	m, _ := newest(dir, "cam")
	from = m.Capture.Add(time.Second)
	to = from.Add(6 * time.Second)
	since(t, dir, "cam", to.Add(time.Second))
	return s, from, to
}

// span is the address of what lies between two times.
func (s *served) span(path string, from, to time.Time) string {
	return fmt.Sprintf("%s%s?start=%s&end=%s", s.rtsp, path, from.UTC().Format(time.RFC3339Nano), to.UTC().Format(time.RFC3339Nano))
}

// showsSpan holds marks against what was asked for: each picture of it, from the key frame at
// its start or before, and no other.
func showsSpan(t testing.TB, marks []rtspcam.Mark, from, to time.Time) {
	t.Helper()
	if len(marks) == 0 {
		t.Fatal("no picture")
	}
	first, last := marks[0].Capture, marks[len(marks)-1].Capture
	const frame = 100 * time.Millisecond // two pictures, and what capture times are off by
	if first.Before(from.Add(-time.Second-frame)) || first.After(from.Add(frame)) || last.Before(to.Add(-frame)) || last.After(to.Add(frame)) {
		t.Errorf("%v to %v instead of %v to %v", first, last, from, to)
	}
	noneMissing(t, "cam", marks)
}

func TestOpenRTSPOfLive555PlaysLiveAndReplay(t *testing.T) {
	t.Parallel()
	peers.Need(t, "openRTSP")
	s, from, to := theater(t)
	play := func(t *testing.T, args ...string) []rtspcam.Mark {
		out, home, err := nobody(t, patience, append([]string{"openRTSP", "-F", "x"}, args...)...)
		if err != nil {
			t.Fatalf("openRTSP: %v %s", err, out)
		}
		b, err := os.ReadFile(filepath.Join(home, "xvideo-H264-1"))
		if err != nil {
			t.Fatalf("%v %s", err, out)
		}
		return inStream(b)
	}
	live, recorded := s.rtsp+"cam", s.span("cam", from, to)
	for name, transport := range map[string][]string{"udp": nil, "tcp": {"-t"}} {
		t.Run("live "+name, func(t *testing.T) {
			t.Parallel()
			marks := play(t, append(transport, "-d", "4", live)...)
			if len(marks) < 50 {
				t.Errorf("%d pictures", len(marks))
			}
			noneMissing(t, "cam", marks)
		})
		t.Run("by address "+name, func(t *testing.T) {
			t.Parallel()
			showsSpan(t, play(t, append(transport, recorded)...), from, to)
		})
	}
	t.Run("by clock", func(t *testing.T) {
		t.Parallel()
		const form = "20060102T150405.000Z"
		showsSpan(t, play(t, "-t", "-U", from.UTC().Format(form), "-E", to.UTC().Format(form), live), from, to)
	})
	for scale, falling := range map[string]bool{"4": false, "-1": true} {
		t.Run("scale "+scale, func(t *testing.T) {
			t.Parallel()
			marks := play(t, "-t", "-z", scale, recorded)
			rising := slices.IsSortedFunc(marks, func(a, b rtspcam.Mark) int { return a.Capture.Compare(b.Capture) })
			if len(marks) < 5 || len(marks) > 8 || rising == falling {
				t.Errorf("%d key frames, rising: %v", len(marks), rising)
			}
		})
	}
}

func TestVLCWithLive555PlaysLiveAndReplay(t *testing.T) {
	t.Parallel()
	peers.Need(t, "vlc-live555", "ffmpeg")
	s, from, to := theater(t)
	play := func(t *testing.T, limit time.Duration, args ...string) []rtspcam.Mark {
		out, home, err := nobody(t, limit, append([]string{"vlc-live555", "-I", "dummy", "--no-plugins-cache", "-v",
			"--sout=#std{access=file,mux=ts,dst=x.ts}"}, append(args, "vlc://quit")...)...)
		if err != nil && limit == patience {
			t.Fatalf("VLC: %v %s", err, out)
		}
		b, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", filepath.Join(home, "x.ts"), "-map", "0:v", "-c", "copy", "-f", "h264", "-").Output()
		if err != nil {
			t.Fatalf("%v %s", err, out)
		}
		return inStream(b)
	}
	live, recorded := s.rtsp+"cam", s.span("cam", from, to)
	for name, transport := range map[string]string{"udp": "--no-rtsp-tcp", "tcp": "--rtsp-tcp"} {
		t.Run("live "+name, func(t *testing.T) {
			t.Parallel()
			marks := play(t, 8*time.Second, transport, live) // :run-time does not count where its clock is set anew
			if len(marks) < 50 {
				t.Errorf("%d pictures", len(marks))
			}
			noneMissing(t, "cam", marks)
		})
		t.Run("by address "+name, func(t *testing.T) {
			t.Parallel()
			showsMost(t, play(t, patience, transport, recorded), from, to)
		})
	}
	t.Run("by npt", func(t *testing.T) {
		t.Parallel()
		marks := play(t, patience, "--rtsp-tcp", recorded, ":start-time=3")
		// VLC begins at the beginning and then goes to the start time. What it has of the
		// beginning does not count, and it drops some pictures where it goes on.
		at := slices.IndexFunc(marks, func(m rtspcam.Mark) bool { return !m.Capture.Before(from.Add(1900 * time.Millisecond)) })
		if at < 0 {
			t.Fatal("no picture")
		}
		if spansMost(t, marks[at:], from.Add(3*time.Second), to); len(marks[at:]) < 40 {
			t.Errorf("%d pictures", len(marks[at:]))
		}
	})
}

// showsMost is showsSpan for what VLC writes, which leaves out some at both ends.
func showsMost(t testing.TB, marks []rtspcam.Mark, from, to time.Time) {
	t.Helper()
	spansMost(t, marks, from, to)
	noneMissing(t, "cam", marks)
}

func spansMost(t testing.TB, marks []rtspcam.Mark, from, to time.Time) {
	t.Helper()
	if len(marks) == 0 {
		t.Fatal("no picture")
	}
	first, last := marks[0].Capture, marks[len(marks)-1].Capture
	if first.Before(from.Add(-1100*time.Millisecond)) || first.After(from.Add(1100*time.Millisecond)) || last.Before(to.Add(-1100*time.Millisecond)) || last.After(to.Add(100*time.Millisecond)) {
		t.Errorf("%v to %v instead of %v to %v", first, last, from, to)
	}
}
