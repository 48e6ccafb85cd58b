package journal

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"rtsprec/engine/vfs/crashfs"
)

// pupil is what somebody who follows a journal knows.
type pupil struct {
	f    *Follower
	seqs []uint64
}

func (p *pupil) learn(t *testing.T) (lines int) {
	t.Helper()
	up, err := p.f.Next()
	must(t, err)
	if up.Reset {
		p.seqs = nil
	}
	for _, l := range up.Lines {
		if l.Entry == nil {
			t.Fatalf("line %d (%s) was not decoded", l.Seq, l.Kind)
		}
		p.seqs = append(p.seqs, l.Seq)
	}
	if !slices.IsSorted(p.seqs) || len(slices.Compact(slices.Clone(p.seqs))) != len(p.seqs) {
		t.Fatalf("not each line once and in order: %v", p.seqs)
	}
	return len(up.Lines)
}

// TestFollowingAJournalGivesEachLineOnce follows one writer through days, reopenings,
// failed syncs and compactions, and looks at random moments.
func TestFollowingAJournalGivesEachLineOnce(t *testing.T) {
	for seed := range uint64(40) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		f, c := newFS(t), newClock()
		p := &pupil{f: Follow(f, dir)}
		var w *Writer
		reopen := func() (err error) {
			w, err = OpenWriter(Options{FS: f, Dir: dir, Clock: c})
			return err
		}
		must(t, reopen())
		var want []uint64 // lines that no compaction leaves out
		n := uint64(0)
		for range 120 {
			switch rnd.IntN(10) {
			case 0:
				p.learn(t)
			case 1:
				must(t, again(w.Close))
				must(t, again(reopen))
			case 2:
				c.advance(time.Duration(rnd.IntN(40)) * time.Hour)
			case 3:
				must(t, again(w.Rotate))
			case 4:
				f.Fail(f.Ops()+1+rnd.IntN(3), errRefused)
			case 5:
				w.Sync()
			default:
				n++
				for i, e := range []Entry{segment("a", n, day1), commit(n, day1, "a"), seal("a", n, day1, time.Minute)} {
					seq, err := w.Append(e)
					for ; err != nil; seq, err = w.Append(e) {
					}
					if i != 1 {
						want = append(want, seq)
					}
				}
			}
		}
		must(t, again(w.Close))
		p.learn(t)
		for _, seq := range want {
			if !slices.Contains(p.seqs, seq) {
				t.Fatalf("seed %d: line %d was not handed out (%d lines were)", seed, seq, len(p.seqs))
			}
		}
		if n := p.learn(t); n > 0 {
			t.Fatalf("seed %d: %d lines of a journal that did not grow", seed, n)
		}
	}
}

var errRefused = fmt.Errorf("no")

func again(step func() error) error {
	for {
		if err := step(); err == nil {
			return nil
		}
	}
}

func TestFollowingOpensNoFileWhereNothingChanged(t *testing.T) {
	f, c := newFS(t), newClock()
	week(t, f)
	p := &pupil{f: Follow(f, dir)}
	if p.learn(t) == 0 {
		t.Fatal("nothing was read")
	}
	opened := 0
	f.SetError(func(op crashfs.Op) error {
		if op.Kind == crashfs.Open {
			opened++
		}
		return nil
	})
	for range 3 {
		p.learn(t)
	}
	if opened > 0 {
		t.Errorf("%d files were opened", opened)
	}
	w := open(t, f, c)
	add(t, w, gap("a", 99, day1, day1.Add(time.Second)))
	opened = 0
	if n := p.learn(t); n == 0 || opened > 2 {
		t.Errorf("%d lines by opening %d files", n, opened)
	}
}

func TestAnotherJournalInThePlaceOfOneBeginsAnew(t *testing.T) {
	f, c := newFS(t), newClock()
	w := open(t, f, c)
	add(t, w, segment("a", 1, day1))
	must(t, w.Close())
	p := &pupil{f: Follow(f, dir)}
	p.learn(t)
	must(t, f.Rename(dir, "/rec/old"))
	c.advance(48 * time.Hour)
	w = open(t, f, c)
	add(t, w, segment("b", 1, day1), seal("b", 1, day1, 1))
	must(t, w.Close())
	up, err := p.f.Next()
	must(t, err)
	if !up.Reset || len(up.Lines) != 2 {
		t.Errorf("reset %t, %d lines", up.Reset, len(up.Lines))
	}
}

// TestTheIndexSaysWhatIsGone: prune, protect and backfill survive compaction, and the
// index knows them without the file.
func TestTheIndexSaysWhatIsGone(t *testing.T) {
	f, c := newFS(t), newClock()
	w := open(t, f, c)
	var old []Entry
	for n := range uint64(6) {
		start := day1.Add(time.Duration(n) * 10 * time.Minute)
		old = append(old, segment("a", n+1, start), commit(n+1, start, "a"), seal("a", n+1, start, 10*time.Minute))
	}
	add(t, w, old...)
	must(t, w.Close())
	c.advance(40 * 24 * time.Hour)
	w = open(t, f, c)
	prune := func(n uint64) *Prune {
		s := old[3*(n-1)].(*Segment)
		return &Prune{Camera: "a", N: n, File: s.File, Start: s.Start, End: s.Start.Add(10 * time.Minute), Size: 1000, Why: "age"}
	}
	add(t, w, prune(1), prune(2), prune(3), prune(5), &Protect{ID: 7, From: day1, Why: "evidence"},
		&Backfill{Gap: 3, Camera: "a", N: 9, From: day1.Add(time.Hour), To: day1.Add(2 * time.Hour), Splice: "identity"})
	must(t, w.Close())
	c.advance(40 * 24 * time.Hour)
	w = open(t, f, c)
	add(t, w, gap("a", 1, c.Wall(), c.Wall().Add(1)))
	must(t, w.Close())

	log, index, err := Tail(f, dir)
	must(t, err)
	x := index.Files[1]
	a := x.Cameras[0]
	want := Coverage{Camera: "a", Pruned: []Range{{1, 3}, {5, 5}}, PrunedBytes: 4000, PrunedMedia: Duration(40 * time.Minute),
		PrunedFrom: day1, PrunedTo: day1.Add(50 * time.Minute), Filled: Duration(time.Hour)}
	if fmt.Sprint(a) != fmt.Sprint(want) || x.Protect != 7 {
		t.Errorf("%+v\n%+v, protect %d", a, want, x.Protect)
	}
	kinds := map[Kind]int{}
	for _, l := range log.Lines {
		kinds[l.Kind]++
	}
	if kinds[KindProtect] != 1 {
		t.Errorf("the newest lines do not tell what is protected: %v", kinds)
	}
	log, err = ReadDays(f, dir, day1, day1.Add(time.Hour))
	must(t, err)
	clear(kinds)
	for _, l := range log.Lines {
		kinds[l.Kind]++
	}
	if kinds[KindPrune] != 4 || kinds[KindBackfill] != 1 || kinds[KindGap] != 0 {
		t.Errorf("a day is read without what became of it later: %v", kinds)
	}
}
