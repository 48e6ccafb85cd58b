package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/rtsp"
	"rtsprec/engine/rtspcam"
	"rtsprec/testdata/netlab"
)

// weakWay is a camera behind a way whose rate can be chosen: on another host where this
// machine lets a test have one, behind a proxy otherwise.
type weakWay struct {
	host string
	kbit func(int)
}

func (w weakWay) url(path string) string { return "rtsp://" + w.host + "/" + path }

// wide is more than anything here sends, in kbit/s.
const wide = 100_000

func newWeakWay(t *testing.T, streams map[string]rtspcam.Stream) weakWay {
	t.Helper()
	host := netlab.New(t)
	if host == nil {
		return newUplink(t, rtspcam.Start(t, rtspcam.Options{Paths: streams}))
	}
	w := weakWay{fmt.Sprintf("%s:8554", host.Far), host.ShapeBack}
	text, err := json.Marshal(streams)
	if err != nil {
		t.Fatal(err)
	}
	cmd := host.Command(os.Args[0])
	cmd.Env = append(os.Environ(), cameraEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	waitFor(t, "the camera", func() bool {
		c, err := net.DialTimeout("tcp", w.host, time.Second)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return w
}

// cameraEnv makes the test binary a camera with these streams.
const cameraEnv = "ENGINE_TEST_CAMERA"

func cameraProcess(text string) int {
	var streams map[string]rtspcam.Stream
	if err := json.Unmarshal([]byte(text), &streams); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	c, err := rtspcam.New(rtspcam.Options{Paths: streams})
	if err == nil {
		var l net.Listener
		if l, err = net.Listen("tcp", ":8554"); err == nil {
			err = c.Serve(context.Background(), l)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// uplink is the way from a camera: all its connections share one rate.
type uplink struct {
	rate atomic.Int64 // bytes a second from the camera; 0: no limit

	mu   sync.Mutex
	free time.Time // when what was let through so far is through
}

func newUplink(t testing.TB, camera *rtspcam.Camera) weakWay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &uplink{}
	var workers sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	workers.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", camera.Addr().String())
			if err != nil {
				near.Close()
				continue
			}
			far.(*net.TCPConn).SetReadBuffer(64 << 10) // what is held up waits at the camera
			mu.Lock()
			open = append(open, near, far)
			mu.Unlock()
			workers.Go(func() { io.Copy(far, near); far.Close() })
			workers.Go(func() { u.carry(near, far); near.Close() })
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		workers.Wait()
	})
	return weakWay{l.Addr().String(), func(kbit int) { u.rate.Store(int64(kbit) * 125) }}
}

// carry takes from the camera what the way takes.
func (u *uplink) carry(to io.Writer, from io.Reader) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if rate := u.rate.Load(); rate > 0 {
			u.mu.Lock()
			now := time.Now()
			if u.free.Before(now) {
				u.free = now
			}
			u.free = u.free.Add(time.Duration(n) * time.Second / time.Duration(rate))
			wait := u.free.Sub(now)
			u.mu.Unlock()
			<-time.After(wait)
		}
		if _, e := to.Write(buf[:n]); err != nil || e != nil {
			return
		}
	}
}

// weakly is a recording of a camera whose main stream is too much for the way from it.
type weakly struct {
	way     weakWay
	events  *events
	dir     string
	d       engine.Deps
	stop    context.CancelFunc
	done    chan struct{}
	summary *engine.Summary
	err     error
}

func twoStreams() map[string]rtspcam.Stream {
	return map[string]rtspcam.Stream{"main": "heavy+aac", "sub": "h264+aac", "other": "h265"}
}

func recordWeakly(t *testing.T, way weakWay, sub string, dial func(engine.Deps) engine.Deps, o engine.RecordOptions) *weakly {
	t.Helper()
	w := &weakly{way: way, dir: filepath.Join(t.TempDir(), "rec"), done: make(chan struct{})}
	w.d, w.events = deps(t)
	w.way.kbit(3000)
	c := camera("a", w.way.url("main"), "tcp")
	c.SubURL = w.way.url(sub)
	ctx, cancel := context.WithCancel(context.Background())
	w.stop = cancel
	go func() {
		defer close(w.done)
		o.Dir, o.Cameras, o.Segment = w.dir, []journal.Camera{c}, wholeDay
		w.summary, w.err = engine.Record(ctx, dial(w.d), o.Retrying(time.Second))
	}()
	t.Cleanup(func() { cancel(); <-w.done })
	return w
}

// streams are the sessions so far: which stream each was of.
func (w *weakly) streams() (list []string) {
	for _, up := range all[engine.CameraUp](w.events) {
		list = append(list, map[bool]string{true: "sub", false: "main"}[up.SubStream])
	}
	return list
}

func (w *weakly) await(t *testing.T, streams ...string) {
	t.Helper()
	waitFor(t, fmt.Sprint(streams), func() bool { return slices.Equal(w.streams(), streams) })
}

// some lets the recording go on for a while.
func (w *weakly) some(t *testing.T) {
	t.Helper()
	at := time.Now()
	waitFor(t, "some of it", func() bool { return time.Since(at) > time.Second })
}

func (w *weakly) end() {
	w.stop()
	<-w.done
}

func asIs(d engine.Deps) engine.Deps { return d }

func TestNothingIsMissingWhereTheSubStreamTakesOverAndTheMainOneComesBack(t *testing.T) {
	t.Parallel()
	w := recordWeakly(t, newWeakWay(t, twoStreams()), "sub", asIs, engine.RecordOptions{})
	w.await(t, "main", "sub")
	w.way.kbit(wide)
	w.await(t, "main", "sub", "main")
	w.some(t)
	w.end()
	if w.err != nil {
		t.Error(w.err)
	}
	report := verified(t, w.d, w.dir, archive.Clean)
	c := report.Cameras[0]
	if len(c.Gaps) > 0 || len(c.Quality) != 1 || !strings.Contains(c.Quality[0].Why, "too narrow") || c.Quality[0].Width != 320 || c.Coverage.Sub <= 0 || c.Coverage.Sub >= c.Coverage.Media {
		t.Errorf("gaps %v, from the sub-stream %v, coverage %+v", c.Gaps, c.Quality, c.Coverage)
	}
	list, err := engine.List(t.Context(), w.d, []string{w.dir})
	if err != nil || list[0].Cameras[0].Coverage.Sub != c.Coverage.Sub {
		t.Errorf("%v, %+v", err, list)
	}
	var lines []journal.Quality
	log, err := journal.Read(w.d.FS, filepath.Join(w.dir, "journal"))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range log.Lines {
		if q, ok := l.Entry.(*journal.Quality); ok {
			lines = append(lines, *q)
		}
	}
	if len(lines) != 3 || lines[0].Stream != "main" || lines[1].Stream != "sub" || lines[1].Was != "main" || lines[2].Stream != "main" || lines[2].Rate < 1_000_000 {
		t.Errorf("%+v", lines)
	}
	decodes(t, w.dir)
}

func TestTheMainStreamOfAWeakSpanIsFetchedAndKeptBeside(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: twoStreams()})
	near, stop := nearby(t, cam, "main")
	source := fmt.Sprintf("rtsp://%s/cam", replayServer(t, near))
	w := recordWeakly(t, newUplink(t, cam), "sub", asIs, engine.RecordOptions{Length: 9 * time.Second, Backfill: []engine.BackfillSource{{URL: source}}})
	<-w.done
	stop()
	if w.err != nil {
		t.Error(w.err)
	}
	if list := all[engine.Backfilled](w.events); len(list) != 1 || list[0].Splice != "beside" {
		t.Errorf("%+v", list)
	}
	if _, err := engine.Resume(t.Context(), w.d, w.dir, engine.ResumeOptions{Repair: true}); err != nil {
		t.Error(err)
	}
	c := verified(t, w.d, w.dir, archive.Clean).Cameras[0]
	if len(c.Quality) != 1 || len(c.Beside) == 0 {
		t.Fatalf("smaller %+v, beside %+v", c.Quality, c.Beside)
	}
	first, last := c.Beside[0], c.Beside[len(c.Beside)-1]
	if first.From.After(c.Quality[0].From.Add(time.Second)) || last.To.Before(c.Quality[0].To.Add(-time.Second)) || c.Coverage.Sub == 0 {
		t.Errorf("beside %v to %v, smaller %+v, coverage %+v", first.From, last.To, c.Quality[0], c.Coverage)
	}
	for asRecorded, notes := range map[bool]int{false: 1, true: 0} {
		o := engine.ExportOptions{Dir: w.dir, Output: filepath.Join(t.TempDir(), "a.mp4"), AsRecorded: asRecorded}
		report, err := engine.Export(t.Context(), w.d, o)
		if err != nil || len(report.Files) != 1 || len(report.Files[0].Notes) != notes || report.Files[0].Length < 8.5 || report.Files[0].Length > 9.5 {
			t.Errorf("as recorded %t: %v %+v", asRecorded, err, report)
		}
	}
	units, _ := content(t, w.dir, "a")
	if n := len(units[0]); n > 30*9 {
		t.Errorf("%d pictures are played of 9 s", n)
	}
	decodes(t, w.dir)
}

func TestAMainStreamGoesOnWhereItsSubStreamIsNotToBeHad(t *testing.T) {
	t.Parallel()
	w := recordWeakly(t, newWeakWay(t, twoStreams()), "missing", asIs, engine.RecordOptions{})
	said := func() (n int) {
		for _, e := range all[engine.Notice](w.events) {
			if strings.Contains(e.Message, "not to be had") {
				n++
			}
		}
		return n
	}
	waitFor(t, "what is wrong with the sub-stream", func() bool { return said() > 0 })
	w.some(t)
	w.end()
	if w.err != nil || said() != 1 || len(w.streams()) != 1 {
		t.Errorf("%v, said %d times, %v", w.err, said(), w.streams())
	}
	verified(t, w.d, w.dir, archive.Clean)
}

func TestLossForSecondsMakesRoomForTheSubStream(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"main": "heavy+aac,loss=5%", "sub": "h264+aac"}})
	d, ev := deps(t)
	c := camera("a", cam.URL("main"), "udp")
	c.SubURL = cam.URL("sub")
	dir := filepath.Join(t.TempDir(), "rec")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := engine.Record(ctx, d, engine.RecordOptions{Dir: dir, Cameras: []journal.Camera{c}})
		done <- err
	}()
	waitFor(t, "the sub-stream", func() bool { ups := all[engine.CameraUp](ev); return len(ups) == 2 && ups[1].SubStream })
	cancel()
	if err := <-done; !fault.Is(err, fault.Incomplete) { // packets were lost
		t.Error(err)
	}
	if ups := all[engine.CameraUp](ev); !strings.Contains(ups[1].Why, "packets are lost") || ups[1].Transport != "udp" {
		t.Errorf("%+v", ups[1])
	}
	report, _ := engine.Verify(t.Context(), d, dir, archive.VerifyOptions{})
	if report == nil || report.Status != archive.Incomplete || len(report.Cameras[0].Gaps) > 0 || len(report.Cameras[0].Damage) == 0 {
		t.Errorf("%+v", report)
	}
}

func TestWhatACameraDoesWithItsClockIsNoReasonForTheSubStream(t *testing.T) {
	t.Parallel()
	d, ev := deps(t)
	o := engine.RecordOptions{Dir: filepath.Join(t.TempDir(), "rec"), Length: 7 * time.Second}
	paths := map[string]rtspcam.Stream{"sub": "h264"}
	for i, faults := range []rtspcam.Stream{"fps=12.5", "frozen@2s:2s", "jump=2h", "burst=5s", "clockstep=1h", "stall@2s:2s", "restart@3s", "noreports"} {
		paths[fmt.Sprint("main", i)] = "h264+aac," + faults
	}
	cam := rtspcam.Start(t, rtspcam.Options{Paths: paths})
	for i := range len(paths) - 1 {
		c := camera(fmt.Sprint("cam", i), cam.URL(fmt.Sprint("main", i)), "tcp")
		c.SubURL = cam.URL("sub")
		o.Cameras = append(o.Cameras, c)
	}
	if _, err := engine.Record(t.Context(), d, o); err != nil && !fault.Is(err, fault.Incomplete) {
		t.Error(err)
	}
	for _, up := range all[engine.CameraUp](ev) {
		if up.SubStream {
			t.Errorf("%s: %s", up.Camera, up.Why)
		}
	}
}

// TestACameraWithOneSessionIsAskedForTheOtherStreamOnceTheFirstIsClosed has another codec too.
func TestACameraWithOneSessionIsAskedForTheOtherStreamOnceTheFirstIsClosed(t *testing.T) {
	t.Parallel()
	w := recordWeakly(t, newWeakWay(t, twoStreams()), "other", oneSession, engine.RecordOptions{})
	w.await(t, "main", "sub")
	w.some(t)
	w.end()
	if w.err != nil && !fault.Is(w.err, fault.Incomplete) {
		t.Error(w.err)
	}
	report, err := engine.Verify(t.Context(), w.d, w.dir, archive.VerifyOptions{})
	if report == nil || report.Status == archive.Damaged || len(report.Cameras[0].Quality) != 1 || report.Cameras[0].Quality[0].Codec != media.H265 {
		t.Fatalf("%v %+v", err, report)
	}
	for _, g := range report.Cameras[0].Gaps {
		if g.To.Sub(g.From) > 8*time.Second || !strings.Contains(g.Note, "one session at a time") {
			t.Errorf("%+v", g)
		}
	}
	decodes(t, w.dir)
}

// oneSession is the world of cameras that give one session at a time.
func oneSession(d engine.Deps) engine.Deps {
	dial, open := d.Dial, &atomic.Int64{}
	d.Dial = func(ctx context.Context, o rtsp.Options) (engine.Session, error) {
		if open.Add(1) > 1 {
			open.Add(-1)
			return nil, fault.New(fault.Busy, "453")
		}
		s, err := dial(ctx, o)
		if err != nil {
			open.Add(-1)
			return nil, err
		}
		return &onlySession{Session: s, close: sync.OnceFunc(func() { open.Add(-1) })}, nil
	}
	return d
}

type onlySession struct {
	engine.Session
	close func()
}

func (s *onlySession) Close() error {
	defer s.close()
	return s.Session.Close()
}

// The camera says its parameter sets in its description only: who has the main stream's
// must be given the sub-stream's.
func TestATargetKeepsItsSessionWhileTheWayFromTheCameraIsTooNarrow(t *testing.T) {
	t.Parallel()
	way := newWeakWay(t, map[string]rtspcam.Stream{"main": "heavy+aac,noparams", "sub": "h264+aac,noparams"})
	way.kbit(1500)
	far, port := filepath.Join(t.TempDir(), "far"), freeTCP(t)
	server := takes(t, port, far)
	d, ev := deps(t)
	c := camera("a", way.url("main"), "tcp")
	c.SubURL = way.url("sub")
	r := relayWith(t, d, ev, engine.RelayOptions{Input: c, Targets: []engine.RelayTarget{{Name: "x", URL: fmt.Sprintf("rtsp://127.0.0.1:%d/x", port)}}})
	waitFor(t, "the sub-stream", func() bool { ups := all[engine.CameraUp](ev); return len(ups) == 2 && ups[1].SubStream })
	at := time.Now()
	waitFor(t, "some of it", func() bool { return time.Since(at) > 1500*time.Millisecond })
	r.end(t)
	if s := r.summary.Targets[0]; s.Sessions != 1 || s.Dropped > 0 {
		t.Errorf("%d sessions, %d units dropped", s.Sessions, s.Dropped)
	}
	server.end(t)
	dir := filepath.Join(far, "x")
	decodes(t, dir)
	if files := mediaFiles(t, dir); len(files) < 2 || len(files) > 3 { // the clock may cut one
		t.Errorf("%d files, want one of each size", len(files))
	}
}

// The camera says its parameter sets in its description only, as above.
func TestViewersAndTheRecordingOfAServerGoOnWhileTheWayFromACameraIsTooNarrow(t *testing.T) {
	t.Parallel()
	way := newWeakWay(t, map[string]rtspcam.Stream{"main": "heavy+aac,noparams", "sub": "h264+aac,noparams"})
	c, dir := camera("a", way.url("main"), "tcp"), filepath.Join(t.TempDir(), "rec")
	c.SubURL = way.url("sub")
	s := serve(t, engine.ServeOptions{Paths: []engine.ServePath{{Name: "a", Camera: &c, Record: true}}, Record: engine.RecordInto{Dir: dir}})
	v := s.watch(t, "a")
	way.kbit(1500)
	track := v.Run().Tracks[0]
	width := func() int { info, _ := media.Inspect(track); return info.Width }
	began, last := width(), time.Time{}
	for ctx, at := t.Context(), time.Now(); width() != 320; {
		au, err := v.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if au.Wall.Before(last) && au.Track == track.ID || time.Since(at) > 40*time.Second {
			t.Fatalf("%v after %v: still %d pixels wide", au.Wall, last, width())
		}
		if au.Track == track.ID {
			last = au.Wall
		}
		if au.Config != nil && au.Track == track.ID {
			track.Config = au.Config
		}
	}
	if ups := all[engine.CameraUp](s.events); began <= 320 || len(ups) != 2 || !strings.Contains(ups[1].Why, "too narrow") {
		t.Errorf("%d pixels wide at first, %+v", began, ups)
	}
	s.end(t)
	if one := verified(t, s.Deps, dir, archive.Clean).Cameras[0]; len(one.Quality) != 1 || len(one.Gaps) > 0 {
		t.Errorf("%+v", one)
	}
	decodes(t, dir)
}
