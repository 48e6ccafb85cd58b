package timeline

import (
	"time"

	"rtsprec/engine/media"
)

const (
	slewRate  = 1000                 // 1 ms a second
	slewFrom  = 5 * time.Millisecond // differences below are noise: durations stay what the camera says
	slewUntil = 500 * time.Microsecond
)

// Slew places a track's units in a segment. Within a segment, time follows Ticks and is
// led towards Wall by at most 1 ms a second; what is left over waits for the next Cut.
// One Slew serves a track of a run: begin a new one with each run.
type Slew struct {
	rate   int
	origin time.Time
	fresh  bool          // the next unit is placed where its wall says
	off    time.Duration // place - ticks
	error  time.Duration // wall - place, at the latest unit
	active bool          // the error is being slewed
	ticks  media.Ticks   // of the latest unit
	last   int64         // place of the latest unit
}

// NewSlew begins for a track whose clock runs at rate Hz. Call Cut before Place.
func NewSlew(rate int) *Slew { return &Slew{rate: max(rate, 1), fresh: true, last: -1} }

// Cut begins a segment whose tick 0 is at origin, media time. Pending corrections are
// taken: the next unit is placed where its wall says.
func (s *Slew) Cut(origin time.Time) {
	s.origin, s.fresh, s.active, s.last = origin, true, false, -1
}

// Place returns the ticks from the segment's origin of the unit that is decoded at
// ticks, whose media time is wall (for a unit with PTS and DTS apart: the DTS, and the
// wall of the PTS less PTS-DTS). The result is 0 or more and rises with every call.
func (s *Slew) Place(ticks media.Ticks, wall time.Time) int64 {
	at := wall.Sub(s.origin)
	x := media.ToDuration(ticks, s.rate)
	if s.fresh {
		s.fresh, s.off = false, at-x
	} else if passed := media.ToDuration(ticks-s.ticks, s.rate); passed > 0 {
		s.lead(at-x-s.off, passed/slewRate)
	}
	s.error = at - x - s.off
	s.ticks = max(s.ticks, ticks)
	s.last = max(ticks+media.FromDuration(s.off, s.rate), s.last+1)
	return s.last
}

// lead takes up to budget of the error off.
func (s *Slew) lead(missing, budget time.Duration) {
	switch {
	case missing.Abs() > slewFrom:
		s.active = true
	case missing.Abs() < slewUntil:
		s.active = false
	}
	if s.active {
		s.off += min(max(missing, -budget), budget)
	}
}

// Pending is the correction that is still to be slewed, or taken at the next Cut:
// media time less the time at which the latest unit was placed.
func (s *Slew) Pending() time.Duration { return s.error }
