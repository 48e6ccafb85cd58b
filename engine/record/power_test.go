package record

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/vfs/crashfs"
)

// soak is set for runs that take minutes and leave nothing out.
var soak = os.Getenv("RTSPREC_SOAK") != ""

// cut is a disk as a power cut left it, and what had been taken by then.
type cut struct {
	fs    *crashfs.FS
	what  string
	taken map[string]int
}

// cuts plays a scenario and cuts the power before and after every operation, in every
// mode and in one mixed one. Of the cuts it checks one in every, or all in a soak; it
// returns how many there were.
func (g *rig) cuts(every int, play func(), check func(c cut)) int {
	g.Helper()
	var (
		mu   sync.Mutex
		list []cut
	)
	g.fs.OnOp(func(op crashfs.Op) {
		mu.Lock()
		defer mu.Unlock()
		what := fmt.Sprintf("operation %d (%s %s, done %v)", op.N, op.Kind, op.Name, op.Done)
		g.mu.Lock()
		taken := map[string]int{}
		for name, marks := range g.taken {
			taken[name] = len(marks)
		}
		g.mu.Unlock()
		for _, m := range crashfs.Modes {
			list = append(list, cut{g.fs.Clone(m), fmt.Sprintf("%s, %v", what, m), taken})
		}
		list = append(list, cut{g.fs.CloneMixed(uint64(op.N)), what + ", mixed", taken})
	})
	play()
	g.fs.OnOp(nil)
	for i, c := range list {
		if !soak && i%(every*thin) != 0 {
			continue
		}
		check(c)
		if g.Failed() {
			g.Fatalf("power cut at %s", c.what)
		}
	}
	return len(list)
}

// opened repairs a cut disk and checks everything that must hold afterwards. It returns
// how much of the newest media of any of the cameras is lost.
func (g *rig) opened(c cut, cameras ...string) time.Duration {
	g.Helper()
	o := g.options(c.fs)
	o.Observe = nil
	if _, err := journal.LoadPlan(c.fs, g.dir); fault.Is(err, fault.NotFound) {
		return 0 // cut before there was a recording
	}
	committedIsThere(g, c.fs, g.dir)
	rec, _, err := Open(o)
	if err != nil {
		g.Errorf("open: %v", err)
		return 0
	}
	g.must(rec.Close(context.Background(), "", time.Time{}))
	g.sound(c.fs, false)
	var lost time.Duration
	for _, camera := range cameras {
		lost = max(lost, g.prefix(c, camera))
	}
	return lost
}

// prefix fails unless what is on the disk is what was taken, in order and each once. It
// returns how much had been taken since the first unit that is missing.
func (g *rig) prefix(c cut, camera string) time.Duration {
	g.Helper()
	list := read(g, c.fs, g.dir, camera)
	g.ordered(camera, list)
	g.mu.Lock()
	taken := g.taken[camera][:c.taken[camera]]
	all := g.taken[camera]
	g.mu.Unlock()
	var lost time.Duration
	for kind, interval := range map[byte]time.Duration{'V': 40 * time.Millisecond, 'A': 21334 * time.Microsecond} {
		got, want, known := marksOf(list, kind), ofKind(all, kind), len(ofKind(taken, kind))
		// A unit is taken a moment before the test hears of it.
		first, i := -1, 0
		for n, m := range want {
			if i < len(got) && got[i] == m {
				i++
			} else if first < 0 && n < known {
				first = n
			}
		}
		if i < len(got) {
			g.Errorf("%s: %s is doubled, out of order or was never taken", camera, got[i])
		}
		if first >= 0 {
			lost = max(lost, time.Duration(known-first)*interval)
		}
	}
	return lost
}

func TestAPowerCutAtEveryOperationCostsNoMoreThanPromised(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		var worst time.Duration
		n := g.cuts(1, func() {
			g.create()
			g.twoRuns()
			g.close("stopped")
		}, func(c cut) {
			lost := g.opened(c, "hall")
			worst = max(worst, lost)
			// One commit and one unit; syncs take no time here.
			if limit := 500*time.Millisecond + 80*time.Millisecond; lost > limit {
				t.Errorf("%v are lost, not %v at most", lost, limit)
			}
		})
		t.Logf("%d cuts, at most %v lost", n, worst)
	})
}

// The same while syncs fail and segments are written again.
func TestAPowerCutWhileSyncsFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		var worst time.Duration
		var syncs atomic.Int64 // files are synced side by side
		g.fs.SetError(func(op crashfs.Op) error {
			if op.Kind == crashfs.Sync && isMedia(op.Name) {
				if syncs.Add(1)%5 == 3 {
					return syscall.EIO
				}
			}
			return nil
		})
		n := g.cuts(5, func() {
			g.create()
			g.twoRuns()
			g.close("stopped")
		}, func(c cut) {
			worst = max(worst, g.opened(c, "hall"))
		})
		// Each failed sync costs a round.
		if limit := 4 * 500 * time.Millisecond; worst > limit {
			t.Errorf("%v are lost, not %v at most", worst, limit)
		}
		t.Logf("%d cuts, at most %v lost", n, worst)
	})
}

// A crash in the middle of recovery, and recovery again: what the first would have kept
// is kept.
func TestACrashDuringRecoveryCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.create()
		f := newFeed("hall", time.Now())
		s := g.sink("hall")
		g.begin(s, f)
		units := f.units(2800 * time.Millisecond)
		g.send(s, "hall", units)
		var crashed []cut
		taken := map[string]int{"hall": len(g.taken["hall"])}
		for _, m := range crashfs.Modes {
			crashed = append(crashed, cut{g.fs.Clone(m), m.String(), taken})
		}
		for seed := range uint64(2) {
			crashed = append(crashed, cut{g.fs.CloneMixed(seed), fmt.Sprint("mixed ", seed), taken})
		}
		g.close("stopped")
		n := 0
		for _, first := range crashed {
			whole := first
			whole.fs = first.fs.Clone(crashfs.Kept)
			lost := g.opened(whole, "hall")
			r := &rig{TB: t, fs: first.fs, dir: g.dir, plan: g.plan, taken: g.taken}
			n += r.cuts(3, func() {
				rec, _, err := Open(r.options(first.fs))
				r.must(err)
				r.must(rec.Close(context.Background(), "", time.Time{}))
			}, func(c cut) {
				c.taken = taken
				if again := r.opened(c, "hall"); again > lost {
					t.Errorf("%s: %v are lost, and %v without the crash in recovery", first.what, again, lost)
				}
			})
		}
		t.Logf("%d cuts", n)
	})
}

// Every operation of recovery fails once: it says so, and succeeds when tried again.
func TestRecoveryMayFailAndBeTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.create()
		f := newFeed("hall", time.Now())
		s := g.sink("hall")
		g.begin(s, f)
		g.send(s, "hall", f.units(2800*time.Millisecond))
		taken := map[string]int{"hall": len(g.taken["hall"])}
		crashed := g.fs.CloneMixed(1)
		g.close("stopped")
		whole := cut{crashed.Clone(crashfs.Kept), "", taken}
		lost := g.opened(whole, "hall")
		for n := 1; ; n++ {
			fsys := crashed.Clone(crashfs.Kept)
			fsys.Fail(n, syscall.EIO)
			rec, _, err := Open(g.options(fsys))
			if err == nil {
				g.must(rec.Close(context.Background(), "", time.Time{}))
			}
			done := fsys.Ops() < n
			if again := g.opened(cut{fsys.Clone(crashfs.Kept), "", taken}, "hall"); again > lost {
				t.Fatalf("operation %d: %v are lost, not %v", n, again, lost)
			}
			if done {
				t.Logf("%d operations", n)
				return
			}
		}
	})
}
