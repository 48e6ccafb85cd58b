package timeline

import "time"

const (
	maxDrift  = 6e-4            // of one clock against another; crystals stay below 1e-4, 5e-4 is what we promise
	settles   = 5 * time.Second // a camera may first send what it had in store
	driftFrom = time.Minute     // over less, drift is lost in jitter
)

// envelope follows the least of a noisy value from below: arrival less ticks, whose
// noise is delay and never negative. It falls at once and rises by no more than two
// clocks can drift apart. So a queue on the way, however long it lasts, is taken for
// delay, and a drifting clock is followed; the error is what it rises between two units
// that were hardly delayed, a few milliseconds at most.
type envelope struct {
	any       bool
	at, least time.Duration
	late      float64 // mean of value - least, ns
	since     time.Duration
	fromAt    time.Duration // where the drift is measured from
	fromLeast time.Duration
	measured  bool
}

// add takes a value seen at time at.
func (v *envelope) add(at, value time.Duration) {
	if !v.any {
		*v = envelope{any: true, at: at, least: value, since: at}
		return
	}
	v.least = min(value, v.of(at))
	v.at = max(v.at, at)
	v.late += (float64(value-v.least) - v.late) / 32
	if !v.measured && v.settled() {
		v.measured, v.fromAt, v.fromLeast = true, v.at, v.least
	}
}

// of returns the least value to be expected at time at.
func (v *envelope) of(at time.Duration) time.Duration {
	return v.least + time.Duration(maxDrift*float64(max(at-v.at, 0)))
}

// settled reports whether what was in store at the start must have come.
func (v *envelope) settled() bool { return v.any && v.at-v.since >= settles }

// drift returns how fast the value rises, a number; 0 while it cannot be told.
func (v *envelope) drift() float64 {
	if !v.measured || v.at-v.fromAt < driftFrom {
		return 0
	}
	return float64(v.least-v.fromLeast) / float64(v.at-v.fromAt)
}
