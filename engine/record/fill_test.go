package record

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
)

// outage records five seconds, loses a while, and records five seconds more. It returns
// what was lost, and the gap it left.
func (g *rig) outage(camera string, d time.Duration) (lost []media.AccessUnit, gap journal.Gap) {
	g.Helper()
	f := newFeed(camera, time.Now())
	s := g.sink(camera)
	units := f.units(10*time.Second + d)
	g.begin(s, f)
	from, to := units[0].Wall.Add(5*time.Second), units[0].Wall.Add(5*time.Second+d)
	var after []media.AccessUnit
	g.send(s, camera, slices.DeleteFunc(slices.Clone(units), func(au media.AccessUnit) bool { return !au.Wall.Before(from) }))
	g.end(s)
	for _, au := range units {
		switch {
		case au.Wall.Before(from):
		case au.Wall.Before(to):
			lost = append(lost, au)
		default:
			after = append(after, au)
		}
	}
	time.Sleep(time.Until(to))
	g.begin(s, f)
	g.send(s, camera, after)
	g.must(s.Close(context.Background()))
	for _, e := range eventsOf[GapClosed](g) {
		if e.Gap.From.Before(e.Gap.To) && e.Gap.Track == nil {
			gap = e.Gap
		}
	}
	return lost, gap
}

// fill fills a gap with units.
func (g *rig) fill(camera string, gap journal.Gap, units []media.AccessUnit) error {
	f := newFeed(camera, time.Now())
	w, err := g.rec.Fill(Filling{Camera: camera, Gap: gap.ID, Source: "rtsp://u:secret@peer/x",
		Run: media.Run{Start: time.Now(), Tracks: f.tracks, Peer: "rtsp://u:secret@peer/x"}})
	if err != nil {
		return err
	}
	for _, au := range units {
		if err := w.Write(au); err != nil {
			w.Discard()
			return err
		}
	}
	if err := w.Commit(gap.From, gap.To, "identity"); err != nil {
		w.Discard()
		return err
	}
	return nil
}

func TestAFilledGapIsMediaAndNothingElseHasChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "cam")
		g.create()
		lost, gap := g.outage("cam", 5*time.Second)
		if gap.From.IsZero() || gap.To.Sub(gap.From).Round(100*time.Millisecond) != 5*time.Second {
			t.Fatalf("the gap is %+v", gap)
		}
		g.must(g.fill("cam", gap, lost))
		g.close("planned")

		rec, err := archive.Load(g.fs, g.dir)
		g.must(err)
		cam := rec.Camera("cam")
		if share := rec.Coverage(cam).Share(); share != 1 || len(cam.Gaps) != 0 {
			t.Errorf("coverage is %v, gaps %v", share, cam.Gaps)
		}
		g.sound(g.fs, true)
		marks := marksOf(read(t, g.fs, g.dir, "cam"), 'V')
		for i, m := range marks {
			if m != mark('V', i) {
				t.Fatalf("picture %d is %s", i, m)
			}
		}
		if len(marks) != 15*25 {
			t.Errorf("%d pictures", len(marks))
		}
	})
}

func TestAClosedRecordingStaysClosedWhenItIsFilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "cam")
		g.create()
		lost, gap := g.outage("cam", 5*time.Second)
		g.close("planned")
		if found := g.open(); !found.Closed {
			t.Fatal("the recording is not closed")
		}
		g.must(g.fill("cam", gap, lost))
		g.close("")
		g.sound(g.fs, true)
		rec, err := archive.Load(g.fs, g.dir)
		g.must(err)
		if rec.State != archive.Closed || rec.Coverage(rec.Camera("cam")).Share() != 1 {
			t.Errorf("it is %s, coverage %v", rec.State, rec.Coverage(rec.Camera("cam")).Share())
		}
	})
}

func TestWhatAPowerCutLeavesOfAFillingIsCountedForWhatItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "cam")
		g.create()
		lost, gap := g.outage("cam", 5*time.Second)
		g.close("planned")
		g.open()
		filled, open := 0, 0
		n := g.cuts(3, func() {
			g.must(g.fill("cam", gap, lost))
			g.close("")
		}, func(c cut) {
			o := g.options(c.fs)
			o.Observe = nil
			rec, _, err := Open(o)
			g.must(err)
			g.must(rec.Close(context.Background(), "", time.Time{}))
			g.sound(c.fs, false)
			r, err := archive.Load(c.fs, g.dir)
			g.must(err)
			pictures := len(marksOf(read(t, c.fs, g.dir, "cam"), 'V'))
			share := r.Coverage(r.Camera("cam")).Share()
			if off := share*15*25 - float64(pictures); off < -2 || off > 2 {
				t.Errorf("coverage %v with %d pictures", share, pictures)
			}
			switch pictures {
			case 15 * 25:
				filled++
			case 10 * 25:
				open++
			}
		})
		if filled == 0 || open == 0 || n < 50 {
			t.Errorf("%d cuts: %d filled, %d open", n, filled, open)
		}
	})
}

func TestWhatCannotFillAGapIsRefusedOrRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "cam")
		g.create()
		lost, gap := g.outage("cam", 5*time.Second)
		if _, err := g.rec.Fill(Filling{Camera: "other"}); err == nil {
			t.Error("a camera that is not there can be filled")
		}
		if err := g.fill("cam", gap, nil); err == nil {
			t.Error("nothing fills a gap")
		}
		w, err := g.rec.Fill(Filling{Camera: "cam", Gap: gap.ID, Run: media.Run{Tracks: newFeed("", time.Now()).tracks}})
		g.must(err)
		for _, au := range lost {
			g.must(w.Write(au))
		}
		if err := w.Write(media.AccessUnit{Track: 9}); err == nil {
			t.Error("a unit of a track that is not there is taken")
		}
		g.must(w.Discard())
		g.close("planned")
		g.sound(g.fs, false)
		if _, err := g.rec.Fill(Filling{Camera: "cam", Run: media.Run{Tracks: newFeed("", time.Now()).tracks}}); err == nil {
			t.Error("a recording that is closed can be filled")
		}
		if got := len(marksOf(read(t, g.fs, g.dir, "cam"), 'V')); got != 250 {
			t.Errorf("%d pictures", got)
		}
	})
}

func TestSoundThatComesBeforeItsPictureIsFilledToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "cam")
		g.create()
		lost, gap := g.outage("cam", 5*time.Second)
		// A picture is sent late, as with B-frames, or a large one of a busy sender.
		at := slices.IndexFunc(lost, func(au media.AccessUnit) bool { return au.Track == 0 })
		late := lost[at]
		lost = slices.Delete(lost, at, at+1)
		n := slices.IndexFunc(lost, func(au media.AccessUnit) bool { return au.Track == 0 })
		if n <= at {
			t.Fatal("no sound comes within the time of one picture")
		}
		lost = slices.Insert(lost, n, late)
		g.must(g.fill("cam", gap, lost))
		g.close("planned")
		g.sound(g.fs, true)
		list := read(t, g.fs, g.dir, "cam")
		for kind, n := range map[byte]int{'V': 15 * 25, 'A': len(marksOf(list, 'A'))} {
			marks := marksOf(list, kind)
			if len(marks) != n {
				t.Errorf("%d of kind %c", len(marks), kind)
			}
			for i, m := range marks {
				if m != mark(kind, i) {
					t.Fatalf("unit %d is %s", i, m)
				}
			}
		}
	})
}
