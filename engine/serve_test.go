package engine_test

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/access"
	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/rtsp"
	"rtsprec/engine/rtspcam"
	"rtsprec/engine/vfs"
	"rtsprec/testdata/peers"
)

// served is a server under test.
type served struct {
	engine.Deps
	*events
	options engine.ServeOptions
	reload  chan engine.ServeOptions
	rtsp    string // "rtsp://127.0.0.1:PORT/"
	http    string
	stop    context.CancelFunc
	done    chan error
}

// serve runs a server on free ports until the test ends.
func serve(t testing.TB, o engine.ServeOptions) *served {
	t.Helper()
	return serveOn(t, vfs.OS(), o)
}

// serveOn is serve on a disk of the test's.
func serveOn(t testing.TB, disk vfs.FS, o engine.ServeOptions) *served {
	t.Helper()
	d, e := deps(t)
	d.FS = disk
	return serveAs(t, d, e, o)
}

// serveAs is serve in a world of the test's, whose events e has.
func serveAs(t testing.TB, d engine.Deps, e *events, o engine.ServeOptions) *served {
	t.Helper()
	s := &served{Deps: d, events: e, reload: make(chan engine.ServeOptions), done: make(chan error, 1)}
	if o.RTSP == nil {
		o.RTSP = []string{"127.0.0.1:0"}
	}
	if o.HTTP == nil {
		o.HTTP = []string{"127.0.0.1:0"}
	}
	s.options, o.Reload = o, s.reload
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	go func() {
		defer close(s.done)
		s.done <- engine.Serve(ctx, s.Deps, o)
	}()
	t.Cleanup(func() { cancel(); <-s.done })
	waitFor(t, "the server", func() bool {
		if len(all[engine.Serving](s.events)) > 0 {
			return true
		}
		select {
		case err := <-s.done:
			t.Fatalf("serve: %v", err)
		default:
		}
		return false
	})
	for _, url := range all[engine.Serving](s.events)[0].URLs {
		if strings.HasPrefix(url, "rtsp:") {
			s.rtsp = url
		} else {
			s.http = url
		}
	}
	return s
}

// end stops the server in order.
func (s *served) end(t testing.TB) {
	t.Helper()
	s.stop()
	select {
	case err := <-s.done:
		if err != nil {
			t.Errorf("serve: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the server does not end")
	}
}

// state is the newest progress of a path; "" without any.
func (s *served) state(path string) string {
	list := all[engine.Progress](s.events)
	if len(list) == 0 {
		return ""
	}
	for _, c := range list[len(list)-1].Cameras {
		if c.Name == path {
			return c.State
		}
	}
	return ""
}

// watch opens a path as a viewer.
func (s *served) watch(t testing.TB, path string) engine.Session {
	t.Helper()
	v, err := engine.DialRTSP(t.Context(), rtsp.Options{URL: s.rtsp + path, Transport: rtsp.TCP})
	if err != nil {
		t.Fatalf("watch %s: %v", path, err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// sees reads n units, which must come without a hole.
func sees(t testing.TB, v engine.Session, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var last uint64
	for i := 0; i < n; {
		au, err := v.Next(ctx)
		if err != nil {
			t.Fatalf("after %d units: %v", i, err)
		}
		if au.Track != 0 {
			continue
		}
		mark, ok := rtspcam.ReadMark(v.Run().Tracks[0].Codec, au.Data)
		if !ok || i > 0 && mark.Counter != last+1 {
			t.Fatalf("unit %d has the mark %d behind %d", i, mark.Counter, last)
		}
		last = mark.Counter
		i++
	}
}

func pulled(name, url string) engine.ServePath {
	c := camera(name, url, "tcp")
	return engine.ServePath{Name: name, Camera: &c}
}

func TestCamerasArePulledServedAndRecordedAndTheRecordingGoesOn(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264+aac", "b": "h265"}})
	dir := filepath.Join(t.TempDir(), "live")
	a, b := pulled("a", cam.URL("a")), pulled("b", cam.URL("b"))
	a.Record, b.Record = true, true
	o := engine.ServeOptions{Record: engine.RecordInto{Dir: dir, Segment: 2 * time.Second}, Paths: []engine.ServePath{a, b}}
	for range 2 {
		s := serve(t, o)
		v := s.watch(t, "a")
		sees(t, v, 60)
		s.end(t)
		if r, err := archive.Load(s.FS, dir); err != nil || r.State != archive.Closed {
			t.Fatalf("after an orderly stop: %v, %v", r, err)
		}
	}
	d, _ := deps(t)
	report := verified(t, d, dir, archive.Incomplete)
	for _, c := range report.Cameras {
		if c.Coverage.Unexplained > 0 || len(c.Gaps) != 1 || !c.Gaps[0].Causes.Has(media.Stopped) || c.Gaps[0].Causes.Has(media.ProcessDown) {
			t.Errorf("%s: %v unexplained, gaps %+v", c.Name, c.Coverage.Unexplained, c.Gaps)
		}
	}
	decodes(t, dir)
}

func TestFFmpegPublishesAndIsRecorded(t *testing.T) {
	t.Parallel()
	peers.Need(t, "ffmpeg", "ffprobe")
	dir := filepath.Join(t.TempDir(), "live")
	s := serve(t, engine.ServeOptions{
		Record: engine.RecordInto{Dir: dir}, UDP: freeUDP(t),
		Paths: []engine.ServePath{{Name: "class-*", Record: true}},
	})
	for _, transport := range []string{"tcp", "udp"} {
		out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=25", "-f", "lavfi", "-i", "sine",
			"-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-c:a", "aac", "-t", "4", "-f", "rtsp", "-rtsp_transport", transport, s.rtsp+"class-"+transport).CombinedOutput()
		if err != nil {
			t.Fatalf("ffmpeg over %s: %v %s", transport, err, out)
		}
	}
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc", "-t", "1", "-f", "rtsp", s.rtsp+"elsewhere").CombinedOutput(); err == nil {
		t.Errorf("publishing on a path that is not configured: %s", out)
	}
	s.end(t)
	report := verified(t, s.Deps, dir, archive.Incomplete) // the times before and after
	for _, c := range report.Cameras {
		if c.Units < 4*25 || c.Coverage.Unexplained > 0 {
			t.Errorf("%s: %d units, %v unexplained", c.Name, c.Units, c.Coverage.Unexplained)
		}
		for _, g := range c.Gaps {
			if g.Causes.Has(media.Loss) || g.Causes.Has(media.Overflow) {
				t.Errorf("%s lost something: %+v", c.Name, g)
			}
		}
	}
	decodes(t, dir)
}

// freeUDP is an even port that is free, with the next one.
func freeUDP(t testing.TB) int {
	t.Helper()
	for range 50 {
		a, err := net.ListenPacket("udp", ":0")
		if err != nil {
			t.Fatal(err)
		}
		port := a.LocalAddr().(*net.UDPAddr).Port &^ 1
		a.Close()
		if a, err = net.ListenPacket("udp", fmt.Sprintf(":%d", port)); err != nil {
			continue
		}
		b, err := net.ListenPacket("udp", fmt.Sprintf(":%d", port+1))
		a.Close()
		if err == nil {
			b.Close()
			return port
		}
	}
	t.Fatal("no two UDP ports are free")
	return 0
}

func TestPullingOnDemandBeginsWithTheFirstViewerAndEndsAfterTheLast(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264"}})
	a := pulled("a", cam.URL("a"))
	a.OnDemand, a.Idle = true, time.Second
	s := serve(t, engine.ServeOptions{Paths: []engine.ServePath{a}})
	waitFor(t, "the path to be idle", func() bool { return s.state("a") == "idle" })
	if n := cam.Readers("a"); n != 0 {
		t.Fatalf("%d sessions with the camera, and nobody watches", n)
	}
	v, w := s.watch(t, "a"), s.watch(t, "a")
	sees(t, v, 10)
	sees(t, w, 10)
	if n := cam.Readers("a"); n != 1 {
		t.Errorf("%d sessions with the camera for two viewers", n)
	}
	v.Close()
	sees(t, w, 40) // longer than the idle time
	w.Close()
	waitFor(t, "the camera to be left alone", func() bool { return cam.Readers("a") == 0 })
	sees(t, s.watch(t, "a"), 10)
	s.end(t)
}

func TestAViewerWhoComesWhileThePullEndsIsServed(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264"}})
	a := pulled("a", cam.URL("a"))
	a.OnDemand, a.Idle = true, time.Nanosecond
	s := serve(t, engine.ServeOptions{Paths: []engine.ServePath{a}})
	for range 12 {
		v := s.watch(t, "a")
		sees(t, v, 3)
		v.Close()
	}
	s.end(t)
}

func TestWhoAsksForWhatIsNotThereIsToldWhy(t *testing.T) {
	t.Parallel()
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	off := pulled("off", "rtsp://"+nobody.Addr().String()+"/x")
	off.OnDemand = true
	s := serve(t, engine.ServeOptions{Paths: []engine.ServePath{off, {Name: "stage"}}})
	for path, kind := range map[string]fault.Kind{"nowhere": fault.NotFound, "stage": fault.NotFound} {
		_, err := engine.DialRTSP(t.Context(), rtsp.Options{URL: s.rtsp + path, Transport: rtsp.TCP})
		if !fault.Is(err, kind) {
			t.Errorf("%s: %v", path, err)
		}
	}
	began := time.Now()
	if _, err := engine.DialRTSP(t.Context(), rtsp.Options{URL: s.rtsp + "off", Transport: rtsp.TCP}); err == nil || time.Since(began) > 8*time.Second {
		t.Errorf("a camera that is off: %v after %v", err, time.Since(began))
	}
}

func TestReloadingDisturbsOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264", "b": "h264", "c": "h264"}})
	dir := filepath.Join(t.TempDir(), "live")
	a, b, c := pulled("a", cam.URL("a")), pulled("b", cam.URL("b")), pulled("c", cam.URL("c"))
	a.Record = true
	s := serve(t, engine.ServeOptions{Record: engine.RecordInto{Dir: dir}, Paths: []engine.ServePath{a, b}})
	keeps, goes := s.watch(t, "a"), s.watch(t, "b")
	sees(t, keeps, 5)
	sees(t, goes, 5)

	o := s.options
	o.Paths = []engine.ServePath{a, c, {Name: "x", OnDemand: true}} // makes no sense
	s.reload <- o
	waitFor(t, "the refusal", func() bool { return len(all[engine.Reloaded](s.events)) == 1 })
	if e := all[engine.Reloaded](s.events)[0]; e.Err == "" || !e.Serious() {
		t.Errorf("%+v", e)
	}
	sees(t, goes, 5) // nothing happened

	o.Paths = []engine.ServePath{a, c}
	o.Users = []access.User{{Name: "u", Password: "p", Grants: []access.Grant{{Paths: []string{"**"}, Rights: access.Rights()}}}}
	s.reload <- o
	waitFor(t, "the reload", func() bool { return len(all[engine.Reloaded](s.events)) == 2 })
	if e := all[engine.Reloaded](s.events)[1]; e.Err != "" {
		t.Fatalf("%+v", e)
	}
	sees(t, keeps, 30) // its run goes on
	waitFor(t, "the removed path's camera to be left alone", func() bool { return cam.Readers("b") == 0 })
	waitFor(t, "the new path", func() bool { return s.state("c") == "live" })
	if _, err := engine.DialRTSP(t.Context(), rtsp.Options{URL: s.rtsp + "c", Transport: rtsp.TCP}); !fault.Is(err, fault.Denied) {
		t.Errorf("without a password: %v", err)
	}
	url := strings.Replace(s.rtsp, "rtsp://", "rtsp://u:p@", 1)
	v, err := engine.DialRTSP(t.Context(), rtsp.Options{URL: url + "c", Transport: rtsp.TCP})
	if err != nil {
		t.Fatalf("with the password: %v", err)
	}
	sees(t, v, 5)
	v.Close()
	s.end(t)
	report := verified(t, s.Deps, dir, archive.Clean)
	if n := len(report.Cameras); n != 1 {
		t.Errorf("%d cameras", n)
	}
}

func TestAnEmptyAddressTurnsAProtocolOff(t *testing.T) {
	s := serve(t, engine.ServeOptions{HTTP: []string{}, Paths: []engine.ServePath{{Name: "**"}}})
	if s.http != "" || s.rtsp == "" {
		t.Errorf("%q %q", s.rtsp, s.http)
	}
	s.end(t)
	s = serve(t, engine.ServeOptions{RTSP: []string{}, Archives: []string{t.TempDir()}})
	if s.http == "" || s.rtsp != "" {
		t.Errorf("%q %q", s.rtsp, s.http)
	}
	s.end(t)
}

func TestNothingIsStartedWhereSomethingIsWrong(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := filepath.Join(t.TempDir(), "live")
	for name, c := range map[string]struct {
		o    engine.ServeOptions
		kind fault.Kind
	}{
		"a taken address": {engine.ServeOptions{RTSP: []string{taken.Addr().String()}}, fault.Busy},
		"no address":      {engine.ServeOptions{}, fault.Usage},
		"no certificate":  {engine.ServeOptions{RTSPS: []string{"127.0.0.1:0"}}, fault.Usage},
		"nowhere to record": {engine.ServeOptions{RTSP: []string{"127.0.0.1:0"}, Paths: []engine.ServePath{{Name: "a", Record: true}},
			Record: engine.RecordInto{}}, fault.Usage},
		"a name that is no folder": {engine.ServeOptions{RTSP: []string{"127.0.0.1:0"}, Paths: []engine.ServePath{{Name: "a/b", Record: true}},
			Record: engine.RecordInto{Dir: dir}}, fault.Usage},
		"a taken address, with a recording": {engine.ServeOptions{RTSP: []string{taken.Addr().String()}, Record: engine.RecordInto{Dir: dir}}, fault.Busy},
	} {
		d, seen := deps(t)
		if err := engine.Serve(t.Context(), d, c.o); !fault.Is(err, c.kind) {
			t.Errorf("%s: %v", name, err)
		}
		if n := len(all[engine.Serving](seen)); n > 0 {
			t.Errorf("%s: it served", name)
		}
	}
	if d, _ := deps(t); true {
		if _, err := d.FS.Stat(dir); err == nil {
			t.Error("a recording was begun")
		}
	}
}

func TestResumingAServersRecordingOnlyRepairsIt(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264"}})
	dir := filepath.Join(t.TempDir(), "live")
	a := pulled("a", cam.URL("a"))
	a.Record = true
	s := serve(t, engine.ServeOptions{Record: engine.RecordInto{Dir: dir}, Paths: []engine.ServePath{a}})
	sees(t, s.watch(t, "a"), 30)
	if _, err := engine.Resume(t.Context(), s.Deps, dir, engine.ResumeOptions{}); !fault.Is(err, fault.Busy) {
		t.Errorf("beside the server: %v", err)
	}
	s.end(t)
	d, _ := deps(t)
	if _, err := engine.Resume(t.Context(), d, dir, engine.ResumeOptions{}); err != nil {
		t.Errorf("after it: %v", err)
	}
	if n := cam.Readers("a"); n != 0 {
		t.Errorf("%d sessions with the camera", n)
	}
	verified(t, d, dir, archive.Clean)
}
