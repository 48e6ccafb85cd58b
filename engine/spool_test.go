package engine

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs/crashfs"
)

// spoolRig is a spool that is filled in real time, with a target that is away.
type spoolRig struct {
	*testing.T
	*spool
	line   *spoolLine
	stop   context.CancelFunc
	mu     sync.Mutex
	full   []SpoolFull
	writes sync.WaitGroup
}

func newSpoolRig(t *testing.T, o RelaySpool) *spoolRig {
	g := &spoolRig{T: t}
	d := Deps{FS: crashfs.New(), Clock: media.SystemClock{}, Version: "test", Observe: func(e Event) {
		if f, ok := e.(SpoolFull); ok {
			g.mu.Lock()
			g.full = append(g.full, f)
			g.mu.Unlock()
		}
	}}
	var err error
	if g.spool, err = openSpool(d, o, "cam"); err != nil {
		t.Fatal(err)
	}
	g.line = g.spool.line(RelayTarget{Name: "far", URL: "rtsp://far/x"}, TranscodeOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	g.stop = cancel
	g.writes.Go(func() { g.store.rec.Run(ctx) })
	return g
}

// play writes sound for so long, ten units a second, and looks after the spool.
func (g *spoolRig) play(length time.Duration) (units uint64) {
	g.Helper()
	run := media.Run{ID: 1, Start: time.Now(), Tracks: []media.Track{{Codec: media.PCMA, ClockRate: 8000, SampleRate: 8000, Channels: 1}}}
	if err := g.Begin(g.Context(), run); err != nil {
		g.Fatal(err)
	}
	for at := time.Duration(0); at < length; at += 100 * time.Millisecond {
		now := time.Now()
		ticks := media.FromDuration(at, 8000)
		au := media.AccessUnit{PTS: ticks, DTS: ticks, Wall: now, Arrival: now, Key: true, Data: make([]byte, 800)}
		if err := g.Write(g.Context(), au); err != nil {
			g.Fatal(err)
		}
		units++
		time.Sleep(100 * time.Millisecond)
		g.tend()
	}
	return units
}

func (g *spoolRig) close() {
	g.Helper()
	if err := g.Close(g.Context()); err != nil {
		g.Error(err)
	}
	g.stop()
	g.writes.Wait()
	if err := g.store.close(g.Context(), time.Now()); err != nil {
		g.Error(err)
	}
}

func TestASpoolThatIsFullLosesTheOldestAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 700 << 10 // a good minute of it
		g := newSpoolRig(t, RelaySpool{Dir: "/spool", Size: size})
		began := time.Now()
		units := g.play(5 * time.Minute)
		g.close()
		g.looked = time.Time{}
		g.tend()

		rec, err := archive.Load(g.deps.FS, "/spool")
		if err != nil {
			t.Fatal(err)
		}
		var held int64
		var left uint64
		c := rec.Camera("cam")
		for _, s := range c.Segments {
			held += s.Size
			left += uint64(s.Units())
		}
		if held > size || held < size/3 {
			t.Errorf("the spool holds %d bytes, and may hold %d", held, size)
		}
		if off := time.Since(c.Segments[len(c.Segments)-1].End).Abs(); off > time.Second {
			t.Errorf("its end is %v old", off)
		}
		if lost := g.line.summary().Dropped; lost+left != units || lost == 0 {
			t.Errorf("%d units are said to be lost and %d are there, of %d", lost, left, units)
		}
		if len(g.full) == 0 {
			t.Fatal("nobody says that the spool is full")
		}
		at := began
		for _, f := range g.full {
			if f.Target != "far" || f.From.Sub(at).Abs() > time.Second || !f.To.After(f.From) {
				t.Errorf("%+v, the one before ended at %v", f, at)
			}
			at = f.To
		}
		if first := c.Segments[0].Start; first.Sub(at).Abs() > time.Second {
			t.Errorf("what is left begins at %v, what was lost ended at %v", first, at)
		}
	})
}

func TestASpoolKeepsNothingThatEverybodyHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newSpoolRig(t, RelaySpool{Dir: "/spool"})
		g.play(3 * time.Minute)
		g.line.set(time.Now())
		g.play(2 * time.Minute)
		g.close()
		rec, err := archive.Load(g.deps.FS, "/spool")
		if err != nil {
			t.Fatal(err)
		}
		first := rec.Camera("cam").Segments[0].Start
		if age := g.line.goOn().Sub(first); age < keepBack || age > keepBack+spoolSegment+tendEvery {
			t.Errorf("%v before where sending goes on are kept, want %v and what is in the same file", age, keepBack)
		}
		if len(g.full) > 0 || g.line.summary().Dropped > 0 {
			t.Errorf("%d units are said to be lost, %+v", g.line.summary().Dropped, g.full)
		}
	})
}
