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
