package archive

import (
	"context"
	"strings"
	"testing"
	"time"

	"rtsprec/engine/journal"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs/crashfs"
)

// TestAnInterruptedRecordingSaysWhatIsOpen covers what a crash leaves, in each state of
// the newest file.
func TestAnInterruptedRecordingSaysWhatIsOpen(t *testing.T) {
	for name, c := range map[string]struct {
		end    func(s *open)
		status Status
		want   []string
	}{
		"committed": {func(s *open) { s.commit() }, Incomplete, []string{"incomplete left_open {}.part"}},
		"with a tail": {func(s *open) {
			s.commit()
			s.fill(3 * time.Second)
			s.must(s.w.Flush())
		}, Incomplete, []string{"incomplete left_open {}.part", "note uncommitted_tail {}.part"}},
		"never committed": {func(s *open) { s.must(s.w.Flush()) }, Incomplete, []string{"incomplete left_open {}.part"}},
		"a journal line gone": {func(s *open) {
			s.commit()
			s.editJournal(func(line string) string {
				if strings.Contains(line, `"kind":"seal"`) {
					return ""
				}
				return line
			})
		}, Damaged, []string{"damaged journal_corrupt", "incomplete left_open {}.part", "incomplete seal_unrecorded {0}"}},
		"finished": {func(s *open) {
			s.commit()
			s.finish()
		}, Incomplete, []string{"incomplete left_open {}.part", "note uncommitted_tail {}.part"}},
		"renamed": {func(s *open) {
			s.commit()
			s.finish()
			s.rename()
		}, Incomplete, []string{"incomplete seal_unrecorded {}"}},
		"renamed and not sealed": {func(s *open) {
			s.commit()
			s.rename()
		}, Damaged, []string{"incomplete seal_unrecorded {}", "damaged not_sealed {}"}},
		"gone after a commit": {func(s *open) {
			s.commit()
			s.must(s.fs.Remove(s.path(s.file + ".part")))
		}, Damaged, []string{"damaged media_lost {}.part"}},
		"gone before a commit": {func(s *open) {
			s.must(s.fs.Remove(s.path(s.file + ".part")))
		}, Incomplete, []string{"incomplete media_lost {}.part"}},
		"cut into what is committed": {func(s *open) {
			s.commit()
			data := s.read(s.file + ".part")
			s.write(s.file+".part", data[:len(data)-1])
		}, Damaged, []string{"incomplete left_open {}.part", "damaged size_wrong {}.part"}},
		"a bit of what is committed": {func(s *open) {
			s.commit()
			data := s.read(s.file + ".part")
			data[len(data)-100] ^= 4
			s.write(s.file+".part", data)
		}, Damaged, []string{"incomplete left_open {}.part", "damaged checksum_wrong {}.part"}},
		"a bit of what is not": {func(s *open) {
			s.commit()
			n := len(s.read(s.file + ".part"))
			s.fill(3 * time.Second)
			s.must(s.w.Flush())
			data := s.read(s.file + ".part")
			data[n+200] ^= 4
			s.write(s.file+".part", data)
		}, Incomplete, []string{"incomplete left_open {}.part", "note uncommitted_tail {}.part"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := begin(t, crashfs.New(), "/rec", "a")
			m.run("a", nine)
			m.segments("a", nine, 2*time.Second, 1)
			s := m.open("a", nine.Add(2*time.Second))
			s.fill(2 * time.Second)
			c.end(s)
			for i := range c.want {
				c.want[i] = strings.NewReplacer("{}", s.file, "{0}", "a/2026-11-22/090000.000Z-000001.mp4").Replace(c.want[i])
			}
			r := m.verify(VerifyOptions{Deep: true})
			r.expect(t, c.status, append(c.want, "incomplete interrupted")...)
			if r.State != Interrupted || r.Window.Closed {
				t.Errorf("%s %+v", r.State, r.Window)
			}
		})
	}
}

// TestWhatIsCommittedIsCheckedBesideAWriter covers invariant 6: no lock is needed, and
// what is not committed yet is nobody's fault.
func TestWhatIsCommittedIsCheckedBesideAWriter(t *testing.T) {
	m := begin(t, crashfs.New(), "/rec", "a")
	lock, err := m.fs.Lock(m.path(lockName))
	m.must(err)
	m.run("a", nine)
	m.segments("a", nine, 2*time.Second, 2)
	s := m.open("a", nine.Add(4*time.Second))
	s.fill(2 * time.Second)
	s.commit()
	s.fill(3 * time.Second)
	m.must(s.w.Flush())
	m.write("a/2026-11-22/090010.000Z-000009.mp4.part", nil) // begun, and not journaled yet
	r := m.verify(VerifyOptions{Deep: true})
	r.expect(t, Clean, "note being_written")
	if want := Seconds(6 * time.Second); r.State != Live || r.Cameras[0].Coverage.Media != want || r.Cameras[0].Open != 1 {
		t.Errorf("%+v", r)
	}
	m.must(lock.Close())
	if r := m.verify(VerifyOptions{}); r.State != Interrupted {
		t.Errorf("without a writer it is %s", r.State)
	}
}

// TestAFileThatIsSealedMeanwhileIsNoFault seals the open segment at every read that Verify
// does of the directory and of files.
func TestAFileThatIsSealedMeanwhileIsNoFault(t *testing.T) {
	for n := 1; ; n++ {
		fsys := crashfs.New()
		m := begin(t, fsys, "/rec", "a")
		_, err := fsys.Lock(m.path(lockName))
		m.must(err)
		m.run("a", nine)
		m.segments("a", nine, 2*time.Second, 1)
		s := m.open("a", nine.Add(2*time.Second))
		s.fill(2 * time.Second)
		s.commit()
		h := &hooked{FS: fsys, at: n, do: s.seal}
		r, err := Verify(context.Background(), h, m.dir, VerifyOptions{Workers: 1})
		m.must(err)
		r.expect(t, Clean, "note being_written")
		if h.count < n {
			break
		}
	}
}

// TestAPowerCutDamagesNothing cuts the power before each change of the disk, in every way
// in which that can end. Before any repair, what was acknowledged is there and nothing
// is called damaged.
func TestAPowerCutDamagesNothing(t *testing.T) {
	fsys := crashfs.New()
	m := begin(t, fsys, "/rec", "a")
	m.must(fsys.SyncDir("/"))
	m.must(fsys.SyncDir("/rec"))
	m.must(fsys.SyncDir("/rec/journal"))
	m.sync()
	cuts := 0
	fsys.OnOp(func(op crashfs.Op) {
		if op.Done {
			return
		}
		after := []*crashfs.FS{fsys.Clone(crashfs.Kept), fsys.Clone(crashfs.Dropped), fsys.Clone(crashfs.Zeroed), fsys.CloneMixed(uint64(op.N))}
		for mode, disk := range after {
			cuts++
			r, err := Verify(context.Background(), disk, "/rec", VerifyOptions{})
			if err != nil || r.Status == Damaged {
				t.Fatalf("before %+v, mode %d: %v %q", op, mode, err, found(r))
			}
			for _, f := range r.Findings {
				if f.Kind == UnexplainedGap || f.Kind == Overlap {
					t.Fatalf("before %+v, mode %d: %+v", op, mode, f)
				}
			}
		}
	})
	m.run("a", nine)
	for _, at := range []time.Duration{0, 2 * time.Second} {
		s := m.open("a", nine.Add(at))
		s.fill(time.Second)
		s.commit()
		s.fill(2 * time.Second)
		s.commit()
		s.seal()
	}
	m.close(nine.Add(4 * time.Second))
	if cuts < 100 {
		t.Errorf("only %d cuts", cuts)
	}
}

// TestASegmentWrittenAgainCountsOnce covers a file that the disk would not sync: from
// some byte on its media is in the next one.
func TestASegmentWrittenAgainCountsOnce(t *testing.T) {
	m := begin(t, crashfs.New(), "/rec", "a")
	m.run("a", nine)
	old := m.open("a", nine)
	old.fill(2 * time.Second)
	old.commit()
	cut := old.w.Progress().Size
	old.fill(3 * time.Second)
	old.commit() // the journal has it, and the sync of the file was a lie
	again := m.open("a", nine.Add(2*time.Second))
	again.instead(old.n, cut)
	again.fill(2 * time.Second)
	data := m.read(old.file + ".part")
	clear(data[cut:])
	m.write(old.file+".part", data)

	r := m.verify(VerifyOptions{})
	if r.Status != Damaged {
		t.Errorf("%s before the new file has a commit", r.Status)
	}
	again.commit()
	r = m.verify(VerifyOptions{})
	r.expect(t, Incomplete, "incomplete interrupted", "incomplete left_open "+old.file+".part",
		"incomplete left_open "+again.file+".part", "note uncommitted_tail "+old.file+".part")
	if got := r.Cameras[0].Coverage; got.Media != Seconds(4*time.Second) || got.Unexplained != 0 {
		t.Errorf("%+v", got)
	}
}

// instead journals the segment again, as one that stands for a part of another.
func (s *open) instead(n uint64, from int64) {
	s.must(s.h.Close())
	s.must(s.fs.Remove(s.path(s.file + ".part")))
	s.line(&journal.Seal{Camera: s.camera, N: s.n}) // nothing is left of it
	m := s.maker
	m.n[s.camera]++
	next := &open{maker: m, camera: s.camera, n: m.n[s.camera], start: s.start, next: make([]int64, len(m.tracks))}
	next.file = s.camera + "/" + segment.FileName(s.start, next.n)
	var err error
	next.h, err = m.fs.Create(m.path(next.file+".part"), 0o644)
	m.must(err)
	next.w, err = segment.NewWriter(next.h, segment.Header{Camera: s.camera, Start: s.start, Tracks: m.tracks})
	m.must(err)
	m.line(&journal.Segment{Camera: s.camera, N: next.n, File: next.file, Run: 1, Start: s.start, Tracks: m.lineTracks(),
		Instead: []journal.Instead{{N: n, From: from}}})
	*s = *next
}
