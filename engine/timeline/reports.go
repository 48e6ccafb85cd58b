package timeline

import "time"

const (
	keepReports = 16
	steady      = 100 * time.Millisecond // how far reports of a sound clock scatter: some cameras stamp them a frame late
	rejoined    = time.Second            // and after the RTP time broke off and was joined by arrival
	staleAfter  = 3 * time.Minute        // without reports, the clock's drift is not known any more
)

// reports follow a camera's clock, less its steps, over a track's ticks: c - x.
type reports struct {
	points  []point // at x, oldest first
	slope   float64
	height  time.Duration
	scatter time.Duration // median distance of the points from the line
	carried bool          // the line is from before a reset
	odd     *point        // a report that did not fit, waiting for another to confirm it
	step    time.Duration // part of the clock's reading that is taken for steps
	credit  int           // rises with each report that fits
	latest  time.Duration // arrival of the last report that fits
	used    int
	ignored int
}

// sound reports whether the line can be relied on at time now.
func (r *reports) sound(now time.Duration) bool {
	return (len(r.points) > 0 || r.carried) && r.credit > 0 && now-r.latest < staleAfter
}

// of returns c - x at x.
func (r *reports) of(x time.Duration) time.Duration {
	return r.height + time.Duration(r.slope*float64(x))
}

// add takes a report: the camera's clock read c when the ticks stood at x. It arrived
// at now. others are the steps that other tracks have found.
func (r *reports) add(x, c, now time.Duration, others []time.Duration) {
	if len(r.points) == 0 && !r.carried {
		if len(others) > 0 {
			r.step = others[0]
		}
		r.take(point{x, c - r.step - x}, now)
		return
	}
	p := point{x, c - r.step - x}
	off := p.value - r.of(x)
	switch {
	case off.Abs() <= r.tolerance():
		r.odd = nil
		r.take(p, now)
	case r.odd == nil || (off-r.odd.value).Abs() > steady:
		r.odd = &point{x, off}
		r.ignored++
		r.credit = max(r.credit-1, -4)
	default:
		r.stepTo(p, off, now, others)
	}
}

// stepTo begins anew behind a step that two reports agree on. Time runs on through it:
// the step is subtracted from what the clock says.
func (r *reports) stepTo(p point, off, now time.Duration, others []time.Duration) {
	step := off
	for _, o := range others {
		if other := o - r.step; (off - other).Abs() < 500*time.Millisecond {
			step = other // that track has measured this very step
		}
	}
	first := point{r.odd.at, r.of(r.odd.at) + r.odd.value - step}
	r.step += step
	p.value -= step
	r.points, r.carried, r.odd, r.credit = r.points[:0], false, nil, 0
	r.take(first, now)
	r.take(p, now)
}

// rebase takes other readings of the clock for steps: nothing that it said is lost.
func (r *reports) rebase(step time.Duration) {
	by := r.step - step
	for i := range r.points {
		r.points[i].value += by
	}
	r.height += by
	r.step = step
}

func (r *reports) tolerance() time.Duration {
	if r.carried {
		return rejoined
	}
	return max(steady, 6*r.scatter)
}

// take adds a point and fits the line anew. A slope is believed from five reports over
// 20 s on; before that it would follow the reports' noise.
func (r *reports) take(p point, now time.Duration) {
	if n := len(r.points); n > 0 && p.at <= r.points[n-1].at {
		r.points = r.points[:0] // the RTP clock went back unnoticed, or a report came twice
	}
	if len(r.points) == keepReports {
		copy(r.points, r.points[1:])
		r.points = r.points[:keepReports-1]
	}
	r.points = append(r.points, p)
	r.carried = false
	r.used++
	r.latest = now
	r.credit = min(r.credit+1, 8)
	r.fit()
}

func (r *reports) fit() {
	r.slope = 0
	if n := len(r.points); n >= 5 && r.points[n-1].at-r.points[0].at >= 20*time.Second {
		r.slope, _ = line(r.points)
		r.slope = min(max(r.slope, -maxDrift), maxDrift)
	}
	r.height = level(r.points, r.slope)
	off := make([]time.Duration, len(r.points))
	for i, p := range r.points {
		off[i] = (p.value - r.of(p.at)).Abs()
	}
	r.scatter = median(off)
}

// restart keeps what the line says at x for the time until the next report: ticks go on
// by arrival, so it is right but for the jitter.
func (r *reports) restart(x time.Duration) {
	if len(r.points) == 0 {
		return
	}
	r.height, r.slope = r.of(x), 0
	r.points, r.carried, r.odd = r.points[:0], true, nil
}
