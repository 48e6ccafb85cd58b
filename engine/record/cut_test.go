package record

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
)

func TestNextInstantCountsFromTheHour(t *testing.T) {
	day := func(h, m, s int) time.Time { return time.Date(2026, 11, 22, h, m, s, 0, time.UTC) }
	for _, c := range []struct {
		at    time.Time
		every time.Duration
		want  time.Time
	}{
		{day(9, 0, 0), 10 * time.Minute, day(9, 10, 0)},
		{day(9, 9, 59), 10 * time.Minute, day(9, 10, 0)},
		{day(9, 55, 0), 10 * time.Minute, day(10, 0, 0)},
		{day(9, 50, 0), 7 * time.Minute, day(9, 56, 0)},
		{day(9, 57, 0), 7 * time.Minute, day(10, 0, 0)}, // begins anew with the hour
		{day(9, 30, 0), time.Hour, day(10, 0, 0)},
		{day(9, 30, 0), 4 * time.Hour, day(12, 0, 0)},
		{day(23, 0, 0), 5 * time.Hour, day(24, 0, 0)},
		{day(9, 30, 0).In(time.FixedZone("", 19800)), time.Hour, day(10, 0, 0)},
	} {
		if got := nextInstant(c.at, c.every); !got.Equal(c.want) {
			t.Errorf("after %v, every %v: %v, not %v", c.at, c.every, got, c.want)
		}
	}
}

func TestAllCamerasCutAtTheirFirstKeyFrameAfterTheSameInstants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var names []string
		for i := range 8 {
			names = append(names, fmt.Sprintf("camera-%d", i))
		}
		g := newRig(t, names...)
		g.create()
		var feeds sync.WaitGroup
		for i, name := range names {
			f := newFeed(name, time.Now().Add(time.Duration(i)*137*time.Millisecond))
			f.gop = 10 + 5*i
			f.late = time.Duration(i) * 20 * time.Millisecond
			f.later = time.Duration(7-i) * 30 * time.Millisecond
			s := g.sink(name)
			feeds.Go(func() { g.play(s, f, 9*time.Second-time.Duration(i)*137*time.Millisecond) })
		}
		feeds.Wait()
		g.close("stopped")
		for i, name := range names {
			gop := time.Duration(10+5*i) * 40 * time.Millisecond
			for n, s := range g.same(g.fs, name) {
				if n == 0 {
					continue
				}
				past := s.seal.Start.Sub(s.seal.Start.Truncate(2 * time.Second))
				if past >= gop {
					t.Errorf("%s is cut %v after the instant, with a key frame every %v", name, past, gop)
				}
			}
		}
		g.sound(g.fs, true)
	})
}

// Sound that arrives before or behind the picture changes files at the picture's time.
func TestSoundIsCutAtTheSameMediaTimeAndCarriedOver(t *testing.T) {
	for _, c := range []struct{ picture, sound time.Duration }{
		{0, 0}, {200 * time.Millisecond, 0}, {0, 200 * time.Millisecond}, {0, 900 * time.Millisecond}, {100 * time.Millisecond, 0},
	} {
		t.Run(fmt.Sprintf("picture+%v,sound+%v", c.picture, c.sound), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, "hall")
				g.create()
				f := newFeed("hall", time.Now())
				f.late, f.later = c.picture, c.sound
				g.play(g.sink("hall"), f, 7*time.Second)
				g.close("stopped")
				list := g.same(g.fs, "hall")
				for _, s := range list[1:] {
					cut := s.seal.Starts[0]
					first := ofKind(s.marks, 'A')[0]
					if at := s.times[first]; at.Before(cut) || at.Sub(cut) > 22*time.Millisecond {
						t.Errorf("the picture is cut at %v, its sound at %v", cut, at)
					}
				}
				g.sound(g.fs, true)
			})
		})
	}
}

// Sound more than a fragment ahead is not held back: a crash would take too much.
func TestSoundFarAheadIsStillNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.create()
		f := newFeed("hall", time.Now())
		f.late = 800 * time.Millisecond
		units := f.units(7 * time.Second)
		// The first picture comes first: what precedes it would be lead-in.
		i := slices.IndexFunc(units, func(au media.AccessUnit) bool { return au.Track == 0 })
		units = slices.Insert(slices.Delete(slices.Clone(units), i, i+1), 0, units[i])
		s := g.sink("hall")
		g.begin(s, f)
		g.send(s, "hall", units)
		g.close("stopped")
		g.same(g.fs, "hall")
		g.sound(g.fs, true)
	})
}

func TestNewParametersBeginASegmentAtTheirKeyFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.plan.Segment = journal.Duration(time.Hour)
		g.create()
		f := newFeed("hall", time.Now())
		f.change = func(i int, au *media.AccessUnit) {
			switch {
			case au.Track != 0:
			case i == 50:
				au.Config = padded // the same, once decoded
			case i == 75:
				au.Config = large
			}
		}
		g.play(g.sink("hall"), f, 5*time.Second)
		g.close("stopped")
		list := g.same(g.fs, "hall")
		if len(list) != 2 {
			t.Fatalf("%d segments, not 2", len(list))
		}
		if first := ofKind(list[1].marks, 'V')[0]; first != mark('V', 75) {
			t.Errorf("the second begins with %s", first)
		}
		if string(list[1].file.Header.Tracks[0].Config) == string(list[0].file.Header.Tracks[0].Config) {
			t.Error("the second has the configuration of the first")
		}
		g.sound(g.fs, true)
	})
}

func TestPictureDiesAndSoundGoesOnCutting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.plan.Segment = journal.Duration(20 * time.Second)
		g.create()
		s := g.sink("hall")
		f := newFeed("hall", time.Now())
		g.begin(s, f)
		start := time.Now()
		for _, au := range f.units(90 * time.Second) {
			if at := au.Wall.Sub(start); au.Track == 0 && at >= 5*time.Second && at < 70*time.Second {
				continue
			}
			g.send(s, "hall", []media.AccessUnit{au})
		}
		g.close("stopped")
		list := g.same(g.fs, "hall")
		if len(list) != 5 {
			t.Errorf("%d segments, not 5", len(list))
		}
		report := g.sound(g.fs, false)
		if len(report.Cameras[0].Gaps) != 1 {
			t.Errorf("gaps: %+v", report.Cameras[0].Gaps)
		}
	})
}

func TestSoundOnlyStartsAtOnceAndCutsAtTheInstant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "mic")
		g.create()
		f := newFeed("mic", time.Now())
		f.tracks = []media.Track{pcmaTrack(0)}
		g.play(g.sink("mic"), f, 7*time.Second)
		g.close("stopped")
		list := g.same(g.fs, "mic")
		if len(list) != 4 {
			t.Errorf("%d segments, not 4", len(list))
		}
		for _, s := range list[1:] {
			if past := s.seal.Start.Sub(s.seal.Start.Truncate(2 * time.Second)); past >= 20*time.Millisecond {
				t.Errorf("cut %v after the instant", past)
			}
		}
		g.sound(g.fs, true)
	})
}

func TestSoundThatStartsSecondsBeforeThePictureIsRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.plan.Segment = journal.Duration(time.Hour)
		g.create()
		s := g.sink("hall")
		f := newFeed("hall", time.Now())
		g.begin(s, f)
		start := time.Now()
		for _, au := range f.units(8 * time.Second) {
			if au.Track == 0 && au.Wall.Sub(start) < 3*time.Second {
				continue
			}
			g.send(s, "hall", []media.AccessUnit{au})
		}
		g.close("stopped")
		g.same(g.fs, "hall")
		g.sound(g.fs, false)
	})
}

func TestOneCamerasTroubleDoesNotTouchAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "good", "bad")
		g.create()
		good, bad := newFeed("good", time.Now()), newFeed("bad", time.Now())
		bad.tracks = append(bad.tracks, media.Track{ID: 2, Codec: "vp9", ClockRate: 90000}, media.Track{ID: 3, Codec: media.PCMA})
		broken := map[string]bool{}
		bad.change = func(i int, au *media.AccessUnit) {
			if au.Track != 0 || i%7 != 3 {
				return
			}
			broken[mark('V', i)] = true
			switch i % 4 {
			case 0:
				au.Data = nil
			case 1:
				au.Data = []byte{0, 0, 1, 2, 3}
			case 2:
				au.Data = make([]byte, 4096) // zero NAL lengths
			case 3:
				au.Track = 9
			}
		}
		var feeds sync.WaitGroup
		for _, f := range []*feed{good, bad} {
			s := g.sink(f.name)
			feeds.Go(func() { g.play(s, f, 5*time.Second) })
		}
		feeds.Wait()
		g.close("stopped")
		g.same(g.fs, "good")
		list := read(t, g.fs, g.dir, "bad")
		g.ordered("bad", list)
		if got, want := len(marksOf(list, 'V')), 125-len(broken); got != want {
			t.Errorf("%d pictures of the bad camera, not %d", got, want)
		}
		if len(eventsOf[UnitsRefused](g)) == 0 || len(eventsOf[TrackSkipped](g)) != 2 {
			t.Errorf("refused: %v, skipped: %v", eventsOf[UnitsRefused](g), eventsOf[TrackSkipped](g))
		}
		report := g.sound(g.fs, false)
		for _, c := range report.Cameras {
			if c.Name == "good" && len(c.Gaps) != 0 {
				t.Errorf("gaps of the good camera: %+v", c.Gaps)
			}
		}
	})
}

func TestConfigurationGarbageWaitsForOneInBand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.create()
		s := g.sink("hall")
		f := newFeed("hall", time.Now())
		f.tracks[0].Config = []byte("not a SPS")
		f.change = func(i int, au *media.AccessUnit) {
			if au.Track == 0 && i == 25 {
				au.Config = small
			}
		}
		g.play(s, f, 4*time.Second)
		g.close("stopped")
		list := read(t, g.fs, g.dir, "hall")
		if first := ofKind(list[0].marks, 'V')[0]; first != mark('V', 25) {
			t.Errorf("it begins with %s", first)
		}
		g.sound(g.fs, true)
	})
}

// stepping is a clock whose wall can be set without touching what passes.
type stepping struct {
	mu  sync.Mutex
	off time.Duration
}

func (c *stepping) Now() time.Time { return time.Now() }
func (c *stepping) Wall() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Round(0).Add(c.off)
}

func TestAStepOfTheHostClockRedatesNothing(t *testing.T) {
	for _, step := range []time.Duration{time.Second, -time.Second, time.Hour, -time.Hour, 24 * time.Hour, -24 * time.Hour} {
		t.Run(step.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, "hall")
				clock := &stepping{}
				o := g.options(g.fs)
				o.Clock = clock
				rec, err := Create(o)
				g.must(err)
				g.start(rec)
				s := g.sink("hall")
				f := newFeed("hall", time.Now())
				g.begin(s, f)
				units := f.units(6 * time.Second)
				g.send(s, "hall", units[:len(units)/2])
				clock.mu.Lock()
				clock.off = step
				clock.mu.Unlock()
				g.send(s, "hall", units[len(units)/2:])
				g.close("stopped")
				g.same(g.fs, "hall")
				g.sound(g.fs, true)
				steps := eventsOf[ClockStepped](g)
				if len(steps) != 1 || steps[0].By.Round(time.Millisecond) != step {
					t.Errorf("steps: %v", steps)
				}
				log, err := journal.Read(g.fs, g.dir+"/journal")
				g.must(err)
				if len(log.Files) < 2 {
					t.Error("no new journal file after the step")
				}
			})
		})
	}
}

func TestASecondWriterIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.create()
		if _, err := Create(g.options(g.fs)); !fault.Is(err, fault.Busy) {
			t.Errorf("create: %v", err)
		}
		if _, _, err := Open(g.options(g.fs)); !fault.Is(err, fault.Busy) {
			t.Errorf("open: %v", err)
		}
		s := g.sink("hall")
		if _, err := g.rec.Camera("hall"); !fault.Is(err, fault.Busy) {
			t.Errorf("a second sink: %v", err)
		}
		g.must(s.Close(context.Background()))
		g.sink("hall")
		if _, err := g.rec.Camera("yard"); !fault.Is(err, fault.NotFound) {
			t.Errorf("a camera of no plan: %v", err)
		}
		g.close("")
		if _, err := Create(g.options(g.fs)); !fault.Is(err, fault.Usage) {
			t.Errorf("create on top: %v", err)
		}
		g.open()
		g.close("")
	})
}

// A correction too large to be slewed is taken at a cut: it is no gap, no two segments
// claim the same time, and a line says so.
func TestACorrectionIsTakenAtTheCut(t *testing.T) {
	for _, late := range []time.Duration{1500 * time.Millisecond, -1500 * time.Millisecond, 300 * time.Millisecond} {
		t.Run(late.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, "hall")
				g.create()
				f := newFeed("hall", time.Now())
				start := f.at
				f.change = func(i int, au *media.AccessUnit) {
					if au.Wall.Sub(start) > 3*time.Second {
						au.Wall = au.Wall.Add(late)
					}
				}
				g.play(g.sink("hall"), f, 9*time.Second)
				g.close("stopped")
				list := g.same(g.fs, "hall")
				g.sound(g.fs, true)
				for i, s := range list[1:] {
					if d := s.seal.Start.Sub(list[i].seal.End); d.Abs() > time.Millisecond {
						t.Errorf("%v between two segments", d)
					}
				}
				log, err := journal.Read(g.fs, g.dir+"/journal")
				g.must(err)
				steps := 0
				for _, l := range log.Lines {
					if c, ok := l.Entry.(*journal.Clock); ok && c.What == "step" {
						if steps++; (c.Offset-late).Abs() > 50*time.Millisecond && steps == 1 {
							t.Errorf("a step of %v, not %v", c.Offset, late)
						}
					}
				}
				if (steps > 0) != (late > 0) {
					t.Errorf("%d lines of a step: forward it is taken, back it is led", steps)
				}
			})
		})
	}
}

// Where the time of the picture's file and that of the sound are apart, or the sound comes
// late, the sound stands where it was captured or is missing; it is never pressed together
// at the beginning of a file that it is too early for.
func TestSoundStandsWhereItWasCapturedWhateverTheCut(t *testing.T) {
	ahead := func(by time.Duration) func(*media.AccessUnit, time.Duration) {
		return func(au *media.AccessUnit, at time.Duration) {
			// The first pictures come that late and what follows does not: their time is led back.
			if seen := by + at/16; au.Track == 0 && seen > at {
				au.Wall = au.Wall.Add(seen - at)
			}
		}
	}
	for _, c := range []struct {
		name   string
		change func(au *media.AccessUnit, at time.Duration)
		lost   time.Duration // at most, of the sound
	}{
		{"the picture is ahead", ahead(3 * time.Second), 0},
		{"the picture is far ahead", ahead(8 * time.Second), 0},
		{"the sound is late", func(au *media.AccessUnit, at time.Duration) {
			if stalls, ends := 3500*time.Millisecond, 7500*time.Millisecond; au.Track == 1 && at >= stalls && at < ends {
				au.Arrival = au.Arrival.Add(ends - at)
			}
		}, 2500 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, "hall")
				g.create()
				f := newFeed("hall", time.Now())
				start, captured := f.at, map[string]time.Time{}
				f.change = func(i int, au *media.AccessUnit) {
					c.change(au, au.Wall.Sub(start))
					captured[markOf(au.Data)] = au.Wall
				}
				g.play(g.sink("hall"), f, 20*time.Second)
				g.close("stopped")
				list := read(t, g.fs, g.dir, "hall")
				g.ordered("hall", list)
				for _, s := range list {
					for _, m := range ofKind(s.marks, 'A') {
						if at := s.times[m]; at.Sub(captured[m]).Abs() > 30*time.Millisecond {
							t.Fatalf("%s: %s at %v, captured at %v", s.line.File, m, at, captured[m])
						}
					}
				}
				want := g.wrote("hall", 'A')
				got := marksOf(list, 'A')
				if len(got) == 0 {
					t.Fatal("no sound")
				}
				want = want[slices.Index(want, got[0]):] // what precedes the picture is lead-in
				if lost := time.Duration(len(want)-len(got)) * 1024 * time.Second / 48000; lost > c.lost {
					t.Errorf("%v of the sound are missing: %s", lost, difference(got, want))
				}
				g.sound(g.fs, false)
			})
		})
	}
}

// Pictures that are decoded before they are shown.
func TestReorderedPicturesKeepTheirTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "hall")
		g.create()
		f := newFeed("hall", time.Now())
		shown := map[string]time.Time{}
		f.change = func(i int, au *media.AccessUnit) {
			if au.Track != 0 {
				return
			}
			// I P B B P B B ...: decoded two pictures ahead of what is shown.
			shift := []int64{2, 3, 0}[i%25%3] * 3600
			if au.Key {
				shift = 3600
			}
			au.PTS += shift
			au.Wall = au.Wall.Add(media.ToDuration(shift, 90000))
			shown[markOf(au.Data)] = au.Wall
		}
		g.play(g.sink("hall"), f, 7*time.Second)
		g.close("stopped")
		list := read(t, g.fs, g.dir, "hall")
		if got, want := marksOf(list, 'V'), g.wrote("hall", 'V'); !slices.Equal(got, want) {
			t.Error(difference(got, want))
		}
		for _, s := range list {
			for m, at := range s.times {
				if m[0] == 'V' && at.Sub(shown[m]).Abs() > 2*time.Millisecond {
					t.Errorf("%s is shown at %v, not %v", m, at, shown[m])
				}
			}
		}
		g.sound(g.fs, true)
	})
}
