package rtsp

import (
	"bytes"
	"time"

	"rtsprec/engine/media"
)

// firstUnits holds a track's first units back until it is seen whether they come faster than
// they were taken. A server may begin with what it has in store, seconds of it at once, and
// with a track of sound that begins now: by the first picture's arrival, the pictures would
// be dated as much too late.
type firstUnits struct {
	over  bool
	held  []heldUnit
	bytes int
	first time.Time     // arrival of the first
	fell  time.Time     // when they were last seen to come faster
	rtp   uint32        // of the first
	least time.Duration // of arrival less RTP time, against the first's
	mark  time.Duration // the same, when it last fell
}

// heldUnit is a unit of which nothing is shared, with its source.
type heldUnit struct {
	unit
	ssrc uint32
}

const (
	firstLeast = 100 * time.Millisecond // that units are held, and after the last that came too fast
	firstMost  = 1500 * time.Millisecond
	firstBytes = 16 << 20
	firstStep  = 20 * time.Millisecond // by which they come faster: less is jitter
	firstJump  = 30 * time.Second      // of the RTP time: it says nothing
)

// hold keeps a unit. Over: it was the last that is held.
func (o *firstUnits) hold(u *unit, ssrc uint32, rate int) (over bool) {
	own := *u
	own.data, own.config = bytes.Clone(u.data), bytes.Clone(u.config)
	o.held, o.bytes = append(o.held, heldUnit{own, ssrc}), o.bytes+len(u.data)
	if len(o.held) == 1 {
		o.first, o.fell, o.rtp = u.arrival, u.arrival, u.rtp
		return false
	}
	passed := media.ToDuration(media.Ticks(int32(u.rtp-o.rtp)), max(rate, 1))
	if u.fresh || ssrc != o.held[0].ssrc || passed.Abs() > firstJump {
		return true
	}
	o.least = min(o.least, u.arrival.Sub(o.first)-passed)
	if o.mark-o.least > firstStep {
		o.mark, o.fell = o.least, u.arrival
	}
	return o.bytes > firstBytes || !u.arrival.Before(o.deadline())
}

// deadline is when what is held is to be let go.
func (o *firstUnits) deadline() time.Time {
	if most := o.first.Add(firstMost); most.Before(o.fell) {
		return most
	}
	return o.fell.Add(firstLeast)
}

// end lets go of what is held, and of the memory.
func (o *firstUnits) end() (held []heldUnit, least time.Duration) {
	held, least = o.held, o.least
	*o = firstUnits{over: true}
	return held, least
}
