package engine_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/av"
	"rtsprec/engine/media"
	"rtsprec/engine/rtsp"
	"rtsprec/presets"
	"rtsprec/testdata/netlab"
)

// small is a ladder for the moving boxes that is cheap to encode.
var small = engine.RelayAdapt{Ladder: presets.Ladder{Name: "small", Rungs: []presets.Rung{
	{Width: 640, Height: 360, FPS: 25, Bitrate: 2_000_000}, {Width: 320, Height: 180, FPS: 12.5, Bitrate: 700_000},
	{Width: 160, Height: 90, FPS: 12.5, Bitrate: 400_000}, {KeyFramesOnly: true, Bitrate: 150_000},
}}}

// leastOften is how far apart pictures may come: on the lowest step there is one every 2 s.
const leastOften = 2500 * time.Millisecond

// boxes are two seconds of 640x360 at 25 pictures and more than 1 Mbit a second, which no
// encoder makes much smaller.
var boxes = sync.OnceValues(func() (media.Track, []media.AccessUnit) {
	coder := av.New(av.Options{})
	canvas, err := coder.Canvas(media.CanvasOptions{Width: 640, Height: 360})
	if err != nil {
		panic(err)
	}
	defer canvas.Close()
	encoder, err := coder.PictureEncoder(media.EncodeOptions{
		Codec: media.H264, Width: 640, Height: 360, FPS: 25, Bitrate: 2_000_000, MaxBitrate: 2_000_000, GOP: time.Second, LowLatency: true, Preset: "superfast",
	})
	if err != nil {
		panic(err)
	}
	defer encoder.Close()
	seed := rand.New(rand.NewPCG(1, 2))
	var units []media.AccessUnit
	for n := range media.Ticks(50) {
		for range 40 {
			at := image.Pt(seed.IntN(640), seed.IntN(360))
			canvas.Fill(image.Rectangle{at, at.Add(image.Pt(10+seed.IntN(70), 10+seed.IntN(50)))}, color.NRGBA{uint8(seed.IntN(256)), uint8(seed.IntN(256)), uint8(seed.IntN(256)), 255})
		}
		p, err := canvas.Picture(n*3600, time.Unix(0, 0))
		if err != nil {
			panic(err)
		}
		out, err := encoder.Encode(p, n%25 == 0)
		p.Release()
		if err != nil || len(out) != 1 {
			panic(fmt.Sprint(len(out), err))
		}
		out[0].Data = out[0].Data[:len(out[0].Data):len(out[0].Data)]
		units = append(units, out[0])
	}
	return encoder.Track(), units
})

// boxCamera is a session with a camera that sends boxes over and over, and sound.
type boxCamera struct {
	run   media.Run
	units []media.AccessUnit
	n     int64 // of the next picture, or the two blocks of sound before it
	block int64
	over  chan struct{}
	close func()
	more  func() []byte // in front of each picture; nil: nothing
}

func dialBoxes(context.Context, rtsp.Options) (engine.Session, error) {
	track, units := boxes()
	now := time.Now()
	over := make(chan struct{})
	return &boxCamera{over: over, close: sync.OnceFunc(func() { close(over) }), run: media.Run{ID: uint64(now.UnixNano()), Start: now, Tracks: []media.Track{
		track, {ID: 1, Codec: media.PCMA, ClockRate: 8000, SampleRate: 8000, Channels: 1},
	}}, units: units}, nil
}

// dial is what stands in for cameras.
type dial = func(context.Context, rtsp.Options) (engine.Session, error)

// growingBoxes are boxes of 4 Mbit/s more once grown is set.
func growingBoxes(grown *atomic.Bool) dial {
	filler := append(bytes.Repeat([]byte{0xff}, 20_000), 0x80) // ITU-T H.264 7.3.2.7
	unit := append(binary.BigEndian.AppendUint32(nil, uint32(1+len(filler))), append([]byte{12}, filler...)...)
	return func(ctx context.Context, o rtsp.Options) (engine.Session, error) {
		s, err := dialBoxes(ctx, o)
		s.(*boxCamera).more = func() []byte {
			if grown.Load() {
				return unit
			}
			return nil
		}
		return s, err
	}
}

func (c *boxCamera) Run() media.Run    { return c.run }
func (c *boxCamera) Close() error      { c.close(); return nil }
func (c *boxCamera) Stats() rtsp.Stats { return rtsp.Stats{} }

func (c *boxCamera) Next(ctx context.Context) (au media.AccessUnit, err error) {
	if c.block < 2*c.n {
		au = media.AccessUnit{Track: 1, PTS: c.block * 160, DTS: c.block * 160, Key: true, Data: make([]byte, 160)}
		au.Wall = c.run.Start.Add(time.Duration(c.block) * 20 * time.Millisecond)
		c.block++
	} else {
		au = c.units[c.n%int64(len(c.units))]
		au.PTS, au.DTS, au.Wall = c.n*3600, c.n*3600, c.run.Start.Add(time.Duration(c.n)*40*time.Millisecond)
		if c.n++; c.more != nil {
			au.Data = append(slices.Clone(c.more()), au.Data...)
		}
	}
	select {
	case <-time.After(time.Until(au.Wall)):
	case <-c.over:
		return au, io.EOF
	case <-ctx.Done():
		return au, ctx.Err()
	}
	au.Arrival = time.Now()
	return au, nil
}

// box says which of the boxes a picture is, to the last bit; false: it is another.
func box(au media.AccessUnit) (int, bool) {
	_, units := boxes()
	for i, u := range units {
		if bytes.HasSuffix(au.Data, u.Data) && len(au.Data) < len(u.Data)+100 { // parameter sets may stand before
			return i, true
		}
	}
	return 0, false
}

// viewer keeps what a session is sent.
type viewer struct {
	track media.Track
	stop  func()

	mu      sync.Mutex
	units   []media.AccessUnit // of the pictures
	sounds  []media.AccessUnit
	dropped error
}

// viewerEnv makes this binary a viewer, which writes what it is sent.
const viewerEnv = "ENGINE_TEST_VIEWER"

// viewing is what such a process is told.
type viewing struct {
	URL       string
	Transport rtsp.Transport
	Out       string
}

// viewed is what it writes: for each picture, and for sound.
type viewed struct {
	Track media.Track
	Unit  media.AccessUnit
}

func viewerProcess(text string) int {
	var o viewing
	err := json.Unmarshal([]byte(text), &o)
	out, e := os.Create(o.Out)
	if err = errors.Join(err, e); err == nil {
		err = writeViewed(o, gob.NewEncoder(out))
	}
	fmt.Fprintln(os.Stderr, "viewer:", err)
	return 1
}

func writeViewed(o viewing, to *gob.Encoder) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := engine.DialRTSP(ctx, rtsp.Options{URL: o.URL, Transport: o.Transport})
	for err == nil {
		var au media.AccessUnit
		if au, err = s.Next(ctx); err == nil {
			err = to.Encode(viewed{s.Run().Tracks[au.Track], au})
		}
	}
	return err
}

// viewFrom is view on another host. Its units are there after stop.
func viewFrom(t testing.TB, host *netlab.Host, url string, transport rtsp.Transport) *viewer {
	t.Helper()
	o := viewing{url, transport, filepath.Join(t.TempDir(), "viewed")}
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	cmd := host.Command(os.Args[0])
	cmd.Env = append(os.Environ(), viewerEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	v := &viewer{}
	v.stop = sync.OnceFunc(func() {
		cmd.Process.Kill()
		cmd.Wait()
		file, err := os.Open(o.Out)
		if err != nil {
			t.Error(err)
			return
		}
		defer file.Close()
		for from := gob.NewDecoder(file); ; {
			var u viewed
			switch {
			case from.Decode(&u) != nil: // the last one is torn
				return
			case u.Track.Codec.Video():
				v.track, v.units = u.Track, append(v.units, u.Unit)
			default:
				v.sounds = append(v.sounds, u.Unit)
			}
		}
	})
	t.Cleanup(v.stop)
	return v
}

func view(t testing.TB, url string, transport rtsp.Transport) *viewer {
	t.Helper()
	s, err := engine.DialRTSP(t.Context(), rtsp.Options{URL: url, Transport: transport})
	if err != nil {
		t.Fatalf("watch %s: %v", url, err)
	}
	v := &viewer{track: s.Run().Tracks[0]}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		for {
			au, err := s.Next(ctx)
			v.mu.Lock()
			switch {
			case ctx.Err() != nil:
			case err != nil:
				v.dropped = err
			case au.Track == v.track.ID:
				v.units = append(v.units, au)
			default:
				v.sounds = append(v.sounds, au)
			}
			v.mu.Unlock()
			if err != nil {
				return
			}
		}
	})
	v.stop = sync.OnceFunc(func() { cancel(); s.Close(); done.Wait() })
	t.Cleanup(v.stop)
	return v
}

// seen is how many pictures came, and whether the newest is the camera's own.
func (v *viewer) seen() (n int, own bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if n = len(v.units); n > 0 {
		_, own = box(v.units[n-1])
	}
	return n, own
}

// untouched fails where a viewer was not sent the camera's pictures, all of them and to the
// last bit.
func (v *viewer) untouched(t testing.TB) {
	t.Helper()
	v.stop()
	_, all := boxes()
	last := -1
	for i, au := range v.units {
		n, own := box(au)
		if !own || len(au.Data) != len(all[n].Data) || i > 0 && n != (last+1)%len(all) {
			t.Fatalf("unit %d of %d is not the camera's: %d behind %d", i, len(v.units), n, last)
		}
		last = n
	}
}

// watchable decodes what a viewer was sent. It fails where a picture cannot be decoded,
// times do not rise, none came for longer than freeze, or more than most lack packets. It
// returns the sizes in order of appearance.
func (v *viewer) watchable(t testing.TB, freeze time.Duration, most int) (sizes []string) {
	t.Helper()
	v.stop()
	if v.dropped != nil {
		t.Errorf("the session ended: %v", v.dropped)
	}
	d, err := av.New(av.Options{}).PictureDecoder(v.track, media.DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	pictures, damaged, longest := 0, 0, time.Duration(0)
	for i, au := range v.units {
		if au.Damaged || au.Missing != nil {
			damaged++
		}
		if i > 0 {
			if au.PTS <= v.units[i-1].PTS {
				t.Errorf("unit %d of time %d behind %d", i, au.PTS, v.units[i-1].PTS)
			}
			longest = max(longest, au.Arrival.Sub(v.units[i-1].Arrival))
		}
		shown, err := d.Decode(au)
		if err != nil && !au.Damaged {
			t.Errorf("unit %d cannot be decoded: %v", i, err)
		}
		for _, p := range shown {
			pictures++
			w, h := p.Size()
			if size := fmt.Sprintf("%dx%d", w, h); len(sizes) == 0 || sizes[len(sizes)-1] != size {
				sizes = append(sizes, size)
			}
			p.Release()
		}
	}
	t.Logf("%d pictures, %d damaged, %v, longest freeze %v", pictures, damaged, sizes, longest.Round(time.Millisecond))
	if damaged > most {
		t.Errorf("%d units lack packets", damaged)
	}
	if pictures < len(v.units)*9/10 {
		t.Errorf("%d pictures of %d units", pictures, len(v.units))
	}
	if longest > freeze {
		t.Errorf("the picture stood still for %v", longest)
	}
	return sizes
}
