package web

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/testdata/peers"
)

// day is when everything in these tests was recorded.
var day = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// film is a fragmented MP4 made by ffmpeg, and where its fragments are.
type film struct {
	data      []byte
	init      int // bytes before the first fragment
	fragments []fragment
	codecs    string
}

type fragment struct {
	offset, size int64
	start, span  time.Duration
	key          bool
}

var films struct {
	sync.Mutex
	made map[string]*film
}

// makeFilm encodes 20 s with a key frame every second, in fragments of half a second. The
// name chooses the codings: "h264+aac", "h265", "flac", ...
func makeFilm(t testing.TB, name string) *film {
	t.Helper()
	peers.Need(t, "ffmpeg")
	films.Lock()
	defer films.Unlock()
	if f := films.made[name]; f != nil {
		return f
	}
	f := &film{}
	var args, codecs []string
	for what := range strings.SplitSeq(name, "+") {
		switch what {
		case "h264":
			args = append(args, "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "main", "-x264-params", "keyint=25:min-keyint=25:scenecut=0")
			codecs = append(codecs, "avc1.4d400d")
		case "h265":
			args = append(args, "-pix_fmt", "yuv420p", "-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-x265-params", "log-level=none:keyint=25:min-keyint=25:scenecut=0")
			codecs = append(codecs, "hvc1.1.6.L60.90")
		case "aac":
			args = append(args, "-c:a", "aac")
			codecs = append(codecs, "mp4a.40.2")
		case "opus":
			args = append(args, "-c:a", "libopus")
			codecs = append(codecs, "opus")
		case "flac":
			args = append(args, "-c:a", "flac", "-sample_fmt", "s16", "-strict", "-2")
			codecs = append(codecs, "fLaC")
		}
	}
	f.codecs = strings.Join(codecs, ",")
	file := filepath.Join(t.TempDir(), "film.mp4")
	in := []string{"-nostdin", "-v", "error", "-y"}
	if strings.HasPrefix(name, "h26") {
		in = append(in, "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=20")
	}
	if strings.Contains(name, "aac") || strings.Contains(name, "opus") || strings.Contains(name, "flac") {
		in = append(in, "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=20")
	}
	args = append(in, append(args, "-movflags", "empty_moov+default_base_moof+frag_keyframe", "-frag_duration", "500000", file)...)
	if out, err := exec.Command("ffmpeg", args...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	var err error
	if f.data, err = os.ReadFile(file); err != nil {
		t.Fatal(err)
	}
	f.cut(t)
	if films.made == nil {
		films.made = map[string]*film{}
	}
	films.made[name] = f
	return f
}

// cut finds the fragments: from one moof to the next.
func (f *film) cut(t testing.TB) {
	var starts []int
	for at := 0; at+8 <= len(f.data); {
		size := int(binary.BigEndian.Uint32(f.data[at:]))
		switch string(f.data[at+4 : at+8]) {
		case "moof":
			starts = append(starts, at)
		case "mfra":
			f.data = f.data[:at]
		}
		at += max(size, 8)
	}
	if len(starts) < 30 {
		t.Fatalf("the film has %d fragments", len(starts))
	}
	f.init = starts[0]
	span := 20 * time.Second / time.Duration(len(starts))
	for i, at := range starts {
		end := len(f.data)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		f.fragments = append(f.fragments, fragment{int64(at), int64(end - at), time.Duration(i) * span, span, i%2 == 0})
	}
}

// archive is a library of one recording, "class", with one camera, "teacher", of which
// the film was recorded at day, then, after a gap of 10 s, again.
type archive struct {
	film  *film
	track Track
	clock media.Clock
	live  time.Time // when live recording began; zero: nobody records

	mu     sync.Mutex
	opened map[string]int
}

func (a *archive) Recordings(context.Context) ([]Recording, error) {
	state := "closed"
	if !a.live.IsZero() {
		state = "recording"
	}
	tracks := []Track{{Kind: "video", Codec: "h264", Title: "H.264 320x240", Codecs: "avc1.4d400d", Width: 320, Height: 240, Browser: AsRecorded}}
	if a.track.Kind != "" {
		tracks = []Track{a.track}
	}
	c := Camera{Path: "class/teacher", Name: "teacher", Recording: "class", State: state, From: day, To: day.Add(50 * time.Second),
		Bytes: 2 * int64(len(a.film.data)), Segments: 2, Coverage: 0.8, Gaps: 1, Missing: 10, Tracks: tracks}
	other := c
	other.Path, other.Name, other.Tracks = "class/écran 2", "écran 2", []Track{TrackOf(media.Track{Codec: media.MJPEG, ClockRate: 90000})}
	return []Recording{{Name: "class", State: state, From: day, To: day.Add(50 * time.Second), Bytes: 2 * c.Bytes, Cameras: []Camera{c, other}}}, nil
}

func (a *archive) known(camera string) error {
	if camera != "class/teacher" {
		return fault.New(fault.NotFound, "no camera %q", camera)
	}
	return nil
}

func (a *archive) Timeline(_ context.Context, camera string, from, to time.Time) (Timeline, error) {
	if camera != "class/teacher" && camera != "class/écran 2" {
		return Timeline{}, a.known(camera)
	}
	at := func(s int) time.Time { return day.Add(time.Duration(s) * time.Second) }
	return Timeline{Camera: camera, From: at(0), To: at(50),
		Spans: []Span{
			{Use: "media", From: at(0), To: at(20)},
			{Use: "gap", From: at(20), To: at(30), Causes: media.Because(media.Unreachable), Note: "no route to host"},
			{Use: "media", From: at(30), To: at(50)}},
		Damage:    []Damage{{From: at(5), To: at(6), Units: 3, Lost: 7}},
		Protected: []Protected{{From: at(35), To: at(45), Why: "exam"}},
	}, nil
}

func (a *archive) header() *Piece {
	return &Piece{URI: "class/teacher/1.mp4", Length: int64(a.film.init), Codecs: a.film.codecs}
}

func (a *archive) Pieces(_ context.Context, camera, _ string, from, to time.Time) ([]Piece, []string, error) {
	if err := a.known(camera); err != nil {
		return nil, nil, err
	}
	header := a.header()
	var list []Piece
	for n, start := range []time.Time{day, day.Add(30 * time.Second)} {
		first := true
		for i := 0; i+1 < len(a.film.fragments); i += 2 {
			x, y := a.film.fragments[i], a.film.fragments[i+1]
			p := Piece{URI: "class/teacher/1.mp4", Offset: x.offset, Length: x.size + y.size,
				Time: start.Add(x.start), Duration: x.span + y.span, Key: true, Init: header, Discontinuity: n > 0 && first}
			if !p.Time.Before(to) || !p.Time.Add(p.Duration).After(from) {
				continue
			}
			if first && n > 0 && from.Before(day.Add(20*time.Second)) {
				list = append(list, Piece{Gap: true, Time: day.Add(20 * time.Second), Duration: 10 * time.Second, Causes: media.Because(media.Unreachable)})
			}
			first = false
			list = append(list, p)
		}
	}
	if len(list) == 0 {
		return nil, nil, fault.New(fault.NotFound, "nothing was recorded from %v to %v; the last media ends at %v", from, to, day.Add(50*time.Second))
	}
	return list, []string{"a note\nof two lines"}, nil
}

// Live shows the film as if it were being written: over and over.
func (a *archive) Live(ctx context.Context, camera string, sequence uint64, part int) (*Window, error) {
	if err := a.known(camera); err != nil {
		return nil, err
	}
	if a.live.IsZero() {
		return nil, fault.New(fault.NotFound, "nobody records %s", camera)
	}
	for {
		w := a.window()
		if sequence == 0 && part == 0 || w.has(sequence, part) {
			return w, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// window lists segments of two seconds, four parts each.
func (a *archive) window() *Window {
	header := a.header()
	span := a.film.fragments[0].span
	parts := int(a.clock.Wall().Sub(a.live)/span) + 8 // something is there already
	perSegment, perFilm := 4, len(a.film.fragments)
	w := &Window{Sequence: uint64(max(0, parts/perSegment-8)), PartTarget: span}
	for n := int(w.Sequence) * perSegment; n < parts; n += perSegment {
		seg := Segment{Open: n+perSegment > parts}
		for i := n; i < min(n+perSegment, parts); i++ {
			f := a.film.fragments[i%perFilm]
			seg.Parts = append(seg.Parts, Piece{URI: "class/teacher/1.mp4", Offset: f.offset, Length: f.size,
				Time: a.live.Add(time.Duration(i) * span), Duration: span, Key: f.key})
		}
		size := int64(0)
		for _, p := range seg.Parts {
			size += p.Length
		}
		seg.Piece = Piece{URI: seg.Parts[0].URI, Offset: seg.Parts[0].Offset, Length: size, Time: seg.Parts[0].Time, Duration: span * time.Duration(len(seg.Parts)), Key: true,
			Init: header, Discontinuity: n%perFilm == 0}
		w.Segments = append(w.Segments, seg)
		if n%perFilm == 0 {
			w.Segments[len(w.Segments)-1].Discontinuity = true
		}
	}
	w.Discontinuities = (w.Sequence*4 + uint64(perFilm) - 1) / uint64(perFilm)
	return w
}

// body is bytes that are counted as open until they are closed.
type body struct {
	*bytes.Reader
	close func()
}

func (b body) Close() error { b.close(); return nil }

func (a *archive) open(name string) func() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.opened == nil {
		a.opened = map[string]int{}
	}
	a.opened[name]++
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.opened[name]--
	}
}

// left is what was opened and not closed.
func (a *archive) left() (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, count := range a.opened {
		n += count
	}
	return n
}

func (a *archive) Open(_ context.Context, camera, _, uri string) (Body, error) {
	if a.known(camera) != nil || uri != "class/teacher/1.mp4" {
		return nil, fault.New(fault.NotFound, "no piece %q", uri)
	}
	return body{bytes.NewReader(a.film.data), a.open(uri)}, nil
}

func (a *archive) Clip(_ context.Context, camera, audio string, from, to time.Time) (*Clip, error) {
	if err := a.known(camera); err != nil {
		return nil, err
	}
	if !from.Before(day.Add(20*time.Second)) || !to.After(day) {
		return nil, fault.New(fault.NotFound, "no media from %v to %v: media ends at %v", from, to, day.Add(20*time.Second))
	}
	return &Clip{Body: body{bytes.NewReader(a.film.data), a.open("clip")}, Start: day, End: day.Add(20 * time.Second), Notes: []string{"µ-law became FLAC"}}, nil
}

// board is a hub that says what it is told.
type board struct {
	mu sync.Mutex
	s  State
}

func (b *board) State() State {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.s
	s.Cameras = append([]CameraState(nil), s.Cameras...)
	return s
}

func (b *board) set(s State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.s = s
}

// recording is the state of class/teacher while it is recorded well.
func recording(now time.Time) CameraState {
	forecast := 12.5
	return CameraState{Path: "teacher", State: "recording", Since: now.Add(-time.Hour), Transport: "udp", Readers: 2, FPS: 25, Bitrate: 4e6,
		Packets: 1000, Lost: 7, Loss: 0.007, Sessions: 3,
		Recorded: &Recorded{Camera: "class/teacher", Expected: now.Add(-time.Hour), OnDisk: now.Add(-time.Second), Bytes: 1e9,
			Coverage: 0.998, Forecast: &forecast, Gaps: map[string]float64{"unreachable": 10, "loss": 2.5}}}
}

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(fmt.Errorf("unexpected: %w", err))
		}
		return v
	}
}
