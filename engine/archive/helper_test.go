package archive

import (
	"context"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
	"rtsprec/engine/vfs/crashfs"
)

// nine is when the recordings of the tests begin.
var nine = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// sets are the parameter sets of a small H.264 picture.
var (
	sps  = []byte{0x67, 0x64, 0x00, 0x0c, 0xac, 0x3b, 0x50, 0xb0, 0x4b, 0x42, 0x00, 0x00, 0x03, 0x00, 0x02, 0x00, 0x00, 0x03, 0x00, 0x3d, 0x08}
	pps  = []byte{0x68, 0xee, 0x3c, 0x80}
	sets = media.JoinConfig(sps, pps)
)

var (
	picture = media.Track{ID: 0, Codec: media.H264, ClockRate: 90000, Config: sets}
	sound   = media.Track{ID: 1, Codec: media.AAC, ClockRate: 48000, SampleRate: 48000, Channels: 2, Config: []byte{0x11, 0x90}}
)

// still is a clock that the test moves.
type still struct{ now time.Time }

func (c *still) Now() time.Time  { return c.now }
func (c *still) Wall() time.Time { return c.now }

// maker writes a recording by hand, step by step, as a recorder would.
type maker struct {
	testing.TB
	fs      vfs.FS
	dir     string
	clock   *still
	journal *journal.Writer
	plan    journal.Plan
	n       map[string]uint64
	gap     uint64
	tracks  []media.Track
	runs    uint64
	origin  string // of what is shot; empty: live
	stream  string // of the segments: media.SubStream, or empty
	beside  bool   // they stand beside others
}

// begin makes an empty recording that opened at nine.
func begin(t testing.TB, fsys vfs.FS, dir string, cameras ...string) *maker {
	t.Helper()
	m := &maker{TB: t, fs: fsys, dir: dir, clock: &still{nine}, n: map[string]uint64{}, tracks: []media.Track{picture, sound}}
	m.plan = journal.Plan{Created: nine, Opened: nine, Segment: journal.Duration(10 * time.Second), Commit: journal.Duration(time.Second)}
	for _, name := range cameras {
		m.plan.Cameras = append(m.plan.Cameras, journal.Camera{Name: name, URL: "rtsp://admin:secret@10.0.0.9/" + name})
	}
	m.must(fsys.MkdirAll(dir, 0o755))
	m.must(journal.SavePlan(fsys, dir, m.plan))
	m.reopen("create")
	return m
}

func (m *maker) must(err error) {
	m.Helper()
	if err != nil {
		m.Fatal(err)
	}
}

// reopen begins a new journal file, as every writer does.
func (m *maker) reopen(why string) {
	m.Helper()
	var err error
	m.journal, err = journal.OpenWriter(journal.Options{FS: m.fs, Dir: filepath.Join(m.dir, journalDir), Clock: m.clock})
	m.must(err)
	m.line(&journal.Open{Version: "test", Why: why, Wall: m.clock.now})
	m.line(&journal.PlanChanged{Plan: m.plan.Public()})
}

func (m *maker) line(e journal.Entry) {
	m.Helper()
	_, err := m.journal.Append(e)
	m.must(err)
}

func (m *maker) sync() { m.Helper(); m.must(m.journal.Sync()) }

// open is a segment being written.
type open struct {
	*maker
	camera string
	n      uint64
	file   string
	w      *segment.Writer
	h      vfs.File
	start  time.Time
	next   []int64 // DTS of the next unit, by track
	count  int
}

func (m *maker) path(name string) string { return filepath.Join(m.dir, filepath.FromSlash(name)) }

// run journals a run of the usual tracks.
func (m *maker) run(camera string, at time.Time) {
	m.runOf(camera, at, "live")
}

func (m *maker) runOf(camera string, at time.Time, origin string) {
	m.runs++
	m.line(&journal.Run{Camera: camera, Run: m.runs, Start: at, Origin: origin, Tracks: m.lineTracks()})
}

func (m *maker) lineTracks() []journal.Track {
	var list []journal.Track
	for _, t := range m.tracks {
		list = append(list, journal.Track{Codec: t.Codec, Clock: t.ClockRate, Channels: t.Channels})
	}
	return list
}

// open begins a segment of a camera.
func (m *maker) open(camera string, start time.Time) *open {
	m.Helper()
	m.clock.now = later(m.clock.now, start)
	m.n[camera]++
	s := &open{maker: m, camera: camera, n: m.n[camera], start: start, next: make([]int64, len(m.tracks))}
	s.file = camera + "/" + segment.FileName(start, s.n)
	m.must(m.fs.MkdirAll(filepath.Dir(m.path(s.file)), 0o755))
	m.must(m.fs.SyncDir(m.dir))
	m.must(m.fs.SyncDir(m.path(camera)))
	var err error
	s.h, err = m.fs.Create(m.path(s.file+segment.Part), 0o644)
	m.must(err)
	s.w, err = segment.NewWriter(s.h, segment.Header{Camera: camera, Start: start, Tracks: m.tracks})
	m.must(err)
	m.must(m.fs.SyncDir(filepath.Dir(m.path(s.file))))
	m.line(&journal.Segment{Camera: camera, N: s.n, File: s.file, Run: max(m.runs, 1), Start: start, Tracks: m.lineTracks(), Stream: m.stream, Beside: m.beside})
	m.sync()
	return s
}

// pictureUnit is a unit of the picture; each is another.
func pictureUnit(i int, key bool) []byte {
	body := make([]byte, 200)
	for j := range body {
		body[j] = byte(i*7 + j*13 + 1)
	}
	if key {
		return media.AppendNAL(slices.Clone(sets), append([]byte{0x65, 0x88}, body...))
	}
	return media.AppendNAL(nil, append([]byte{0x41, 0x9a}, body...))
}

// fill adds media up to d after the segment's start: 25 pictures a second, one in 25 a
// key frame, and sound; a fragment each quarter of a second.
func (s *open) fill(d time.Duration) {
	s.Helper()
	for {
		at, track := time.Duration(1<<62), -1
		for i, t := range s.tracks {
			if begin := media.ToDuration(s.next[i], t.ClockRate); begin < at {
				at, track = begin, i
			}
		}
		if at >= d {
			return
		}
		s.unit(track)
	}
}

func (s *open) unit(track int) {
	s.Helper()
	u := segment.Sample{Track: track, DTS: s.next[track], Key: true}
	switch t := s.tracks[track]; {
	case t.Codec.Video():
		u.Duration = 3600
		u.Key = s.count%25 == 0
		u.Data = pictureUnit(s.count, u.Key)
		if t.Codec == media.MJPEG {
			u.Data[0], u.Data[1] = 0xff, 0xd8
		}
		s.count++
	default:
		u.Duration = 1024
		u.Data = []byte{0x21, byte(u.DTS >> 8), byte(u.DTS), 1, 2, 3}
	}
	if _, span, _ := s.w.Pending(); u.Key && s.tracks[track].Codec.Video() || span >= 250*time.Millisecond {
		s.must(s.w.Flush())
	}
	s.must(s.w.Add(u))
	s.next[track] += int64(u.Duration)
}

// skip leaves out d of all tracks; the picture goes on with a key frame.
func (s *open) skip(d time.Duration) {
	s.must(s.w.Flush())
	for i, t := range s.tracks {
		s.next[i] += media.FromDuration(d, t.ClockRate)
	}
	s.count = 0
}

// commit makes what was added durable and journals it.
func (s *open) commit() {
	s.Helper()
	s.must(s.w.Flush())
	s.must(s.h.Sync())
	c := s.w.TakeCommit()
	s.line(&journal.Commit{Files: []journal.Committed{{Camera: s.camera, N: s.n, From: c.From, Size: c.Size, Sum: journal.Hex32(c.CRC), Ends: c.Ends, Units: c.Units}}})
	s.sync()
}

// finish seals the file without renaming it.
func (s *open) finish() segment.Summary {
	s.Helper()
	sealed, err := s.w.Seal()
	s.must(err)
	s.must(s.h.Close())
	return sealed
}

// seal seals the file, gives it its final name and journals it.
func (s *open) seal() {
	s.Helper()
	sealed := s.finish()
	s.rename()
	s.line(sealLine(s.camera, s.n, sealed))
	s.sync()
}

func (s *open) rename() {
	s.Helper()
	s.must(s.fs.Rename(s.path(s.file+segment.Part), s.path(s.file)))
	s.must(s.fs.SyncDir(filepath.Dir(s.path(s.file))))
}

func sealLine(camera string, n uint64, s segment.Summary) *journal.Seal {
	return &journal.Seal{Camera: camera, N: n, Size: s.Size, SHA256: s.SHA256, Start: s.Start, End: s.End, Starts: s.Starts, Ends: s.Ends, Units: s.Units}
}

// segments records whole segments of length d from start on, n of them.
func (m *maker) segments(camera string, start time.Time, d time.Duration, n int) {
	m.Helper()
	for range n {
		s := m.open(camera, start)
		s.fill(d / 2)
		s.commit()
		s.fill(d)
		s.commit()
		s.seal()
		start = start.Add(d)
	}
}

// missing journals a gap.
func (m *maker) missing(camera string, from, to time.Time, causes ...media.Cause) {
	m.gap++
	m.line(&journal.Gap{ID: m.gap, Camera: camera, From: from, To: to, Causes: media.Because(causes...)})
}

// close ends the window and the journal.
func (m *maker) close(at time.Time) {
	m.Helper()
	m.clock.now = later(m.clock.now, at)
	m.line(&journal.Close{Why: "planned", At: at})
	m.leave()
}

func (m *maker) leave() { m.Helper(); m.must(m.journal.Close()) }

// healthy is a recording of two cameras, three segments of two seconds each, with
// nothing to complain of. Media is sealed and the window closed.
func healthy(t testing.TB) *maker {
	m := begin(t, crashfs.New(), "/rec", "teacher", "student")
	for _, camera := range []string{"teacher", "student"} {
		m.run(camera, nine)
		m.segments(camera, nine, 2*time.Second, 3)
	}
	m.close(nine.Add(6 * time.Second))
	return m
}

// verify runs Verify and fails where that cannot be done.
func (m *maker) verify(o VerifyOptions) *Report {
	m.Helper()
	r, err := Verify(context.Background(), m.fs, m.dir, o)
	m.must(err)
	return r
}

// found lists the findings as "severity kind file".
func found(r *Report) []string {
	var list []string
	for _, f := range r.Findings {
		list = append(list, strings.TrimSpace(string(f.Severity)+" "+string(f.Kind)+" "+f.File))
	}
	return list
}

// expect fails unless exactly these findings were made, in any order.
func (r *Report) expect(t testing.TB, status Status, want ...string) {
	t.Helper()
	got := found(r)
	slices.Sort(got)
	slices.Sort(want)
	if r.Status != status || !slices.Equal(got, want) {
		t.Errorf("status %s, want %s\n got %s\nwant %s", r.Status, status, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
		for _, f := range r.Findings {
			t.Logf("%+v", f)
		}
	}
}

// read returns a file's bytes.
func (m *maker) read(name string) []byte {
	m.Helper()
	f, err := m.fs.Open(m.path(name))
	m.must(err)
	defer f.Close()
	size, err := f.Size()
	m.must(err)
	data := make([]byte, size)
	if _, err := f.ReadAt(data, 0); err != nil && err != io.EOF {
		m.Fatal(err)
	}
	return data
}

// write replaces a file, or makes it.
func (m *maker) write(name string, data []byte) {
	m.Helper()
	m.fs.Remove(m.path(name))
	m.must(m.fs.MkdirAll(filepath.Dir(m.path(name)), 0o755))
	f, err := m.fs.Create(m.path(name), 0o644)
	m.must(err)
	_, err = f.Write(data)
	m.must(err)
	m.must(f.Close())
}

// files lists a camera's files, relative to the recording.
func (m *maker) files(camera string) []string {
	var list []string
	m.must(walk(m.fs, m.dir, camera, depth, func(name string, _ int64, _ bool) { list = append(list, name) }))
	slices.Sort(list)
	return list
}

// hooked does something at the n-th look at the disk.
type hooked struct {
	vfs.FS
	mu        sync.Mutex
	count, at int
	do        func()
}

func (h *hooked) look() {
	h.mu.Lock()
	h.count++
	now := h.count == h.at
	h.mu.Unlock()
	if now {
		h.do()
	}
}

func (h *hooked) Open(name string) (vfs.File, error) {
	h.look()
	f, err := h.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return hookedFile{f, h}, nil
}

func (h *hooked) ReadDir(name string) ([]fs.DirEntry, error) {
	h.look()
	return h.FS.ReadDir(name)
}

func (h *hooked) Stat(name string) (fs.FileInfo, error) {
	h.look()
	return h.FS.Stat(name)
}

type hookedFile struct {
	vfs.File
	h *hooked
}

func (f hookedFile) ReadAt(p []byte, off int64) (int, error) {
	f.h.look()
	return f.File.ReadAt(p, off)
}
