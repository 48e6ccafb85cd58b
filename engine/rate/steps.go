package rate

import (
	"math"
	"slices"
	"time"

	"rtsprec/engine/fault"
)

// Step is one way to send a picture, as long as the rate is within its bounds.
type Step struct {
	Name string
	Min  int  // bit/s; below it the next worse step looks better
	Max  int  // bit/s; more does not make it better. Of the best step: what the source has.
	Last bool // so much worse than the one before that it is gone to only when the rate stays too low
}

const (
	fitsFor  = 2 * time.Second // before a better step
	fitsBy   = 1.10            // of its least rate
	failed   = 30 * time.Second
	failMost = 4 * time.Minute
	stays    = 1500 * time.Millisecond // too low, before a last step: what a fall first believes may be too little
)

// Steps chooses among the steps of a ladder: down at once, up when the rate has been
// enough for a while, and more slowly to a step that has failed before.
type Steps struct {
	steps  []Step // best first
	at     int
	fits   time.Time   // since when the rate has been enough for the next better one; zero: it is not
	low    time.Time   // since when it has been too low for the one in use; zero: it is not
	rose   []time.Time // when each was last entered from below
	banned []time.Time // until when each is not tried
	wait   []time.Duration
	leaps  bool
}

// NewSteps takes a ladder, best step first. Steps whose least rates do not fall, or whose
// bounds are not a range, are fault.Usage.
func NewSteps(steps []Step) (*Steps, error) {
	if len(steps) == 0 {
		return nil, fault.New(fault.Usage, "a ladder needs a step")
	}
	for i, s := range steps {
		if s.Min < 0 || s.Max < s.Min {
			return nil, fault.New(fault.Usage, "step %s: its bit rates are no range", s.Name)
		}
		if i > 0 && (s.Min >= steps[i-1].Min || s.Max >= steps[i-1].Max) {
			return nil, fault.New(fault.Usage, "step %s is not below %s: each step takes fewer bits than the one before", s.Name, steps[i-1].Name)
		}
	}
	n := len(steps)
	return &Steps{steps: slices.Clone(steps), rose: make([]time.Time, n), banned: make([]time.Time, n), wait: make([]time.Duration, n)}, nil
}

// Best moves the least rate of the best step, which is the source's own and changes with
// it. It stays above that of the next step.
func (s *Steps) Best(least int) {
	if len(s.steps) > 1 {
		least = max(least, s.steps[1].Min+1)
	}
	s.steps[0].Min = max(min(least, s.steps[0].Max), 0)
}

// Leap lets Choose go up several steps at once, where the rate is enough for all of them:
// for a ladder whose steps are close to each other.
func (s *Steps) Leap() { s.leaps = true }

// Settle goes to the best step but the first that a decision's rate is enough for, without
// waiting: for steps that are made anew while something less than the source is sent.
func (s *Steps) Settle(d Decision) {
	s.at = min(1, len(s.steps)-1)
	for s.at+1 < len(s.steps) && d.Steady < s.steps[s.at].Min {
		s.at++
	}
}

// At is the step in use, from 0, the best.
func (s *Steps) At() int { return s.at }

// Next is the rate at which the next better step is chosen, bit/s; 0: there is none.
func (s *Steps) Next() int {
	if s.at == 0 {
		return 0
	}
	return int(math.Ceil(float64(s.steps[s.at-1].Min) * fitsBy))
}

// Choose takes a decision and says which step to use from now on, and why when it is
// another one than before. To a last step it goes only when the rate has been too low for
// a while.
func (s *Steps) Choose(now time.Time, d Decision) (step int, why []Reason) {
	if d.Steady < s.steps[s.at].Min && s.at+1 < len(s.steps) {
		if s.low.IsZero() {
			s.low = now
		}
		if s.steps[s.at+1].Last && now.Sub(s.low) < stays {
			return s.at, nil
		}
		return s.down(now, d)
	}
	s.low = time.Time{}
	if s.at == 0 {
		return 0, nil
	}
	if d.State == Fall || d.Steady < s.Next() {
		s.fits = time.Time{}
		return s.at, nil
	}
	if s.fits.IsZero() {
		s.fits = now
	}
	if now.Sub(s.fits) < fitsFor || now.Before(s.banned[s.at-1]) {
		return s.at, nil
	}
	s.at--
	for s.leaps && s.at > 0 && float64(d.Steady) >= float64(s.steps[s.at-1].Min)*fitsBy && !now.Before(s.banned[s.at-1]) {
		s.at--
	}
	s.fits, s.rose[s.at] = time.Time{}, now
	return s.at, []Reason{reason(Fits, "%.1f Mbit/s are enough for %s", float64(d.Steady)/1e6, s.steps[s.at].Name)}
}

// down goes to the first step that the rate is enough for. One that was tried not long
// ago is left alone for a while, each time for twice as long.
func (s *Steps) down(now time.Time, d Decision) (int, []Reason) {
	from := s.steps[s.at]
	if r := s.rose[s.at]; !r.IsZero() && now.Sub(r) < failed {
		s.wait[s.at] = min(max(2*s.wait[s.at], failed), failMost)
		s.banned[s.at] = now.Add(s.wait[s.at])
	} else {
		s.wait[s.at] = 0
	}
	for s.at+1 < len(s.steps) && d.Steady < s.steps[s.at].Min && !(s.steps[s.at+1].Last && now.Sub(s.low) < stays) {
		s.at++
	}
	s.fits = time.Time{}
	return s.at, []Reason{reason(TooLow, "%.1f Mbit/s are too few for %s", float64(d.Steady)/1e6, from.Name)}
}

// Bitrate is what the step in use makes of a decision's rate.
func (s *Steps) Bitrate(d Decision) int { return min(d.Bitrate, s.steps[s.at].Max) }
