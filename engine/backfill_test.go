package engine_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/rtsp"
	"rtsprec/engine/rtspcam"
	"rtsprec/engine/vfs"
	"rtsprec/testdata/peers"
)

// cable is a network between two places: what goes through it stops when it is cut.
type cable struct {
	t  testing.TB
	mu sync.Mutex
	on bool
	up map[net.Conn]bool
}

func newCable(t testing.TB) *cable { return &cable{t: t, on: true, up: map[net.Conn]bool{}} }

// to returns the address under which another is reached through the link.
func (l *cable) to(address string) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		l.t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			work.Go(func() { l.carry(in, address) })
		}
	})
	l.t.Cleanup(func() {
		listener.Close()
		l.cut()
		work.Wait()
	})
	return listener.Addr().String()
}

func (l *cable) carry(in net.Conn, address string) {
	defer in.Close()
	out, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer out.Close()
	l.mu.Lock()
	if !l.on {
		l.mu.Unlock()
		return
	}
	l.up[in], l.up[out] = true, true
	l.mu.Unlock()
	var work sync.WaitGroup
	for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
		work.Go(func() {
			io.Copy(pair[0], pair[1])
			in.Close()
			out.Close()
		})
	}
	work.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.up, in)
	delete(l.up, out)
}

// cut ends everything that goes through; nothing gets through until mend.
func (l *cable) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.on = false
	for c := range l.up {
		c.Close()
	}
}

func (l *cable) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.on = true
}

// noHub is a hub without anything live.
type noHub struct{}

func (noHub) Live(context.Context, string) (*rtsp.Stream, error) {
	return nil, fault.New(fault.NotFound, "nothing is live here")
}

func (noHub) Publish(context.Context, string, media.Run, rtsp.Publication) (media.Sink, error) {
	return nil, fault.New(fault.Denied, "nobody may publish here")
}

// replayServer serves the recordings below a directory and returns its address.
func replayServer(t testing.TB, dir string) string {
	t.Helper()
	s, err := rtsp.NewServer(rtsp.ServerOptions{Hub: noHub{}, Library: archive.NewLibrary(vfs.OS(), media.SystemClock{}, dir)})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// through is an address with another host.
func through(url, host string) string {
	scheme, rest, _ := strings.Cut(url, "://")
	user := ""
	if i := strings.LastIndex(rest, "@"); i >= 0 {
		user, rest = rest[:i+1], rest[i+1:]
	}
	_, path, _ := strings.Cut(rest, "/")
	return scheme + "://" + user + host + "/" + path
}

func hostOf(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	rest = rest[strings.LastIndex(rest, "@")+1:]
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// content lists what a recording holds of one camera, as it is played: the units of each
// track, or, of sound that is samples and nothing else, the samples.
func content(t testing.TB, dir, camera string) (units [][]string, samples [][]byte) {
	t.Helper()
	s, err := archive.NewLibrary(vfs.OS(), media.SystemClock{}, dir).Replay(context.Background(), camera, archive.PlayOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	units, samples = make([][]string, len(s.Run().Tracks)), make([][]byte, len(s.Run().Tracks))
	for {
		au, err := s.Next(context.Background())
		if errors.Is(err, io.EOF) {
			return units, samples
		}
		if err != nil {
			t.Fatal(err)
		}
		if s.Run().Tracks[au.Track].Codec == media.PCMA {
			samples[au.Track] = append(samples[au.Track], au.Data...)
			continue
		}
		units[au.Track] = append(units[au.Track], fmt.Sprintf("%x", sha256.Sum256(au.Data)))
	}
}

// stretchOf fails unless part is a stretch of whole, without anything missing or doubled.
func stretchOf(t testing.TB, what string, part, whole []string) {
	t.Helper()
	at := map[string]int{}
	for i, u := range whole {
		at[u] = i
	}
	bad := 0
	for i := 1; i < len(part) && bad < 5; i++ {
		a, ok := at[part[i-1]]
		b, ok2 := at[part[i]]
		if !ok || !ok2 || b != a+1 {
			bad++
			t.Errorf("%s: unit %d is %d of the undisturbed recording (known %v), the one before %d", what, i, b, ok2, a)
		}
	}
	if len(part) == 0 {
		t.Errorf("%s: nothing is recorded", what)
	}
}

// same fails unless what one recording holds is a stretch of another, unit for unit.
func same(t testing.TB, part, whole string) {
	t.Helper()
	a, some := content(t, part, "cam")
	b, all := content(t, whole, "cam")
	for i := range a {
		if len(some[i]) > 0 {
			if !bytes.Contains(all[i], some[i]) {
				t.Errorf("track %d: its %d samples are not a stretch of those %d", i, len(some[i]), len(all[i]))
			}
			continue
		}
		stretchOf(t, fmt.Sprintf("track %d", i), a[i], b[i])
	}
}

// clipped fails unless a clip of the whole recording is as long as its window and holds
// every picture of it once, one behind the other.
func clipped(t testing.TB, dir string) {
	t.Helper()
	peers.Need(t, "ffprobe")
	units, _ := content(t, dir, "cam")
	c, err := archive.NewLibrary(vfs.OS(), media.SystemClock{}, dir).Clip(context.Background(), "cam", archive.ClipOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	file := filepath.Join(t.TempDir(), "clip.mp4")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.WriteTo(f)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=dts_time", "-of", "csv=p=0", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	times := strings.Fields(string(out))
	if len(times) != len(units[0]) {
		t.Errorf("the clip has %d pictures, the recording %d", len(times), len(units[0]))
	}
	for i := 1; i < len(times); i++ {
		a, _ := strconv.ParseFloat(strings.TrimRight(times[i-1], ","), 64)
		b, _ := strconv.ParseFloat(strings.TrimRight(times[i], ","), 64)
		if step := b - a; step < 0.001 || step > 1 { // under load what comes first is dated late
			t.Errorf("picture %d of the clip comes %.3f s after the one before", i, step)
		}
	}
}

// nearby records a camera without a disturbance until the test says so.
func nearby(t testing.TB, cam *rtspcam.Camera, path string) (dir string, stop func()) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "near")
	d, e := deps(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		_, err := engine.Record(ctx, d, engine.RecordOptions{Dir: dir, Cameras: []journal.Camera{camera("cam", cam.URL(path), "tcp")}, Segment: 4 * time.Second})
		done <- err
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil && !fault.Is(err, fault.Incomplete) {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	// It is to begin a key frame before the other.
	waitFor(t, "the recording beside the camera", func() bool {
		list := all[engine.Progress](e)
		return len(list) > 0 && !list[len(list)-1].From.IsZero() && list[len(list)-1].At.Sub(list[len(list)-1].From) > 1500*time.Millisecond
	})
	return dir, stop
}

func TestWhatACutLinkCostIsFilledUnitForUnit(t *testing.T) {
	t.Parallel()
	for _, stream := range []rtspcam.Stream{"h264+aac", "h264b+pcma", "h265b+opus"} {
		t.Run(string(stream), func(t *testing.T) {
			t.Parallel()
			cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"live": stream}})
			near, stop := nearby(t, cam, "live")
			l := newCable(t)
			far := filepath.Join(t.TempDir(), "far")
			d, e := deps(t)
			go func() {
				waitFor(t, "the window", func() bool { return len(all[engine.CameraUp](e)) > 0 })
				<-time.After(4 * time.Second)
				l.cut()
				<-time.After(2 * time.Second)
				l.mend()
			}()
			summary, err := engine.Record(context.Background(), d, engine.RecordOptions{
				Dir: far, Length: 10 * time.Second, Segment: 4 * time.Second,
				Cameras:  []journal.Camera{camera("cam", through(cam.URL("live"), l.to(hostOf(cam.URL("live")))), "tcp")},
				Backfill: []engine.BackfillSource{{URL: "rtsp://" + l.to(replayServer(t, near)) + "/cam"}},
			})
			if err != nil {
				t.Errorf("record: %v", err)
			}
			if summary != nil && summary.Cameras[0].Coverage != 1 {
				t.Errorf("coverage is %v, gaps %+v", summary.Cameras[0].Coverage, summary.Cameras[0].Gaps)
			}
			stop()
			filled := all[engine.Backfilled](e)
			if len(filled) == 0 {
				t.Fatal("nothing was filled")
			}
			for _, f := range filled {
				if f.Splice != "identity" {
					t.Errorf("joined by %s: %s", f.Splice, f.Text(time.UTC))
				}
			}
			same(t, far, near)
			clipped(t, far)
			verified(t, d, far, archive.Clean)
		})
	}
}
