package record

import (
	"context"
	"fmt"
	"hash/crc32"
	"path"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/journal"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
)

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
func committedIsThere(t testing.TB, fsys vfs.FS, dir string) {
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
}
