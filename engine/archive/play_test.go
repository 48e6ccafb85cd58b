package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"rtsprec/engine/fault"

	"rtsprec/engine/media"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs/crashfs"
)

// played is everything a source gave.
type played struct {
	run   media.Run
	units []media.AccessUnit
}

func (m *maker) library() *Library { return NewLibrary(m.fs, media.SystemClock{}, m.dir) }

// play plays to the end and checks what holds of every source.
func (m *maker) play(l *Library, path string, o PlayOptions) played {
	m.Helper()
	src, err := l.Replay(context.Background(), path, o)
	m.must(err)
	defer src.Close()
	p := played{run: src.Run()}
	last := map[media.TrackID]media.Ticks{}
	for {
		au, err := src.Next(context.Background())
		if err == io.EOF {
			break
		}
		m.must(err)
		if before, some := last[au.Track]; some && au.DTS < before || au.PTS < au.DTS && au.Track == 0 && !o.Reverse {
			m.Fatalf("unit %d of track %d: DTS %d after %d, PTS %d", len(p.units), au.Track, au.DTS, before, au.PTS)
		}
		last[au.Track] = au.DTS
		p.units = append(p.units, au)
	}
	return p
}

// of are the units of one track.
func (p played) of(track media.TrackID) (list []media.AccessUnit) {
	for _, au := range p.units {
		if au.Track == track {
			list = append(list, au)
		}
	}
	return list
}

// stored are the units in the files of a camera, by capture time, read without the library.
func (m *maker) stored(camera string) map[int][]segment.Unit {
	m.Helper()
	units := map[int][]segment.Unit{}
	rec, err := Load(m.fs, m.dir)
	m.must(err)
	for _, s := range rec.Camera(camera).Segments {
		f, err := m.fs.Open(m.path(s.Name()))
		m.must(err)
		size, err := f.Size()
		m.must(err)
		_, err = segment.Scan(f, size, segment.ScanOptions{Each: func(u segment.Unit) {
			u.Data = bytes.Clone(u.Data)
			units[u.Track] = append(units[u.Track], u)
		}})
		m.must(err)
		m.must(f.Close())
	}
	return units
}

// same compares a track of what was played with what is stored.
func (m *maker) same(got []media.AccessUnit, want []segment.Unit) {
	m.Helper()
	if len(got) != len(want) {
		m.Fatalf("%d units were played, %d are stored", len(got), len(want))
	}
	for i := range got {
		if !bytes.Equal(got[i].Data, want[i].Data) || !got[i].Wall.Equal(want[i].Time) || got[i].Key != want[i].Key {
			m.Fatalf("unit %d is not the one that was recorded", i)
		}
	}
}

func TestPlayGivesExactlyWhatWasRecorded(t *testing.T) {
	m := begin(t, crashfs.New(), "/rec", "a")
	m.run("a", nine)
	m.segments("a", nine, 2*time.Second, 3)
	// A gap between files, another one within, and a change of parameters.
	m.missing("a", nine.Add(6*time.Second), nine.Add(9*time.Second), media.Unreachable)
	s := m.open("a", nine.Add(9*time.Second))
	s.fill(time.Second)
	s.skip(3 * time.Second)
	m.missing("a", nine.Add(10*time.Second), nine.Add(13*time.Second), media.Loss)
	s.fill(5 * time.Second)
	s.commit()
	s.seal()
	other := bytes.Clone(sps)
	other[3] = 0x0d // another level
	m.tracks = slices.Clone(m.tracks)
	m.tracks[0].Config = media.JoinConfig(other, pps)
	m.segments("a", nine.Add(14*time.Second), 2*time.Second, 1)
	m.tracks[0].Config = sets
	m.segments("a", nine.Add(16*time.Second), 2*time.Second, 1)
	// The newest is open still.
	s = m.open("a", nine.Add(18*time.Second))
	s.fill(2 * time.Second)
	s.commit()
	m.leave()

	p := m.play(m.library(), "a", PlayOptions{})
	want := m.stored("a")
	m.same(p.of(0), want[0])
	m.same(p.of(1), want[1])

	base := p.units[0].Wall
	for _, au := range p.of(0) {
		if at := base.Add(media.ToDuration(au.PTS, 90000)); at.Sub(au.Wall).Abs() > 100*time.Microsecond {
			t.Fatalf("PTS %d is %s, captured at %s", au.PTS, at, au.Wall)
		}
	}
	var changes, gaps []string
	for _, au := range p.of(0) {
		since := au.Wall.Sub(nine).Round(time.Millisecond)
		if au.Config != nil {
			changes = append(changes, since.String())
		}
		if au.Missing != nil {
			gaps = append(gaps, fmt.Sprintf("%s from %s: %s", since, au.Missing.From.Sub(nine), au.Missing.Causes))
		}
	}
	if want := []string{"14s", "16s"}; !slices.Equal(changes, want) {
		t.Errorf("the configuration changed at %v, not at %v", changes, want)
	}
	if want := []string{"9s from 6s: unreachable", "13s from 10s: loss"}; !slices.Equal(gaps, want) {
		t.Errorf("gaps %q, not %q", gaps, want)
	}
}

func TestPlayBeginsAtTheKeyFrameAtOrBeforeTheTimeAskedFor(t *testing.T) {
	m := healthy(t)
	l := m.library()
	for _, c := range []struct{ from, to, first, last time.Duration }{
		{0, 0, 0, 5960 * time.Millisecond},
		{1500 * time.Millisecond, 3 * time.Second, time.Second, 2960 * time.Millisecond},
		{2 * time.Second, 2100 * time.Millisecond, 2 * time.Second, 2080 * time.Millisecond},
		{5990 * time.Millisecond, 0, 5 * time.Second, 5960 * time.Millisecond},
	} {
		o := PlayOptions{From: nine.Add(c.from)}
		if c.to > 0 {
			o.To = nine.Add(c.to)
		}
		p := m.play(l, "teacher", o)
		video := p.of(0)
		first, last := video[0], video[len(video)-1]
		if !first.Key || !first.Wall.Equal(nine.Add(c.first)) || !last.Wall.Equal(nine.Add(c.last)) {
			t.Errorf("from %s to %s: %s to %s", c.from, c.to, first.Wall.Sub(nine), last.Wall.Sub(nine))
		}
		if want := int((c.last-c.first)/(40*time.Millisecond)) + 1; len(video) != want {
			t.Errorf("from %s to %s: %d pictures, not %d", c.from, c.to, len(video), want)
		}
		for _, au := range p.of(1) {
			if au.Wall.Before(first.Wall) || c.to > 0 && !au.Wall.Before(o.To) {
				t.Errorf("from %s to %s: sound of %s", c.from, c.to, au.Wall.Sub(nine))
			}
		}
	}
	for _, o := range []PlayOptions{{From: nine.Add(time.Hour)}, {To: nine.Add(-time.Hour)}} {
		if _, err := l.Replay(context.Background(), "teacher", o); !fault.Is(err, fault.NotFound) {
			t.Errorf("a time without media: %v", err)
		}
	}
}

func TestKeysAndReverseGiveKeyFramesOfThePicture(t *testing.T) {
	m := healthy(t)
	l := m.library()
	walls := func(o PlayOptions) (list []string) {
		p := m.play(l, "teacher", o)
		if len(p.run.Tracks) != 1 || !p.run.Tracks[0].Codec.Video() {
			t.Fatalf("tracks %v", p.run.Tracks)
		}
		base := p.units[0].Wall
		for _, au := range p.units {
			if !au.Key || au.Wall.Sub(base).Abs() != media.ToDuration(au.PTS, 90000) {
				t.Errorf("key %t, PTS %d, captured at %s", au.Key, au.PTS, au.Wall.Sub(nine))
			}
			list = append(list, au.Wall.Sub(nine).String())
		}
		return list
	}
	for _, c := range []struct {
		o    PlayOptions
		want []string
	}{
		{PlayOptions{Keys: true}, []string{"0s", "1s", "2s", "3s", "4s", "5s"}},
		{PlayOptions{Keys: true, From: nine.Add(2500 * time.Millisecond), To: nine.Add(4500 * time.Millisecond)}, []string{"2s", "3s", "4s"}},
		{PlayOptions{Reverse: true}, []string{"5s", "4s", "3s", "2s", "1s", "0s"}},
		{PlayOptions{Reverse: true, From: nine.Add(4500 * time.Millisecond), To: nine.Add(1500 * time.Millisecond)}, []string{"4s", "3s", "2s"}},
	} {
		if got := walls(c.o); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, not %v", c.o, got, c.want)
		}
	}
}

func TestReverseMarksWhatItJumpsOver(t *testing.T) {
	m := begin(t, crashfs.New(), "/rec", "a")
	m.run("a", nine)
	m.segments("a", nine, 2*time.Second, 1)
	m.missing("a", nine.Add(2*time.Second), nine.Add(60*time.Second), media.Timeout)
	m.segments("a", nine.Add(60*time.Second), 2*time.Second, 1)
	m.close(nine.Add(62 * time.Second))
	p := m.play(m.library(), "a", PlayOptions{Reverse: true})
	for i, au := range p.units {
		if (au.Missing != nil) != (i == 2) {
			t.Errorf("unit %d: %+v", i, au.Missing)
		}
	}
	if g := p.units[2].Missing; g == nil || !g.From.Equal(nine.Add(2*time.Second)) || !g.To.Equal(nine.Add(60*time.Second)) || !g.Causes.Has(media.Timeout) {
		t.Errorf("%+v", g)
	}
}

func TestASegmentInAnotherCodecIsJumpedOverAndSaid(t *testing.T) {
	m := begin(t, crashfs.New(), "/rec", "a")
	m.run("a", nine)
	m.segments("a", nine, 2*time.Second, 1)
	m.tracks = []media.Track{{ID: 0, Codec: media.MJPEG, ClockRate: 90000}, sound}
	m.segments("a", nine.Add(2*time.Second), 2*time.Second, 1)
	m.tracks = []media.Track{picture, sound}
	m.segments("a", nine.Add(4*time.Second), 2*time.Second, 1)
	m.close(nine.Add(6 * time.Second))
	p := m.play(m.library(), "a", PlayOptions{})
	if n := len(p.of(0)); n != 100 {
		t.Errorf("%d pictures", n)
	}
	g := p.of(0)[50].Missing
	if g == nil || g.Note != "recorded in another codec" || !g.To.Equal(nine.Add(4*time.Second)) {
		t.Errorf("%+v", g)
	}
	l := m.library()
	_, _, tracks, err := l.DescribeAt("a", nine.Add(3*time.Second))
	m.must(err)
	if p = m.play(l, "a", PlayOptions{Tracks: tracks}); len(p.of(0)) != 50 || p.of(0)[0].Data[0] != 0xff {
		t.Errorf("as it was described for then: %d pictures", len(p.of(0)))
	}
}

func TestACameraOfSeveralRecordingsIsPlayedThroughThem(t *testing.T) {
	fs := crashfs.New()
	m := begin(t, fs, "/archive/monday", "a", "b")
	m.run("a", nine)
	m.segments("a", nine, 2*time.Second, 1)
	m.close(nine.Add(2 * time.Second))
	n := begin(t, fs, "/archive/tuesday", "a")
	n.run("a", nine.Add(24*time.Hour))
	n.segments("a", nine.Add(24*time.Hour), 2*time.Second, 1)
	n.close(nine.Add(24*time.Hour + 2*time.Second))
	l := NewLibrary(fs, media.SystemClock{}, "/archive")
	p := m.play(l, "a", PlayOptions{})
	if len(p.of(0)) != 100 || p.of(0)[50].Missing == nil {
		t.Errorf("%d pictures, %+v", len(p.of(0)), p.of(0)[50].Missing)
	}
	if p = m.play(l, "tuesday/a", PlayOptions{}); len(p.of(0)) != 50 {
		t.Errorf("%d pictures of tuesday", len(p.of(0)))
	}
	for _, name := range []string{"b", "monday", "", "/", "../archive/monday/a", "monday/../tuesday/a", "c", "a\x00", "tuesday/b"} {
		if _, err := l.Replay(context.Background(), name, PlayOptions{}); !fault.Is(err, fault.NotFound) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestFollowingPlaysWhatIsWrittenAsItIsWritten, over a cut, until the recording ends.
func TestFollowingPlaysWhatIsWrittenAsItIsWritten(t *testing.T) {
	m := begin(t, crashfs.New(), "/rec", "a")
	lock, err := m.fs.Lock("/rec/lock")
	m.must(err)
	m.run("a", nine)
	s := m.open("a", nine)
	s.fill(2 * time.Second)
	s.commit()
	src, err := m.library().Replay(context.Background(), "a", PlayOptions{Follow: true})
	m.must(err)
	defer src.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var got []media.AccessUnit
	until := func(end time.Duration) {
		t.Helper()
		for n := len(got); n == 0 || got[n-1].Wall.Before(nine.Add(end-100*time.Millisecond)); n = len(got) {
			au, err := src.Next(ctx)
			m.must(err)
			if au.Track == 0 {
				got = append(got, au)
			}
		}
	}
	until(2 * time.Second)
	s.fill(4 * time.Second) // what is not committed is played as well
	m.must(s.w.Flush())
	until(4 * time.Second)
	next := m.open("a", nine.Add(4*time.Second))
	next.fill(2 * time.Second)
	next.commit()
	s.commit()
	s.seal()
	until(6 * time.Second)
	short, stop := context.WithTimeout(ctx, 100*time.Millisecond)
	if au, err := src.Next(short); err == nil && au.Track == 0 || err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("at the end: %+v, %v", au, err)
	}
	stop()
	next.seal()
	m.must(lock.Close())
	for {
		au, err := src.Next(ctx)
		if err == io.EOF {
			break
		}
		m.must(err)
		if au.Track == 0 {
			got = append(got, au)
		}
	}
	m.same(got, m.stored("a")[0])
}

func TestCloseUnblocksNext(t *testing.T) {
	m := begin(t, crashfs.New(), "/rec", "a")
	lock, err := m.fs.Lock("/rec/lock")
	m.must(err)
	defer lock.Close()
	s := m.open("a", nine)
	s.fill(time.Second)
	s.commit()
	src, err := m.library().Replay(context.Background(), "a", PlayOptions{Follow: true})
	m.must(err)
	ended := make(chan error)
	go func() {
		for {
			if _, err := src.Next(context.Background()); err != nil {
				ended <- err
				return
			}
		}
	}()
	m.must(src.Close())
	if err := <-ended; !fault.Is(err, fault.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestBrokenMediaIsJumpedOver: playing goes on behind a fragment that cannot be read.
func TestBrokenMediaIsJumpedOver(t *testing.T) {
	m := healthy(t)
	rec := m.load()
	s := rec.Camera("teacher").Segments[1]
	data := m.read(s.File)
	data[len(data)/3] ^= 1
	m.write(s.File, data)
	p := m.play(m.library(), "teacher", PlayOptions{})
	if n := len(p.of(0)); n < 130 || n >= 150 {
		t.Errorf("%d pictures of 150", n)
	}
	marked := 0
	for _, au := range p.of(0) {
		if au.Missing != nil {
			marked++
		}
	}
	if marked != 1 {
		t.Errorf("%d marks", marked)
	}
}
