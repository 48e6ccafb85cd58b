package record

import (
	"context"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs/crashfs"
)

// twoRuns is a short recording with everything in it: cuts, sound and picture, an outage.
func (g *rig) twoRuns() {
	s := g.sink("hall")
	f := newFeed("hall", time.Now())
	g.play(s, f, 2500*time.Millisecond)
	g.end(s)
	time.Sleep(time.Second)
	f.count[0] = 75
	f.newRun(time.Now())
	g.play(s, f, 1500*time.Millisecond)
	g.must(s.Close(context.Background()))
}

// The n-th operation on the disk fails once, for every n: the recording goes on, and
// everything that was taken is there, once.
func TestEveryOperationMayFailOnce(t *testing.T) {
	errs := []error{syscall.EIO, syscall.ENOSPC, &crashfs.Short{N: 20, Err: syscall.ENOSPC}}
	for n, more := 1, true; more; n++ {
		for _, failure := range errs {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, "hall")
				n := n + g.fs.Ops() // those of the rig do not count
				g.fs.Fail(n, failure)
				rec, err := Create(g.options(g.fs))
				if err != nil {
					g.afterFailedCreate(err)
					return
				}
				g.start(rec)
				g.twoRuns()
				g.close("stopped")
				list := g.same(g.fs, "hall")
				report := g.sound(g.fs, false)
				if len(report.Cameras[0].Gaps) != 1 {
					t.Errorf("gaps: %+v", report.Cameras[0].Gaps)
				}
				if len(list) > 6 {
					t.Errorf("%d segments", len(list))
				}
				more = g.fs.Ops() >= n
				if t.Failed() {
					t.Fatalf("operation %d, %v", n, failure)
				}
			})
		}
		if t.Failed() {
			return
		}
	}
}

// afterFailedCreate checks that a recording that could not be created left nothing that
// is in the way of another try, or one that can be opened.
func (g *rig) afterFailedCreate(err error) {
	g.Helper()
	if kind := fault.KindOf(err); kind != fault.DiskFull && kind != fault.DiskFailed {
		g.Errorf("create: %v (%v)", err, kind)
	}
	if rec, _, err := Open(g.options(g.fs)); err == nil {
		g.must(rec.Close(context.Background(), "", time.Time{}))
	} else if !fault.Is(err, fault.NotFound) {
		g.Errorf("open what could not be created: %v", err)
	}
}

func isMedia(name string) bool { return strings.HasSuffix(name, segment.Part) }

// A disk that is full keeps Write waiting, and the recording goes on by itself.
func TestFullDiskIsWaitedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.create()
		s := g.sink("hall")
		f := newFeed("hall", time.Now())
		g.begin(s, f)
		units := f.units(12 * time.Second)
		third := len(units) / 3
		g.send(s, "hall", units[:third])
		g.fs.SetSpace(g.fs.Used())
		sent := make(chan time.Time)
		go func() {
			g.send(s, "hall", units[third:])
			sent <- time.Now()
		}()
		time.Sleep(30 * time.Second)
		g.fs.SetSpace(-1)
		freed, end := time.Now(), f.at.Add(12*time.Second)
		if wait := (<-sent).Sub(freed); wait > time.Second {
			t.Errorf("writing went on %v after there was space", wait)
		}
		g.closeAt("planned", end)
		g.same(g.fs, "hall")
		g.sound(g.fs, true)
		if a, b := len(eventsOf[DiskTrouble](g)), len(eventsOf[DiskRecovered](g)); a != 1 || b != 1 {
			t.Errorf("trouble was told %d times, its end %d times", a, b)
		}
		if kind := eventsOf[DiskTrouble](g)[0].Kind; kind != fault.DiskFull {
			t.Errorf("kind %v", kind)
		}
	})
}

// What the queue in front drops meanwhile is a gap that names the disk too.
func TestOverflowWhileTheDiskIsFullNamesBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.create()
		s := g.sink("hall")
		f := newFeed("hall", time.Now())
		g.begin(s, f)
		units := f.units(20 * time.Second)
		fourth := len(units) / 4
		g.send(s, "hall", units[:fourth])
		g.fs.SetSpace(g.fs.Used())
		go func() {
			time.Sleep(8 * time.Second)
			g.fs.SetSpace(-1)
		}()
		var dropped *media.Gap
		for _, au := range units[fourth:] {
			if time.Since(au.Arrival) > 2*time.Second || dropped != nil && !(au.Track == 0 && au.Key) {
				if dropped == nil {
					dropped = &media.Gap{From: au.Wall, Causes: media.Because(media.Overflow)}
				}
				continue
			}
			au.Missing, dropped = dropped, nil
			g.send(s, "hall", []media.AccessUnit{au})
		}
		g.close("stopped")
		g.same(g.fs, "hall")
		report := g.sound(g.fs, false)
		gaps := report.Cameras[0].Gaps
		if len(gaps) == 0 || !gaps[0].Causes.Has(media.Overflow) || !gaps[0].Causes.Has(media.DiskFull) {
			t.Errorf("gaps: %+v", gaps)
		}
	})
}

// Everything fails from the middle on, in each of several ways, and later works again.
func TestADiskThatRefusesForAWhileCostsNothing(t *testing.T) {
	kinds := map[string]func(op crashfs.Op) error{
		"read-only": func(op crashfs.Op) error {
			if op.N > 0 && op.Kind != crashfs.Sync && op.Kind != crashfs.SyncDir && op.Kind != crashfs.Lock {
				return syscall.EROFS
			}
			return nil
		},
		"every write": func(op crashfs.Op) error {
			if op.Kind == crashfs.Write {
				return syscall.EIO
			}
			return nil
		},
		"every sync": func(op crashfs.Op) error {
			if op.Kind == crashfs.Sync {
				return syscall.EIO
			}
			return nil
		},
		"media syncs": func(op crashfs.Op) error {
			if op.Kind == crashfs.Sync && isMedia(op.Name) {
				return syscall.EIO
			}
			return nil
		},
		"journal": func(op crashfs.Op) error {
			if op.N > 0 && strings.Contains(op.Name, "/journal") {
				return syscall.ENOSPC
			}
			return nil
		},
		"every rename": func(op crashfs.Op) error {
			if op.Kind == crashfs.Rename {
				return syscall.ENOSPC
			}
			return nil
		},
		"every create": func(op crashfs.Op) error {
			if op.Kind == crashfs.Create {
				return syscall.EMFILE
			}
			return nil
		},
		"everything": func(op crashfs.Op) error {
			if op.Kind != crashfs.Close {
				return syscall.EIO
			}
			return nil
		},
	}
	for name, match := range kinds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, "hall", "yard")
				g.create()
				go func() {
					time.Sleep(3300 * time.Millisecond)
					g.fs.SetError(match)
					time.Sleep(7 * time.Second)
					g.fs.SetError(nil)
				}()
				var feeds sync.WaitGroup
				for _, name := range []string{"hall", "yard"} {
					s, f := g.sink(name), newFeed(name, time.Now())
					feeds.Go(func() { g.play(s, f, 15*time.Second) })
				}
				feeds.Wait()
				g.close("stopped")
				for _, name := range []string{"hall", "yard"} {
					g.same(g.fs, name)
				}
				g.sound(g.fs, true)
				if a, b := len(eventsOf[DiskTrouble](g)), len(eventsOf[DiskRecovered](g)); a != 1 || b != 1 {
					t.Errorf("trouble was told %d times, its end %d times", a, b)
				}
			})
		})
	}
}

// After a failed sync nothing that the kernel had is believed: what was not committed
// is written again, and a power cut then loses no more than always.
func TestAfterAFailedSyncUnitsAreWrittenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.plan.Segment = journal.Duration(time.Hour)
		g.create()
		s := g.sink("hall")
		f := newFeed("hall", time.Now())
		g.begin(s, f)
		failed := false
		g.fs.SetError(func(op crashfs.Op) error {
			if !failed && op.Kind == crashfs.Sync && isMedia(op.Name) && time.Since(f.at) > 3*time.Second {
				failed = true
				return syscall.EIO
			}
			return nil
		})
		g.send(s, "hall", f.units(8*time.Second))
		disk, taken := g.fs.Clone(crashfs.Dropped), map[string]int{"hall": len(g.taken["hall"])}
		g.close("stopped")
		list := g.same(g.fs, "hall")
		g.sound(g.fs, true)
		if len(list) != 2 || len(list[1].line.Instead) != 1 {
			t.Fatalf("%d segments", len(list))
		}
		lost := g.opened(cut{disk, "", taken}, "hall")
		if lost > 700*time.Millisecond {
			t.Errorf("a power cut lost %v", lost)
		}
	})
}

// A file breaks of which nothing can be written again, since its only key frame is not kept
// any more, while sound waits for the next cut: the run may end right then.
func TestAFileIsGivenUpWhileSoundWaitsForTheCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.create()
		s := g.sink("hall")
		f := newFeed("hall", time.Now())
		f.gop, f.size, f.late = 1000, 800_000, 100*time.Millisecond
		g.begin(s, f)
		failed := false
		g.fs.SetError(func(op crashfs.Op) error {
			if !failed && op.Kind == crashfs.Sync && isMedia(op.Name) && time.Since(f.at) > 2200*time.Millisecond {
				failed = true
				return syscall.EIO
			}
			return nil
		})
		g.send(s, "hall", f.units(2600*time.Millisecond))
		time.Sleep(time.Second)
		if !failed {
			t.Error("nothing broke")
		}
		g.end(s)
		g.close("stopped")
		g.sound(g.fs, false)
	})
}

// A sync of ten seconds holds up neither the file's writer nor another camera's.
func TestASlowSyncHoldsUpNobodysWriting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall", "yard")
		g.plan.Segment = journal.Duration(time.Hour)
		g.create()
		g.fs.OnOp(func(op crashfs.Op) {
			if !op.Done && op.Kind == crashfs.Sync && isMedia(op.Name) && strings.Contains(op.Name, "hall") {
				time.Sleep(10 * time.Second)
			}
		})
		var feeds sync.WaitGroup
		for _, name := range []string{"hall", "yard"} {
			s, f := g.sink(name), newFeed(name, time.Now())
			feeds.Go(func() {
				g.begin(s, f)
				for _, au := range f.units(25 * time.Second) {
					g.send(s, name, []media.AccessUnit{au})
					if late := time.Since(au.Arrival); late > 0 {
						t.Errorf("%s: a write took %v", name, late)
						return
					}
				}
			})
		}
		feeds.Wait()
		g.close("stopped")
		for _, name := range []string{"hall", "yard"} {
			g.same(g.fs, name)
		}
		g.sound(g.fs, true)
	})
}

// Two rounds never overlap, and the next is due one period after the last began.
func TestRoundsNeverOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.plan.Segment = journal.Duration(time.Hour)
		g.create()
		g.fs.OnOp(func(op crashfs.Op) {
			if !op.Done && op.Kind == crashfs.Sync && isMedia(op.Name) {
				time.Sleep(200 * time.Millisecond)
			}
		})
		g.play(g.sink("hall"), newFeed("hall", time.Now()), 6*time.Second)
		rounds := eventsOf[Committed](g)
		if len(rounds) < 11 {
			t.Fatalf("%d rounds in 6 s", len(rounds))
		}
		for i, r := range rounds[1:] {
			if d := r.At.Sub(rounds[i].At); d != 500*time.Millisecond {
				t.Errorf("a round %v after the one before", d)
			}
		}
		g.close("stopped")
		g.same(g.fs, "hall")
	})
}

// The recording's directory is moved away and comes back: nothing is made in its place,
// and everything that was taken is there.
func TestAVanishedDirectoryIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.create()
		s := g.sink("hall")
		f := newFeed("hall", time.Now())
		g.begin(s, f)
		units := f.units(12 * time.Second)
		third := len(units) / 3
		g.send(s, "hall", units[:third])
		g.must(g.fs.Rename(g.dir, "/recordings/elsewhere"))
		g.must(g.fs.Mkdir(g.dir, 0o755)) // the bare mount point
		var sent sync.WaitGroup
		sent.Go(func() { g.send(s, "hall", units[third:]) })
		time.Sleep(10 * time.Second)
		if left, err := g.fs.ReadDir(g.dir); err != nil || len(left) > 0 {
			t.Errorf("in the place of the recording: %v, %v", left, err)
		}
		g.must(g.fs.Remove(g.dir))
		g.must(g.fs.Rename("/recordings/elsewhere", g.dir))
		sent.Wait()
		g.close("stopped")
		g.same(g.fs, "hall")
		g.sound(g.fs, true)
	})
}

// When the disk refuses to the end, Close gives up in time and says so; the rest is for
// the next Open.
func TestCloseIsBoundedByItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.create()
		s := g.sink("hall")
		f := newFeed("hall", time.Now())
		g.play(s, f, 3*time.Second)
		g.fs.SetSpace(g.fs.Used())
		g.halt()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		began := time.Now()
		err := g.rec.Close(ctx, "stopped", time.Now())
		if !fault.Is(err, fault.DiskFull) || time.Since(began) > 6*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		g.fs.SetSpace(-1)
		g.open()
		g.close("stopped")
		list := read(t, g.fs, g.dir, "hall")
		g.ordered("hall", list)
		if got := len(marksOf(list, 'V')); got < 75-20 {
			t.Errorf("%d pictures", got)
		}
		g.sound(g.fs, false)
	})
}

// Write gives up with its context, and what it did not take is a gap.
func TestWriteIsBoundedByItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.create()
		s := g.sink("hall")
		f := newFeed("hall", time.Now())
		f.tracks = f.tracks[:1]
		g.begin(s, f)
		units := f.units(6 * time.Second)
		g.send(s, "hall", units[:75])
		g.fs.SetSpace(g.fs.Used())
		refused := 0
		for _, au := range units[75:100] {
			time.Sleep(time.Until(au.Arrival))
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
			if err := s.Write(ctx, au); err == nil {
				g.took("hall", au)
			} else if refused++; !fault.Is(err, fault.DiskFull) {
				t.Errorf("write: %v", err)
			}
			cancel()
		}
		g.fs.SetSpace(-1)
		g.send(s, "hall", units[100:])
		g.close("stopped")
		if refused == 0 {
			t.Error("nothing was refused")
		}
		g.same(g.fs, "hall")
		report := g.sound(g.fs, false)
		if gaps := report.Cameras[0].Gaps; len(gaps) != 1 || !gaps[0].Causes.Has(media.DiskFull) {
			t.Errorf("gaps: %+v", gaps)
		}
	})
}
