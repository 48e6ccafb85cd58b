// Package timeline turns RTP timestamps, sender reports and arrival times into media
// time: capture time on the host's clock. It is pure: no clock, no goroutine, no I/O;
// every time is an argument. Nothing is ever held back to wait for a report.
//
// A track's time is built in three steps, each its own type:
//
//	rtp --ticker--> ticks          continuous over wraps, jumps, constant stamps
//	ticks, arrival --envelope-->   when the least delayed unit would have arrived
//	ticks, reports --reports-->    what the camera's clock said at that instant
//
// With a = arrival, x = ticks as a duration and c = the camera's clock at x:
//
//   - Without sender reports, capture = x + min(a - x): the least delayed unit is taken
//     to have had no delay. The minimum follows the drift between the two clocks.
//   - With reports, capture = c + theta. One theta serves all tracks of a camera, so
//     that sound and picture fit together however wrong the camera's clock is. While
//     the camera agrees with the host ([Options].Trust), theta is 0. Otherwise it is
//     min(a - c), less the delay known from when the clock was trusted.
//   - A unit cannot be captured after it arrived: where the camera's clock is ahead of
//     the host's by more than the least delay, theta is lowered by the difference.
//
// What the camera's clock says is taken from a robust line through its last reports
// (median slope, median height), so that one wrong report moves nothing. A report that
// is far off is believed when the next one says the same: then the clock was stepped.
// Time is kept running through the step, and the step is subtracted.
package timeline

import (
	"time"

	"rtsprec/engine/media"
)

// Options tune a Session. The zero value is the default.
type Options struct {
	// Trust is how far a camera's clock may be from the host's for its absolute time
	// to be believed. Default 2 s; negative: never believed.
	Trust time.Duration
}

// Session is one run with one camera, whose tracks share the camera's clock. A Session
// and its Tracks belong to one goroutine at a time.
type Session struct {
	start    time.Time
	startNTP uint64
	trust    time.Duration
	tracks   []*Track
	trusted  bool
	decided  bool          // whether trust was ever judged
	raw      time.Duration // least a - c of late, with the clock's steps
	known    time.Duration // least delay seen while trusted; negative: none
}

// New begins a run. start is the host's time with its monotonic reading
// (media.Run.Start); later steps of the host's clock re-date nothing.
func New(start time.Time, o Options) *Session {
	if o.Trust == 0 {
		o.Trust = 2 * time.Second
	}
	return &Session{start: start, startNTP: toNTP(start), trust: o.Trust, known: -1}
}

// Track adds a track whose RTP clock runs at clockRate Hz, at least 1.
func (s *Session) Track(clockRate int) *Track {
	t := &Track{s: s, ticker: newTicker(clockRate)}
	s.tracks = append(s.tracks, t)
	return t
}

// Stamp is a unit's place in time.
type Stamp struct {
	// Ticks count the track's clock from the start of the run: continuous over wraps,
	// jumps and changes of SSRC. They fall only as far as pictures are reordered.
	Ticks media.Ticks
	// Wall is media time: the best estimate of capture on the host's clock, UTC without
	// a monotonic reading. Of two units of a track the one with the greater Ticks never
	// has the lesser Wall: a correction back slows Wall down until it is made. Wall is
	// never later than the latest arrival.
	Wall time.Time
	// Within is the uncertainty of Wall, plus or minus.
	Within time.Duration
	// Reset says that the RTP time broke off here (a jump, a new SSRC, a clock that
	// stands still or runs at another rate) and Ticks go on by arrival.
	Reset bool
}

// apart is how much two tracks' delays may differ on one clock.
const apart = 2 * time.Second

// offset returns theta, what is added to the camera's clock without its steps, and
// whether t has a part in it: the reports of a track whose clock is apart from the
// other tracks' say nothing about them, nor theirs about it.
func (s *Session) offset(t *Track, now time.Duration) (theta time.Duration, ok bool) {
	best := s.nearest(now)
	lead, sound := t.lead(now)
	if best == nil || !sound {
		return 0, false
	}
	least, _ := best.lead(now)
	if (lead - least).Abs() > apart {
		// One clock may have been stepped before one of the tracks had a report.
		steps := t.reports.step - best.reports.step
		if (lead - least - steps).Abs() > apart {
			return 0, false
		}
		t.reports.rebase(best.reports.step)
	}
	reference := least
	for _, o := range s.tracks {
		if m, sound := o.lead(now); sound && (m-reference).Abs() <= apart {
			least = min(least, m)
		}
	}
	return least - s.delay(least-best.reports.step), true
}

// nearest finds the track whose reports say the time that is nearest to the host's.
func (s *Session) nearest(now time.Duration) (best *Track) {
	var nearest time.Duration
	for _, o := range s.tracks {
		m, sound := o.lead(now)
		if raw := (m - o.reports.step).Abs(); sound && (best == nil || raw < nearest) {
			best, nearest = o, raw
		}
	}
	return best
}

// delay judges the camera's clock by raw, the least a - c, and returns how much of raw
// is delay. The rest is the clocks' difference. Trust that was lost comes back at three
// quarters of the limit, so that a clock near the limit does not flap.
func (s *Session) delay(raw time.Duration) time.Duration {
	limit := s.trust
	if s.decided && !s.trusted {
		limit = limit / 4 * 3
	}
	s.decided, s.trusted, s.raw = true, raw.Abs() <= limit, raw
	if !s.trusted || raw < 0 {
		return max(s.known, 0)
	}
	if s.known < 0 || raw < s.known {
		s.known = raw
	}
	return raw
}

// toNTP converts to 32.32 fixed point since 1900, modulo 2^32 s (RFC 5905 6).
func toNTP(t time.Time) uint64 {
	const toUnix = 2208988800
	return uint64(t.Unix()+toUnix)<<32 | uint64(t.Nanosecond())<<32/1e9
}

// sinceNTP returns ntp - from. Of all eras the one is taken in which the difference is
// within 68 years.
func sinceNTP(ntp, from uint64) time.Duration {
	d := int64(ntp - from)
	return time.Duration(d>>32)*time.Second + time.Duration(uint64(d)&0xffffffff*1e9>>32)
}
