package timeline

import "time"

// creep is the least speed of media time against ticks while a correction back is made:
// slow enough to be done soon, and never backwards.
const creep = 16

// path maps ticks to media time and never falls. It remembers the last places, so that
// a picture that was reordered gets a time between its neighbours', whatever has been
// learnt since they were placed.
type path struct {
	knots [32]point // at x, media time; rising in both; a ring
	n     int       // knots ever made
}

func (p *path) knot(i int) point { return p.knots[i%len(p.knots)] }

// place returns the media time at x: target if that can be, and not later than now.
func (p *path) place(x, target, now time.Duration) time.Duration {
	if p.n == 0 {
		return p.push(x, min(target, now))
	}
	last := p.knot(p.n - 1)
	if x <= last.at {
		return p.between(x)
	}
	wall := max(target, last.value+(x-last.at)/creep)
	return p.push(x, max(min(wall, now), last.value))
}

func (p *path) push(x, wall time.Duration) time.Duration {
	p.knots[p.n%len(p.knots)] = point{x, wall}
	p.n++
	return wall
}

// between looks x up among the knots, of which the last is not below it.
func (p *path) between(x time.Duration) time.Duration {
	oldest := max(0, p.n-len(p.knots))
	for i := p.n - 1; i > oldest; i-- {
		lo, hi := p.knot(i-1), p.knot(i)
		if x >= lo.at {
			part := float64(x-lo.at) / float64(hi.at-lo.at)
			return lo.value + time.Duration(part*float64(hi.value-lo.value))
		}
	}
	first := p.knot(oldest)
	return first.value - (first.at - x)
}
