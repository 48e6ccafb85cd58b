package record

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/vfs"
	"rtsprec/engine/vfs/crashfs"
)

// sealed returns the lines with which the sealed segments of a camera would be removed.
func (g *rig) sealed(fsys vfs.FS, camera string) (list []journal.Prune) {
	g.Helper()
	rec, err := archive.Load(fsys, g.dir)
	g.must(err)
	for _, s := range rec.Camera(camera).Segments {
		if s.Sealed {
			list = append(list, journal.Prune{Camera: camera, N: s.N, File: s.File, Start: s.Start, End: s.End, Size: s.Size, Why: "age"})
		}
	}
	return list
}

// there reports whether a file of the recording exists.
func (g *rig) there(fsys vfs.FS, name string) bool {
	_, err := fsys.Stat(g.dir + "/" + name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		g.Fatal(err)
	}
	return err == nil
}

func TestPruneRemovesWhatIsSealedAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.create()
		s := g.sink("hall")
		f := newFeed("hall", time.Now())
		g.play(s, f, 7*time.Second)
		time.Sleep(time.Second)
		list := g.sealed(g.fs, "hall")
		if len(list) < 3 {
			t.Fatalf("%d sealed segments", len(list))
		}
		open := list[0]
		open.N, open.File = 4, strings.Replace(list[2].File, "000003", "000004", 1)
		wrong := list[0]
		wrong.File = list[1].File
		outside := list[0]
		outside.File = "hall/../../elsewhere/" + list[0].File
		for _, c := range []struct {
			what string
			line journal.Prune
			want fault.Kind
		}{
			{"an open one", open, fault.Usage}, {"another's name", wrong, fault.Usage}, {"a name outside", outside, fault.Usage},
			{"a camera that is none", journal.Prune{Camera: "../x", N: 1, File: "x"}, fault.Usage},
		} {
			if err := g.rec.Prune(c.line); !fault.Is(err, c.want) {
				t.Errorf("%s: %v", c.what, err)
			}
		}
		reader, err := g.fs.Hold(g.dir + "/" + list[0].File)
		g.must(err)
		if err := g.rec.Prune(list[0]); !fault.Is(err, fault.Busy) || !g.there(g.fs, list[0].File) {
			t.Errorf("one that is read: %v", err)
		}
		g.must(reader.Close())
		id, err := g.rec.Protect(journal.Protect{From: list[1].Start, To: list[1].End, Why: "evidence"})
		g.must(err)
		if err := g.rec.Prune(list[1]); !fault.Is(err, fault.Usage) {
			t.Errorf("one that is protected: %v", err)
		}
		g.must(g.rec.Prune(list[0]))
		if err := g.rec.Prune(list[0]); !fault.Is(err, fault.NotFound) {
			t.Errorf("for the second time: %v", err)
		}
		_, err = g.rec.Protect(journal.Protect{ID: id, Off: true})
		g.must(err)
		if _, err = g.rec.Protect(journal.Protect{ID: id, Off: true}); !fault.Is(err, fault.NotFound) {
			t.Errorf("taken off twice: %v", err)
		}
		g.must(g.rec.Prune(list[1]))
		g.close("stopped")
		for i, p := range list {
			if g.there(g.fs, p.File) != (i > 1) {
				t.Errorf("segment %d: there %t", p.N, i <= 1)
			}
		}
		report := g.sound(g.fs, true)
		c := report.Cameras[0].Coverage
		if c.Pruned <= 0 || c.Unexplained > 0 || c.Share() < 0.999 {
			t.Errorf("%+v", c)
		}
	})
}

// TestAPowerCutWhilePruningLosesNothingElse cuts the power at every operation of a
// recording that is pruned meanwhile: a file is there, or the journal says that it was
// removed, and after the next Open it is one or the other.
func TestAPowerCutWhilePruningLosesNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.create()
		s := g.sink("hall")
		f := newFeed("hall", time.Now())
		g.play(s, f, 5*time.Second)
		time.Sleep(time.Second)
		list := g.sealed(g.fs, "hall")
		n := g.cuts(1, func() {
			_, err := g.rec.Protect(journal.Protect{From: list[1].Start, To: list[1].End})
			g.must(err)
			g.must(g.rec.Prune(list[0]))
			if err := g.rec.Prune(list[1]); !fault.Is(err, fault.Usage) {
				t.Errorf("protected: %v", err)
			}
			g.close("stopped")
		}, func(c cut) {
			o := g.options(c.fs)
			o.Observe = nil
			for _, f := range verify(g, c.fs, g.dir).Findings {
				if f.Kind == archive.MediaLost {
					t.Errorf("before it is repaired: %s: %s", f.File, f.Text)
				}
			}
			rec, _, err := Open(o)
			g.must(err)
			g.must(rec.Close(context.Background(), "", time.Time{}))
			for _, f := range g.sound(c.fs, false).Findings {
				if f.Kind == archive.PrunedLeft || f.Kind == archive.MediaLost || f.Kind == archive.Stranger {
					t.Errorf("%s: %s (%s)", f.Kind, f.Text, f.File)
				}
			}
			if !g.there(c.fs, list[1].File) {
				t.Error("the protected file is gone")
			}
		})
		t.Logf("%d cuts", n)
	})
}

func TestEveryOperationOfPruningMayFailOnce(t *testing.T) {
	for n, more := 1, true; more; n++ {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t, "hall")
			g.create()
			f := newFeed("hall", time.Now())
			g.play(g.sink("hall"), f, 3*time.Second)
			g.close("stopped")
			list := g.sealed(g.fs, "hall")
			o := g.options(g.fs)
			o.Observe = nil
			g.fs.Fail(g.fs.Ops()+n, syscall.EIO)
			before := g.fs.Ops()
			gone, err := PruneDir(o, list[:1])
			more = g.fs.Ops() >= before+n
			if err == nil && len(gone) != 1 && more {
				t.Logf("operation %d: passed over", n)
			}
			rec, _, err := Open(o)
			if err != nil {
				rec, _, err = Open(o) // what failed may have been this one's
			}
			g.must(err)
			g.must(rec.Close(context.Background(), "", time.Time{}))
			for _, f := range g.sound(g.fs, false).Findings {
				if f.Severity != archive.Note {
					t.Errorf("operation %d: %s: %s", n, f.Kind, f.Text)
				}
			}
			left, err := archive.Load(g.fs, g.dir)
			g.must(err)
			if pruned := len(left.Camera("hall").Pruned) > 0; pruned == g.there(g.fs, list[0].File) {
				t.Errorf("operation %d: pruned %t, and the file is there %t", n, pruned, !pruned)
			}
		})
		if t.Failed() {
			return
		}
	}
}

// TestHowAWindowEndedIsKnownWhateverIsRead: a protection keeps an old file among those that
// are read, and the newest says nothing of the window because its writer was killed.
func TestHowAWindowEndedIsKnownWhateverIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.create()
		f := newFeed("hall", time.Now())
		g.play(g.sink("hall"), f, time.Second)
		_, err := g.rec.Protect(journal.Protect{Why: "x"})
		g.must(err)
		g.close("")
		g.open()
		f.newRun(time.Now())
		g.play(g.sink("hall"), f, time.Second)
		g.close("stopped")
		o := g.options(g.fs)
		killed := errors.New("killed")
		for range 2 {
			err := visit(o, func(r *Recording) error {
				r.ended = nil // what it would have written
				return killed
			})
			if !errors.Is(err, killed) {
				t.Fatal(err)
			}
		}
		if found := g.open(); !found.Closed || found.ClosedAt.IsZero() {
			t.Errorf("%+v", found)
		}
		g.close("")
		if report := g.sound(g.fs, false); report.State != archive.Closed {
			t.Errorf("%s", report.State)
		}
	})
}

func TestARecordingOfWhichNothingIsLeftIsStillOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.create()
		f := newFeed("hall", time.Now())
		g.play(g.sink("hall"), f, 3*time.Second)
		g.close("stopped")
		time.Sleep(72 * time.Hour)
		list := g.sealed(g.fs, "hall")
		o := g.options(g.fs)
		gone, err := PruneDir(o, list)
		g.must(err)
		if len(gone) != len(list) {
			t.Fatalf("%d of %d", len(gone), len(list))
		}
		report := g.sound(g.fs, true)
		if report.State != archive.Closed || report.Cameras[0].Coverage.Media > 0 || report.Cameras[0].Coverage.Pruned <= 0 {
			t.Errorf("%s, %+v", report.State, report.Cameras[0].Coverage)
		}
		days, err := g.fs.ReadDir(g.dir + "/hall")
		g.must(err)
		if len(days) > 0 {
			t.Errorf("empty folders stay: %v", days[0].Name())
		}
		sum, err := archive.Summarize(g.fs, g.dir)
		g.must(err)
		if sum.State != archive.Closed || sum.Bytes != 0 {
			t.Errorf("%+v", sum)
		}
	})
}

// TestAProtectionIsHandedToWhoeverWrites, is done once, and without a writer at once.
func TestAProtectionIsHandedToWhoeverWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.create()
		f := newFeed("hall", time.Now())
		g.play(g.sink("hall"), f, 3*time.Second)
		o := g.options(g.fs)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		id, err := ProtectDir(ctx, o, journal.Protect{From: time.Now(), Why: "one"})
		g.must(err)
		if id != 1 {
			t.Errorf("number %d", id)
		}
		if _, err := ProtectDir(ctx, o, journal.Protect{ID: 9, Off: true}); !fault.Is(err, fault.NotFound) {
			t.Errorf("%v", err)
		}
		g.halt() // it lives, and does nothing any more
		short, stop := context.WithTimeout(context.Background(), time.Second)
		defer stop()
		if _, err := ProtectDir(short, o, journal.Protect{Why: "never"}); !fault.Is(err, fault.Timeout) {
			t.Errorf("%v", err)
		}
		g.must(g.rec.Close(context.Background(), "stopped", time.Now()))
		id, err = ProtectDir(ctx, o, journal.Protect{Why: "two"})
		g.must(err)
		if id != 2 {
			t.Errorf("number %d", id)
		}
		_, err = ProtectDir(ctx, o, journal.Protect{ID: 1, Off: true})
		g.must(err)
		g.open()
		if _, err := g.rec.Protect(journal.Protect{Why: "three"}); err != nil {
			t.Error(err)
		}
		g.close("")
		guards, err := archive.Protections(g.fs, g.dir)
		g.must(err)
		if len(guards) != 2 || guards[0].Why != "two" || guards[1].Why != "three" || guards[1].ID != 3 {
			t.Errorf("%+v", guards)
		}
		entries, err := g.fs.ReadDir(g.dir)
		g.must(err)
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), requestPrefix) {
				t.Errorf("%s is left", e.Name())
			}
		}
		g.sound(g.fs, true)
	})
}

// TestARequestIsTakenUpOnceWhateverIsKilled cuts the power while a request is taken up.
func TestARequestIsTakenUpOnceWhateverIsKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.create()
		f := newFeed("hall", time.Now())
		g.play(g.sink("hall"), f, time.Second)
		g.must(vfs.Replace(g.fs, g.dir+"/request-00aa.json", []byte(`{"from":"2026-11-22T09:00:00Z","why":"once"}`), 0o600))
		g.must(vfs.Replace(g.fs, g.dir+"/request-garbage.json", []byte(`{`), 0o600))
		n := g.cuts(1, func() { time.Sleep(2 * time.Second) }, func(c cut) {
			o := g.options(c.fs)
			o.Observe = nil
			rec, _, err := Open(o)
			g.must(err)
			g.must(rec.commit())
			g.must(rec.Close(context.Background(), "", time.Time{}))
			guards, err := archive.Protections(c.fs, g.dir)
			g.must(err)
			if len(guards) != 1 || guards[0].Why != "once" {
				t.Errorf("%+v", guards)
			}
		})
		g.close("stopped")
		if n < 4*len(crashfs.Modes) {
			t.Errorf("only %d cuts", n)
		}
	})
}
