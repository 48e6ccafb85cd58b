package timeline

import (
	"math/rand/v2"
	"testing"
	"time"

	"rtsprec/engine/media"
)

// simTrack is one stream of a simulated camera. Times are true time since the start of
// the run, which the host's clock tells exactly.
type simTrack struct {
	rate    int
	every   time.Duration                                       // between units
	from    time.Duration                                       // capture of the first unit
	delay   time.Duration                                       // least, from capture to arrival
	jitter  time.Duration                                       // mean of what is added to it
	first   uint32                                              // RTP time at 0
	reports time.Duration                                       // between sender reports; 0: none
	begin   time.Duration                                       // of the first report; 0: after reports
	rtp     func(at time.Duration) float64                      // RTP time in ticks at a true time; nil: keeps to rate
	ntp     func(at time.Duration) uint64                       // the camera's clock; nil: the camera's
	hold    func(at time.Duration) (d time.Duration, lost bool) // extra delay of a unit, or its loss
}

// simulated is a unit as it was captured and as it was placed.
type simulated struct {
	at, arrival time.Duration
	Stamp
}

// off is how far Wall is from the truth.
func (u simulated) off(start time.Time) time.Duration { return u.Wall.Sub(start.Add(u.at)) }

// sim runs a camera for length. It checks what must hold whatever the camera does.
type sim struct {
	ppm    float64       // of the RTP clocks and of the camera's clock
	clock  time.Duration // camera's clock less the host's
	tracks []simTrack
	length time.Duration
	trust  time.Duration
	seed   uint64
	slew   time.Duration // segment length; 0: segments are not simulated
}

type simResult struct {
	units   [][]simulated
	session *Session
	tracks  []*Track
	start   time.Time
	drift   time.Duration // worst distance of a slewed place from Wall, 60 s after each cut
}

func (s sim) clockAt(at time.Duration) time.Duration {
	return at + time.Duration(s.ppm*1e-6*float64(at)) + s.clock
}

func (s sim) run(t testing.TB) simResult {
	t.Helper()
	start := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	rng := rand.New(rand.NewPCG(s.seed, 7))
	session := New(start, Options{Trust: s.trust})
	r := simResult{session: session, start: start, units: make([][]simulated, len(s.tracks))}
	type state struct{ unit, arrival, report time.Duration }
	states := make([]state, len(s.tracks))
	slews := make([]*Slew, len(s.tracks))
	for i, c := range s.tracks {
		r.tracks = append(r.tracks, session.Track(c.rate))
		slews[i] = NewSlew(c.rate)
		slews[i].Cut(start)
		states[i] = state{unit: c.from, report: -1}
		if c.reports > 0 {
			states[i].report = max(c.begin, c.from)
			if c.begin == 0 {
				states[i].report = c.from + c.reports
			}
		}
	}
	cut, cuts := s.slew, 0
	for {
		// The next thing to be sent, of all tracks.
		which, report := -1, false
		next := s.length
		for i, st := range states {
			if st.report >= 0 && st.report < next {
				which, report, next = i, true, st.report
			}
			if st.unit < next {
				which, report, next = i, false, st.unit
			}
		}
		if which < 0 {
			return r
		}
		c, st, track := s.tracks[which], &states[which], r.tracks[which]
		if report {
			at := st.report
			st.report += c.reports
			ntp := toNTP(start.Add(s.clockAt(at)))
			if c.ntp != nil {
				ntp = c.ntp(at)
			}
			track.Report(ntp, s.rtpAt(c, at), start.Add(max(st.arrival, at+c.delay)))
			continue
		}
		at := st.unit
		st.unit += c.every
		delay := c.delay + time.Duration(rng.ExpFloat64()*float64(c.jitter))
		if c.hold != nil {
			extra, lost := c.hold(at)
			if lost {
				continue
			}
			delay += extra
		}
		arrival := max(at+delay, st.arrival)
		u := simulated{at, arrival, track.Stamp(s.rtpAt(c, at), start.Add(arrival))}
		check := r.units[which]
		if n := len(check); n > 0 {
			last := check[n-1]
			if u.Ticks <= last.Ticks || u.Wall.Before(last.Wall) {
				t.Fatalf("track %d at %v: ticks %d after %d, wall %v after %v", which, at, u.Ticks, last.Ticks, u.Wall, last.Wall)
			}
		}
		if u.Wall.After(start.Add(arrival)) {
			t.Fatalf("track %d at %v: wall %v is after the arrival %v", which, at, u.Wall, start.Add(arrival))
		}
		st.arrival = arrival
		if s.slew > 0 {
			if at >= cut {
				cut += s.slew
				cuts++
				for _, slew := range slews {
					slew.Cut(start.Add(cut - s.slew))
				}
			}
			place := slews[which].Place(u.Ticks, u.Wall)
			if d := media.ToDuration(place, c.rate) - u.Wall.Sub(start.Add(cut-s.slew)); cuts > 0 && at > cut-s.slew+time.Minute {
				r.drift = max(r.drift, d.Abs())
			}
		}
		r.units[which] = append(check, u)
	}
}

func (s sim) rtpAt(c simTrack, at time.Duration) uint32 {
	ticks := (at.Seconds() * (1 + s.ppm*1e-6)) * float64(c.rate)
	if c.rtp != nil {
		ticks = c.rtp(at)
	}
	return c.first + uint32(int64(ticks))
}

// worst returns the greatest and the mean distance from the truth, of units captured
// at or after from.
func (r simResult) worst(track int, from time.Duration) (worst, mean time.Duration) {
	n := 0
	for _, u := range r.units[track] {
		if u.at >= from {
			off := u.off(r.start)
			if off.Abs() > worst.Abs() {
				worst = off
			}
			mean += off
			n++
		}
	}
	return worst, mean / time.Duration(max(n, 1))
}

// lip returns the greatest error between tracks 0 and 1 from a time on: how far sound
// and picture of one instant are apart.
func (r simResult) lip(from time.Duration) (worst time.Duration) {
	j := 0
	for _, u := range r.units[0] {
		for j+1 < len(r.units[1]) && r.units[1][j+1].at <= u.at {
			j++
		}
		if u.at < from || len(r.units[1]) == 0 {
			continue
		}
		v := r.units[1][j]
		worst = max(worst, (u.off(r.start) - v.off(r.start)).Abs())
	}
	return worst
}

// resets counts the units whose ticks were joined by arrival.
func (r simResult) resets(track int) (n int) {
	for _, u := range r.units[track] {
		if u.Reset {
			n++
		}
	}
	return n
}

const ms = time.Millisecond

// picture and sound are the usual two tracks. The picture takes longer to encode.
func picture() simTrack {
	return simTrack{rate: 90000, every: 40 * ms, delay: 120 * ms, jitter: 5 * ms, first: 0x12345678, reports: 5 * time.Second, begin: ms}
}

func sound() simTrack {
	return simTrack{rate: 8000, every: 20 * ms, delay: 30 * ms, jitter: 5 * ms, first: 0xffffff00, reports: 5 * time.Second, begin: 2 * time.Second}
}
