package archive

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs/crashfs"
)

// names are those of what a library has now.
func names(l *Library) (list []string) {
	for _, r := range l.Recordings() {
		list = append(list, r.Name)
	}
	return list
}

// eager is a library whose clock runs so fast that it looks at each question.
func (m *maker) eager(roots ...string) *Library { return NewLibrary(m.fs, &racing{}, roots...) }

// racing is a clock of which each reading is a second later.
type racing struct {
	mu  sync.Mutex
	now time.Time
}

func (c *racing) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Second)
	return c.now
}

func (c *racing) Wall() time.Time { return nine.Add(time.Hour) }

// TestALibraryIsWhatLoadSays, at every step of a recording that appears, grows and ends.
func TestALibraryIsWhatLoadSays(t *testing.T) {
	fs := crashfs.New()
	m := begin(t, fs, "/archive/school/lesson", "a", "b")
	l := m.eager("/archive")
	agree := func(step string) {
		t.Helper()
		want := m.load()
		got, err := l.Recording("school/lesson")
		m.must(err)
		if got.State != want.State || fmt.Sprint(got.Window) != fmt.Sprint(want.Window) && got.State != Live || len(got.Cameras) != len(want.Cameras) {
			t.Fatalf("%s: %s %v, not %s %v", step, got.State, got.Window, want.State, want.Window)
		}
		for i, c := range want.Cameras {
			g := got.Cameras[i]
			if len(g.Segments) != len(c.Segments) || fmt.Sprint(g.Gaps) != fmt.Sprint(c.Gaps) && got.State != Live ||
				fmt.Sprint(g.Pruned, g.Filled, g.Damage, g.Leads) != fmt.Sprint(c.Pruned, c.Filled, c.Damage, c.Leads) {
				t.Fatalf("%s: %s: %+v\nnot %+v", step, c.Name, g, c)
			}
			for j, s := range c.Segments {
				o := g.Segments[j]
				if o.N != s.N || o.Sealed != s.Sealed || o.Size != s.Size || !o.End.Equal(s.End) || fmt.Sprint(o.Tracks) != fmt.Sprint(s.Tracks) {
					t.Fatalf("%s: segment %d: %+v\nnot %+v", step, s.N, o, s)
				}
			}
			if got.State != Live && fmt.Sprint(got.Timeline(g)) != fmt.Sprint(want.Timeline(c)) {
				t.Fatalf("%s: %v\nnot %v", step, got.Timeline(g), want.Timeline(c))
			}
		}
	}
	agree("empty")
	m.run("a", nine)
	s := m.open("a", nine)
	agree("begun")
	old := l.Recordings()[0].Camera("a").Segments[0]
	s.fill(time.Second)
	s.commit()
	agree("committed")
	if old.Size != 0 || old.Units() != 0 {
		t.Error("what was handed out has changed")
	}
	s.seal()
	m.segments("b", nine, 2*time.Second, 2)
	agree("sealed")
	m.missing("a", nine.Add(time.Second), nine.Add(4*time.Second), media.Timeout)
	m.line(&journal.Gap{ID: 9, Camera: "b", From: nine.Add(4 * time.Second)})
	m.sync()
	agree("a gap")
	lock, err := fs.Lock("/archive/school/lesson/lock")
	m.must(err)
	agree("being written")
	if r, _ := l.Recording("school/lesson"); !r.Window.To.Equal(nine.Add(time.Hour)) {
		t.Errorf("a live window ends at %s", r.Window.To)
	}
	m.must(lock.Close())
	m.leave()
	m.reopen("resume")
	agree("compacted")
	p := m.load().Camera("b").Segments[0]
	m.line(&journal.Prune{Camera: "b", N: p.N, File: p.File, Start: p.Start, End: p.End, Size: p.Size, Why: "age"})
	m.line(&journal.Protect{ID: 1, Why: "x"})
	m.sync()
	agree("pruned")
	m.plan.Cameras = append(m.plan.Cameras, journal.Camera{Name: "late"})
	m.must(journal.SavePlan(fs, m.dir, m.plan))
	m.line(&journal.PlanChanged{Plan: m.plan.Public()})
	m.sync()
	agree("another camera")
	m.close(nine.Add(5 * time.Second))
	agree("closed")

	begin(t, fs, "/archive/evening", "a").leave()
	if got := names(l); !slices.Equal(got, []string{"evening", "school/lesson"}) {
		t.Errorf("%v", got)
	}
	m.must(fs.Rename("/archive/evening", "/gone"))
	if got := names(l); !slices.Equal(got, []string{"school/lesson"}) {
		t.Errorf("%v", got)
	}
}

func TestARecordingBelowTwoRootsIsOne(t *testing.T) {
	m := begin(t, crashfs.New(), "/archive/school/lesson", "a")
	m.run("a", nine)
	m.segments("a", nine, time.Second, 1)
	m.close(nine.Add(time.Second))
	for _, roots := range [][]string{{"/archive", "/archive/school/lesson"}, {"/archive/school", "/archive/"}} {
		l := m.eager(roots...)
		if held, err := l.Resolve("a"); err != nil || len(held) != 1 {
			t.Errorf("%v: %d, %v", roots, len(held), err)
		}
	}
	begin(t, m.fs, "/other/school/lesson", "a").leave()
	if got := names(m.eager("/archive", "/other")); !slices.Equal(got, []string{"other/school/lesson", "school/lesson"}) {
		t.Errorf("%v", got)
	}
}

func TestALibraryOpensNothingWhereNothingChanged(t *testing.T) {
	m := healthy(t)
	l := m.eager("/rec")
	l.Recordings()
	var opened []string
	m.fs.(*crashfs.FS).SetError(func(op crashfs.Op) error {
		if op.Kind == crashfs.Open {
			opened = append(opened, op.Name)
		}
		return nil
	})
	for range 3 {
		for _, r := range l.Recordings() {
			for _, c := range r.Cameras {
				if len(r.Timeline(c)) != 1 {
					t.Error("a timeline with holes")
				}
			}
		}
	}
	if len(opened) > 0 {
		t.Errorf("opened: %v", opened)
	}
}

func TestARecordingThatCannotBeReadIsNamed(t *testing.T) {
	m := healthy(t)
	m.must(m.fs.Remove("/rec/recording.json"))
	m.write("recording.json", []byte(`{"format":99}`))
	l := m.library()
	list := l.Recordings()
	if len(list) != 1 || list[0].Name != "rec" || !fault.Is(list[0].PlanError, fault.Unsupported) || len(list[0].Cameras) > 0 {
		t.Errorf("%+v", list)
	}
	if _, err := l.Recording("rec"); !fault.Is(err, fault.Unsupported) {
		t.Errorf("%v", err)
	}
}

// TestCataloguesThatNobodyAskedForAreForgotten and read again when somebody does.
func TestCataloguesThatNobodyAskedForAreForgotten(t *testing.T) {
	fs := crashfs.New()
	var last *maker
	for i := range 3 {
		last = begin(t, fs, fmt.Sprintf("/archive/r%d", i), "a")
		last.run("a", nine)
		last.segments("a", nine, time.Second, 2)
		last.close(nine.Add(2 * time.Second))
	}
	l := last.eager("/archive")
	l.Recordings()
	l.entries["r1"].segments.Store(keepSegments) // as if it were huge
	l.Recording("r1")
	l.Recording("r2")
	held := 0
	for _, e := range l.entries {
		if e.folder != nil {
			held++
		}
	}
	if held == 3 {
		t.Error("nothing was forgotten")
	}
	for _, r := range l.Recordings() {
		if len(r.Cameras) != 1 || len(r.Cameras[0].Segments) != 2 {
			t.Errorf("%s: %+v", r.Name, r.Cameras)
		}
	}
}

// TestALibraryIsAskedFromManySides while its recording grows.
func TestALibraryIsAskedFromManySides(t *testing.T) {
	m := begin(t, crashfs.New(), "/rec", "a")
	m.run("a", nine)
	l := m.eager("/rec")
	stop := make(chan struct{})
	var askers sync.WaitGroup
	for range 4 {
		askers.Go(func() {
			last := 0
			for {
				select {
				case <-stop:
					return
				default:
				}
				r, err := l.Recording("rec")
				if err != nil {
					t.Error(err)
					return
				}
				n := len(r.Camera("a").Segments)
				if n < last {
					t.Errorf("%d segments after %d", n, last)
				}
				last = n
				r.Timeline(r.Camera("a"))
			}
		})
	}
	for i := range 20 {
		m.segments("a", nine.Add(time.Duration(i)*time.Second), time.Second, 1)
	}
	close(stop)
	askers.Wait()
	m.leave()
}

func FuzzResolve(f *testing.F) {
	m := healthy(f)
	for _, s := range []string{"teacher", "rec/teacher", "/teacher/", "../rec/teacher", "rec/../rec/teacher", strings.Repeat("x", 4096), "a\x00b"} {
		f.Add(s)
	}
	l := NewLibrary(m.fs, media.SystemClock{}, "/rec")
	f.Fuzz(func(t *testing.T, name string) {
		held, err := l.Resolve(name)
		if len(held) > 0 == (err != nil) || err != nil && !fault.Is(err, fault.NotFound) {
			t.Fatalf("%q: %v, %v", name, held, err)
		}
		if err == nil && !slices.Contains([]string{"teacher", "student", "rec/teacher", "rec/student"}, strings.Trim(name, "/")) {
			t.Fatalf("%q is %s", name, held[0].Camera.Name)
		}
	})
}
