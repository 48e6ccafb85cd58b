package rtsp

import (
	"net"

	"rtsprec/engine/rate"
)

// withdraw leaves out what waits of the track that has a channel, and says how many
// packets that were. What was skipped up to a key frame is not waited for any more.
func (b *outbox) withdraw(channel byte) (packets int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.leaveOut(func(_ int, c *chunk) bool {
		data := c.data
		if data[1] != channel && data[1] != channel+1 {
			return false
		}
		for len(data) >= frameHead {
			if data[1] == channel {
				packets++
			}
			data = data[min(frameHead+int(data[2])<<8+int(data[3]), len(data)):]
		}
		return true
	})
	b.skipping = false
	b.signal()
	return packets
}

// follow is for a connection whose path is followed: as little as keeps it busy is given
// to the kernel, so that what is too much waits where it can be left out.
func (b *outbox) follow() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.batch = waitingLittle
	nc := b.nc
	if wrapped, ok := nc.(interface{ NetConn() net.Conn }); ok { // TLS
		nc = wrapped.NetConn()
	}
	if raw := rawOf(nc); raw != nil {
		limitUnsent(raw, waitingLittle)
	}
}

// feedback is what is known of the path of the connection; held: bytes that wait before it.
func (b *outbox) feedback(held int64) rate.Feedback {
	b.mu.Lock()
	f := rate.Feedback{Sent: int64(b.total) - b.bytes, Backlog: b.bytes + held}
	if b.writing {
		f.Stalled = b.clock.Now().Sub(b.began)
	}
	b.mu.Unlock()
	if k, ok := kernelPath(b.nc); ok {
		withKernel(&f, k)
	}
	return f
}
