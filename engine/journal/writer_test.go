package journal

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
	"rtsprec/engine/vfs/crashfs"
)

func TestWhatIsAppendedIsReadInOrder(t *testing.T) {
	for name, f := range map[string]vfs.FS{"crashfs": newFS(t), "os": vfs.OS()} {
		t.Run(name, func(t *testing.T) {
			at := dir
			if name == "os" {
				at = t.TempDir() + "/journal"
			}
			w, err := OpenWriter(Options{FS: f, Dir: at, Clock: newClock()})
			must(t, err)
			var want []Entry
			for i, e := range everyEntry() {
				if e.Kind() == KindCompact {
					continue
				}
				seq, err := w.Append(e)
				must(t, err)
				if want = append(want, e); seq != uint64(len(want)) {
					t.Errorf("entry %d has seq %d", i, seq)
				}
			}
			must(t, w.Close())
			must(t, w.Close())
			if _, err := w.Append(&Close{}); !fault.Is(err, fault.Bug) {
				t.Errorf("append after close: %v", err)
			}
			log, err := Read(f, at)
			must(t, err)
			// The commit is of an open segment too, so nothing of it is dead.
			if len(log.Lines) != len(want) || log.End != Clean || log.NextSeq != uint64(len(want)+1) || len(log.Problems) > 0 {
				t.Fatalf("%d lines of %d, %s, next %d, %v", len(log.Lines), len(want), log.End, log.NextSeq, log.Problems)
			}
			for i, l := range log.Lines {
				if !reflect.DeepEqual(l.Entry, want[i]) || l.Seq != uint64(i+1) || !l.At.Equal(day1) || (l.Format == Format) != (i == 0) {
					t.Errorf("line %d: %+v", i, l)
				}
			}
		})
	}
}

func TestAMissingJournalIsEmpty(t *testing.T) {
	f := newFS(t)
	log, index, err := Tail(f, dir)
	must(t, err)
	if len(log.Lines) != 0 || log.End != Clean || log.NextSeq != 1 || len(index.Files) != 0 {
		t.Errorf("%+v", log)
	}
	if _, err := OpenWriter(Options{FS: f, Dir: "/gone/journal", Clock: newClock()}); !fault.Is(err, fault.NotFound) {
		t.Errorf("a journal in a recording that is gone: %v", err)
	}
}

func TestFilesBeginAtMidnightAtOpenAtRotateAndAtTheLimit(t *testing.T) {
	f, c := newFS(t), newClock()
	w := open(t, f, c)
	add(t, w, gap("a", 1, day1, day1)) // 1
	must(t, w.Sync())
	c.now = time.Date(2026, 11, 22, 23, 59, 59, 999e6, time.UTC)
	add(t, w, gap("a", 2, day1, day1)) // 2
	must(t, w.Sync())
	c.advance(time.Millisecond)
	add(t, w, gap("a", 3, day1, day1)) // 3, and another day
	must(t, w.Rotate())
	must(t, w.Rotate())
	add(t, w, gap("a", 4, day1, day1)) // 4
	c.advance(24 * time.Hour)
	add(t, w, gap("a", 5, day1, day1)) // 5: with 4, which is not durable yet
	must(t, w.Sync())
	add(t, w, gap("a", 6, day1, day1)) // 6
	must(t, w.Close())
	w = open(t, f, c)
	w.o.Limit = 1000
	for i := range uint64(20) {
		add(t, w, gap("a", 7+i, day1, day1))
		must(t, w.Sync())
	}
	c.advance(-240 * time.Hour) // the clock was stepped
	add(t, w, gap("a", 99, day1, day1))
	must(t, w.Close())
	log := readLog(t, f)
	want := []string{"2026-11-22-000000001.jsonl", "2026-11-23-000000003.jsonl", "2026-11-23-000000004.jsonl",
		"2026-11-24-000000006.jsonl", "2026-11-24-000000007.jsonl", "2026-11-24-000000013.jsonl",
		"2026-11-24-000000019.jsonl", "2026-11-24-000000025.jsonl", "2026-11-14-000000027.jsonl"}
	if got := fileNames(log); !reflect.DeepEqual(got, want) {
		t.Errorf("files %q", got)
	}
	if len(log.Lines) != 27 || log.End != Clean {
		t.Errorf("%d lines, %s, %v", len(log.Lines), log.End, log.Problems)
	}
	for i, info := range log.Files {
		if !info.Indexed || i > 0 && info.From != log.Files[i-1].To+1 {
			t.Errorf("%+v", info)
		}
	}
}

// bytesOf returns a journal file as it is on the disk.
func bytesOf(t *testing.T, f vfs.FS, name string) string {
	t.Helper()
	data, err := vfs.ReadFile(f, dir+"/"+name, 1<<30)
	must(t, err)
	return string(data)
}

func TestCommitsAreCompactedWhenTheirSegmentIsDurablySealed(t *testing.T) {
	f, c := newFS(t), newClock()
	w := open(t, f, c)
	const name = "2026-11-22-000000001.jsonl"
	add(t, w, &Open{Why: "create"}, segment("a", 1, day1), segment("b", 1, day1),
		commit(1, day1, "a", "b"), commit(1, day1, "a"), commit(1, day1, "b"))
	must(t, w.Rotate())
	add(t, w, seal("a", 1, day1, time.Minute))
	must(t, w.Sync())
	if strings.Contains(bytesOf(t, f, name), `"compact"`) {
		t.Error("compacted while a segment is open")
	}
	add(t, w, seal("b", 1, day1, time.Minute))
	if n := len(readLog(t, f).Lines); n != 5 {
		t.Errorf("%d lines", n)
	}
	if strings.Contains(bytesOf(t, f, name), `"compact"`) {
		t.Error("compacted before the seal is durable")
	}
	must(t, w.Sync())
	got := bytesOf(t, f, name)
	if !strings.HasPrefix(got, `{"format":1,"seq":0,`) || !strings.Contains(got, `"kind":"compact","from":1,"to":6,`) ||
		strings.Contains(got, `"commit"`) || strings.Count(got, "\n") != 4 {
		t.Errorf("compacted to\n%s", got)
	}
	must(t, w.Close())
	log := readLog(t, f)
	var kinds []Kind
	for _, l := range log.Lines {
		kinds = append(kinds, l.Kind)
	}
	if fmt.Sprint(kinds) != "[open segment segment seal seal]" || log.End != Clean || log.NextSeq != 9 {
		t.Errorf("%v, %s, next %d, %v", kinds, log.End, log.NextSeq, log.Problems)
	}
	if info := log.Files[0]; !info.Compact || info.From != 1 || info.To != 6 || !info.Indexed {
		t.Errorf("%+v", info)
	}
}

func TestCommitsOfOpenSegmentsOutliveCompaction(t *testing.T) {
	f, c := newFS(t), newClock()
	w := open(t, f, c)
	add(t, w, segment("a", 1, day1), segment("b", 1, day1), commit(1, day1, "a", "b"), commit(1, day1, "a"), seal("a", 1, day1, 1))
	must(t, w.Close()) // compacts at last, whatever is open
	log := readLog(t, f)
	if len(log.Lines) != 4 || log.Lines[2].Entry.(*Commit).Files[1].Camera != "b" || !log.Files[0].Compact {
		t.Errorf("%+v", log)
	}
}

// 31: one EIO.
func TestCase31AfterAFailedSyncTheLinesAreWrittenAgainInANewFile(t *testing.T) {
	f, c := newFS(t), newClock()
	w := open(t, f, c)
	add(t, w, &Open{Why: "create"}, gap("a", 1, day1, day1))
	must(t, w.Sync())
	add(t, w, gap("a", 2, day1, day1), gap("a", 3, day1, day1))
	f.Fail(f.Ops()+1, syscall.EIO)
	if err := w.Sync(); !fault.Is(err, fault.DiskFailed) || !errors.Is(err, syscall.EIO) {
		t.Fatalf("sync: %v", err)
	}
	final := bytesOf(t, f, "2026-11-22-000000001.jsonl")
	if seq, err := w.Append(gap("a", 4, day1, day1)); seq != 5 || err != nil {
		t.Fatalf("append: %d, %v", seq, err)
	}
	must(t, w.Sync())
	for _, clone := range []*crashfs.FS{f, f.Clone(crashfs.Dropped), f.Clone(crashfs.Kept), f.Clone(crashfs.Zeroed)} {
		log := readLog(t, clone)
		if len(log.Lines) != 5 || log.NextSeq != 6 || log.End == Corrupt || len(log.Files) != 2 {
			t.Errorf("%+v", log)
		}
	}
	if got := bytesOf(t, f, "2026-11-22-000000001.jsonl"); !strings.Contains(got, `"compact","from":1,"to":2,`) && got != final {
		t.Errorf("the file whose sync failed was written to:\n%s", got)
	}
	must(t, w.Close())
	if log := readLog(t, f); len(log.Lines) != 5 || log.End != Clean || log.Files[0].To != 2 || log.Files[1].From != 3 {
		t.Errorf("%+v", log.Files)
	}
}

func TestASyncThatFailsForeverLeavesNoHeapOfFiles(t *testing.T) {
	f, c := newFS(t), newClock()
	w := open(t, f, c)
	f.SetError(func(op crashfs.Op) error {
		if op.Kind == crashfs.Sync {
			return syscall.EIO
		}
		return nil
	})
	for i := range uint64(500) {
		add(t, w, gap("a", i, day1, day1))
		if w.Sync() == nil {
			t.Fatal("no error")
		}
	}
	entries, err := f.ReadDir(dir)
	must(t, err)
	if len(entries) > 2 {
		t.Errorf("%d files", len(entries))
	}
	f.SetError(nil)
	must(t, w.Close())
	if log := readLog(t, f.Clone(crashfs.Dropped)); len(log.Lines) != 500 || log.End != Clean {
		t.Errorf("%d lines, %s", len(log.Lines), log.End)
	}
}

func TestWhatCannotBeSyncedIsBounded(t *testing.T) {
	f := newFS(t)
	w := open(t, f, newClock())
	note := strings.Repeat("x", 500_000)
	for i := range uint64(1000) {
		if _, err := w.Append(&Gap{ID: i, Camera: "a", Note: note}); err != nil {
			if !fault.Is(err, fault.DiskFailed) || i < 30 {
				t.Errorf("line %d: %v", i, err)
			}
			must(t, w.Sync())
			add(t, w, gap("a", i, day1, day1))
			must(t, w.Close())
			return
		}
	}
	t.Error("never refused")
}

// 31: a sync that takes 10 s.
func TestCase31ASlowSyncHoldsNoAppendUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFS(t)
		w := open(t, f, media.SystemClock{})
		add(t, w, gap("a", 1, day1, day1))
		f.OnOp(func(op crashfs.Op) {
			if op.Kind == crashfs.Sync && !op.Done {
				time.Sleep(10 * time.Second)
			}
		})
		begin := time.Now()
		done := make(chan error)
		go func() { done <- w.Sync() }()
		synctest.Wait()
		add(t, w, gap("a", 2, day1, day1))
		if since := time.Since(begin); since != 0 {
			t.Errorf("the append waited %v", since)
		}
		must(t, <-done)
		f.OnOp(nil)
		// What was appended while the sync was under way is not taken for durable.
		before := f.Ops()
		must(t, w.Sync())
		if f.Ops() == before {
			t.Error("nothing was synced for the second line")
		}
		must(t, w.Close())
	})
}

// The disk fills up; then space comes back.
func TestWithoutSpaceNothingOfALineIsLeft(t *testing.T) {
	f, c := newFS(t), newClock()
	w, err := OpenWriter(Options{FS: f, Dir: dir, Clock: c})
	must(t, err)
	for free := int64(0); free < 400; free += 7 {
		f.SetSpace(f.Used() + free)
		for range 20 {
			_, err := w.Append(gap("a", 1, day1, day1))
			if err == nil {
				err = w.Sync()
			}
			if err != nil && !fault.Is(err, fault.DiskFull) {
				t.Fatalf("append or sync: %v", err)
			}
		}
		f.SetSpace(-1)
		before := readLog(t, f)
		add(t, w, gap("b", 1, day1, day1))
		must(t, w.Rotate())
		log := readLog(t, f)
		if log.End != Clean || len(log.Problems) > 0 || len(log.Lines) != len(before.Lines)+1 {
			t.Fatalf("%d bytes free: %s, %v", free, log.End, log.Problems)
		}
	}
	if n := len(readLog(t, f).Files); n > 60 {
		t.Errorf("%d files", n)
	}
}

func TestAFileThatKeepsPartOfALineIsGivenUp(t *testing.T) {
	f, c := newFS(t), newClock()
	w := open(t, f, c)
	add(t, w, gap("a", 1, day1, day1))
	must(t, w.Sync())
	add(t, w, gap("a", 2, day1, day1))
	f.SetError(func(op crashfs.Op) error {
		switch op.Kind {
		case crashfs.Write:
			return &crashfs.Short{N: 9, Err: syscall.EIO}
		case crashfs.Truncate:
			return syscall.EIO
		}
		return nil
	})
	if _, err := w.Append(gap("a", 3, day1, day1)); !fault.Is(err, fault.DiskFailed) {
		t.Fatalf("append: %v", err)
	}
	f.SetError(nil)
	if seq, err := w.Append(gap("a", 4, day1, day1)); seq != 3 || err != nil {
		t.Errorf("append: %d, %v", seq, err)
	}
	must(t, w.Sync())
	for _, f := range []*crashfs.FS{f, f.Clone(crashfs.Dropped)} {
		if log := readLog(t, f); seqsOf(log) != "1 2 3" || log.End != Clean || log.Lines[2].Entry.(*Gap).ID != 4 {
			t.Errorf("lines %s, %s", seqsOf(log), log.End)
		}
	}
	must(t, w.Close())
}

func TestOpeningMakesWhatAKilledWriterLeftDurable(t *testing.T) {
	f, c := newFS(t), newClock()
	add(t, open(t, f, c), gap("a", 1, day1, day1), gap("a", 2, day1, day1))
	// Killed without a sync; the host lives on. The old file system is the host's.
	w := open(t, f, c)
	if log := readLog(t, f.Clone(crashfs.Dropped)); len(log.Lines) != 2 {
		t.Errorf("%d lines", len(log.Lines))
	}
	if seq, err := w.Append(gap("a", 3, day1, day1)); seq != 3 || err != nil {
		t.Errorf("%d, %v", seq, err)
	}
	must(t, w.Close())
}

func TestSeqNeverFallsBelowWhatIsAskedFor(t *testing.T) {
	f := newFS(t)
	w, err := OpenWriter(Options{FS: f, Dir: dir, Clock: newClock(), Next: 100})
	must(t, err)
	if seq, err := w.Append(gap("a", 1, day1, day1)); seq != 100 || err != nil {
		t.Errorf("%d, %v", seq, err)
	}
	must(t, w.Close())
	if log := readLog(t, f); log.NextSeq != 101 || log.End != Corrupt || log.Problems[0].Why != "lines 1 to 99 are missing" {
		t.Errorf("%+v", log)
	}
}

func TestWritersAndReadersMayBeMany(t *testing.T) {
	f, c := newFS(t), newClock()
	w := open(t, f, c)
	w.o.Limit = 20_000
	var group sync.WaitGroup
	for g := range 4 {
		group.Go(func() {
			camera := fmt.Sprint("cam", g)
			for n := range uint64(40) {
				at := day1.Add(time.Duration(n) * time.Minute)
				for _, e := range []Entry{segment(camera, n, at), commit(n, at, camera), commit(n, at, camera), seal(camera, n, at, time.Minute)} {
					if _, err := w.Append(e); err != nil {
						t.Error(err)
					}
				}
				if err := w.Sync(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 2 {
		group.Go(func() {
			for range 20 {
				log, err := Read(f, dir)
				if err != nil || log.End == Corrupt {
					t.Errorf("%v, %+v", err, log)
					return
				}
				if _, _, err := Tail(f, dir); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	must(t, w.Close())
	if log := readLog(t, f); len(log.Lines) != 4*40*2 || log.End != Clean || len(log.Files) < 3 {
		t.Errorf("%d lines, %s, %d files", len(log.Lines), log.End, len(log.Files))
	}
}
