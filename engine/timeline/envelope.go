package timeline

import "time"

const (
	bucketSpan  = 5 * time.Second
	bucketCount = 36   // three minutes: longer than congestion, short enough to follow a new route
	maxDrift    = 1e-3 // of one clock against another; crystals stay below 1e-4, ours is tested with 5e-4
)

// point is a value at a time.
type point struct{ at, value time.Duration }

// envelope follows the least of a noisy value from below: arrival less ticks, whose
// noise is delay and never negative. The least of each 5 s is kept for three minutes
// and carried forward along the drift between them.
type envelope struct {
	closed []point // oldest first
	open   point   // the least so far in the bucket that begins at from
	from   time.Duration
	any    bool
	slope  float64 // drift
	late   float64 // mean of value - least, ns
}

// add takes a value seen at time at; times rise.
func (v *envelope) add(at, value time.Duration) {
	switch {
	case !v.any:
		v.any, v.from, v.open = true, at, point{at, value}
	case at-v.from >= bucketSpan:
		v.close()
		v.from, v.open = at, point{at, value}
	case value <= v.open.value:
		v.open = point{at, value}
	}
	v.late += (float64(value-v.at(at)) - v.late) / 32
}

func (v *envelope) close() {
	if len(v.closed) == bucketCount {
		copy(v.closed, v.closed[1:])
		v.closed = v.closed[:bucketCount-1]
	}
	v.closed = append(v.closed, v.open)
	v.slope = 0
	if n := len(v.closed); n >= 6 && v.closed[n-1].at-v.closed[0].at >= 30*time.Second {
		v.slope, _ = line(v.closed)
		v.slope = min(max(v.slope, -maxDrift), maxDrift)
	}
}

// at returns the least value to be expected at time at.
func (v *envelope) at(at time.Duration) time.Duration {
	least := v.carry(v.open, at)
	for _, p := range v.closed {
		if at-p.at <= bucketCount*bucketSpan {
			least = min(least, v.carry(p, at))
		}
	}
	return least
}

func (v *envelope) carry(p point, at time.Duration) time.Duration {
	return p.value + time.Duration(v.slope*float64(at-p.at))
}

// settled reports whether more than one bucket has been seen.
func (v *envelope) settled() bool { return len(v.closed) > 0 }
