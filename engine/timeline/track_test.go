package timeline

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"rtsprec/engine/media"
)

// The table of what accuracy can be expected. late bounds how far media time is behind
// the truth from settle on (the one-way delay, where nothing tells it apart), lip how
// far sound and picture are apart.
func TestWallIsCaptureTime(t *testing.T) {
	none := func(c simTrack) simTrack { c.reports = 0; return c }
	with := func(c simTrack, f func(*simTrack)) simTrack { f(&c); return c }
	ntp := func(at time.Time) func(time.Duration) uint64 {
		return func(d time.Duration) uint64 { return toNTP(at.Add(d)) }
	}
	const frame = 40 * ms
	hour := func(at time.Duration) uint64 {
		base := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC).Add(at)
		if at > 2*time.Minute {
			base = base.Add(time.Hour)
		}
		return toNTP(base)
	}
	both := func(f func(*simTrack)) []simTrack { return []simTrack{with(picture(), f), with(sound(), f)} }
	rng := rand.New(rand.NewPCG(5, 6))
	for _, c := range []struct {
		name   string
		sim    sim
		settle time.Duration
		late   time.Duration
		lip    time.Duration
		resets int
	}{
		{"sound reports", sim{tracks: []simTrack{picture(), sound()}}, 3 * time.Second, 3 * ms, 3 * ms, 0},
		{"camera 1 s behind, trusted", sim{clock: -time.Second, tracks: []simTrack{picture(), sound()}}, 5 * time.Second, time.Second + 3*ms, 3 * ms, 0},
		{"camera 1 s ahead: nothing arrives before it is captured", sim{clock: time.Second, tracks: []simTrack{picture(), sound()}}, 5 * time.Second, 34 * ms, 3 * ms, 0},
		{"camera an hour behind, not trusted", sim{clock: -time.Hour, tracks: []simTrack{picture(), sound()}}, 5 * time.Second, 34 * ms, 3 * ms, 0},
		{"15: at 2000-01-01", sim{tracks: both(func(c *simTrack) { c.ntp = ntp(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) })}, 5 * time.Second, 34 * ms, 3 * ms, 0},
		{"15: at 1970-01-01", sim{tracks: both(func(c *simTrack) { c.ntp = ntp(time.Unix(0, 0)) })}, 5 * time.Second, 34 * ms, 3 * ms, 0},
		{"15: at the end of the era in 2036", sim{tracks: both(func(c *simTrack) { c.ntp = ntp(time.Date(2036, 2, 7, 6, 28, 0, 0, time.UTC)) })}, 5 * time.Second, 34 * ms, 3 * ms, 0},
		{"15: seconds since it was switched on", sim{tracks: both(func(c *simTrack) {
			c.ntp = func(at time.Duration) uint64 { return uint64(1+at/time.Second)<<32 | uint64(at%time.Second)<<32/1e9 }
		})}, 5 * time.Second, 34 * ms, 3 * ms, 0},
		{"15: NTP of 0", sim{tracks: both(func(c *simTrack) { c.ntp = func(time.Duration) uint64 { return 0 } })}, 5 * time.Second, 125 * ms, 95 * ms, 0},
		{"15: no report ever", sim{tracks: []simTrack{none(picture()), none(sound())}}, 5 * time.Second, 125 * ms, 95 * ms, 0},
		{"15: the first report after 60 s", sim{tracks: both(func(c *simTrack) { c.begin = time.Minute })}, 65 * time.Second, 3 * ms, 3 * ms, 0},
		{"15: the clock steps an hour in mid-run", sim{tracks: both(func(c *simTrack) { c.ntp = hour })}, 5 * time.Second, 6 * ms, 6 * ms, 0},
		{"15: and so does the RTP time", sim{tracks: both(func(c *simTrack) {
			c.ntp = hour
			c.rtp = func(at time.Duration) float64 {
				if at > 2*time.Minute {
					at += time.Hour
				}
				return at.Seconds() * float64(c.rate)
			}
		})}, 5 * time.Second, 40 * ms, 40 * ms, 1},
		{"reports for the picture only", sim{tracks: []simTrack{picture(), none(sound())}}, 5 * time.Second, 95 * ms, 95 * ms, 0},
		{"16: 500 ppm fast, no reports", sim{ppm: 500, tracks: []simTrack{none(picture()), none(sound())}, length: 20 * time.Minute}, time.Minute, 128 * ms, 98 * ms, 0},
		{"16: 500 ppm slow, no reports", sim{ppm: -500, tracks: []simTrack{none(picture()), none(sound())}, length: 20 * time.Minute}, time.Minute, 128 * ms, 98 * ms, 0},
		{"16: 500 ppm fast, not trusted", sim{ppm: 500, clock: -time.Hour, tracks: []simTrack{picture(), sound()}, length: 20 * time.Minute}, time.Minute, 37 * ms, 3 * ms, 0},
		{"16: 500 ppm slow, not trusted", sim{ppm: -500, clock: time.Hour, tracks: []simTrack{picture(), sound()}, length: 20 * time.Minute}, time.Minute, 37 * ms, 3 * ms, 0},
		{"16: only the RTP clock is 500 ppm fast, reports are rare", sim{ppm: 500, tracks: both(func(c *simTrack) {
			c.reports = 30 * time.Second
			c.ntp = ntp(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC))
		}), length: 20 * time.Minute}, 3 * time.Minute, 3 * ms, 3 * ms, 0},
		{"14: 12.5 pictures a second", sim{tracks: []simTrack{with(picture(), func(c *simTrack) { c.every = 80 * ms }), sound()}}, 3 * time.Second, 3 * ms, 3 * ms, 0},
		{"heavy jitter", sim{tracks: both(func(c *simTrack) { c.jitter = 80 * ms })}, 5 * time.Second, 3 * ms, 3 * ms, 0},
		{"heavy jitter, no reports", sim{tracks: []simTrack{none(with(picture(), func(c *simTrack) { c.jitter = 80 * ms })), none(with(sound(), func(c *simTrack) { c.jitter = 80 * ms }))}}, 10 * time.Second, 140 * ms, 115 * ms, 0},
		{"reports stamped up to a frame late", sim{tracks: both(func(c *simTrack) {
			c.ntp = func(at time.Duration) uint64 {
				return toNTP(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC).Add(at + time.Duration(rng.Int64N(int64(frame)))))
			}
		})}, time.Minute, 42 * ms, 40 * ms, 0},
		{"one report in eight is garbage", sim{tracks: both(func(c *simTrack) {
			c.ntp = func(at time.Duration) uint64 {
				if rng.IntN(8) == 0 {
					return rng.Uint64()
				}
				return toNTP(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC).Add(at))
			}
		})}, 30 * time.Second, 3 * ms, 3 * ms, 0},
		{"reports in whole seconds", sim{tracks: both(func(c *simTrack) {
			c.reports = 4700 * ms
			c.ntp = func(at time.Duration) uint64 {
				return toNTP(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC).Add(at.Truncate(time.Second)))
			}
		})}, 5 * time.Second, 1100 * ms, 1000 * ms, 0},
		{"the sound's reports are of another clock", sim{tracks: []simTrack{picture(), with(sound(), func(c *simTrack) { c.ntp = ntp(time.Unix(0, 0)) })}}, 5 * time.Second, 95 * ms, 95 * ms, 0},
		{"18: five seconds at once, then real time", sim{tracks: []simTrack{with(picture(), func(c *simTrack) {
			c.hold = func(at time.Duration) (time.Duration, bool) { return max(0, 5*time.Second-at), false }
		}), sound()}}, 8 * time.Second, 3 * ms, 3 * ms, 0},
		{"18: without reports", sim{tracks: []simTrack{none(with(picture(), func(c *simTrack) {
			c.hold = func(at time.Duration) (time.Duration, bool) { return max(0, 5*time.Second-at), false }
		})), none(sound())}}, 8 * time.Second, 130 * ms, 95 * ms, 0},
		{"12: a black hole of 30 s", sim{tracks: both(func(c *simTrack) {
			c.hold = func(at time.Duration) (time.Duration, bool) { return 0, at > 60*time.Second && at < 90*time.Second }
		})}, 3 * time.Second, 3 * ms, 3 * ms, 0},
		{"TCP stands still for 20 s and catches up", sim{tracks: both(func(c *simTrack) {
			c.hold = func(at time.Duration) (time.Duration, bool) {
				if at > time.Minute && at < 80*time.Second {
					return 80*time.Second - at, false
				}
				return 0, false
			}
		})}, 3 * time.Second, 3 * ms, 3 * ms, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.sim.length == 0 {
				c.sim.length = 3 * time.Minute
				if soak() {
					c.sim.length = time.Hour
				}
			}
			for seed := range uint64(2) {
				c.sim.seed = seed
				r := c.sim.run(t)
				for i, units := range r.units {
					worst, mean := r.worst(i, c.settle)
					if worst.Abs() > c.late {
						t.Errorf("track %d is off by up to %v (mean %v), allowed are %v", i, worst, mean, c.late)
					}
					if got := r.resets(i); got != c.resets {
						t.Errorf("track %d: %d resets", i, got)
					}
					for _, u := range units {
						if off := u.off(r.start).Abs(); off > u.Within+ms {
							t.Errorf("track %d at %v: off by %v, claimed are %v", i, u.at, off, u.Within)
							break
						}
					}
				}
				if lip := r.lip(c.settle); lip > c.lip {
					t.Errorf("sound and picture are %v apart, allowed are %v", lip, c.lip)
				}
			}
		})
	}
}

// soak reports whether there is time for the full number of units.
func soak() bool { return os.Getenv("RTSPREC_SOAK") != "" }

// Case 16: 24 hours at 500 ppm. What is cut into segments is as long as the wall clock says.
func TestADayOfDriftStaysTogether(t *testing.T) {
	for _, ppm := range []float64{-500, 500} {
		for name, s := range map[string]sim{
			"the camera's clock drifts too":   {ppm: ppm, tracks: []simTrack{picture(), sound()}, trust: -1},
			"the camera's clock is kept true": {ppm: ppm, tracks: []simTrack{picture(), sound()}},
			"no reports":                      {ppm: ppm, tracks: []simTrack{picture(), sound()}},
		} {
			s.length, s.slew = 24*time.Hour, 10*time.Minute
			for i := range s.tracks {
				c := &s.tracks[i]
				if !soak() {
					c.every *= 25 // fewer units, the same clocks
				}
				switch name {
				case "no reports":
					c.reports = 0
				case "the camera's clock is kept true":
					c.ntp = func(at time.Duration) uint64 {
						return toNTP(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC).Add(at))
					}
				}
			}
			r := s.run(t)
			for i := range r.units {
				if worst, _ := r.worst(i, time.Minute); worst.Abs() > 135*ms {
					t.Errorf("%v ppm, %s: track %d is off by up to %v", ppm, name, i, worst)
				}
				if n := r.resets(i); n > 0 {
					t.Errorf("%v ppm, %s: track %d: %d resets", ppm, name, i, n)
				}
			}
			limit := 40 * ms
			if name == "no reports" {
				limit = 100 * ms // the delays' difference cannot be known
			}
			if lip := r.lip(time.Minute); lip > limit {
				t.Errorf("%v ppm, %s: sound and picture are %v apart", ppm, name, lip)
			}
			if r.drift > 20*ms {
				t.Errorf("%v ppm, %s: segments are off by %v", ppm, name, r.drift)
			}
		}
	}
}

// A backlog on a slow link looks like a slow clock; sender reports tell them apart.
func TestASlowLinkIsNoSlowClock(t *testing.T) {
	c := picture()
	c.hold = func(at time.Duration) (time.Duration, bool) { return min(at/2, 30*time.Second), false }
	r := sim{tracks: []simTrack{c}, length: 5 * time.Minute}.run(t)
	if n := r.resets(0); n > 0 {
		t.Errorf("%d resets", n)
	}
	if worst, _ := r.worst(0, 5*time.Second); worst.Abs() > 5*ms {
		t.Errorf("off by %v", worst)
	}
}

// Pictures that are reordered get times between their neighbours', also while a
// correction is being made.
func TestReorderedPicturesKeepTheirPlace(t *testing.T) {
	start := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	track := New(start, Options{}).Track(90000)
	seen := map[media.Ticks]time.Time{}
	for i := range 3000 {
		shown := i/3*3 + []int{3, 1, 2}[i%3]
		arrival := start.Add(time.Duration(i)*40*ms + 700*ms)
		if i == 1000 {
			at := start.Add(time.Duration(i) * 40 * ms)
			track.Report(toNTP(at), uint32(i*3600), arrival)
		}
		s := track.Stamp(uint32(shown*3600), arrival)
		for ticks, wall := range seen {
			if ticks < s.Ticks && wall.After(s.Wall) || ticks > s.Ticks && wall.Before(s.Wall) {
				t.Fatalf("unit %d: %d at %v, but %d at %v", i, s.Ticks, s.Wall, ticks, wall)
			}
		}
		seen[s.Ticks] = s.Wall
		delete(seen, s.Ticks-30*3600)
		if s.Reset {
			t.Fatalf("unit %d: a reset", i)
		}
	}
}

// A correction back is made by slowing down: quickly, and without standing still.
func TestWallIsCorrectedBackWithoutStandingStill(t *testing.T) {
	start := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	track := New(start, Options{}).Track(90000)
	var last time.Time
	for i := range 200 {
		at := start.Add(time.Duration(i) * 40 * ms)
		if i == 100 {
			track.Report(toNTP(at), uint32(i*3600), at.Add(time.Second))
		}
		s := track.Stamp(uint32(i*3600), at.Add(time.Second))
		if !s.Wall.After(last) {
			t.Fatalf("unit %d: %v after %v", i, s.Wall, last)
		}
		last = s.Wall
		if off := s.Wall.Sub(at); i < 100 && off != time.Second || i > 130 && off.Abs() > ms {
			t.Fatalf("unit %d is off by %v", i, off)
		}
	}
}

// Packets that overtook others have earlier arrivals; time does not go back for them.
func TestWallSurvivesArrivalsThatGoBack(t *testing.T) {
	start := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	track := New(start, Options{}).Track(90000)
	var last time.Time
	for i := range 1000 {
		arrival := start.Add(time.Duration(i)*40*ms - time.Duration(i%3)*50*ms)
		s := track.Stamp(uint32(i*3600), arrival)
		if s.Wall.Before(last) || s.Reset {
			t.Fatalf("unit %d: %+v after %v", i, s, last)
		}
		last = s.Wall
	}
}

// A clock at the limit of trust is trusted or not, but not by turns.
func TestTrustDoesNotFlap(t *testing.T) {
	for _, clock := range []time.Duration{-1950 * ms, -1965 * ms, -1970 * ms, -1975 * ms} {
		v, a := picture(), sound()
		v.jitter, a.jitter = 20*ms, 20*ms
		r := sim{clock: clock, ppm: 10, tracks: []simTrack{v, a}, length: 30 * time.Minute}.run(t)
		steps := 0
		for i, u := range r.units[0][1:] {
			if d := u.Wall.Sub(r.units[0][i].Wall); i > 250 && (d > time.Second || d < 20*ms) {
				steps++
			}
		}
		if steps > 3 {
			t.Errorf("%v: %d units are not 40 ms after the one before", clock, steps)
		}
	}
}

// A step that two tracks measure with some error is one step.
func TestAStepIsTheSameForAllTracks(t *testing.T) {
	var r reports
	for i := range 8 {
		r.add(time.Duration(i)*5*time.Second, time.Duration(i)*5*time.Second, time.Duration(i)*5*time.Second, nil)
	}
	for i := range 2 {
		at := time.Duration(8+i) * 5 * time.Second
		r.add(at, at+time.Hour+40*ms, at, []time.Duration{0, time.Hour})
	}
	if r.step != time.Hour || r.ignored != 1 || (r.of(50*time.Second)-40*ms).Abs() > ms {
		t.Errorf("step %v, ignored %d, at 50 s %v", r.step, r.ignored, r.of(50*time.Second))
	}
}

func TestObserveTellsWhatIsKnown(t *testing.T) {
	r := sim{ppm: 200, clock: -time.Hour, tracks: []simTrack{picture(), sound()}, length: 10 * time.Minute}.run(t)
	for i, track := range r.tracks {
		o := track.Observe()
		if !o.Sound || o.Trusted || o.Reports < 100 || o.Ignored > 0 || o.Resets > 0 {
			t.Errorf("track %d: %+v", i, o)
		}
		// The camera's clock gains 200 ppm of 10 minutes on the way.
		if want := time.Hour + 30*ms - 120*ms; (o.Offset - want).Abs() > 20*ms {
			t.Errorf("track %d: offset %v, want %v", i, o.Offset, want)
		}
		if o.Drift < 190 || o.Drift > 210 {
			t.Errorf("track %d: drift %v", i, o.Drift)
		}
		if o.Jitter < ms || o.Jitter > 20*ms || o.NTP == 0 || o.Arrival.IsZero() {
			t.Errorf("track %d: %+v", i, o)
		}
	}
}

func FuzzTrack(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13"), uint64(1))
	f.Fuzz(func(t *testing.T, steps []byte, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 1))
		start := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
		session := New(start, Options{})
		type last struct {
			stamp Stamp
			rtp   uint32
		}
		tracks := []*Track{session.Track(90000), session.Track(8000)}
		lasts := make([]last, 2)
		now := start
		for _, b := range steps {
			i := int(b & 1)
			track, l := tracks[i], &lasts[i]
			switch b >> 1 & 7 {
			case 0:
				track.Report(rng.Uint64(), l.rtp, now)
			case 1:
				track.Report(toNTP(now.Add(time.Duration(rng.Int64N(int64(5*time.Second))))), l.rtp, now)
			case 2:
				track.Restart()
			case 3:
				l.rtp = rng.Uint32()
			case 4:
				now = now.Add(time.Duration(rng.Int64N(int64(time.Hour))))
			}
			l.rtp += uint32(b) * 30
			now = now.Add(time.Duration(b) * time.Millisecond / 4)
			s := track.Stamp(l.rtp, now)
			if p := l.stamp; !p.Wall.IsZero() && s.Ticks >= p.Ticks && s.Wall.Before(p.Wall) {
				t.Fatalf("%+v after %+v", s, p)
			}
			if s.Wall.After(now) || s.Within < 0 {
				t.Fatalf("%+v at %v", s, now)
			}
			l.stamp = s
			track.Observe()
		}
	})
}

func BenchmarkStamp(b *testing.B) {
	start := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	session := New(start, Options{})
	video, audio := session.Track(90000), session.Track(8000)
	audio.Stamp(0, start)
	i := 0
	for b.Loop() {
		at := start.Add(time.Duration(i) * 40 * ms)
		if i%125 == 0 {
			video.Report(toNTP(at), uint32(i*3600), at)
		}
		video.Stamp(uint32(i*3600), at.Add(50*ms))
		i++
	}
}
