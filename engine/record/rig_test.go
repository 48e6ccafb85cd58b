package record

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"sync"
	"testing"
	"time"

	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
	"rtsprec/engine/vfs/crashfs"
)

// Parameter sets of H.264 pictures as x264 writes them, and an AAC-LC configuration.
var (
	smallSPS = []byte{0x67, 0x64, 0x00, 0x0c, 0xac, 0x3b, 0x50, 0xb0, 0x4b, 0x42, 0x00, 0x00, 0x03, 0x00, 0x02, 0x00, 0x00, 0x03, 0x00, 0x3d, 0x08}
	largeSPS = []byte{0x67, 0x42, 0xc0, 0x28, 0xd9, 0x00, 0x78, 0x02, 0x27, 0xe5, 0x84, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc9, 0x20}
	pps      = []byte{0x68, 0xee, 0x3c, 0x80}
	small    = media.JoinConfig(smallSPS, pps)
	large    = media.JoinConfig(largeSPS, pps)
	padded   = media.JoinConfig(append(slices.Clone(smallSPS), 0, 0), pps)
	aac      = []byte{0x11, 0x90}
)

func videoTrack(id int) media.Track {
	return media.Track{ID: media.TrackID(id), Codec: media.H264, ClockRate: 90000, Config: small}
}

func aacTrack(id int) media.Track {
	return media.Track{ID: media.TrackID(id), Codec: media.AAC, ClockRate: 48000, SampleRate: 48000, Channels: 2, Config: aac}
}

func pcmaTrack(id int) media.Track {
	return media.Track{ID: media.TrackID(id), Codec: media.PCMA, ClockRate: 8000, SampleRate: 8000, Channels: 1}
}

// feed is a camera of a test: what it sends and when that arrives.
type feed struct {
	name   string
	tracks []media.Track
	gop    int           // pictures
	late   time.Duration // of the picture: from capture to arrival
	later  time.Duration // of the sound
	at     time.Time     // of the first unit
	count  [2]int        // units so far, picture and sound
	ticks  [2]int64      // of the next one
	size   int           // of a picture
	change func(i int, au *media.AccessUnit)
}

func newFeed(name string, at time.Time) *feed {
	return &feed{name: name, tracks: []media.Track{videoTrack(0), aacTrack(1)}, gop: 25, at: at, size: 400}
}

// newRun restarts the ticks; the counters go on.
func (f *feed) newRun(at time.Time) { f.at, f.ticks = at, [2]int64{} }

const markLength = 10

func mark(kind byte, n int) string { return fmt.Sprintf("%c%09d", kind, n) }

// units are those captured in the next d, in order of arrival.
func (f *feed) units(d time.Duration) []media.AccessUnit {
	var list []media.AccessUnit
	for id, t := range f.tracks {
		kind, step := 1, int64(1024)
		switch t.Codec {
		case media.H264:
			kind, step = 0, 3600
		case media.PCMA:
			step = 160
		}
		for ; t.ClockRate > 0 && media.ToDuration(f.ticks[kind], t.ClockRate) < d; f.ticks[kind] += step {
			wall := f.at.Add(media.ToDuration(f.ticks[kind], t.ClockRate))
			au := media.AccessUnit{Track: media.TrackID(id), PTS: f.ticks[kind], DTS: f.ticks[kind], Wall: wall.UTC(), Key: true}
			i := f.count[kind]
			f.count[kind]++
			if kind == 0 {
				au.Key = i%f.gop == 0
				au.Arrival = wall.Add(f.late)
				au.Data = picture(i, au.Key, f.size)
			} else {
				au.Arrival = wall.Add(f.later)
				au.Data = append([]byte(mark('A', i)), bytes.Repeat([]byte{byte(i) | 1}, 150)...)
			}
			if f.change != nil {
				f.change(i, &au)
			}
			list = append(list, au)
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].Arrival.Before(list[j].Arrival) })
	return list
}

func picture(i int, key bool, size int) []byte {
	nal := []byte{0x41, 0x9a}
	var unit []byte
	if key {
		nal = []byte{0x65, 0x88}
		unit = slices.Clone(small)
	}
	nal = append(nal, mark('V', i)...)
	nal = append(nal, bytes.Repeat([]byte{byte(i) | 1}, size)...)
	return media.AppendNAL(unit, nal)
}

// markOf reads a unit's mark; "" when it has none.
func markOf(data []byte) string {
	for _, kind := range []byte{'V', 'A'} {
		i := bytes.IndexByte(data, kind)
		for ; i >= 0 && i+markLength <= len(data); i++ {
			if data[i] == kind {
				if _, err := strconv.Atoi(string(data[i+1 : i+markLength])); err == nil {
					return string(data[i : i+markLength])
				}
			}
		}
	}
	return ""
}

// rig is a recording under test. Times are those of a synctest bubble.
type rig struct {
	testing.TB
	fs   *crashfs.FS
	dir  string
	plan journal.Plan
	rec  *Recording
	stop context.CancelFunc
	ran  chan struct{}

	mu     sync.Mutex
	taken  map[string][]string // marks that Write took, by camera
	events []Event
}

func newRig(t testing.TB, cameras ...string) *rig {
	g := &rig{TB: t, fs: crashfs.New(), dir: "/recordings/lesson", taken: map[string][]string{}}
	if err := g.fs.MkdirAll("/recordings", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := g.fs.SyncDir("/"); err != nil {
		t.Fatal(err)
	}
	g.plan = journal.Plan{
		Format: 1, Segment: journal.Duration(2 * time.Second), Commit: journal.Duration(500 * time.Millisecond), Fragment: journal.Duration(250 * time.Millisecond),
	}
	for _, name := range cameras {
		g.plan.Cameras = append(g.plan.Cameras, journal.Camera{Name: name, URL: "rtsp://admin:secret@10.0.0.9/" + name})
	}
	return g
}

func (g *rig) options(fsys vfs.FS) Options {
	return Options{Dir: g.dir, FS: fsys, Clock: media.SystemClock{}, Plan: g.plan, Version: "test", Observe: g.observe}
}

func (g *rig) observe(e Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.events = append(g.events, e)
}

func eventsOf[E Event](g *rig) []E {
	g.mu.Lock()
	defer g.mu.Unlock()
	var list []E
	for _, e := range g.events {
		if e, ok := e.(E); ok {
			list = append(list, e)
		}
	}
	return list
}

func (g *rig) must(err error) {
	g.Helper()
	if err != nil {
		g.Fatal(err)
	}
}

// create begins the recording and its commit loop.
func (g *rig) create() {
	g.Helper()
	rec, err := Create(g.options(g.fs))
	g.must(err)
	g.start(rec)
}

// open opens it again, on the same disk.
func (g *rig) open() Recovery {
	g.Helper()
	rec, found, err := Open(g.options(g.fs))
	g.must(err)
	g.start(rec)
	return found
}

func (g *rig) start(rec *Recording) {
	ctx, cancel := context.WithCancel(context.Background())
	g.rec, g.stop, g.ran = rec, cancel, make(chan struct{})
	go func() {
		defer close(g.ran)
		rec.Run(ctx)
	}()
}

// halt ends the commit loop.
func (g *rig) halt() {
	g.stop()
	<-g.ran
}

// close ends the recording in order.
func (g *rig) close(why string) {
	g.Helper()
	g.closeAt(why, time.Now())
}

func (g *rig) closeAt(why string, at time.Time) {
	g.Helper()
	g.halt()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	g.must(g.rec.Close(ctx, why, at))
}

func (g *rig) sink(name string) media.Sink {
	g.Helper()
	s, err := g.rec.Camera(name)
	g.must(err)
	return s
}

// play feeds a run of the length d into the sink at the pace of its arrival.
func (g *rig) play(s media.Sink, f *feed, d time.Duration) {
	g.Helper()
	g.begin(s, f)
	g.send(s, f.name, f.units(d))
}

// end ends the run because the peer did.
func (g *rig) end(s media.Sink) {
	g.Helper()
	g.must(s.End(context.Background(), media.Gap{Causes: media.Because(media.StreamEnded)}))
}

func (g *rig) begin(s media.Sink, f *feed) {
	g.Helper()
	g.must(s.Begin(context.Background(), media.Run{ID: 1, Start: time.Now(), Tracks: f.tracks, Origin: "live", Peer: "rtsp://admin:secret@10.0.0.9/x"}))
}

func (g *rig) send(s media.Sink, name string, units []media.AccessUnit) {
	g.Helper()
	for _, au := range units {
		if d := time.Until(au.Arrival); d > 0 {
			time.Sleep(d) // the bubble's clock
		}
		if err := s.Write(context.Background(), au); err != nil {
			g.Errorf("%s: write: %v", name, err)
			return
		}
		g.took(name, au)
	}
}

func (g *rig) took(name string, au media.AccessUnit) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.taken[name] = append(g.taken[name], markOf(au.Data))
}

// wrote returns the marks of one kind that Write took, in order.
func (g *rig) wrote(camera string, kind byte) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return ofKind(g.taken[camera], kind)
}

func ofKind(marks []string, kind byte) []string {
	var list []string
	for _, m := range marks {
		if m != "" && m[0] == kind {
			list = append(list, m)
		}
	}
	return list
}
