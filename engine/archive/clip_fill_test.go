package archive

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"rtsprec/engine/journal"
	"rtsprec/engine/media"
)

const ms = time.Millisecond

// woven is one file of nine seconds with gaps from 2.32 to 4.2 and from 6 to 6.52, each of
// which another one fills that begins with a key frame from before it.
func woven(t *testing.T, soundToo bool) (m *maker, video, sound film) {
	m = studio(t, "a")
	video, sound = picture25(t, 9, "320x240"), aac(t, 9)
	holes := [][2]time.Duration{{2320 * ms, 4200 * ms}, {6 * time.Second, 6520 * ms}}
	in := func(at time.Duration) bool {
		for _, h := range holes {
			if at >= h[0] && at < h[1] {
				return true
			}
		}
		return false
	}
	lost := video
	lost.samples = nil
	for _, s := range video.samples {
		if !in(media.ToDuration(s.DTS, 90000)) {
			lost.samples = append(lost.samples, s)
		}
	}
	skip := in
	if !soundToo {
		skip = nil
	}
	m.shoot("a", nine, time.Minute, skip, lost, sound)
	m.origin = "replay"
	for _, h := range holes {
		m.missing("a", nine.Add(h[0]), nine.Add(h[1]), media.Unreachable)
		begin := h[0].Truncate(time.Second)
		films := []film{video.part(begin, h[1])}
		starts := []time.Time{nine.Add(h[0] - 20*ms)}
		if soundToo {
			s := sound.part(h[0], h[1])
			for i := range s.samples { // ticks of the file
				s.samples[i].DTS = s.samples[i].DTS + media.FromDuration(h[0]-begin, 48000)
			}
			films, starts = append(films, s), append(starts, time.Time{})
		}
		m.shoot("a", nine.Add(begin), time.Minute, nil, films...)
		m.line(&journal.Backfill{Gap: m.gap, Camera: "a", N: m.n["a"], From: nine.Add(h[0]), To: nine.Add(h[1]), Splice: "identity", Starts: starts})
	}
	m.close(nine.Add(9 * time.Second))
	return m, video, sound
}

func TestAClipHoldsWhatFillsTheMiddleOfAFile(t *testing.T) {
	for name, soundToo := range map[string]bool{"all is lost": true, "the sound goes on": false} {
		t.Run(name, func(t *testing.T) {
			m, video, sound := woven(t, soundToo)
			for _, gaps := range GapModes {
				c := m.cut("a", ClipOptions{Gaps: gaps})
				path := m.save(c, "a.mp4")
				tracks := tracksOf(t, path)
				sameUnits(t, tracks[0], video, 0, len(video.samples))
				sameUnits(t, tracks[1], sound, 0, len(sound.samples))
				if len(c.Gaps) > 0 || len(c.Notes) > 0 || (c.Length-9*time.Second).Abs() > 100*ms {
					t.Errorf("%s: %v long, gaps %v, notes %q", gaps, c.Length, c.Gaps, c.Notes)
				}
				for i, s := range tracks[0].samples {
					if s.DTS != video.samples[i].DTS || s.Duration != video.samples[i].Duration {
						t.Fatalf("%s: picture %d is decoded at %d for %d, want %d for %d", gaps, i, s.DTS, s.Duration, video.samples[i].DTS, video.samples[i].Duration)
					}
				}
				times := shown(t, path, "v")
				if len(times) != 225 || !near(times[224]-times[0], 224*0.04, 0.001) {
					t.Errorf("%d pictures from %v to %v", len(times), times[0], times[len(times)-1])
				}
				shown(t, path, "a")
			}
		})
	}
}

// TestHLSHoldsWhatFillsTheMiddleOfAFile: as one stream without a seam, which needs no key
// frame behind a gap.
func TestHLSHoldsWhatFillsTheMiddleOfAFile(t *testing.T) {
	for name, soundToo := range map[string]bool{"all is lost": true, "the sound goes on": false} {
		t.Run(name, func(t *testing.T) {
			m, video, _ := woven(t, soundToo)
			l := m.shelf()
			pieces, notes, err := l.HLS(t.Context(), "a", "", time.Time{}, time.Time{})
			m.must(err)
			if len(notes) > 0 {
				t.Errorf("notes %q", notes)
			}
			whole := fetch(t, l, pieces[0].Init)
			at := pieces[0].Time
			for i, p := range pieces {
				if p.Gap || p.Discontinuity || p.Init != pieces[0].Init || p.Time.Sub(at).Abs() > 150*ms { // pictures are reordered at a seam
					t.Errorf("piece %d: %+v, the one before ends at %v", i, p, at)
				}
				at = p.Time.Add(p.Duration)
				whole = append(whole, fetch(t, l, &p)...)
			}
			if at.Sub(nine.Add(9*time.Second)).Abs() > 150*ms {
				t.Errorf("the end is %v", at)
			}
			file := filepath.Join(t.TempDir(), "whole.mp4")
			m.must(os.WriteFile(file, whole, 0o644))
			want := m.save(m.cut("a", ClipOptions{}), "clip.mp4")
			for _, stream := range []string{"v", "a"} {
				got, all := sums(t, file, stream), sums(t, want, stream)
				if !slices.Equal(got, all) {
					t.Errorf("%s: %d are shown that are not the %d of a clip", stream, len(got), len(all))
				}
			}
			if n := len(sums(t, file, "v")); n != len(video.samples) {
				t.Errorf("%d pictures, want %d", n, len(video.samples))
			}
			times := shown(t, file, "v")
			for i := 1; i < len(times); i++ {
				if !near(times[i]-times[i-1], 0.04, 0.002) {
					t.Errorf("picture %d comes %.3f s after the one before", i, times[i]-times[i-1])
				}
			}
			// Only what was asked for.
			some, _, err := l.HLS(t.Context(), "a", "", nine.Add(2500*ms), nine.Add(3*time.Second))
			m.must(err)
			if len(some) != 1 || some[0].Time.After(nine.Add(2500*ms)) {
				t.Errorf("%+v", some)
			}
		})
	}
}

// TestAClipMayBeginAndEndWithinWhatFillsAFile: it holds the pictures from the last key frame
// at or before its beginning on, wherever that is.
func TestAClipMayBeginAndEndWithinWhatFillsAFile(t *testing.T) {
	m, video, _ := woven(t, true)
	for _, c := range []struct {
		from, to time.Duration
		first    int // picture
	}{
		{2 * time.Second, 3 * time.Second, 25}, // the key frame is shown a little later
		{2400 * ms, 2800 * ms, 50},             // what decoding begins with is in the file around it
		{3400 * ms, 3800 * ms, 75},
		{3400 * ms, 4700 * ms, 75},
		{4520 * ms, 5500 * ms, 100}, // and here in what fills it
		{5400 * ms, 8 * time.Second, 125},
		{6200 * ms, 6700 * ms, 150},
		{1200 * ms, 8 * time.Second, 25},
	} {
		clip := m.cut("a", ClipOptions{From: nine.Add(c.from), To: nine.Add(c.to)})
		path := m.save(clip, "a.mp4")
		got := tracksOf(t, path)[0]
		sameUnits(t, got, video, c.first, c.first+len(got.samples))
		if !got.samples[0].Key || len(clip.Gaps) > 0 || len(clip.Notes) > 0 {
			t.Errorf("%v: gaps %v, notes %q", c, clip.Gaps, clip.Notes)
		}
		if n, want := len(shown(t, path, "v")), int((c.to-c.from)/(40*ms)); n < want || n > want+3 {
			t.Errorf("%v: %d pictures are shown, want %d", c, n, want)
		}
	}
}

// TestSoundOfAWovenFileGoesBesideAPicture: each unit once, and in order.
func TestSoundOfAWovenFileGoesBesideAPicture(t *testing.T) {
	m, _, sound := woven(t, true)
	c := m.cut("a", ClipOptions{Audio: "a"})
	tracks := tracksOf(t, m.save(c, "a.mp4"))
	sameUnits(t, tracks[1], sound, 0, len(sound.samples))
}

func TestWhatFillsAFileInAnotherCodecIsLeftOutAndNoted(t *testing.T) {
	m := studio(t, "a")
	m.run("a", nine)
	host := m.open("a", nine)
	host.fill(2 * time.Second)
	host.skip(2 * time.Second)
	host.fill(6 * time.Second)
	host.commit()
	host.seal()
	m.missing("a", nine.Add(2*time.Second), nine.Add(4*time.Second), media.Unreachable)
	m.tracks = []media.Track{{Codec: media.MJPEG, ClockRate: 90000}}
	m.runOf("a", nine, "replay")
	m.segments("a", nine.Add(2*time.Second), 2*time.Second, 1)
	m.line(&journal.Backfill{Gap: m.gap, Camera: "a", N: 2, From: nine.Add(2 * time.Second), To: nine.Add(4 * time.Second), Splice: "time"})
	m.close(nine.Add(6 * time.Second))
	c := m.cut("a", ClipOptions{})
	if n := len(tracksOf(t, m.save(c, "a.mp4"))[0].samples); n != 100 || len(c.Notes) != 1 {
		t.Errorf("%d pictures, notes %q", n, c.Notes)
	}
}
