package record

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs/crashfs"
)

// crashed plays a recording of two cameras and returns the disk as a kill left it.
func (g *rig) crashed() cut {
	g.create()
	for _, name := range []string{"hall", "yard"} {
		f := newFeed(name, time.Now())
		s := g.sink(name)
		g.play(s, f, 4900*time.Millisecond)
	}
	disk := g.fs.Clone(crashfs.Kept)
	taken := map[string]int{"hall": len(g.taken["hall"]), "yard": len(g.taken["yard"])}
	g.close("stopped")
	return cut{disk, "", taken}
}

// reopen opens and closes what a crash left.
func (g *rig) reopen(fsys *crashfs.FS) Recovery {
	g.Helper()
	rec, found, err := Open(g.options(fsys))
	g.must(err)
	g.must(rec.Close(context.Background(), "", time.Time{}))
	return found
}

func files(t testing.TB, fsys *crashfs.FS, dir string) (names []string) {
	t.Helper()
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		if e.IsDir() {
			names = append(names, files(t, fsys, name)...)
		} else {
			names = append(names, name)
		}
	}
	return names
}

func (g *rig) find(fsys *crashfs.FS, part string) []string {
	g.Helper()
	return slices.DeleteFunc(files(g, fsys, g.dir), func(name string) bool { return !strings.Contains(name, part) })
}

func write(t testing.TB, fsys *crashfs.FS, name string, data []byte) {
	t.Helper()
	if err := fsys.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := fsys.Create(name, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
	f.Close()
}

func TestOpenAfterAnOrderlyEndRepairsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.create()
		g.play(g.sink("hall"), newFeed("hall", time.Now()), 3*time.Second)
		g.close("stopped")
		found := g.open()
		if !found.Closed || len(found.Repairs) != 0 || found.ClosedAt.IsZero() {
			t.Errorf("%+v", found)
		}
		g.close("")
		g.same(g.fs, "hall")
		g.sound(g.fs, true)
	})
}

func TestPauseAndResumeIsOneGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.create()
		s := g.sink("hall")
		f := newFeed("hall", time.Now())
		g.play(s, f, 3*time.Second)
		g.must(s.End(context.Background(), media.Gap{Causes: media.Because(media.Suspended)}))
		g.close("")
		time.Sleep(time.Minute)
		found := g.open()
		if found.Closed || len(found.Repairs) != 0 {
			t.Errorf("%+v", found)
		}
		f.newRun(time.Now())
		g.play(g.sink("hall"), f, 3*time.Second)
		g.close("stopped")
		g.same(g.fs, "hall")
		report := g.sound(g.fs, false)
		if gaps := report.Cameras[0].Gaps; len(gaps) != 1 || gaps[0].Causes != media.Because(media.Suspended) {
			t.Errorf("gaps: %+v", gaps)
		}
	})
}

func TestAfterACrashTheTimeUntilTheNextUnitIsAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall", "yard")
		c := g.crashed()
		g.fs, g.taken = c.fs, map[string][]string{}
		time.Sleep(time.Minute)
		found := g.open()
		if len(found.Repairs) == 0 {
			t.Error("nothing was repaired")
		}
		f := newFeed("hall", time.Now())
		f.count = [2]int{1000, 1000}
		g.play(g.sink("hall"), f, 3*time.Second)
		g.close("stopped")
		report := g.sound(g.fs, false)
		for _, c := range report.Cameras {
			down := slices.ContainsFunc(c.Gaps, func(gap archive.Gap) bool { return gap.Causes.Has(media.ProcessDown) })
			if !down {
				t.Errorf("%s: %+v", c.Name, c.Gaps)
			}
		}
		numbers := map[uint64]bool{}
		for _, s := range read(t, g.fs, g.dir, "hall") {
			if numbers[s.line.N] {
				t.Errorf("number %d twice", s.line.N)
			}
			numbers[s.line.N] = true
		}
	})
}

func TestJournalLostIsMadeAnewFromTheMedia(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall", "yard")
		c := g.crashed()
		c.fs.RemoveAll(g.dir + "/journal")
		found := g.reopen(c.fs)
		if !slices.ContainsFunc(found.Repairs, func(s string) bool { return strings.Contains(s, "journal is lost") }) {
			t.Errorf("%q", found.Repairs)
		}
		g.sound(c.fs, false)
		for _, name := range []string{"hall", "yard"} {
			if lost := g.prefix(c, name); lost > 330*time.Millisecond {
				t.Errorf("%s: %v lost", name, lost)
			}
		}
		if again := g.reopen(c.fs); len(again.Repairs) != 0 {
			t.Errorf("the second time: %q", again.Repairs)
		}
	})
}

func TestMediaLostIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall", "yard")
		c := g.crashed()
		for _, name := range g.find(c.fs, "/hall/") {
			g.must(c.fs.Remove(name))
		}
		found := g.reopen(c.fs)
		lost := 0
		for _, s := range found.Repairs {
			if strings.Contains(s, "is lost") {
				lost++
			}
		}
		if lost < 2 {
			t.Errorf("%q", found.Repairs)
		}
		if lost := g.prefix(c, "yard"); lost > 330*time.Millisecond {
			t.Errorf("yard: %v lost", lost)
		}
	})
}

func TestATornJournalLineCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall", "yard")
		c := g.crashed()
		names := g.find(c.fs, "/journal/2")
		f, err := c.fs.OpenRW(names[len(names)-1])
		g.must(err)
		f.Write([]byte(`{"seq":4711,"kind":"comm`))
		f.Close()
		found := g.reopen(c.fs)
		if !slices.ContainsFunc(found.Repairs, func(s string) bool { return strings.Contains(s, "torn") }) {
			t.Errorf("%q", found.Repairs)
		}
		g.sound(c.fs, false)
		if lost := g.prefix(c, "hall"); lost > 330*time.Millisecond {
			t.Errorf("%v lost", lost)
		}
	})
}

// Any line of the journal may be broken in its middle: what it knew is taken from the
// media.
func TestACorruptJournalLineCostsNoMedia(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall", "yard")
		whole := g.crashed()
		name := g.find(whole.fs, "/journal/2")[0]
		f, err := whole.fs.Open(name)
		g.must(err)
		size, _ := f.Size()
		data := make([]byte, size)
		f.ReadAt(data, 0)
		f.Close()
		for at := range data {
			if data[at] != '\n' || at == len(data)-1 {
				continue
			}
			c := whole
			c.fs = whole.fs.Clone(crashfs.Kept)
			f, err := c.fs.OpenRW(name)
			g.must(err)
			f.WriteAt([]byte{'~'}, int64(at+10)) // in the line behind
			f.Close()
			g.reopen(c.fs)
			for _, camera := range []string{"hall", "yard"} {
				if lost := g.prefix(c, camera); lost > 330*time.Millisecond {
					t.Fatalf("line behind byte %d: %s: %v lost", at, camera, lost)
				}
			}
			if again := g.reopen(c.fs); slices.ContainsFunc(again.Repairs, func(s string) bool { return strings.Contains(s, "/") }) {
				t.Errorf("the second time: %q", again.Repairs)
			}
			if t.Failed() {
				t.Fatalf("line behind byte %d", at)
			}
		}
	})
}

func TestStrangersGoToQuarantine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall", "yard")
		c := g.crashed()
		day := filepath.Dir(g.find(c.fs, "/hall/")[0])
		strangers := []string{
			day + "/notes.txt", day + "/235959.000Z-009999.mp4.part", day + "/235959.000Z-009998.mp4", g.dir + "/hall/x/y", g.dir + "/yard/z",
		}
		for _, name := range strangers {
			write(t, c.fs, name, []byte("hello"))
		}
		g.reopen(c.fs)
		for _, name := range strangers {
			if _, err := c.fs.Stat(name); err == nil {
				t.Errorf("%s is still there", name)
			}
			aside := strings.Replace(name, g.dir, g.dir+"/quarantine", 1)
			if _, err := c.fs.Stat(aside); err != nil {
				t.Error(err)
			}
		}
		g.sound(c.fs, false)
	})
}

// The end of an open file is broken, in several ways: it is in quarantine, whole, and
// what was before it is sealed.
func TestABrokenTailIsCopiedToQuarantine(t *testing.T) {
	for what, tail := range map[string][]byte{
		"zeros": make([]byte, 5000), "garbage": []byte(strings.Repeat("garbage ", 900)), "a bit": {0},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, "hall", "yard")
				c := g.crashed()
				for _, name := range g.find(c.fs, segment.Part) {
					f, err := c.fs.OpenRW(name)
					g.must(err)
					f.Write(tail)
					f.Close()
				}
				found := g.reopen(c.fs)
				aside := g.find(c.fs, "/quarantine/")
				if len(aside) == 0 {
					t.Fatalf("nothing in quarantine: %q", found.Repairs)
				}
				for _, name := range aside {
					f, err := c.fs.Open(name)
					g.must(err)
					data := make([]byte, 10000)
					n, _ := f.ReadAt(data, 0)
					if string(data[:n]) != string(tail) {
						t.Errorf("%s: %d bytes, not the %d of the tail", name, n, len(tail))
					}
				}
				g.sound(c.fs, false)
				if lost := g.prefix(c, "hall"); lost > 330*time.Millisecond {
					t.Errorf("%v lost", lost)
				}
			})
		})
	}
}

func TestOpenNamesWhatIsNotARecording(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		if _, _, err := Open(g.options(g.fs)); !fault.Is(err, fault.NotFound) {
			t.Errorf("nothing there: %v", err)
		}
		g.create()
		g.close("")
		g.must(g.fs.Remove(g.dir + "/recording.json"))
		write(t, g.fs, g.dir+"/recording.json", []byte("{"))
		if _, _, err := Open(g.options(g.fs)); !fault.Is(err, fault.Damaged) {
			t.Errorf("a broken plan: %v", err)
		}
	})
}

// Credentials are in the plan and nowhere else.
func TestNoPasswordLeavesThePlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall", "yard")
		c := g.crashed()
		g.reopen(c.fs)
		for _, fsys := range []*crashfs.FS{g.fs, c.fs} {
			for _, name := range files(t, fsys, g.dir) {
				f, err := fsys.Open(name)
				g.must(err)
				size, _ := f.Size()
				data := make([]byte, size)
				f.ReadAt(data, 0)
				if strings.Contains(string(data), "secret") != strings.HasSuffix(name, journal.PlanName) {
					t.Errorf("the password in %s", name)
				}
			}
		}
		if info, err := g.fs.Stat(g.dir + "/" + journal.PlanName); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
	})
}
