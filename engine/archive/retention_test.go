package archive

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs/crashfs"
)

// catalogue is a recording of cameras whose segments are an hour and a kilobyte each, the
// last one open.
func catalogue(state State, hours int, cameras ...string) *Recording {
	r := &Recording{Name: "r", Dir: "/r", State: state}
	for _, name := range cameras {
		c := &Camera{Name: name}
		for h := range hours {
			start := nine.Add(time.Duration(h) * time.Hour)
			c.Segments = append(c.Segments, &Segment{Camera: name, N: uint64(h + 1), Sealed: h < hours-1, Size: 1000, Start: start, End: start.Add(time.Hour)})
		}
		r.Cameras = append(r.Cameras, c)
	}
	return r
}

func text(list []*Segment) string {
	var words []string
	for _, s := range list {
		words = append(words, fmt.Sprintf("%s%d", s.Camera, s.N))
	}
	return strings.Join(words, " ")
}

func TestRetentionTakesTheOldestThatAreSealedAndNotProtected(t *testing.T) {
	end := nine.Add(6 * time.Hour)
	for _, c := range []struct {
		name    string
		keep    Keep
		free    int64
		protect []journal.Protect
		want    string
	}{
		{"nothing asked", Keep{}, 0, nil, ""},
		{"age", Keep{Age: 4*time.Hour + 1}, -1, nil, "a1 b1"},
		{"age of all", Keep{Age: time.Minute}, -1, nil, "a1 b1 a2 b2 a3 b3 a4 b4 a5 b5"}, // never what is open
		{"size", Keep{Size: 9500}, -1, nil, "a1 b1 a2"},
		{"free", Keep{Free: 5000}, 3500, nil, "a1 b1"},
		{"free is not known", Keep{Free: 5000}, -1, nil, ""},
		{"enough is free", Keep{Free: 5000}, 5000, nil, ""},
		{"by camera", Keep{Size: 4500, Cameras: map[string]Keep{"b": {Age: 3*time.Hour + 1}}}, -1, nil, "a1 b1 a2 b2"},
		{"a camera that keeps all", Keep{Age: time.Minute, Cameras: map[string]Keep{"a": {}}}, -1, nil, "b1 b2 b3 b4 b5"},
		{"protected", Keep{Age: 3*time.Hour + 1}, -1, []journal.Protect{{ID: 1, From: nine, To: nine.Add(time.Minute), Cameras: []string{"a"}}}, "b1 a2 b2"},
		{"protected for ever", Keep{Age: time.Minute, Size: 1, Free: 1 << 40}, 0, []journal.Protect{{ID: 1, From: nine.Add(90 * time.Minute)}}, "a1 b1"},
		{"protected to a border", Keep{Age: 4*time.Hour + 1}, -1, []journal.Protect{{ID: 1, To: nine}}, "a1 b1"},
	} {
		r := catalogue(Live, 6, "a", "b")
		r.Protected = c.protect
		if got := text(r.Prunable(c.keep, end, c.free)); got != c.want {
			t.Errorf("%s: %q, not %q", c.name, got, c.want)
		}
	}
}

// TestMediaOfAWrongClockIsNotOldest: what was dated wrongly goes in the order in which it
// was recorded.
func TestMediaOfAWrongClockIsNotOldest(t *testing.T) {
	r := catalogue(Live, 6, "a")
	bad := r.Cameras[0].Segments[3]
	bad.Start, bad.End = bad.Start.AddDate(-26, 0, 0), bad.End.AddDate(-26, 0, 0)
	if got := text(r.Prunable(Keep{Size: 4000}, nine.Add(6*time.Hour), -1)); got != "a1 a2" {
		t.Errorf("%q", got)
	}
}

// Case 35: retention after a clock step must not wipe everything.
func TestCase35AClockThatIsSetWipesNothing(t *testing.T) {
	end := nine.Add(40 * time.Hour)
	day := Keep{Age: 24 * time.Hour}
	start := func() (*Retention, *stepped, []*Recording) {
		c := &stepped{now: end, wall: end}
		return NewRetention(c), c, []*Recording{catalogue(Live, 40, "a", "b")}
	}
	t.Run("as it should be", func(t *testing.T) {
		r, _, recs := start()
		doomed, doubt := r.Round(recs, day, -1)
		if len(doomed) != 30 || doubt != "" || doomed[0].Why != "age" {
			t.Errorf("%d, %q", len(doomed), doubt)
		}
	})
	t.Run("set while it runs", func(t *testing.T) {
		r, c, recs := start()
		c.pass(time.Minute)
		c.wall = c.wall.AddDate(1, 0, 0)
		for range 23 {
			if doomed, doubt := r.Round(recs, day, -1); len(doomed) > 0 || doubt == "" {
				t.Fatalf("%d, %q", len(doomed), doubt)
			}
			c.pass(time.Hour)
		}
		if doomed, _ := r.Round(recs, Keep{Age: day.Age, Size: 70_000}, -1); len(doomed) != 10 || doomed[0].Why != "size" {
			t.Errorf("by size: %d", len(doomed))
		}
		c.pass(2 * time.Hour)
		if doomed, doubt := r.Round(recs, day, -1); len(doomed) == 0 || len(doomed) > slowly || doubt == "" {
			t.Errorf("after a day: %d, %q", len(doomed), doubt)
		}
	})
	t.Run("set before it began", func(t *testing.T) {
		_, c, recs := start()
		c.wall = c.wall.AddDate(1, 0, 0)
		r := NewRetention(c)
		if doomed, doubt := r.Round(recs, day, -1); len(doomed) > slowly || doubt == "" {
			t.Errorf("%d, %q", len(doomed), doubt)
		}
		recs[0].Steps = []Step{{At: c.wall.Add(-time.Hour), By: 365 * 24 * time.Hour}}
		if doomed, doubt := r.Round(recs, day, -1); len(doomed) > 0 || doubt == "" {
			t.Errorf("a step that the journal knows: %d, %q", len(doomed), doubt)
		}
		recs[0].Steps[0].Camera = "a" // the camera's own
		if doomed, _ := r.Round(recs, day, -1); len(doomed) == 0 {
			t.Error("a camera's clock holds up retention")
		}
	})
	t.Run("set back", func(t *testing.T) {
		r, c, recs := start()
		c.wall = c.wall.AddDate(-1, 0, 0)
		if doomed, doubt := r.Round(recs, day, -1); len(doomed) > 0 || doubt == "" {
			t.Errorf("%d, %q", len(doomed), doubt)
		}
	})
	t.Run("disciplined", func(t *testing.T) {
		r, c, recs := start()
		c.wall = c.wall.Add(time.Second)
		if doomed, doubt := r.Round(recs, day, -1); len(doomed) == 0 || doubt != "" {
			t.Errorf("%d, %q", len(doomed), doubt)
		}
	})
	t.Run("never much at a time", func(t *testing.T) {
		c := &stepped{now: nine.Add(1000 * time.Hour), wall: nine.Add(1000 * time.Hour)}
		doomed, _ := NewRetention(c).Round([]*Recording{catalogue(Live, 1000, "a", "b")}, day, -1)
		if len(doomed) != roundMost {
			t.Errorf("%d in one round", len(doomed))
		}
	})
}

// stepped is a clock that can be set.
type stepped struct{ now, wall time.Time }

func (c *stepped) Now() time.Time  { return c.now }
func (c *stepped) Wall() time.Time { return c.wall }
func (c *stepped) pass(d time.Duration) {
	c.now, c.wall = c.now.Add(d), c.wall.Add(d)
}

// TestPrunedTimeIsASpanOfItsOwn, in the catalogue, the timeline, the report and the sums.
func TestPrunedTimeIsASpanOfItsOwn(t *testing.T) {
	m := begin(t, crashfs.New(), "/rec", "a")
	m.run("a", nine)
	m.segments("a", nine, 2*time.Second, 4)
	m.missing("a", nine.Add(8*time.Second), nine.Add(10*time.Second), media.Timeout)
	m.segments("a", nine.Add(10*time.Second), 2*time.Second, 1)
	rec := m.load()
	gone := rec.Camera("a").Segments[:3]
	for _, s := range gone {
		m.line(&journal.Prune{Camera: "a", N: s.N, File: s.File, Start: s.Start, End: s.End, Size: s.Size, Why: "age"})
	}
	m.sync()
	r := m.verify(VerifyOptions{})
	left := 0
	for _, f := range r.Findings {
		if f.Kind == PrunedLeft {
			left++
		}
	}
	if left != 3 {
		t.Errorf("%d pruned files are found to be there still: %v", left, found(r))
	}
	for _, s := range gone {
		m.must(m.fs.Remove(m.path(s.File)))
	}
	m.close(nine.Add(12 * time.Second))
	rec = m.load()
	c := rec.Camera("a")
	if len(c.Segments) != 2 || len(c.Pruned) != 1 || c.Pruned[0].Segments != 3 || c.Pruned[0].Bytes != gone[0].Size+gone[1].Size+gone[2].Size {
		t.Errorf("%+v", c.Pruned)
	}
	var uses []string
	for _, s := range rec.Timeline(c) {
		uses = append(uses, fmt.Sprintf("%s %s", s.Use, s.To.Sub(s.From)))
	}
	if got := strings.Join(uses, ", "); got != "pruned 6s, media 2s, gap 2s, media 2s" {
		t.Errorf("%s", got)
	}
	if s := rec.Coverage(c); s.Pruned != Seconds(6*time.Second) || s.Share() < 0.66 || s.Share() > 0.67 || rec.Window.From != nine {
		t.Errorf("%+v, from %s", s, rec.Window.From)
	}
	m.verify(VerifyOptions{}).expect(t, Incomplete) // the gap
	p := m.play(m.library(), "a", PlayOptions{})
	if n := len(p.of(0)); n != 100 {
		t.Errorf("%d pictures", n)
	}
}
