package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/media"
	"rtsprec/engine/rtsp"
	"rtsprec/engine/rtspcam"
)

// relaying is a relay under test.
type relaying struct {
	*events
	stop    context.CancelFunc
	done    chan struct{}
	summary *engine.RelaySummary
	err     error
}

// relay starts a relay that ends with the test.
func relay(t testing.TB, o engine.RelayOptions) *relaying {
	t.Helper()
	d, ev := deps(t)
	return relayWith(t, d, ev, o)
}

// relayWith is relay in a world of the test's own.
func relayWith(t testing.TB, d engine.Deps, ev *events, o engine.RelayOptions) *relaying {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &relaying{events: ev, stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.summary, r.err = engine.Relay(ctx, d, o)
	}()
	t.Cleanup(func() { cancel(); <-r.done })
	return r
}

// end stops a relay in order.
func (r *relaying) end(t testing.TB) {
	t.Helper()
	r.stop()
	select {
	case <-r.done:
	case <-time.After(30 * time.Second):
		t.Fatal("the relay does not end")
	}
}

// to is a target on a server of ours.
func to(port int, path string) engine.RelayTarget {
	return engine.RelayTarget{Name: path, URL: fmt.Sprintf("rtsp://127.0.0.1:%d/%s", port, path)}
}

// freeTCP is a port that is free now.
func freeTCP(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// takes is a server that records what is published.
func takes(t testing.TB, port int, dir string) *served {
	t.Helper()
	return serve(t, engine.ServeOptions{
		RTSP: []string{fmt.Sprintf("127.0.0.1:%d", port)}, UDP: freeUDP(t), Record: engine.RecordInto{Dir: dir},
		Paths: []engine.ServePath{{Name: "**", Record: true}},
	})
}

// replayed reads a recorded path as a server plays it: the marks of its pictures.
func replayed(t testing.TB, dir, path string) (marks []rtspcam.Mark, times []time.Time) {
	t.Helper()
	d, _ := deps(t)
	source, err := archive.NewLibrary(d.FS, d.Clock, dir).Play(t.Context(), path, time.Time{}, time.Time{}, false, false)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	for {
		au, err := source.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return marks, times
		}
		if err != nil {
			t.Fatal(err)
		}
		if codec := source.Run().Tracks[au.Track].Codec; codec.Video() {
			m, ok := rtspcam.ReadMark(codec, au.Data)
			if !ok {
				t.Errorf("a unit without a mark at %v", au.Wall)
			}
			marks, times = append(marks, m), append(times, au.Wall)
		}
	}
}

// newest is the last mark that a recording has so far; false while there is none.
func newest(dir, camera string) (rtspcam.Mark, bool) {
	marks, err := rtspcam.Recorded(filepath.Join(dir, camera))
	if err != nil || len(marks) == 0 {
		return rtspcam.Mark{}, false
	}
	return marks[len(marks)-1], true
}

// since waits until a recording has what was captured after an instant.
func since(t testing.TB, dir, camera string, at time.Time) {
	t.Helper()
	waitFor(t, "what was captured after "+at.Format(time.TimeOnly), func() bool {
		m, ok := newest(dir, camera)
		return ok && m.Capture.After(at)
	})
}

// complete holds what a server has recorded against what was relayed: every picture once,
// at the time at which it was captured.
func complete(t testing.TB, dir, path string, least int) {
	t.Helper()
	marks, times := replayed(t, dir, path)
	if len(marks) < least {
		t.Fatalf("%d units, at least %d were sent", len(marks), least)
	}
	noneMissing(t, path, marks)
	for i, m := range marks {
		if off := times[i].Sub(m.Capture); off < -time.Second || off > time.Second {
			t.Errorf("unit %d of %v is recorded as of %v", m.Counter, m.Capture, times[i])
			break
		}
	}
}

func TestRelaySendsLiveAndRecordsBeside(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264+aac"}})
	dir, port := filepath.Join(t.TempDir(), "far"), freeTCP(t)
	s := takes(t, port, dir)
	near := filepath.Join(t.TempDir(), "near")
	r := relay(t, engine.RelayOptions{
		Input:   camera("a", cam.URL("a"), "tcp"),
		Targets: []engine.RelayTarget{to(port, "x"), {Name: "y", URL: s.rtsp + "y", Transport: rtsp.TCP}, {Name: "u", URL: s.rtsp + "u", Transport: rtsp.UDP}, {Name: "nobody", URL: "rtsp://127.0.0.1:1/z"}},
		Record:  engine.RecordInto{Dir: near}, Grace: 2 * time.Second,
	})
	began := time.Now()
	for _, path := range []string{"x", "y", "u"} {
		since(t, dir, path, began.Add(3*time.Second))
	}
	r.end(t)
	if r.summary == nil || r.summary.Targets[0].Units < 60 || r.summary.Targets[0].Sessions != 1 {
		t.Errorf("%+v, %v", r.summary, r.err)
	}
	if kind := all[engine.TargetDown](r.events); len(kind) == 0 || kind[0].Target != "nobody" || r.err == nil {
		t.Errorf("%+v, %v", kind, r.err)
	}
	s.end(t)
	for _, path := range []string{"x", "y"} {
		complete(t, dir, path, 50)
	}
	complete(t, near, "a", 50)
}

func TestRelayWithASpoolLosesNothingWhileTheTargetIsAway(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264b+aac"}})
	dir, spool, port := filepath.Join(t.TempDir(), "far"), filepath.Join(t.TempDir(), "spool"), freeTCP(t)
	o := engine.RelayOptions{
		Input: camera("a", cam.URL("a"), "tcp"), Targets: []engine.RelayTarget{to(port, "x")}, Spool: engine.RelaySpool{Dir: spool, Pace: 8},
	}
	r := relay(t, o)
	waitFor(t, "the target to be missed", func() bool { return len(all[engine.TargetDown](r.events)) > 0 })
	<-time.After(3 * time.Second)
	s := takes(t, port, dir)
	since(t, dir, "x", time.Now())
	s.end(t) // and once more, in the middle
	<-time.After(2 * time.Second)
	s = takes(t, port, dir)
	since(t, dir, "x", time.Now())
	r.end(t)
	if r.err != nil {
		t.Error(r.err)
	}
	s.end(t)
	complete(t, dir, "x", 25*5)
	verified(t, s.Deps, dir, archive.Clean)
}

// What a relay that was stopped could not send is sent by the next.
func TestRelayLeavesInItsSpoolWhatTheNextOneSends(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264"}})
	dir, spool, port := filepath.Join(t.TempDir(), "far"), filepath.Join(t.TempDir(), "spool"), freeTCP(t)
	o := engine.RelayOptions{
		Input: camera("a", cam.URL("a"), "tcp"), Targets: []engine.RelayTarget{to(port, "x")}, Spool: engine.RelaySpool{Dir: spool}, Grace: time.Second,
	}
	r := relay(t, o)
	<-time.After(3 * time.Second)
	r.end(t)
	if r.err == nil {
		t.Error("nothing says that the target got nothing")
	}
	s := takes(t, port, dir)
	o.Grace = 0
	r = relay(t, o)
	since(t, dir, "x", time.Now())
	r.end(t)
	s.end(t)
	marks, _ := replayed(t, dir, "x")
	before := 0
	for i := 1; i < len(marks); i++ {
		switch step := marks[i].Counter - marks[i-1].Counter; {
		case step != 1 && before == 0:
			before = i // while no relay ran
		case step != 1:
			t.Errorf("unit %d follows %d", marks[i].Counter, marks[i-1].Counter)
		}
	}
	if before < 25 {
		t.Errorf("%d units are of the first relay", before)
	}
}

func TestWhenARelaySaysGoodbyeTheGapIsNoTimeout(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264+aac"}})
	dir, port := filepath.Join(t.TempDir(), "far"), freeTCP(t)
	s := takes(t, port, dir)
	r := relay(t, engine.RelayOptions{Input: camera("a", cam.URL("a"), "tcp"), Targets: []engine.RelayTarget{to(port, "x")}})
	since(t, dir, "x", time.Now().Add(time.Second))
	r.end(t)
	waitFor(t, "a gap", func() bool {
		rec, err := archive.Load(s.FS, dir)
		return err == nil && len(rec.Camera("x").Gaps) > 0
	})
	rec, err := archive.Load(s.FS, dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range rec.Camera("x").Gaps {
		if g.Causes != media.Because(media.StreamEnded) {
			t.Errorf("a gap because of %v", g.Causes)
		}
	}
}

func TestWhyARelayLacksSomethingIsRecordedAtTheFarEnd(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264"}})
	dir, port := filepath.Join(t.TempDir(), "far"), freeTCP(t)
	s := takes(t, port, dir)
	r := relay(t, engine.RelayOptions{
		Input: camera("a", cam.URL("a"), "tcp"), Targets: []engine.RelayTarget{to(port, "x")}, Spool: engine.RelaySpool{Dir: filepath.Join(t.TempDir(), "spool")},
	})
	since(t, dir, "x", time.Now().Add(time.Second))
	cam.Drop(2 * time.Second)
	since(t, dir, "x", time.Now().Add(3*time.Second))
	r.end(t)
	s.end(t)
	rec, err := archive.Load(s.FS, dir)
	if err != nil {
		t.Fatal(err)
	}
	told := false
	for _, g := range rec.Camera("x").Gaps {
		told = told || g.Causes.Has(media.StreamEnded) && g.To.Sub(g.From) > time.Second
		if g.Causes.Has(media.Loss) {
			t.Errorf("a gap of %v because of %v", g.To.Sub(g.From), g.Causes)
		}
	}
	if !told {
		t.Errorf("%+v", rec.Camera("x").Gaps)
	}
}
