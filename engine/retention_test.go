package engine

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/record"
	"rtsprec/engine/vfs/crashfs"
)

// pruneRig is a recording that is being made, and one beside it that was closed.
type pruneRig struct {
	*testing.T
	fs     *crashfs.FS
	lib    *archive.Library
	events []Event
	keep   archive.Keep
}

var pruneTrack = media.Track{Codec: media.H264, ClockRate: 90000, Config: media.JoinConfig(
	[]byte{0x67, 0x64, 0x00, 0x0c, 0xac, 0x3b, 0x50, 0xb0, 0x4b, 0x42, 0x00, 0x00, 0x03, 0x00, 0x02, 0x00, 0x00, 0x03, 0x00, 0x3d, 0x08},
	[]byte{0x68, 0xee, 0x3c, 0x80})}

func (g *pruneRig) must(err error) {
	g.Helper()
	if err != nil {
		g.Fatal(err)
	}
}

// record makes a recording in dir and feeds its camera for so long, in segments of a
// second.
func (g *pruneRig) record(dir string, d time.Duration) (*record.Recording, func()) {
	g.Helper()
	plan := journal.Plan{Format: 1, Cameras: []journal.Camera{{Name: "gate"}}, Segment: journal.Duration(time.Second),
		Commit: journal.Duration(200 * time.Millisecond), Fragment: journal.Duration(250 * time.Millisecond)}
	rec, err := record.Create(record.Options{Dir: dir, FS: g.fs, Clock: media.SystemClock{}, Plan: plan, Version: "test"})
	g.must(err)
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan struct{})
	go func() {
		defer close(ran)
		rec.Run(ctx)
	}()
	sink, err := rec.Camera("gate")
	g.must(err)
	g.must(sink.Begin(ctx, media.Run{Start: time.Now(), Tracks: []media.Track{pruneTrack}, Origin: "live"}))
	began := time.Now()
	for i := range int(d / (40 * time.Millisecond)) {
		at := began.Add(time.Duration(i) * 40 * time.Millisecond)
		time.Sleep(time.Until(at)) // the bubble's clock
		nal := append([]byte{0x41, 0x9a}, byte(i>>8), byte(i), 1)
		if i%25 == 0 {
			nal[0] = 0x65
		}
		g.must(sink.Write(ctx, media.AccessUnit{PTS: int64(i) * 3600, DTS: int64(i) * 3600, Wall: at.UTC(), Arrival: at, Key: i%25 == 0, Data: media.AppendNAL(nil, nal)}))
	}
	return rec, func() {
		stop()
		<-ran
		g.must(rec.Close(context.Background(), "stopped", time.Now()))
	}
}

// Observe notes events.
func (g *pruneRig) observe(e Event) { g.events = append(g.events, e) }

func (g *pruneRig) files(dir string) (n int) {
	g.Helper()
	rec, err := archive.Load(g.fs, dir)
	g.must(err)
	for _, s := range rec.Camera("gate").Segments {
		_, err := g.fs.Stat(dir + "/" + s.Name())
		if errors.Is(err, fs.ErrNotExist) {
			g.Errorf("%s is gone, and the journal does not say so", s.Name())
		}
		g.must(err)
		n++
	}
	return n
}

// Case 35: retention beside a reader, a writer, a protected span and a recording that
// nobody writes any more.
func TestCase35RetentionBesideReadersWritersAndProtectedSpans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &pruneRig{T: t, fs: crashfs.New()}
		_, end := g.record("/archive/old", 5*time.Second)
		end()
		rec, stop := g.record("/archive/now", 10*time.Second)
		time.Sleep(time.Second)
		g.lib = archive.NewLibrary(g.fs, media.SystemClock{}, "/archive")
		before := g.files("/archive/now")
		list, err := g.lib.Recording("now")
		g.must(err)
		third := list.Camera("gate").Segments[2]
		_, err = rec.Protect(journal.Protect{From: third.Start, To: third.End, Why: "evidence"})
		g.must(err)
		// Somebody plays the second segment; the first is only about to be.
		second := list.Camera("gate").Segments[1]
		src, err := g.lib.Play(context.Background(), "now/gate", second.Start, time.Time{}, false, false)
		g.must(err)
		_, err = src.Next(context.Background())
		g.must(err)

		r := retention{
			deps: Deps{FS: g.fs, Clock: media.SystemClock{}, Observe: g.observe}, clock: media.SystemClock{}, library: g.lib, dir: "/archive",
			keep: func() archive.Keep { return g.keep },
			writer: func(dir string) *record.Recording {
				if dir == "/archive/now" {
					return rec
				}
				return nil
			},
			judge: archive.NewRetention(media.SystemClock{}),
		}
		r.round(context.Background()) // nothing is asked
		if n := g.files("/archive/now"); n != before || len(g.events) > 0 {
			t.Fatalf("%d of %d files, %v", n, before, g.events)
		}
		g.keep = archive.Keep{Size: 1}
		r.round(context.Background())
		// What is left: the one that is read, the protected one, and the open one.
		if n := g.files("/archive/now"); n != 3 {
			t.Errorf("%d files are left", n)
		}
		if n := g.files("/archive/old"); n != 0 {
			t.Errorf("%d files are left of what nobody writes", n)
		}
		pruned := 0
		for _, e := range g.events {
			p, ok := e.(Pruned)
			if !ok {
				t.Errorf("%T: %s", e, e.Text(time.UTC))
				continue
			}
			pruned += p.Files
			if p.Why != "size" || !strings.Contains(p.Text(time.UTC), "removed") {
				t.Errorf("%+v", p)
			}
		}
		if pruned < before-3+4 {
			t.Errorf("%d files removed, %d were there", pruned, before)
		}
		// The reader gets what it began to read and what there is, and hears of the rest.
		units, marked := 1, 0
		for {
			au, err := src.Next(context.Background())
			if err == io.EOF {
				break
			}
			g.must(err)
			units++
			if au.Missing != nil {
				marked++
			}
		}
		if units < 50 || marked != 1 {
			t.Errorf("%d units, %d marks", units, marked)
		}
		g.must(src.Close())
		time.Sleep(time.Second)
		r.round(context.Background())
		if n := g.files("/archive/now"); n != 2 {
			t.Errorf("%d files are left when nobody reads", n)
		}
		stop()
		for _, dir := range []string{"/archive/now", "/archive/old"} {
			report, err := archive.Verify(context.Background(), g.fs, dir, archive.VerifyOptions{})
			g.must(err)
			if report.Status != archive.Clean || report.State != archive.Closed {
				t.Errorf("%s: %s, %s: %+v", dir, report.Status, report.State, report.Findings)
			}
		}
	})
}

// Another process's recording is its own business until it is closed.
func TestRetentionLeavesWhatAnotherProcessWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &pruneRig{T: t, fs: crashfs.New()}
		_, stop := g.record("/archive/other", 5*time.Second)
		time.Sleep(time.Second)
		r := retention{
			deps: Deps{FS: g.fs, Clock: media.SystemClock{}, Observe: g.observe}, clock: media.SystemClock{},
			library: archive.NewLibrary(g.fs, media.SystemClock{}, "/archive"), dir: "/archive",
			keep:   func() archive.Keep { return archive.Keep{Size: 1, Age: time.Nanosecond} },
			writer: func(string) *record.Recording { return nil }, judge: archive.NewRetention(media.SystemClock{}),
		}
		before := g.files("/archive/other")
		r.round(context.Background())
		if n := g.files("/archive/other"); n != before || len(g.events) > 0 {
			t.Errorf("%d of %d files, %v", n, before, g.events)
		}
		stop()
		time.Sleep(2 * time.Second)
		r.round(context.Background())
		if n := g.files("/archive/other"); n != 0 {
			t.Errorf("%d files are left of what was closed", n)
		}
	})
}

// What others recorded below an archive is held to what serve keeps only where that was
// asked for.
func TestServeLeavesArchivesAloneUnlessToldOtherwise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &pruneRig{T: t, fs: crashfs.New()}
		_, end := g.record("/archive/old", 3*time.Second)
		end()
		time.Sleep(time.Second)
		s := &server{deps: Deps{FS: g.fs, Clock: media.SystemClock{}, Observe: g.observe}, clock: &steady{host: media.SystemClock{}}}
		s.o.Archives = []string{"/archive"}
		s.keep.Store(&archive.Keep{Size: 1})
		before := g.files("/archive/old")
		for _, c := range []struct {
			told bool
			left int
		}{{false, before}, {true, 0}} {
			s.o.Record.KeepArchives = c.told
			ctx, stop := context.WithTimeout(context.Background(), time.Minute)
			s.retain(ctx)
			stop()
			if n := g.files("/archive/old"); n != c.left {
				t.Errorf("told %t: %d of %d files are left", c.told, n, before)
			}
		}
	})
}

func TestProtectAsksForACameraThatThereIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &pruneRig{T: t, fs: crashfs.New()}
		_, stop := g.record("/rec", time.Second)
		stop()
		d := Deps{FS: g.fs, Clock: media.SystemClock{}, Version: "test"}
		if _, err := Protect(context.Background(), d, "/rec", journal.Protect{Cameras: []string{"nobody"}}); !fault.Is(err, fault.NotFound) {
			t.Errorf("%v", err)
		}
		id, err := Protect(context.Background(), d, "/rec", journal.Protect{Cameras: []string{"gate"}, Why: "x"})
		g.must(err)
		list, err := Protections(context.Background(), d, "/rec")
		g.must(err)
		if !slices.ContainsFunc(list, func(p journal.Protect) bool { return p.ID == id && p.Why == "x" }) {
			t.Errorf("%+v", list)
		}
	})
}
