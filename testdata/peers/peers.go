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
	return gstreamer(t, "gst_camera.py", args...)
}

// GStreamerRecorder runs GStreamer's RTSP server for publishers (gst_recorder.py) until the
// test ends, and returns its URL up to the path, which is "live". What is published is
// in dir: video.h264 and audio.aac.
func GStreamerRecorder(t testing.TB, dir string) string {
	t.Helper()
	return gstreamer(t, "gst_recorder.py", "--dir", dir)
}

func gstreamer(t testing.TB, name string, args ...string) string {
	t.Helper()
	brief(t)
	// Debian's own Python: another one in front of it has no GStreamer.
	const python = "/usr/bin/python3"
	if exec.Command(python, "-c", "import gi; gi.require_version('GstRtspServer', '1.0')").Run() != nil {
		lack(t, "GStreamer's RTSP server for Python is not installed")
	}
	_, here, _, _ := runtime.Caller(0)
	script := filepath.Join(filepath.Dir(here), name)
	for range 3 { // another process may take the port meanwhile
		cmd := exec.Command(python, append([]string{script, "--port", fmt.Sprint(freePort(t))}, args...)...)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		stop := func() { cmd.Process.Kill(); cmd.Wait() }
		line, _ := bufio.NewReader(out).ReadString('\n')
		if url, ok := strings.CutPrefix(line, "ready "); ok {
			t.Cleanup(stop)
			return strings.TrimSpace(url)
		}
		stop()
	}
	t.Fatal("GStreamer's server does not start: " + name)
	return ""
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
