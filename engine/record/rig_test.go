package record

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"sync"
	"testing"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
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

// stored is what one segment holds.
type stored struct {
	line  *journal.Segment
	seal  *journal.Seal
	file  *segment.File
	marks []string
	times map[string]time.Time
	keys  map[string]bool
}

// read returns what a camera's sealed segments hold, in order of time, straight from the
// files that the journal names.
func read(t testing.TB, fsys vfs.FS, dir, camera string) []*stored {
	t.Helper()
	log, err := journal.Read(fsys, filepath.Join(dir, journalName))
	if err != nil {
		t.Fatal(err)
	}
	byN := map[uint64]*stored{}
	var list []*stored
	for _, l := range log.Lines {
		switch e := l.Entry.(type) {
		case *journal.Segment:
			if e.Camera == camera {
				if byN[e.N] != nil {
					t.Errorf("%s: number %d twice", camera, e.N)
				}
				byN[e.N] = &stored{line: e, times: map[string]time.Time{}, keys: map[string]bool{}}
			}
		case *journal.Seal:
			if byN[e.N] == nil && e.Camera == camera {
				byN[e.N] = &stored{line: orphan(t, fsys, dir, camera, e.N), times: map[string]time.Time{}, keys: map[string]bool{}}
			}
			if s := byN[e.N]; e.Camera == camera {
				s.seal = e
				if e.Size > 0 {
					list = append(list, s)
				}
			}
		}
	}
	for n, s := range byN {
		if s.seal == nil {
			t.Errorf("%s: segment %d is not sealed", camera, n)
		}
	}
	for _, s := range list {
		s.load(t, fsys, dir)
	}
	slices.SortStableFunc(list, func(a, b *stored) int { return a.seal.Start.Compare(b.seal.Start) })
	return list
}

// orphan makes a line for a segment whose own is lost.
func orphan(t testing.TB, fsys vfs.FS, dir, camera string, n uint64) *journal.Segment {
	t.Helper()
	days, err := fsys.ReadDir(filepath.Join(dir, camera))
	if err != nil {
		t.Fatal(err)
	}
	for _, day := range days {
		entries, err := fsys.ReadDir(filepath.Join(dir, camera, day.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			name := path.Join(camera, day.Name(), e.Name())
			if _, number, ok := segment.ParseName(name); ok && number == n {
				return &journal.Segment{Camera: camera, N: n, File: name}
			}
		}
	}
	t.Errorf("%s: segment %d is not there", camera, n)
	return &journal.Segment{Camera: camera, N: n}
}

func (s *stored) load(t testing.TB, fsys vfs.FS, dir string) {
	t.Helper()
	f, err := fsys.Open(filepath.Join(dir, filepath.FromSlash(s.line.File)))
	if err != nil {
		t.Error(err)
		s.file = &segment.File{}
		return
	}
	defer f.Close()
	size, _ := f.Size()
	s.file, err = segment.Scan(f, size, segment.ScanOptions{Each: func(u segment.Unit) {
		m := markOf(u.Data)
		s.marks = append(s.marks, m)
		s.times[m] = u.Time
		s.keys[m] = u.Key
	}})
	switch {
	case err != nil:
		t.Errorf("%s: %v", s.line.File, err)
		s.file = &segment.File{}
	case s.file.State != segment.Sealed || s.file.Problem != nil:
		t.Errorf("%s: %v, %v", s.line.File, s.file.State, s.file.Problem)
	case s.file.SHA256 != s.seal.SHA256 || s.file.Size != s.seal.Size:
		t.Errorf("%s: not what its seal says", s.line.File)
	}
}

// marks of one kind, over all segments, in order of time.
func marksOf(list []*stored, kind byte) []string {
	var marks []string
	for _, s := range list {
		marks = append(marks, ofKind(s.marks, kind)...)
	}
	return marks
}

// same fails unless a camera's units are exactly those that were taken, each once and
// in order.
func (g *rig) same(fsys vfs.FS, camera string) []*stored {
	g.Helper()
	list := read(g, fsys, g.dir, camera)
	for _, kind := range []byte{'V', 'A'} {
		got, want := marksOf(list, kind), g.wrote(camera, kind)
		if !slices.Equal(got, want) {
			g.Errorf("%s: %d units of %c on the disk, %d were taken; %s", camera, len(got), kind, len(want), difference(got, want))
		}
	}
	g.ordered(camera, list)
	return list
}

func difference(got, want []string) string {
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			return "missing from " + want[i]
		case i >= len(want):
			return "too many from " + got[i]
		case got[i] != want[i]:
			return fmt.Sprintf("at %d: %s, not %s", i, got[i], want[i])
		}
	}
	return "equal"
}

// ordered fails where time falls within a track, over all segments, or where a segment
// with pictures does not begin with a key frame.
func (g *rig) ordered(camera string, list []*stored) {
	g.Helper()
	last := map[byte]time.Time{}
	for _, s := range list {
		begun := false
		for _, m := range s.marks {
			at := s.times[m]
			if at.Before(last[m[0]]) {
				g.Errorf("%s: %s at %v, after a unit at %v", s.line.File, m, at, last[m[0]])
			}
			last[m[0]] = at
			if m[0] == 'V' && !begun {
				if begun = true; !s.keys[m] {
					g.Errorf("%s: the first picture, %s, is no key frame", s.line.File, m)
				}
			}
		}
	}
}

// verify runs archive.Verify and returns the report.
func verify(t testing.TB, fsys vfs.FS, dir string) *archive.Report {
	t.Helper()
	report, err := archive.Verify(context.Background(), fsys, dir, archive.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// sound fails unless every invariant holds; clean also unless nothing is missing.
func (g *rig) sound(fsys vfs.FS, clean bool) *archive.Report {
	g.Helper()
	report := verify(g, fsys, g.dir)
	for _, f := range report.Findings {
		if f.Severity == archive.Broken || clean && f.Severity == archive.Missing || f.Kind == archive.UnexplainedGap {
			g.Errorf("verify: %s %s: %s (%s)", f.Severity, f.Kind, f.Text, f.File)
		}
	}
	if clean && report.Status != archive.Clean {
		g.Errorf("verify: %s", report.Status)
		for _, c := range report.Cameras {
			g.Logf("%s: %+v %+v", c.Name, c.Gaps, c.Damage)
		}
	}
	return report
}

// committedIsThere fails unless every range that a commit line covers is in its file,
// with its checksum: invariant 2, on a disk that nobody has repaired yet.
func committedIsThere(t testing.TB, fsys vfs.FS, dir string) (units map[string][]int64) {
	t.Helper()
	log, err := journal.Read(fsys, filepath.Join(dir, journalName))
	if err != nil {
		t.Fatal(err)
	}
	type id struct {
		camera string
		n      uint64
	}
	names, dead := map[id]string{}, map[id]bool{}
	instead := map[id][]journal.Instead{}
	units = map[string][]int64{}
	for _, l := range log.Lines {
		switch e := l.Entry.(type) {
		case *journal.Segment:
			names[id{e.Camera, e.N}] = e.File
			instead[id{e.Camera, e.N}] = e.Instead
		case *journal.Seal:
			dead[id{e.Camera, e.N}] = true
		case *journal.Commit:
			for _, c := range e.Files {
				for _, i := range instead[id{c.Camera, c.N}] {
					dead[id{c.Camera, i.N}] = true
				}
			}
		}
	}
	castagnoli := crc32.MakeTable(crc32.Castagnoli)
	for _, l := range log.Lines {
		e, ok := l.Entry.(*journal.Commit)
		if !ok {
			continue
		}
		for _, c := range e.Files {
			if dead[id{c.Camera, c.N}] {
				continue
			}
			name := path.Join(dir, names[id{c.Camera, c.N}])
			f, err := fsys.Open(name + segment.Part)
			if err != nil {
				f, err = fsys.Open(name)
			}
			if err != nil {
				t.Errorf("committed, and not there: %v", err)
				continue
			}
			b := make([]byte, c.Size-c.From)
			n, _ := f.ReadAt(b, c.From)
			f.Close()
			if n < len(b) || crc32.Checksum(b, castagnoli) != uint32(c.Sum) {
				t.Errorf("%s: bytes %d to %d are not what was committed", name, c.From, c.Size)
			}
		}
	}
	return units
}
