// Package peers starts RTSP cameras that are not ours, for tests: what they send and how
// they speak owes nothing to our own understanding of the protocol.
package peers

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Mounts lists what the GStreamer camera serves.
var Mounts = []string{
	"h264-aac", "h264-alaw", "h264-ulaw", "h264-bframes", "h265-aac",
	"mpeg4-alaw", "mjpeg", "h264-only", "aac-only", "h264-opus",
}

// Need skips a test that lacks a program that is not ours, and fails it where CI=true
// promises that all are there. With -short it skips: what others think of us is found out
// once, in a run without it.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	brief(t)
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			lack(t, name+" is not installed")
		}
	}
}

func brief(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short asks no programs of others")
	}
}

func lack(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// GStreamer runs GStreamer's RTSP server (gst_camera.py, see there for args) until the
// test ends, and returns its URL up to the mounts.
func GStreamer(t testing.TB, args ...string) string {
	t.Helper()
	return NewGStreamer(t, args...).URL
}

// GStreamerRecorder runs GStreamer's RTSP server for publishers (gst_recorder.py) until the
// test ends, and returns its URL up to the path, which is "live". What is published is
// in dir: video.h264 and audio.aac.
func GStreamerRecorder(t testing.TB, dir string) string {
	t.Helper()
	return gstreamer(t, "gst_recorder.py", "--dir", dir).URL
}

// Server is a server of GStreamer's that a test may kill and start again.
type Server struct {
	URL    string // up to the mounts
	script string
	args   []string
	cmd    *exec.Cmd // nil: it does not run
}

// NewGStreamer is GStreamer for tests that kill it.
func NewGStreamer(t testing.TB, args ...string) *Server {
	t.Helper()
	return gstreamer(t, "gst_camera.py", args...)
}

func gstreamer(t testing.TB, name string, args ...string) *Server {
	t.Helper()
	brief(t)
	if exec.Command(python, "-c", "import gi; gi.require_version('GstRtspServer', '1.0')").Run() != nil {
		lack(t, "GStreamer's RTSP server for Python is not installed")
	}
	_, here, _, _ := runtime.Caller(0)
	s := &Server{script: filepath.Join(filepath.Dir(here), name)}
	for range 3 { // another process may take the port meanwhile
		s.args = append([]string{s.script, "--port", fmt.Sprint(freePort(t))}, args...)
		if s.start(t) {
			t.Cleanup(s.Kill)
			return s
		}
	}
	t.Fatal("GStreamer's server does not start: " + name)
	return nil
}

// python is Debian's own: another one in front of it has no GStreamer.
const python = "/usr/bin/python3"

// start reports whether it serves.
func (s *Server) start(t testing.TB) bool {
	t.Helper()
	s.cmd = exec.Command(python, s.args...)
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	url, ok := strings.CutPrefix(line, "ready ")
	if !ok {
		s.Kill()
		return false
	}
	s.URL = strings.TrimSpace(url)
	return true
}

// Kill ends it at once, as kill -9 does. It may be called twice.
func (s *Server) Kill() {
	if s.cmd != nil {
		s.cmd.Process.Kill()
		s.cmd.Wait()
		s.cmd = nil
	}
}

// Restart starts it again under the same address.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Kill()
	if !s.start(t) {
		t.Fatal("GStreamer's server does not come back at " + s.URL)
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
