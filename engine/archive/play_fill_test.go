package archive

import (
	"bytes"
	"cmp"
	"slices"
	"testing"
	"time"

	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs/crashfs"
)

// TestWhatWasBackfilledIsPlayedInItsPlace: numbers rise in the order of writing, media by
// the order of capture.
func TestWhatWasBackfilledIsPlayedInItsPlace(t *testing.T) {
	m := begin(t, crashfs.New(), "/rec", "a")
	m.run("a", nine)
	m.segments("a", nine, 2*time.Second, 1)
	m.missing("a", nine.Add(2*time.Second), nine.Add(4*time.Second), media.Unreachable)
	m.segments("a", nine.Add(4*time.Second), 2*time.Second, 1)
	m.runOf("a", nine, "replay")
	m.segments("a", nine.Add(2*time.Second), 2*time.Second, 1)
	m.line(&journal.Backfill{Gap: m.gap, Camera: "a", N: 3, From: nine.Add(2 * time.Second), To: nine.Add(4 * time.Second), Splice: "identity"})
	m.close(nine.Add(6 * time.Second))
	p := m.play(m.library(), "a", PlayOptions{})
	m.same(p.of(0), m.stored("a")[0])
	for i, au := range p.of(0) {
		if au.Missing != nil || !au.Wall.Equal(nine.Add(time.Duration(i)*40*time.Millisecond)) {
			t.Fatalf("unit %d at %s: %+v", i, au.Wall.Sub(nine), au.Missing)
		}
	}
	m.verify(VerifyOptions{Deep: true}).expect(t, Clean)
}

// TestABackfillShowsOnlyWhatWasMissing: it begins with a key frame from before the gap, for
// decoders; nothing of that is played twice.
func TestABackfillShowsOnlyWhatWasMissing(t *testing.T) {
	m := begin(t, crashfs.New(), "/rec", "a")
	m.run("a", nine)
	m.segments("a", nine, 2320*time.Millisecond, 1)
	m.missing("a", nine.Add(2320*time.Millisecond), nine.Add(4*time.Second), media.Unreachable)
	m.segments("a", nine.Add(4*time.Second), 2*time.Second, 1)
	m.runOf("a", nine, "replay")
	m.tracks = m.tracks[:1]
	s := m.open("a", nine.Add(2*time.Second))
	m.line(&journal.Backfill{Gap: m.gap, Camera: "a", N: s.n, From: nine.Add(2300 * time.Millisecond), To: nine.Add(3990 * time.Millisecond), Splice: "identity",
		Starts: []time.Time{nine.Add(2300 * time.Millisecond)}})
	s.fill(2 * time.Second)
	s.seal()
	m.close(nine.Add(6 * time.Second))
	l := m.library()
	p := m.play(l, "a", PlayOptions{})
	video := p.of(0)
	if len(video) != 150 {
		t.Errorf("%d pictures", len(video))
	}
	for i, au := range video {
		if au.Missing != nil || !au.Wall.Equal(nine.Add(time.Duration(i)*40*time.Millisecond)) {
			t.Fatalf("unit %d at %s: %+v", i, au.Wall.Sub(nine), au.Missing)
		}
	}
	p = m.play(l, "a", PlayOptions{From: nine.Add(2500 * time.Millisecond), Tracks: m.tracks})
	if first := p.units[0]; !first.Key || !first.Wall.Equal(nine.Add(2*time.Second)) {
		t.Errorf("playing within it begins at %s", first.Wall.Sub(nine))
	}
	r := m.verify(VerifyOptions{Deep: true})
	for _, f := range r.Findings {
		t.Errorf("%s: %s", f.Kind, f.Text)
	}
	if c := r.Cameras[0]; len(c.Gaps) > 0 || c.Coverage.Unexplained > 0 || c.Coverage.Share() < 1 {
		t.Errorf("%+v %+v", c.Gaps, c.Coverage)
	}
	line := m.load().Timeline(m.load().Camera("a"))
	if len(line) != 3 || !line[1].Filled || line[0].Filled || line[2].Filled {
		t.Errorf("%+v", line)
	}
}

// TestABackfillIsPlayedBehindASegmentThatBeginsWithTheSameKeyFrame: the link was cut right
// after the border of two segments, and the source's clock is nearly the same.
func TestABackfillIsPlayedBehindASegmentThatBeginsWithTheSameKeyFrame(t *testing.T) {
	for _, early := range []time.Duration{0, time.Microsecond, -time.Microsecond} {
		m := begin(t, crashfs.New(), "/rec", "a")
		m.run("a", nine)
		m.segments("a", nine, 2*time.Second, 1)
		m.segments("a", nine.Add(2*time.Second), 320*time.Millisecond, 1)
		m.missing("a", nine.Add(2320*time.Millisecond), nine.Add(4*time.Second), media.Unreachable)
		m.segments("a", nine.Add(4*time.Second), 2*time.Second, 1)
		m.runOf("a", nine, "replay")
		m.tracks = m.tracks[:1]
		s := m.open("a", nine.Add(2*time.Second-early))
		m.line(&journal.Backfill{Gap: m.gap, Camera: "a", N: s.n, From: nine.Add(2320 * time.Millisecond), To: nine.Add(4 * time.Second), Splice: "identity",
			Starts: []time.Time{nine.Add(2320*time.Millisecond - early)}})
		s.fill(2 * time.Second)
		s.seal()
		m.close(nine.Add(6 * time.Second))
		video := m.play(m.library(), "a", PlayOptions{}).of(0)
		if len(video) != 150 {
			t.Errorf("%v early: %d pictures", early, len(video))
		}
		for i, au := range video {
			if want := nine.Add(time.Duration(i) * 40 * time.Millisecond); au.Missing != nil || au.Wall.Sub(want).Abs() > time.Millisecond {
				t.Fatalf("%v early: unit %d at %s: %+v", early, i, au.Wall.Sub(nine), au.Missing)
			}
		}
	}
}

// TestSoundThatIsWrittenLongAfterAGapIsPlayedBeforeWhatFillsIt: a recorder knows how long a
// unit lasts when the next one has come.
func TestSoundThatIsWrittenLongAfterAGapIsPlayedBeforeWhatFillsIt(t *testing.T) {
	m := studio(t, "a")
	video, sound := picture25(t, 9, "320x240"), aac(t, 9)
	type written struct {
		at    time.Duration
		track int
		segment.Sample
	}
	var host []written
	for track, f := range []film{video, sound} {
		from, to := 2320*ms, 4200*ms
		if track == 1 {
			to = 5100 * ms // sound comes back late
		}
		for _, u := range f.samples {
			u.Track = track
			if at := media.ToDuration(u.DTS, f.track.ClockRate); at < from || at >= to {
				host = append(host, written{at, track, u})
			}
		}
	}
	last := -1
	for i, u := range host {
		if u.track == 1 && u.at < 2320*ms {
			last = i
		}
	}
	host[last].at = host[last+1].at // and then its last unit of before the gap is written
	slices.SortStableFunc(host, func(a, b written) int { return cmp.Compare(a.at, b.at) })
	video.track.ID, sound.track.ID = 0, 1
	m.tracks = []media.Track{video.track, sound.track}
	m.runOf("a", nine, "live")
	s := m.open("a", nine)
	for _, u := range host {
		if _, span, _ := s.w.Pending(); u.Key && u.track == 0 || span >= 250*ms {
			m.must(s.w.Flush())
		}
		m.must(s.w.Add(u.Sample))
	}
	s.commit()
	s.seal()
	m.origin = "replay"
	m.missing("a", nine.Add(2320*ms), nine.Add(4200*ms), media.Timeout)
	begin := 2 * time.Second
	fill := sound.part(2320*ms, 5100*ms)
	for i := range fill.samples {
		fill.samples[i].DTS += media.FromDuration(2320*ms-begin, 48000)
	}
	m.shoot("a", nine.Add(begin), time.Minute, nil, video.part(begin, 4200*ms), fill)
	m.line(&journal.Backfill{Gap: m.gap, Camera: "a", N: m.n["a"], From: nine.Add(2320 * ms), To: nine.Add(4200 * ms), Splice: "identity", Starts: []time.Time{nine.Add(2300 * ms), {}}})
	m.close(nine.Add(9 * time.Second))
	p := m.play(m.library(), "a", PlayOptions{})
	for track, f := range []film{video, sound} {
		list := p.of(media.TrackID(track))
		if len(list) != len(f.samples) {
			t.Errorf("track %d: %d units instead of %d", track, len(list), len(f.samples))
			continue
		}
		for i, au := range list {
			if !bytes.Equal(au.Data, f.samples[i].Data) {
				t.Errorf("track %d: unit %d is another", track, i)
				break
			}
		}
	}
}

// TestAGapThatTwoFilesFillIsPlayedTrackByTrack: the source began a file soon after the gap's
// begin, and sound was lost later than pictures. What there is of it stands before all of
// what fills the gap, in whichever file.
func TestAGapThatTwoFilesFillIsPlayedTrackByTrack(t *testing.T) {
	m := studio(t, "a")
	video, sound := picture25(t, 9, "320x240"), aac(t, 9)
	var cut time.Duration // where the source's next file begins
	for _, u := range video.samples {
		if at := media.ToDuration(u.DTS, video.track.ClockRate); u.Key && at > 2*time.Second && cut == 0 {
			cut = at
		}
	}
	from, heard, next, to := cut-90*ms, cut+120*ms, cut+260*ms, cut+1900*ms // pictures lost, sound lost, sound of the second file, both back
	video.track.ID, sound.track.ID = 0, 1
	m.tracks = []media.Track{video.track, sound.track}
	m.runOf("a", nine, "live")
	type written struct {
		at time.Duration
		segment.Sample
	}
	var host []written
	for track, f := range []film{video, sound} {
		for _, u := range f.samples {
			u.Track = track
			if at := media.ToDuration(u.DTS, f.track.ClockRate); at < []time.Duration{from, heard}[track] || at >= to {
				host = append(host, written{at, u})
			}
		}
	}
	slices.SortStableFunc(host, func(a, b written) int { return cmp.Compare(a.at, b.at) })
	s := m.open("a", nine)
	for _, u := range host {
		if _, span, _ := s.w.Pending(); u.Key && u.Track == 0 || span >= 250*ms {
			m.must(s.w.Flush())
		}
		m.must(s.w.Add(u.Sample))
	}
	s.commit()
	s.seal()
	m.origin = "replay"
	m.missing("a", nine.Add(from), nine.Add(to), media.Timeout)
	fill := func(begin, end time.Duration, heardFrom, heardTo time.Duration, missing, back time.Duration) {
		part := sound.part(heardFrom, heardTo)
		for i := range part.samples {
			part.samples[i].DTS += media.FromDuration(heardFrom-begin, 48000)
		}
		m.shoot("a", nine.Add(begin), time.Minute, nil, video.part(begin, end), part)
		m.line(&journal.Backfill{Gap: m.gap, Camera: "a", N: m.n["a"], From: nine.Add(missing), To: nine.Add(back), Splice: "identity", Starts: []time.Time{nine.Add(missing - 20*ms), {}}})
	}
	fill(0, cut, heard, next, from, cut)
	fill(cut, to, next, to, cut, to)
	m.close(nine.Add(9 * time.Second))
	p := m.play(m.library(), "a", PlayOptions{})
	for track, f := range []film{video, sound} {
		list := p.of(media.TrackID(track))
		if len(list) != len(f.samples) {
			t.Errorf("track %d: %d units instead of %d", track, len(list), len(f.samples))
			continue
		}
		for i, au := range list {
			if !bytes.Equal(au.Data, f.samples[i].Data) {
				t.Fatalf("track %d: unit %d at %s is another", track, i, au.Wall.Sub(nine))
			}
		}
	}
}
