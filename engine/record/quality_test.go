package record

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs/crashfs"
)

// follow begins a run of one of the camera's streams, without an End, and plays it.
func (g *rig) follow(s media.Sink, f *feed, stream, why string, d time.Duration) {
	g.Helper()
	f.count[0] = (f.count[0] + f.gop - 1) / f.gop * f.gop // a key frame
	f.newRun(time.Now())
	run := media.Run{Start: time.Now(), Tracks: f.tracks, Origin: "live", Variant: media.Variant{Stream: stream, Why: why, Rate: 500_000}}
	g.must(s.Begin(context.Background(), run))
	g.send(s, f.name, f.units(d))
}

func TestARunThatFollowsWithoutAnEndGoesOnWhereTheLastOneEnded(t *testing.T) {
	for _, c := range []struct {
		name string
		hole time.Duration
		gaps int
	}{{"at once", 0, 0}, {"within what is silence", 600 * time.Millisecond, 0}, {"with a hole", 3 * time.Second, 2}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, "hall")
				g.plan.Segment = journal.Duration(time.Hour)
				g.create()
				s, f := g.sink("hall"), newFeed("hall", time.Now())
				g.follow(s, f, media.MainStream, "", 3*time.Second)
				time.Sleep(c.hole)
				g.follow(s, f, media.SubStream, "the way is too narrow", 4*time.Second)
				g.follow(s, f, media.SubStream, "it is still", time.Second)
				time.Sleep(c.hole)
				g.follow(s, f, media.MainStream, "the way takes it again", 3*time.Second)
				g.close("stopped")
				// Sound that begins before the picture of its run is left out, as always.
				if got, want := marksOf(read(g, g.fs, g.dir, "hall"), 'V'), g.wrote("hall", 'V'); !slices.Equal(got, want) {
					t.Errorf("%d pictures of %d: %s", len(got), len(want), difference(got, want))
				}
				report := g.sound(g.fs, c.gaps == 0)
				one := report.Cameras[0]
				if len(one.Gaps) != c.gaps {
					t.Errorf("%d gaps: %+v", len(one.Gaps), one.Gaps)
				}
				if len(one.Quality) != 1 {
					t.Fatalf("from the sub-stream: %+v", one.Quality)
				}
				if q := one.Quality[0]; q.Why != "the way is too narrow" || q.Rate != 500_000 || q.To.Sub(q.From).Round(100*time.Millisecond) != 5*time.Second {
					t.Errorf("%+v", q)
				}
				rec, err := archive.Load(g.fs, g.dir)
				g.must(err)
				var sub time.Duration
				for _, span := range rec.Timeline(rec.Cameras[0]) {
					if span.Stream == media.SubStream {
						sub += span.To.Sub(span.From)
					}
				}
				if sub.Round(100*time.Millisecond) != 5*time.Second || time.Duration(rec.Coverage(rec.Cameras[0]).Sub) != sub {
					t.Errorf("%v on the timeline, %+v", sub, rec.Coverage(rec.Cameras[0]))
				}
			})
		})
	}
}

// A process that dies in the middle of it leaves what its segments say.
func TestAKillLeavesWhichStreamWasRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.create()
		s, f := g.sink("hall"), newFeed("hall", time.Now())
		g.follow(s, f, media.SubStream, "the main stream is refused", 5*time.Second)
		disk := g.fs.Clone(crashfs.Kept)
		g.close("stopped")
		g.reopen(disk)
		rec, err := archive.Load(disk, g.dir)
		g.must(err)
		if list := rec.Cameras[0].Quality(); len(list) != 1 || list[0].Why == "" {
			t.Errorf("%+v", list)
		}
		log, err := journal.Read(disk, g.dir+"/journal")
		g.must(err)
		sealed := 0
		for _, l := range log.Lines {
			if e, ok := l.Entry.(*journal.Seal); ok && e.Size > 0 && e.Stream == media.SubStream {
				sealed++
			}
		}
		if sealed != len(rec.Cameras[0].Segments) {
			t.Errorf("%d seals of the sub-stream, %d segments", sealed, len(rec.Cameras[0].Segments))
		}
	})
}

// An encoder is held at a low bit rate in the middle of a segment and over a cut; the
// sub-stream takes over and the recording is gone on with after a kill.
func TestTheTimeOfALowBitRateIsJournaled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.plan.Segment = journal.Duration(4 * time.Second)
		g.create()
		s, f := g.sink("hall"), newFeed("hall", time.Now())
		hold := func(limit int) {
			s.(LimitObserver).ObserveLimit(time.Now(), limit, "it is too narrow")
		}
		g.follow(s, f, media.MainStream, "", 2*time.Second)
		hold(800_000)
		g.send(s, "hall", f.units(7*time.Second))
		hold(0)
		g.send(s, "hall", f.units(8*time.Second))
		hold(500_000)
		g.send(s, "hall", f.units(10*time.Second))
		g.follow(s, f, media.SubStream, "not even that", 2*time.Second)
		g.follow(s, f, media.MainStream, "it takes that", 3*time.Second)
		disk := g.fs.Clone(crashfs.Kept)
		g.close("stopped")
		g.fs = disk
		g.open()
		f.count[0] = (f.count[0] + f.gop - 1) / f.gop * f.gop
		f.newRun(time.Now())
		s = g.sink("hall")
		g.must(s.Begin(context.Background(), media.Run{Start: time.Now(), Tracks: f.tracks, Origin: "live", Variant: media.Variant{Stream: media.MainStream}}))
		g.send(s, "hall", f.units(2*time.Second))
		g.close("stopped")
		rec, err := archive.Load(disk, g.dir)
		g.must(err)
		c := rec.Cameras[0]
		var got []string
		for _, q := range c.Quality() {
			got = append(got, fmt.Sprintf("%s %d %v %s", q.Stream, q.Limit/1000, q.To.Sub(q.From).Round(time.Second), q.Why))
		}
		want := []string{"main 800 5s it is too narrow", "main 500 2s it is too narrow", "sub 0 2s not even that", "main 500 3s it takes that"}
		if !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
		var low time.Duration
		for _, span := range rec.Timeline(c) {
			if span.Low {
				low += span.To.Sub(span.From)
			}
		}
		if low.Round(time.Second) != 10*time.Second || time.Duration(rec.Coverage(c).Limited) != low {
			t.Errorf("%v on the timeline, %+v", low, rec.Coverage(c))
		}
		_, index, err := journal.Tail(disk, g.dir+"/journal")
		g.must(err)
		var indexed time.Duration
		for _, x := range index.Files {
			for _, one := range x.Cameras {
				indexed += time.Duration(one.Limited)
			}
		}
		if (indexed - low).Abs() > 100*time.Millisecond {
			t.Errorf("%v in the index, %v on the timeline", indexed, low)
		}
	})
}
