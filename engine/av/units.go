//go:build cgo

package av

import (
	"time"

	"rtsprec/engine/media"
)

// inFlight is what is remembered of a unit or picture while it is inside a codec: FFmpeg
// carries its number through, whatever the order in which things come out.
type inFlight struct {
	number  int64
	pts     media.Ticks
	wall    time.Time
	damaged bool
}

// flights remembers the last of what went in. Nothing stays inside for longer: the most
// are a lookahead of 250 pictures and as many as there are threads.
type flights struct {
	ring [512]inFlight
	next int64 // rises for ever; 0 is never given, it means "not said"
}

// depart remembers f and returns its number.
func (r *flights) depart(pts media.Ticks, wall time.Time, damaged bool) int64 {
	r.next++
	r.ring[r.next%int64(len(r.ring))] = inFlight{number: r.next, pts: pts, wall: wall, damaged: damaged}
	return r.next
}

// arrive returns what went in under a number.
func (r *flights) arrive(number int64) (inFlight, bool) {
	f := r.ring[uint64(number)%uint64(len(r.ring))]
	return f, number > 0 && f.number == number
}

// at returns what went in with a PTS: drivers of devices carry no numbers.
func (r *flights) at(pts media.Ticks) (inFlight, bool) {
	for _, f := range r.ring {
		if f.number > 0 && f.pts == pts {
			return f, true
		}
	}
	return inFlight{}, false
}
