package journal

import (
	"fmt"
	"reflect"
	"syscall"
	"testing"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/vfs/crashfs"
)

// story is a writer at work, and what it may rely on.
type story struct {
	t        *testing.T
	fs       *crashfs.FS
	clock    *clock
	w        *Writer
	accepted map[uint64]Entry
	durable  uint64 // every line up to it was covered by a Sync that succeeded
	patient  bool   // errors are expected, and what failed is tried again
}

func newStory(t *testing.T) *story {
	return &story{t: t, fs: newFS(t), clock: newClock(), accepted: map[uint64]Entry{}}
}

// do tries a step until it succeeds.
func (s *story) do(what string, step func() error) {
	for range 5 {
		err := step()
		if err == nil {
			return
		}
		if k := fault.KindOf(err); !s.patient || k != fault.DiskFailed && k != fault.DiskFull {
			s.t.Fatalf("%s: %v", what, err)
		}
	}
	s.t.Fatalf("%s: fails for ever", what)
}

func (s *story) open() {
	s.do("open", func() (err error) {
		s.w, err = OpenWriter(Options{FS: s.fs, Dir: dir, Clock: s.clock, Limit: 1500, Aside: "/rec/quarantine"})
		return err
	})
}

func (s *story) add(entries ...Entry) {
	for _, e := range entries {
		s.do("append", func() error {
			seq, err := s.w.Append(e)
			if err == nil {
				s.accepted[seq] = e
			}
			return err
		})
	}
}

func (s *story) sync(step func() error) {
	s.do("sync", func() error {
		upTo := uint64(len(s.accepted))
		err := step()
		if err == nil {
			s.durable = upTo
		}
		return err
	})
}

// run appends, rotates by hand, by size and by day, compacts, closes, and opens again.
func (s *story) run() {
	s.open()
	s.add(&Open{Why: "create"})
	for n := uint64(1); n <= 3; n++ {
		at := day1.Add(time.Duration(n) * 10 * time.Minute)
		s.add(segment("a", n, at), segment("ü", n, at))
		s.sync(s.w.Sync)
		for i := range 3 {
			end := at.Add(time.Duration(i) * time.Second)
			s.add(commit(n, end, "a", "ü"), commit(n, end, "ü"))
			s.sync(s.w.Sync)
			s.clock.advance(time.Second)
		}
		s.add(seal("a", n, at, 10*time.Minute), gap("a", n, at, at.Add(time.Second)))
		if n == 2 {
			s.sync(s.w.Rotate)
			s.clock.advance(20 * time.Hour)
			continue // and ü goes on being open, for ever
		}
		s.add(seal("ü", n, at, 10*time.Minute))
		s.sync(s.w.Sync)
	}
	s.sync(s.w.Close)
	s.open()
	s.add(&Open{Why: "resume"}, &Close{Why: "stopped", At: day1})
	s.sync(s.w.Close)
}

// check holds a file system that a cut left against what was promised, and returns what
// is there.
func (s *story) check(what string, f *crashfs.FS) *Log {
	s.t.Helper()
	log, err := Read(f, dir)
	if err != nil {
		s.t.Fatalf("%s: %v", what, err)
	}
	found, sealed := map[uint64]bool{}, map[segmentID]bool{}
	last := uint64(0)
	for _, l := range log.Lines {
		if l.Seq <= last || l.Seq >= log.NextSeq {
			s.t.Fatalf("%s: line %d after line %d, next is %d", what, l.Seq, last, log.NextSeq)
		}
		last = l.Seq
		if want := s.accepted[l.Seq]; want != nil && !reflect.DeepEqual(l.Entry, want) {
			s.t.Fatalf("%s: line %d is %+v, not %+v", what, l.Seq, l.Entry, want)
		}
		found[l.Seq] = true
		if e, ok := l.Entry.(*Seal); ok {
			sealed[segmentID{e.Camera, e.N}] = true
		}
	}
	for seq := uint64(1); seq <= s.durable; seq++ {
		c, ok := s.accepted[seq].(*Commit)
		if ok && (&Line{Kind: KindCommit, Entry: c}).dead(func(id segmentID) bool { return sealed[id] }) {
			continue
		}
		if !found[seq] {
			s.t.Fatalf("%s: line %d of %d durable ones is gone; %s, %v\n%+v", what, seq, s.durable, log.End, log.Problems, log.Files)
		}
	}
	if log.End == Corrupt && s.durable > 0 && log.NextSeq == s.durable+1 {
		s.t.Fatalf("%s: corrupt, with no line behind what was synced: %v", what, log.Problems)
	}
	return log
}

// goOn opens a file system that a cut left, and goes on writing to it.
func (s *story) goOn(what string, f *crashfs.FS, before *Log) {
	s.t.Helper()
	w, err := OpenWriter(Options{FS: f, Dir: dir, Clock: s.clock, Aside: "/rec/quarantine"})
	if err != nil {
		s.t.Fatalf("%s: open: %v", what, err)
	}
	seq, err := w.Append(&Open{Why: "repair"})
	must(s.t, err)
	must(s.t, w.Sync())
	if seq < before.NextSeq {
		s.t.Fatalf("%s: seq %d is given twice", what, seq)
	}
	after := s.since(f, before).check(what+", opened", f.Clone(crashfs.Dropped))
	if n := len(after.Lines); n == 0 || after.Lines[n-1].Seq != seq || !linesEqual(after.Lines[:n-1], before.Lines) {
		s.t.Fatalf("%s: opening changed the lines: %d, then %d, last seq %d", what, len(before.Lines), n, seq)
	}
	if after.End == Corrupt && before.End != Corrupt {
		s.t.Fatalf("%s: corrupt after opening: %v", what, after.Problems)
	}
	for _, l := range mustList(s.t, f) {
		if _, ours := parseFileName(l); !ours && l != indexName {
			s.t.Fatalf("%s: %s is left", what, l)
		}
	}
	must(s.t, w.Close())
}

// since is the story of a file system that a cut left: what the cut took may be written
// anew with the same seq.
func (s *story) since(f *crashfs.FS, log *Log) *story {
	again := &story{t: s.t, fs: f, clock: s.clock, accepted: map[uint64]Entry{}, durable: s.durable}
	for seq, e := range s.accepted {
		if seq < log.NextSeq {
			again.accepted[seq] = e
		}
	}
	return again
}

func linesEqual(a, b []Line) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Seq != b[i].Seq || !reflect.DeepEqual(a[i].Entry, b[i].Entry) {
			return false
		}
	}
	return true
}

func mustList(t *testing.T, f *crashfs.FS) []string {
	t.Helper()
	entries, err := f.ReadDir(dir)
	must(t, err)
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// cuts calls visit with what a cut at this instant may leave.
func (s *story) cuts(seeds uint64, visit func(mode string, f *crashfs.FS)) {
	for _, mode := range crashfs.Modes {
		visit(mode.String(), s.fs.Clone(mode))
	}
	for seed := range seeds {
		visit(fmt.Sprint("mixed ", seed), s.fs.CloneMixed(seed))
	}
}

// 28, the journal's part: power is cut before and after every write.
func TestCase28EverySyncedLineSurvivesACutAtEveryOperation(t *testing.T) {
	s := newStory(t)
	cuts := 0
	s.fs.OnOp(func(op crashfs.Op) {
		s.cuts(4, func(mode string, f *crashfs.FS) {
			cuts++
			what := fmt.Sprintf("cut at %+v, %s", op, mode)
			s.goOn(what, f, s.check(what, f))
		})
	})
	s.run()
	log := s.check("at the end", s.fs)
	if log.End != Clean || len(log.Problems) > 0 || int(log.NextSeq) != len(s.accepted)+1 {
		t.Errorf("%s, next %d, %v", log.End, log.NextSeq, log.Problems)
	}
	if cuts < 1000 {
		t.Errorf("only %d cuts", cuts)
	}
}

// Power is cut again while what the first cut left is being opened.
func TestCase28ASecondCutDuringRecoveryLosesNothing(t *testing.T) {
	s := newStory(t)
	s.fs.OnOp(func(op crashfs.Op) {
		if op.N%13 != 0 || op.Done {
			return
		}
		s.cuts(2, func(mode string, f *crashfs.FS) {
			what := fmt.Sprintf("cut at %+v, %s", op, mode)
			before := s.check(what, f)
			again := s.since(f, before)
			f.OnOp(func(second crashfs.Op) {
				again.cuts(2, func(mode string, f *crashfs.FS) {
					again.check(fmt.Sprintf("%s, then at %+v, %s", what, second, mode), f)
				})
			})
			again.goOn(what, f, before)
		})
	})
	s.run()
}

// 30 and 31: each operation fails once, with and without having written a part; what was
// promised survives a cut at every later operation all the same.
func TestCase30EachOperationMayFailOnce(t *testing.T) {
	for _, err := range []error{syscall.EIO, &crashfs.Short{N: 30, Err: syscall.ENOSPC}} {
		for n := 1; ; n++ {
			s := newStory(t)
			s.patient = true
			base := s.fs.Ops()
			s.fs.Fail(base+n, err)
			s.fs.OnOp(func(op crashfs.Op) {
				if !op.Done || op.N < base+n {
					return
				}
				what := fmt.Sprintf("fault %d, cut at %+v", n, op)
				switch (op.N + n) % 8 { // all of them would take long
				case 0:
					s.check(what, s.fs.Clone(crashfs.Dropped))
				case 1:
					s.check(what, s.fs.CloneMixed(uint64(n)))
				}
			})
			s.run()
			what := fmt.Sprintf("after fault %d", n)
			log := s.check(what, s.fs.Clone(crashfs.Dropped))
			if log.End != Clean || len(log.Problems) > 0 || int(log.NextSeq) != len(s.accepted)+1 {
				t.Fatalf("%s: %s, next %d, %v", what, log.End, log.NextSeq, log.Problems)
			}
			ran := s.fs.Ops()
			s.fs.Fail(base+n, nil)
			s.fs.OnOp(nil)
			s.goOn(what, s.fs, log)
			if ran < base+n {
				if n < 100 {
					t.Errorf("only %d operations", n)
				}
				break
			}
		}
	}
}
