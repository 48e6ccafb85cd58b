package timeline

import (
	"slices"
	"time"
)

// point is a value at a time.
type point struct{ at, value time.Duration }

// line fits a straight line through points whose times differ, robustly: the slope is
// the median of the slopes between all pairs (Theil and Sen), the height the median of
// what is left. Up to 29 % of the points may be anything.
func line(points []point) (slope float64, height time.Duration) {
	slopes := make([]float64, 0, len(points)*(len(points)-1)/2)
	for i, p := range points {
		for _, q := range points[:i] {
			if d := p.at - q.at; d != 0 {
				slopes = append(slopes, float64(p.value-q.value)/float64(d))
			}
		}
	}
	if len(slopes) > 0 {
		slices.Sort(slopes)
		slope = slopes[len(slopes)/2]
	}
	return slope, level(points, slope)
}

// level returns the median height at time 0 of lines of that slope through the points.
func level(points []point, slope float64) time.Duration {
	heights := make([]time.Duration, len(points))
	for i, p := range points {
		heights[i] = p.value - time.Duration(slope*float64(p.at))
	}
	return median(heights)
}

// median sorts values and returns the middle one; 0 for none.
func median(values []time.Duration) time.Duration {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/2]
}
