package rtsp

import (
	"net/netip"
	"time"
)

// adopt takes a datagram of a port that was not named, from the publisher's address, for the
// track of its payload type of which nothing has come yet: some devices, and those behind
// NAT, send from other ports than they said. nil: it is none of this publisher's.
func (p *publication) adopt(from netip.AddrPort, b []byte) func([]byte, time.Time) {
	var packet packet
	if isRTCP(b) || !packet.parse(b) || from.Port() == 65535 {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || p.sink == nil {
		return nil
	}
	for _, l := range p.lines {
		if l.r == nil || !l.r.firstPacket.IsZero() || l.r.st.pt != packet.pt {
			continue
		}
		take := func(b []byte, arrival time.Time) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.take(l, b, arrival)
		}
		udp := p.sess.c.s.udp
		l.to = udpPeer{from, netip.AddrPortFrom(from.Addr(), from.Port()+1)}
		for _, at := range []netip.AddrPort{l.to.rtp, l.to.rtcp} {
			if udp.meet(at, take) {
				p.adopted = append(p.adopted, at)
			}
		}
		p.sess.c.s.o.Log.Warn("media comes from another port than was said", "path", p.sess.path, "from", from)
		return take
	}
	return nil
}
