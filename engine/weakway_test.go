package engine_test

import (
	"fmt"
	"io"

	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/rtspcam"
)

// uplink is the way from a camera: all its connections share one rate.
type uplink struct {
	port int
	rate atomic.Int64 // bytes a second from the camera; 0: no limit

	mu   sync.Mutex
	free time.Time // when what was let through so far is through
}

func newUplink(t testing.TB, camera *rtspcam.Camera) *uplink {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &uplink{port: l.Addr().(*net.TCPAddr).Port}
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
	return u
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

func (u *uplink) url(path string) string { return fmt.Sprintf("rtsp://127.0.0.1:%d/%s", u.port, path) }

func (u *uplink) kbit(n int64) { u.rate.Store(n * 125) }

func TestAWeakWay(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"main": "heavy+aac", "sub": "h264+aac"}})
	way := newUplink(t, cam)
	d, ev := deps(t)
	dir := filepath.Join(t.TempDir(), "rec")
	c := camera("a", way.url("main"), "tcp")
	c.SubURL = way.url("sub")
	time.AfterFunc(4*time.Second, func() { way.kbit(1500) })
	time.AfterFunc(14*time.Second, func() { way.kbit(0) })
	summary, err := engine.Record(t.Context(), d, engine.RecordOptions{Dir: dir, Length: 40 * time.Second, Cameras: []journal.Camera{c}})
	if err != nil && !fault.Is(err, fault.Incomplete) {
		t.Fatal(err)
	}
	ups := all[engine.CameraUp](ev)
	for _, u := range ups {
		t.Logf("%+v", u)
	}
	t.Logf("%+v", summary.Cameras[0])
	report, _ := engine.Verify(t.Context(), d, dir, archive.VerifyOptions{Deep: true})
	t.Logf("%s %+v", report.Status, report.Cameras[0])
	for _, f := range report.Findings {
		t.Log(f)
	}
	decodes(t, dir)
}
