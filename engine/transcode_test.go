package engine

import (
	"context"
	"fmt"
	"image"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// taken is what a sink was given.
type taken struct {
	mu    sync.Mutex
	runs  []media.Run
	units [][]media.AccessUnit // by track, of all runs
	order []media.AccessUnit
	gaps  []media.Gap
	done  bool
}

func (s *taken) Begin(_ context.Context, run media.Run) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs = append(s.runs, run)
	if s.units == nil {
		s.units = make([][]media.AccessUnit, len(run.Tracks))
	}
	return nil
}

func (s *taken) Write(_ context.Context, au media.AccessUnit) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.units[au.Track] = append(s.units[au.Track], au)
	s.order = append(s.order, au)
	return nil
}

func (s *taken) End(_ context.Context, gap media.Gap) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gaps = append(s.gaps, gap)
	return nil
}

func (s *taken) Close(context.Context) error { s.done = true; return nil }

// studio is a transcoder with what it needs, in a synctest bubble.
type studio struct {
	*testing.T
	coder  *fakeCoder
	sink   media.Sink
	out    *taken
	mu     sync.Mutex
	events []Event
	start  time.Time
}

func newStudio(t *testing.T, c *fakeCoder, o TranscodeOptions) *studio {
	s := &studio{T: t, coder: c, out: &taken{}, start: time.Now()}
	d := Deps{Clock: media.SystemClock{}, Coder: c, Observe: func(e Event) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.events = append(s.events, e)
	}}
	var err error
	if s.sink, err = newTranscoder(d, s.out, o); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *studio) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

var studioTracks = []media.Track{
	{ID: 0, Codec: media.MJPEG, ClockRate: 90000},
	{ID: 1, Codec: media.PCMA, ClockRate: 8000, SampleRate: 8000, Channels: 1},
}

func (s *studio) begin() {
	s.ok(s.sink.Begin(s.Context(), media.Run{ID: 1, Start: s.start, Tracks: studioTracks}))
}

// picture and sound write the n-th unit of each track, 25 and 50 a second.
func (s *studio) picture(n int, change func(au *media.AccessUnit)) {
	s.unit(0, n, 25, 90000, change)
}
func (s *studio) sound(n int) { s.unit(1, n, 50, 8000, nil) }

func (s *studio) unit(track media.TrackID, n, pace, rate int, change func(au *media.AccessUnit)) {
	at := time.Duration(n) * time.Second / time.Duration(pace)
	pts := media.FromDuration(at, rate)
	au := media.AccessUnit{Track: track, PTS: pts, DTS: pts, Wall: s.start.Add(at), Arrival: time.Now(), Key: true, Data: []byte{byte(n), 2, 3}}
	if change != nil {
		change(&au)
	}
	s.ok(s.sink.Write(s.Context(), au))
}

// live plays a time of both tracks at the pace of life.
func (s *studio) live(seconds int) {
	for n := range seconds * 50 {
		time.Sleep(time.Until(s.start.Add(time.Duration(n) * 20 * time.Millisecond)))
		if n%2 == 0 {
			s.picture(n/2, nil)
		}
		s.sound(n)
	}
}

func (s *studio) close() {
	s.ok(s.sink.End(s.Context(), media.Gap{Causes: media.Because(media.StreamEnded)}))
	s.ok(s.sink.Close(s.Context()))
	if n := s.coder.live.Load(); n != 0 {
		s.Errorf("%d pictures and codecs were not given back", n)
	}
}

func (s *studio) notices(word string) (lines, count int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if n, ok := e.(Notice); ok && strings.Contains(n.Message, word) {
			lines++
			count += n.Count
		}
	}
	return lines, count
}

func TestATranscoderThatKeepsUpLosesNothingAndKeepsTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, &fakeCoder{encode: 10 * time.Millisecond}, TranscodeOptions{Video: ToH264, Audio: ToAAC})
		s.begin()
		s.live(10)
		s.close()
		if tracks := s.out.runs[0].Tracks; tracks[0].Codec != media.H264 || tracks[0].From != media.MJPEG || tracks[1].Codec != media.AAC || tracks[1].ClockRate != 8000 {
			t.Errorf("tracks: %+v", tracks)
		}
		for track, want := range []int{250, 500} {
			if n := len(s.out.units[track]); n != want {
				t.Errorf("track %d: %d units, not %d", track, n, want)
			}
		}
		for n, au := range s.out.units[0] {
			if au.Missing != nil || au.Damaged || au.Lost > 0 || !au.Wall.Equal(s.start.Add(time.Duration(n)*40*time.Millisecond)) || au.PTS != int64(n)*3600 {
				t.Fatalf("picture %d: %+v", n, au)
			}
		}
		first := s.out.units[0][0]
		if first.Config == nil || media.ConfigOf(media.H264, first.Data, nil) == nil && !strings.HasPrefix(string(first.Data), string(first.Config)) {
			t.Errorf("the first picture has no parameter sets: %+v", first)
		}
		for i := 1; i < len(s.out.order); i++ {
			if s.out.order[i].Wall.Before(s.out.order[i-1].Wall) {
				t.Fatalf("unit %d was captured before the one before it", i)
			}
		}
		if !s.out.done || len(s.out.gaps) != 1 || s.out.gaps[0].Causes != media.Because(media.StreamEnded) {
			t.Errorf("the end: %v %+v", s.out.done, s.out.gaps)
		}
	})
}

func TestWhereEncodingIsTooSlowPicturesAreLeftOutAndSaidAndCopiesLoseNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, &fakeCoder{encode: 60 * time.Millisecond}, TranscodeOptions{Video: ToH264})
		s.begin()
		s.live(30)
		s.close()
		if n := len(s.out.units[1]); n != 1500 {
			t.Errorf("%d units of copied sound, not 1500", n)
		}
		got := len(s.out.units[0])
		lost := 0
		for _, au := range s.out.units[0] {
			lost += au.Lost
			if au.Lost > 0 && !au.Damaged || au.Missing != nil {
				t.Fatalf("after %d pictures that were left out: %+v", au.Lost, au)
			}
		}
		if got+lost < 748 || got+lost > 750 || got < 480 || got > 560 { // those left out last have nobody to tell of them
			t.Errorf("of 750 pictures %d came and %d were told to be left out", got, lost)
		}
		lines, count := s.notices("left out")
		if count != 750-got || lines < 22 || lines > 32 {
			t.Errorf("%d lines tell of %d pictures, not about 30 of %d", lines, count, 750-got)
		}
	})
}

func TestPicturesLeftOutForLongAreAGapWithItsCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		coder := &fakeCoder{encode: 2 * time.Second}
		s := newStudio(t, coder, TranscodeOptions{Video: ToH264})
		s.begin()
		s.live(20)
		s.close()
		gaps := 0
		for _, au := range s.out.units[0] {
			if m := au.Missing; m != nil {
				gaps++
				if m.Causes != media.Because(media.Overflow) || m.To.Sub(m.From) < time.Second || !m.To.Equal(au.Wall) {
					t.Errorf("gap: %+v before %v", m, au.Wall)
				}
			}
		}
		if gaps == 0 {
			t.Error("no gap was told of")
		}
	})
}

func TestWhatUnitsTellOfTheTimeBeforeThemComesThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, &fakeCoder{}, TranscodeOptions{Video: ToH265, FPS: 12.5, wait: true})
		s.begin()
		gap := &media.Gap{From: s.start.Add(time.Second), Causes: media.Because(media.Loss), Note: "why"}
		for n := range 100 {
			s.picture(n, func(au *media.AccessUnit) {
				switch n {
				case 31: // not one of those that are picked
					au.Missing, au.Lost = gap, 7
				case 60:
					au.Damaged = true
				}
			})
		}
		s.close()
		if n := len(s.out.units[0]); n != 50 {
			t.Errorf("%d pictures of 100 at half the pace", n)
		}
		var told, hurt []string
		for _, au := range s.out.units[0] {
			if au.Missing != nil {
				told = append(told, fmt.Sprint(au.Wall.Sub(s.start), *au.Missing == *gap, au.Lost))
			}
			if au.Damaged {
				hurt = append(hurt, fmt.Sprint(au.Wall.Sub(s.start)))
			}
		}
		if fmt.Sprint(told, hurt) != "[1.28s true 7] [2.4s]" {
			t.Errorf("told: %v, damaged: %v", told, hurt)
		}
	})
}

func TestAStreamThatChangesItsSizeGetsAnotherConfigurationAtAKeyFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		coder := &fakeCoder{size: func(au media.AccessUnit) [2]int {
			if au.PTS >= 25*3600 {
				return [2]int{1280, 720}
			}
			return [2]int{640, 360}
		}}
		for _, o := range []TranscodeOptions{{Video: ToH264, wait: true}, {Video: ToH264, Size: image.Pt(0, 180), wait: true}} {
			s := newStudio(t, coder, o)
			s.begin()
			for n := range 50 {
				s.picture(n, nil)
			}
			s.close()
			var changes []int
			for n, au := range s.out.units[0] {
				if au.Config != nil {
					changes = append(changes, n)
					if !au.Key {
						t.Error("a configuration without a key frame")
					}
				}
			}
			want := "[0 25]"
			if o.Size.Y > 0 {
				want = "[0]" // what is made has the same size
			}
			if fmt.Sprint(changes) != want || len(s.out.units[0]) != 50 {
				t.Errorf("%v: configurations at %v, not %s, of %d pictures", o.Size, changes, want, len(s.out.units[0]))
			}
		}
	})
}

func TestPicturesThatCannotBeDecodedAreCountedAndTheNextOnesAreNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		coder := &fakeCoder{broken: func(au media.AccessUnit) error {
			if au.PTS >= 90000 && au.PTS < 3*90000 {
				return fault.New(fault.Damaged, "nonsense")
			}
			return nil
		}}
		s := newStudio(t, coder, TranscodeOptions{Video: ToH264})
		s.begin()
		s.live(5)
		s.close()
		if n := len(s.out.units[0]); n != 75 {
			t.Errorf("%d pictures, not 75", n)
		}
		if lines, count := s.notices("cannot be decoded"); count != 50 || lines > 4 {
			t.Errorf("%d lines of %d failures", lines, count)
		}
	})
}

func TestATrackWithoutADecoderIsCopiedAndThatIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, &fakeCoder{refuses: true}, TranscodeOptions{Video: Auto, Accept: func(t media.Track) bool { return t.Codec != media.MJPEG }})
		s.begin()
		s.live(1)
		s.close()
		if s.out.runs[0].Tracks[0].Codec != media.MJPEG || len(s.out.units[0]) != 25 {
			t.Errorf("%+v, %d units", s.out.runs[0].Tracks[0], len(s.out.units[0]))
		}
		if lines, _ := s.notices("MJPEG is copied: no such decoder"); lines != 1 {
			t.Errorf("said %d times", lines)
		}
	})
}

func TestWithoutCodecsOnlyCopyingIsPromised(t *testing.T) {
	for _, o := range []TranscodeOptions{{Video: ToH264}, {Audio: ToAAC}, {Video: Auto, FPS: 5}} {
		if _, err := newTranscoder(Deps{}, &taken{}, o); !fault.Is(err, fault.Unsupported) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := newTranscoder(Deps{}, &taken{}, TranscodeOptions{Video: Auto, Audio: Auto}); err != nil {
		t.Error(err)
	}
	for _, o := range []TranscodeOptions{{Video: "vp8"}, {Audio: "mp3"}, {Video: Copy, FPS: 5}, {FPS: -1, Video: ToH264}, {Size: image.Pt(9000, 0), Video: ToH264}} {
		if _, err := newTranscoder(Deps{Coder: &fakeCoder{}}, &taken{}, o); !fault.Is(err, fault.Usage) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestPicturesKeepTheirShapeInTheBoxAndAreNeverEnlarged(t *testing.T) {
	for _, c := range []struct {
		box  image.Point
		w, h int
		want image.Point
	}{
		{image.Pt(0, 720), 1920, 1080, image.Pt(1280, 720)},
		{image.Pt(1280, 720), 1440, 1080, image.Pt(960, 720)},
		{image.Pt(0, 720), 640, 361, image.Pt(640, 360)},
		{image.Pt(0, 0), 353, 289, image.Pt(352, 288)},
		{image.Pt(2, 2), 4096, 2160, image.Pt(2, 2)},
		{image.Pt(0, 720), 1, 1, image.Pt(2, 2)},
	} {
		if w, h := (TranscodeOptions{Size: c.box}).pictureSize(c.w, c.h); image.Pt(w, h) != c.want {
			t.Errorf("%dx%d in %v: %dx%d", c.w, c.h, c.box, w, h)
		}
	}
}
