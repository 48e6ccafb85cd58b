package rtsp

import (
	"net/netip"
	"time"
)

// knows reports whether an interleaved channel is in use.
func (c *Client) knows(channel byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.channels[channel] != nil || channel > 0 && c.channels[channel-1] != nil
}

// frame takes an interleaved frame. Where a peer puts several tracks on one channel, the
// payload type tells them apart.
func (c *Client) frame(channel byte, payload []byte, arrival time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.arm()
	list := c.channels[channel]
	if list == nil && channel > 0 {
		list = c.channels[channel-1]
	}
	switch {
	case len(list) == 0:
	case len(list) == 1:
		c.accepted(list[0], payload, arrival)
	case isRTCP(payload):
		for _, r := range list {
			c.accepted(r, payload, arrival)
		}
	default:
		for _, r := range list {
			if len(payload) > 1 && payload[1]&0x7f == r.st.pt {
				c.accepted(r, payload, arrival)
				return
			}
		}
	}
}

// take is frame for the datagrams that one read brought. Those that are not the peer's
// are counted. Who came first is still to be seen: each arrives a nanosecond after the one
// before. It reports whether something among them is to be answered by a receiver report.
func (c *Client) take(r *receiver, peer netip.Addr, list []datagram, arrival time.Time) (answer bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, d := range list {
		if d.from != peer {
			c.foreign++
			continue
		}
		c.accepted(r, d.data, arrival.Add(time.Duration(i)))
	}
	c.arm()
	return r.rr.answer
}

// accepted hands a packet to its track. The lock is held.
func (c *Client) accepted(r *receiver, b []byte, arrival time.Time) {
	if c.ended {
		return
	}
	c.bytes += uint64(len(b))
	c.heard = true
	if r.cipher != nil {
		var ok bool
		if b, ok = r.cipher.open(b); !ok {
			r.foreign++
			return
		}
	}
	if isRTCP(b) {
		r.control(b, arrival)
		return
	}
	if r.packet(b, arrival) && !c.heardAny {
		c.heardAny = true
		close(c.first)
	}
}

// arm sees to it that no packet waits longer than Options.Reorder for a missing one, and no
// unit of the first ones longer than its deadline. The lock is held.
func (c *Client) arm() {
	if c.armed || c.ended {
		return
	}
	var due time.Time
	for _, r := range c.receivers {
		if d, ok := r.deadline(); ok && (due.IsZero() || d.Before(due)) {
			due = d
		}
	}
	if due.IsZero() {
		return
	}
	c.armed = true
	wait := due.Sub(c.o.Clock.Now())
	if c.expiry == nil {
		c.expiry = time.AfterFunc(wait, c.expire)
	} else {
		c.expiry.Reset(wait)
	}
}

// expire runs when something has waited long enough.
func (c *Client) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed = false
	if c.ended {
		return
	}
	now := c.o.Clock.Now()
	for _, r := range c.receivers {
		r.expire(now)
	}
	c.arm()
}
