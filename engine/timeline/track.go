package timeline

import (
	"time"

	"rtsprec/engine/media"
)

// What a report, or a unit's place, is measured against.
const (
	maxReportAhead = 10 * time.Second       // of a report's RTP time before the least delayed unit
	maxReportLate  = 60 * time.Second       // and behind it
	latency        = 500 * time.Millisecond // of camera and network, where it is not known
	leastLatency   = 50 * time.Millisecond  // no camera is faster; what seems so is a clock that is wrong
	grain          = 5 * time.Millisecond   // no estimate is better than this
	activeFor      = 10 * time.Second       // a track without units for longer says nothing about the others
)

// Track places the units of one elementary stream.
type Track struct {
	s        *Session
	ticker   ticker
	envelope envelope
	reports  reports
	begin    time.Duration
	pending  *report // came before the first unit, or before the first of a new SSRC
	path     path
	within   time.Duration
	offset   time.Duration // of Wall from the camera's clock
	jitter   float64
	transit  time.Duration
	resets   int
	ntp      uint64
	rtp      uint32
	reported time.Time
}

// report is a sender report as received.
type report struct {
	ntp     uint64
	rtp     uint32
	arrival time.Duration
}

// Begin says how much faster than they were taken the first units came, before any is
// stamped: the least of arrival less RTP time, against the first unit's; not above 0.
func (t *Track) Begin(least time.Duration) { t.begin = min(least, 0) }

// Stamp places the unit that begins with RTP timestamp rtp and whose first packet came
// at arrival. Further units of the same packet are placed by adding their offset to
// rtp. It always answers at once, whatever it was given.
func (t *Track) Stamp(rtp uint32, arrival time.Time) Stamp {
	a := arrival.Sub(t.s.start)
	floor, late := a, time.Duration(0)
	if t.envelope.any {
		floor, late = t.envelope.of(a), time.Duration(t.envelope.late)
	}
	proven := len(t.reports.points) >= 3 && t.reports.sound(a)
	ticks, reset := t.ticker.next(rtp, a, floor, late, proven)
	x := media.ToDuration(ticks, t.ticker.rate)
	if reset {
		t.resets++
		t.envelope = envelope{}
		t.reports.restart(x)
	}
	t.envelope.add(a, a-x+t.begin)
	t.begin = 0
	t.jitter += (float64((a - x - t.transit).Abs()) - t.jitter) / 16
	t.transit = a - x
	if r := t.pending; r != nil {
		t.pending = nil
		t.use(*r)
	}
	wall := t.place(x, a)
	return Stamp{Ticks: ticks, Wall: t.s.start.Add(wall).Round(0).UTC(), Within: t.within, Reset: reset}
}

// place returns the media time of a unit at x, from the start of the run.
func (t *Track) place(x, a time.Duration) time.Duration {
	var target time.Duration
	theta, sound := t.s.offset(t, a)
	if sound {
		target = x + t.reports.of(x) + theta
		t.offset = theta - t.reports.step
	} else {
		target = x + t.envelope.of(a) - max(t.s.known, 0)
	}
	wall := t.path.place(x, target, a)
	t.within = t.doubt(sound) + (wall - target).Abs()
	return wall
}

// doubt returns by how much the target of a correction may be wrong. How much of the
// least a - c is delay, and how much is the clocks' difference, cannot be told from
// here: a trusted clock may be wrong by all of it.
func (t *Track) doubt(sound bool) time.Duration {
	d := grain + time.Duration(t.envelope.late)
	if sound {
		d = grain + 3*t.reports.scatter
		if t.reports.carried {
			d += time.Duration(t.envelope.late)
		}
		if t.s.trusted && t.s.raw >= 0 {
			return d + max(t.s.raw, leastLatency)
		}
	}
	if !t.envelope.settled() {
		d += settles
	}
	return d + latency
}

// lead returns min(a - c) at now: how much the host's clock is ahead of the camera's,
// and the least delay. sound is false where there are no reports to go by.
func (t *Track) lead(now time.Duration) (lead time.Duration, sound bool) {
	if !t.envelope.any || t.ticker.pace.free || !t.reports.sound(now) || now-t.ticker.arrival > activeFor {
		return 0, false
	}
	floor := t.envelope.of(now)
	return floor - t.reports.of(now-floor), true
}

// Report takes a sender report (RFC 3550 6.4.1): the camera's clock said ntp (32.32
// fixed point) when its RTP clock for this track stood at rtp. Reports that cannot be
// true are counted and ignored.
func (t *Track) Report(ntp uint64, rtp uint32, arrival time.Time) {
	t.ntp, t.rtp, t.reported = ntp, rtp, arrival
	r := report{ntp, rtp, arrival.Sub(t.s.start)}
	switch {
	case ntp == 0: // no notion of wallclock time
		t.reports.ignored++
	case !t.ticker.started || t.ticker.restart:
		t.pending = &r
	default:
		t.use(r)
	}
}

// use relates a report to the ticks.
func (t *Track) use(r report) {
	k := &t.ticker
	elapsed := k.ticks(r.arrival - k.arrival)
	ticks := k.raw + k.shift + elapsed + media.Ticks(int32(r.rtp-k.rtp-uint32(elapsed)))
	x := media.ToDuration(ticks, k.rate)
	late := r.arrival - x - t.envelope.of(r.arrival)
	if late < -maxReportAhead || late > maxReportLate || k.pace.free {
		t.reports.ignored++
		return
	}
	var others []time.Duration
	for _, o := range t.s.tracks {
		if o != t && o.reports.sound(r.arrival) {
			others = append(others, o.reports.step)
		}
	}
	t.reports.add(x, sinceNTP(r.ntp, t.s.startNTP), r.arrival, others)
}

// Restart says that the next unit has nothing to do with the RTP time so far: its SSRC
// is another.
func (t *Track) Restart() { t.ticker.restart = t.ticker.started }

// Observation is what is known of a track's clocks, for clock lines, probe and metrics.
type Observation struct {
	Reports int           // sender reports used
	Ignored int           // sender reports that could not be true
	Sound   bool          // Wall is derived from sender reports
	Trusted bool          // and the camera's absolute time is believed
	Offset  time.Duration // added to the camera's clock to give media time; 0 while it is believed to the letter
	Delay   time.Duration // of the least delayed unit, from capture to arrival; 0: not known
	Drift   float64       // parts per million by which the track's RTP clock is fast against the host's
	Jitter  time.Duration // of arrivals (RFC 3550 6.4.1)
	Within  time.Duration // uncertainty of the latest Wall
	Resets  int           // times the RTP time broke off

	RTP     uint32    // of the last report, as received
	NTP     uint64    // of the last report, as received
	Arrival time.Time // of the last report; zero: there was none
}

// Observe returns what is known now, as of the latest unit.
func (t *Track) Observe() Observation {
	_, sound := t.s.offset(t, t.ticker.arrival)
	o := Observation{
		Reports: t.reports.used, Ignored: t.reports.ignored,
		Sound: sound, Trusted: sound && t.s.trusted,
		Delay: max(t.s.known, 0), Drift: -t.envelope.drift() * 1e6,
		Jitter: time.Duration(t.jitter), Within: t.within, Resets: t.resets,
		RTP: t.rtp, NTP: t.ntp, Arrival: t.reported,
	}
	if sound {
		o.Offset = t.offset
	}
	return o
}
