package engine_test

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/av"
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/rtsp"
	"rtsprec/engine/web"
	"rtsprec/testdata/netlab"
	"rtsprec/testdata/peers"
)

// counting counts the encoders of pictures that are open.
type counting struct {
	media.Coder
	open atomic.Int32
}

type counted struct {
	media.PictureEncoder
	by *counting
}

func (c *counting) PictureEncoder(o media.EncodeOptions) (media.PictureEncoder, error) {
	e, err := c.Coder.PictureEncoder(o)
	if err != nil {
		return nil, err
	}
	c.open.Add(1)
	return counted{e, c}, nil
}

func (c counted) Close() {
	c.by.open.Add(-1)
	c.PictureEncoder.Close()
}

// adapting serves boxes with sound, adapted and recorded.
func adapting(t testing.TB, dir string, udp int) *served {
	return adaptingTo(t, dialBoxes, dir, udp)
}

func adaptingTo(t testing.TB, cameras dial, dir string, udp int) *served {
	t.Helper()
	d, ev := deps(t)
	coder := av.New(av.Options{})
	if coder == nil {
		t.Skip("this build has no codecs")
	}
	d.Coder = &counting{Coder: coder}
	boxes()
	d.Dial = cameras
	a := pulled("a", "rtsp://boxes/a")
	a.Record, a.Adapt = true, small
	return serveAs(t, d, ev, engine.ServeOptions{Record: engine.RecordInto{Dir: dir}, UDP: udp, Paths: []engine.ServePath{a}})
}

// narrowed is the server behind a way whose rate towards its viewers can be chosen.
func (s *served) narrowed(t testing.TB) (url string, shape func(kbit int)) {
	host := strings.TrimSuffix(strings.TrimPrefix(s.rtsp, "rtsp://"), "/")
	k := newLink(t, host)
	return fmt.Sprintf("rtsp://127.0.0.1:%d/a", k.port), func(kbit int) { k.slack.Store(int64(kbit) * 125) }
}

// adapted is what the server says of the path.
func (s *served) adapted(t testing.TB) web.Adapted {
	t.Helper()
	var state web.State
	if s.fetch(t, "api/v1/live", &state); len(state.Cameras) != 1 || state.Cameras[0].Adapted == nil {
		t.Fatalf("state: %+v", state)
	}
	return *state.Cameras[0].Adapted
}

func (s *served) metrics(t testing.TB) string {
	t.Helper()
	r, err := http.Get(s.http + "metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAViewerWhoseLinkNarrowsGetsLessAndTheOthersAll(t *testing.T) {
	alone(t)
	dir := filepath.Join(t.TempDir(), "live")
	s := adapting(t, dir, 0)
	wide := view(t, s.rtsp+"a", rtsp.TCP)
	url, shape := s.narrowed(t)
	narrow := view(t, url, rtsp.TCP)
	began := 0
	for _, phase := range []struct {
		what string
		kbit int
		ok   func(n int, own bool) bool
	}{
		{"a second of the source", 0, func(n int, own bool) bool { return n > 30 && own }},
		{"other pictures, and some of them", 400, func(n int, own bool) bool { return n > began+20 && !own }},
		{"the source again", 0, func(n int, own bool) bool { return n > began && own }},
		{"a second of that", 0, func(n int, own bool) bool { return n > began+30 && own }},
	} {
		shape(phase.kbit)
		began, _ = narrow.seen()
		at := time.Now()
		for !phase.ok(narrow.seen()) {
			if time.Since(at) > time.Minute {
				t.Fatalf("waited in vain for %s", phase.what)
			}
			<-time.After(20 * time.Millisecond)
		}
		t.Logf("%s: after %v", phase.what, time.Since(at).Round(10*time.Millisecond))
	}
	wide.untouched(t)
	sizes := narrow.watchable(t, leastOften, 0)
	if len(sizes) < 3 || sizes[0] != "640x360" || sizes[len(sizes)-1] != "640x360" {
		t.Errorf("sizes: %v", sizes)
	}
	for i := range narrow.sounds[1:] {
		if gap := narrow.sounds[i+1].PTS - narrow.sounds[i].PTS; gap > 160 {
			t.Errorf("%d samples of sound are missing", gap-160)
		}
	}
	s.end(t)
	verified(t, s.Deps, dir, archive.Clean)
	if list := all[engine.AdaptChange](s.events); len(list) > 12 {
		t.Errorf("the picture changed %d times", len(list))
	}
}

func TestNarrowViewersShareTheEncoderOfTheirStep(t *testing.T) {
	alone(t)
	s := adapting(t, filepath.Join(t.TempDir(), "live"), 0)
	var narrow []*viewer
	var shapes []func(kbit int)
	for range 2 {
		url, shape := s.narrowed(t)
		shapes, narrow = append(shapes, shape), append(narrow, view(t, url, rtsp.TCP))
	}
	url, shape := s.narrowed(t)
	shapes = append(shapes, shape)
	peers.Need(t, "ffmpeg")
	said := make(chan string, 1)
	go func() { // decodes what it gets, and takes no offence at padding
		out, err := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-rtsp_transport", "tcp", "-analyzeduration", "500000", "-i", url, "-t", "5", "-f", "null", "-").CombinedOutput()
		said <- fmt.Sprintf("%s%v", out, err)
	}()
	coder := s.Coder.(*counting)
	var now web.Adapted
	waitFor(t, "all on the source", func() bool { return s.adapted(t).Readers["source"] == 3 })
	began := time.Now()
	for _, shape := range shapes {
		shape(200)
	}
	waitFor(t, "all on the lowest step, one encoder for all", func() bool {
		now = s.adapted(t)
		return now.Readers["key frames 150k"] == 3 && now.Encoders == 1 && coder.open.Load() == 1
	})
	t.Logf("after %v: %+v", time.Since(began).Round(100*time.Millisecond), now)
	metrics := s.metrics(t)
	for _, want := range []string{`rtsprec_camera_encoders{camera="a"} 1`, `rtsprec_camera_adapted_readers{camera="a",rung="key frames 150k"} 3`, `rtsprec_camera_adapted_readers{camera="a",rung="source"} 0`, `rtsprec_camera_rung_changes_total{camera="a"} `} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in %s", want, metrics)
		}
	}
	if text := <-said; text != "<nil>" {
		t.Errorf("ffmpeg: %s", text)
	}
	for _, v := range narrow {
		v.stop()
	}
	waitFor(t, "no encoder without viewers", func() bool { return s.adapted(t).Encoders == 0 && coder.open.Load() == 0 })
}

// A camera sends more when something moves before it. Who is on a step of a ladder that was
// made for less gets what the link takes all the same.
func TestTheStepsGrowWithTheSource(t *testing.T) {
	alone(t)
	var grown atomic.Bool
	s := adaptingTo(t, growingBoxes(&grown), filepath.Join(t.TempDir(), "live"), 0)
	url, shape := s.narrowed(t)
	v := view(t, url, rtsp.TCP)
	onStep := func(least int) func() bool {
		return func() bool {
			for name, n := range s.adapted(t).Readers {
				var rate int
				if _, err := fmt.Sscanf(name[strings.LastIndex(name, " ")+1:], "%dk", &rate); n > 0 && err == nil && rate >= least {
					return true
				}
			}
			return false
		}
	}
	waitFor(t, "the source", func() bool { return s.adapted(t).Readers["source"] == 1 })
	shape(1000)
	waitFor(t, "a step", onStep(0))
	grown.Store(true)
	shape(0)
	waitFor(t, "a step above what the source had", onStep(2200))
	v.watchable(t, leastOften, 0)
}

func TestWhoCannotReencodeCannotAdapt(t *testing.T) {
	d, _ := deps(t)
	err := engine.Serve(t.Context(), d, engine.ServeOptions{RTSP: []string{"127.0.0.1:0"}, Paths: []engine.ServePath{{Name: "a", Adapt: small}}})
	if !fault.Is(err, fault.Unsupported) {
		t.Errorf("%v", err)
	}
}

// Over UDP all that is known of the way is what the viewer reports.
func TestAViewerOverUDPIsFollowedByItsReports(t *testing.T) {
	alone(t)
	if testing.Short() {
		t.Skip("what TCP has shown, by what UDP tells: -short leaves it out")
	}
	host := netlab.New(t)
	if host == nil {
		t.Skip("this machine lets no test have a second host")
	}
	d, ev := deps(t)
	if d.Coder = av.New(av.Options{}); d.Coder == nil {
		t.Skip("this build has no codecs")
	}
	boxes()
	d.Dial = dialBoxes
	a := pulled("a", "rtsp://boxes/a")
	a.Adapt = small
	host.Shape(20_000)
	s := serveAs(t, d, ev, engine.ServeOptions{RTSP: []string{host.Near.String() + ":0"}, UDP: freeUDP(t), Paths: []engine.ServePath{a}})
	wide := view(t, s.rtsp+"a", rtsp.TCP)
	narrow := viewFrom(t, host, s.rtsp+"a", rtsp.UDP)
	step := func() int {
		if list := all[engine.AdaptChange](ev); len(list) > 0 {
			return list[len(list)-1].Step
		}
		return 0
	}
	wait := func(what string, limit time.Duration, ok func() bool) {
		t.Helper()
		began := time.Now()
		for !ok() {
			if time.Since(began) > limit {
				t.Fatalf("waited in vain for %s", what)
			}
			<-time.After(20 * time.Millisecond)
		}
		t.Logf("%s: after %v", what, time.Since(began).Round(10*time.Millisecond))
	}
	seen := func(n int) func() bool {
		before, _ := wide.seen()
		return func() bool { now, _ := wide.seen(); return now > before+n }
	}
	wait("some of the source", time.Minute, seen(50))
	host.Shape(700)
	wait("less", 20*time.Second, func() bool { return step() > 0 })
	wait("some of that", time.Minute, seen(150))
	host.Shape(20_000)
	wait("the source again", time.Minute, func() bool { return step() == 0 })
	wait("some of that", time.Minute, seen(25))
	wide.untouched(t)
	sizes := narrow.watchable(t, leastOften, math.MaxInt) // what is lost before the first report is lost
	if len(sizes) < 3 || sizes[0] != "640x360" || sizes[len(sizes)-1] != "640x360" {
		t.Errorf("sizes: %v", sizes)
	}
}
