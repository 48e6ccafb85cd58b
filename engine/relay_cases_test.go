package engine_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/media"
	"rtsprec/engine/rtsp"
	"rtsprec/engine/rtspcam"
)

// link is a proxy on the way to a server: it can be cut, and slowed down, and makes the
// server call itself somebody else.
type link struct {
	port  int
	to    string
	slow  atomic.Int64 // bytes a second towards the server; 0: no limit
	low   atomic.Int64 // the same from the server
	mu    sync.Mutex
	conns []net.Conn
	off   bool
}

func newLink(t testing.TB, to string) *link {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &link{port: l.Addr().(*net.TCPAddr).Port, to: to}
	var workers sync.WaitGroup
	workers.Go(func() {
		for {
			a, err := l.Accept()
			if err != nil {
				return
			}
			a.(*net.TCPConn).SetReadBuffer(16 << 10) // what is held up shows at its sender
			b, err := net.Dial("tcp", to)
			if err != nil || !k.keep(a, b) {
				a.Close()
				continue
			}
			b.(*net.TCPConn).SetReadBuffer(16 << 10)
			workers.Go(func() { k.forth(b, a); b.Close() })
			workers.Go(func() { k.back(a, b); a.Close() })
		}
	})
	t.Cleanup(func() { l.Close(); k.cut(); workers.Wait() })
	return k
}

func (k *link) keep(conns ...net.Conn) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.off {
		k.conns = append(k.conns, conns...)
	}
	return !k.off
}

// cut ends all connections and lets no new one through, until mended.
func (k *link) cut() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.off = true
	for _, c := range k.conns {
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
	k.conns = nil
}

func (k *link) mend() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.off = false
}

func (k *link) forth(to io.Writer, from io.Reader) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if _, e := to.Write(buf[:n]); err != nil || e != nil {
			return
		}
		if rate := k.slow.Load(); rate > 0 {
			time.Sleep(time.Duration(n) * time.Second / time.Duration(rate))
		}
	}
}

func (k *link) back(to io.Writer, from io.Reader) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if _, e := to.Write(bytes.ReplaceAll(buf[:n], []byte("Server: rtsprec"), []byte("Server: another"))); err != nil || e != nil {
			return
		}
		if rate := k.low.Load(); rate > 0 {
			time.Sleep(time.Duration(n) * time.Second / time.Duration(rate))
		}
	}
}

// collector is a hub that keeps the marks of all pictures that come, in order.
type collector struct {
	mu    sync.Mutex
	codec map[media.TrackID]media.Codec
	marks []rtspcam.Mark
	walls []time.Time
}

func (c *collector) Live(context.Context, string) (*rtsp.Stream, error) {
	return nil, context.Canceled
}

func (c *collector) Publish(context.Context, string, media.Run, rtsp.Publication) (media.Sink, error) {
	return c, nil
}

func (c *collector) Begin(_ context.Context, run media.Run) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.codec = map[media.TrackID]media.Codec{}
	for _, t := range run.Tracks {
		c.codec[t.ID] = t.Codec
	}
	return nil
}

func (c *collector) Write(_ context.Context, au media.AccessUnit) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m, ok := rtspcam.ReadMark(c.codec[au.Track], au.Data); ok && c.codec[au.Track].Video() {
		c.marks, c.walls = append(c.marks, m), append(c.walls, au.Wall)
	}
	return nil
}

func (c *collector) End(context.Context, media.Gap) error { return nil }
func (c *collector) Close(context.Context) error          { return nil }

// until waits for a picture that was captured after at.
func (c *collector) until(t testing.TB, at time.Time) {
	t.Helper()
	waitFor(t, "what was captured after "+at.Format(time.TimeOnly), func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.marks) > 0 && c.marks[len(c.marks)-1].Capture.After(at)
	})
}

// collect runs a server that records nothing and knows nothing.
func collect(t testing.TB) (*collector, string) {
	t.Helper()
	c := &collector{}
	s, err := rtsp.NewServer(rtsp.ServerOptions{Hub: c})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() { cancel(); <-done })
	return c, l.Addr().String()
}

// Case 39, for servers of others: nothing is lost on a cut link, and at most one group of
// pictures comes twice at each cut, with a spool and, as far as the queue has room, without.
func TestRelayOverALinkThatIsCut(t *testing.T) {
	t.Parallel()
	for _, spool := range []bool{true, false} {
		t.Run(map[bool]string{true: "spool", false: "queue"}[spool], func(t *testing.T) {
			t.Parallel()
			cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264b+aac"}})
			c, addr := collect(t)
			way := newLink(t, addr)
			o := engine.RelayOptions{Input: camera("a", cam.URL("a"), "tcp"), Targets: []engine.RelayTarget{to(way.port, "x")}}
			if spool {
				o.Spool.Dir = filepath.Join(t.TempDir(), "spool")
			}
			r := relay(t, o)
			const cuts = 3
			for range cuts {
				c.until(t, time.Now().Add(time.Second))
				way.cut()
				<-time.After(700 * time.Millisecond)
				way.mend()
			}
			c.until(t, time.Now().Add(time.Second))
			r.end(t)
			if r.err != nil {
				t.Error(r.err)
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			seen, doubled := map[uint64]bool{}, 0
			least, most := c.marks[0].Counter, c.marks[0].Counter
			for i, m := range c.marks {
				if seen[m.Counter] {
					doubled++
				}
				seen[m.Counter] = true
				least, most = min(least, m.Counter), max(most, m.Counter)
				if off := c.walls[i].Sub(m.Capture); off.Abs() > time.Second {
					t.Fatalf("unit %d of %v comes as of %v", m.Counter, m.Capture, c.walls[i])
				}
			}
			if n := uint64(len(seen)); n != most-least+1 {
				t.Errorf("%d of %d pictures", n, most-least+1)
			}
			if doubled > cuts*25 { // a key frame a second, 25 pictures a second
				t.Errorf("%d pictures came twice over %d cuts", doubled, cuts)
			}
		})
	}
}

// The input comes back as another camera, while the target is away: both are sent, each
// announced for what it is.
func TestRelayOfACameraThatBecomesAnother(t *testing.T) {
	t.Parallel()
	for _, spool := range []bool{true, false} {
		t.Run(map[bool]string{true: "spool", false: "queue"}[spool], func(t *testing.T) {
			t.Parallel()
			cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264+aac,become@3s=h265+pcma"}})
			c, addr := collect(t)
			way := newLink(t, addr)
			way.cut()
			o := engine.RelayOptions{Input: camera("a", cam.URL("a"), "tcp"), Targets: []engine.RelayTarget{to(way.port, "x")}}
			if spool {
				o.Spool.Dir = filepath.Join(t.TempDir(), "spool")
			} else {
				way.mend()
			}
			r := relay(t, o)
			waitFor(t, "another camera", func() bool { return len(all[engine.CameraUp](r.events)) > 1 })
			way.mend()
			c.until(t, time.Now().Add(time.Second))
			r.end(t)
			if r.err != nil {
				t.Error(r.err)
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.codec[0] != media.H265 || c.codec[1] != media.PCMA {
				t.Errorf("the last run was of %v", c.codec)
			}
			seen := map[uint64]bool{}
			for _, m := range c.marks {
				seen[m.Counter] = true
			}
			if first := c.marks[0].Counter; first > 25 {
				t.Errorf("the first picture is number %d", first)
			}
			if missing := int(c.marks[len(c.marks)-1].Counter-c.marks[0].Counter) + 1 - len(seen); missing > 50 { // up to two seconds without a camera
				t.Errorf("%d pictures are missing", missing)
			}
		})
	}
}

// Case 39: what is slow, refuses or is not there touches neither the others nor the
// recording.
func TestRelayTargetsDoNotTouchEachOtherNorTheRecording(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "heavy"}})
	good, addr := collect(t)
	_, other := collect(t)
	slow := newLink(t, other)
	slow.slow.Store(20 << 10)
	refusing := serve(t, engine.ServeOptions{Paths: []engine.ServePath{{Name: "nothing-else"}}})
	dir := filepath.Join(t.TempDir(), "near")
	r := relay(t, engine.RelayOptions{
		Input: camera("a", cam.URL("a"), "tcp"), Record: engine.RecordInto{Dir: dir}, Queue: 1 << 20, Grace: 2 * time.Second,
		Targets: []engine.RelayTarget{
			{Name: "good", URL: "rtsp://" + addr + "/x"}, to(slow.port, "slow"),
			{Name: "refusing", URL: refusing.rtsp + "x"}, {Name: "absent", URL: "rtsp://127.0.0.1:1/x"},
		},
	})
	good.until(t, time.Now().Add(6*time.Second))
	r.end(t)
	sent := map[string]engine.RelayTargetSummary{}
	if r.summary == nil {
		t.Fatal(r.err)
	}
	for _, s := range r.summary.Targets {
		sent[s.Name] = s
	}
	if s := sent["good"]; s.Dropped > 0 || s.Sessions != 1 {
		t.Errorf("%+v", s)
	}
	if s := sent["slow"]; s.Dropped == 0 {
		t.Errorf("what is slow misses nothing: %+v", s)
	}
	if sent["refusing"].Sessions+sent["absent"].Sessions > 0 || r.err == nil {
		t.Errorf("%+v, %v", sent, r.err)
	}
	noneMissing(t, "good", good.marks)
	complete(t, dir, "a", 30*5)
	d, _ := deps(t)
	verified(t, d, dir, archive.Clean)
}
