package rtsp

import (
	"slices"
	"time"

	"rtsprec/engine/rate"
)

// left notes that live media is with the kernel. The lock is held.
func (b *outbox) left(c chunk) {
	if c.live != nil && c.live.sent != nil {
		now := b.clock.Now()
		c.live.sent.TCP.Add(now, now.Sub(c.live.Wall))
	}
}

// expire drops live media that has waited for too long, at borders behind which the reader
// can decode. The lock is held.
func (b *outbox) expire() {
	if b.late == 0 || len(b.waiting) == 0 {
		return
	}
	before := b.clock.Now().Add(-b.late)
	fixed := func(c chunk) bool { return c.live == nil || c.begun }
	first := slices.IndexFunc(b.waiting, func(c chunk) bool { return !fixed(c) })
	if first < 0 || !b.waiting[first].since.Before(before) {
		return
	}
	list := make([]rate.Waiting, len(b.waiting))
	for i, c := range b.waiting {
		list[i] = rate.Waiting{Since: c.since, Fixed: true}
		if !fixed(c) {
			list[i] = rate.Waiting{Since: c.since, Key: c.key, Alone: c.live.Alone, Sound: c.live.Sound}
		}
	}
	out, broken := rate.Overdue(list, before)
	b.dropped += b.leaveOut(func(i int, _ *chunk) bool { return out[i] })
	b.skipping = b.skipping || broken
}

// Delays are how long live media took from its capture on until it was with the kernel, by
// the transport of its readers.
type Delays struct{ Received, TCP, UDP rate.Delays }

// Spreads are those of the last seconds by hop: "received" here, "tcp" and "udp" to readers.
// Hops that nothing took are left out; nil: there are none.
func (d *Delays) Spreads(now time.Time) map[string]rate.Spread {
	var all map[string]rate.Spread
	for hop, delays := range map[string]*rate.Delays{"received": &d.Received, "tcp": &d.TCP, "udp": &d.UDP} {
		if s := delays.Spread(now); s.Count > 0 {
			if all == nil {
				all = map[string]rate.Spread{}
			}
			all[hop] = s
		}
	}
	return all
}
