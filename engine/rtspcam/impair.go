package rtspcam

import "time"

// unit is one access unit on its way.
type unit struct {
	marks []Mark // one, or those of the sound units that go together
	key   bool
	time  uint32 // RTP
	seq   uint16 // of its first packet
	left  int    // packets not yet sent
	lost  bool   // a packet of it never will be
}

// packet is one RTP packet of a unit.
type packet struct {
	data []byte
	unit *unit
}

// burst is what leaves at one time: the packets of a unit, less those that are lost or
// held back, with those of earlier units that were.
type burst struct {
	track   int
	at      time.Time
	unit    *unit
	packets [][]byte
	whole   []Mark // units that are complete with this burst
	partial []Mark // units of which packets are missing for ever
}

// impair is the bad network in front of a track: it loses, doubles and delays packets.
type impair struct {
	n    uint64 // packets seen
	held []heldPacket
}

type heldPacket struct {
	packet
	after int // packets still to go before it
}

// troubles is what impair does to a unit's packets.
type troubles struct {
	seed      uint64
	name      string // of the path and track, so that each loses other packets
	loss      float64
	duplicate float64
	reorder   int
	vanish    bool
}

// pass puts the packets of u through the network.
func (i *impair) pass(u *unit, packets [][]byte, by troubles, b *burst) {
	u.left = len(packets)
	for _, data := range packets {
		p := packet{data, u}
		i.n++
		switch {
		case by.vanish || by.loss > 0 && dice(by.seed, by.name+"loss", i.n) < by.loss:
			u.lost = true
			u.left--
			b.settle(u)
		case by.reorder > 0 && dice(by.seed, by.name+"reorder", i.n) < 0.05:
			i.held = append(i.held, heldPacket{p, by.reorder})
			continue
		default:
			b.send(p)
			if by.duplicate > 0 && dice(by.seed, by.name+"duplicate", i.n) < by.duplicate {
				b.packets = append(b.packets, data)
			}
		}
		i.release(b)
	}
}

// release counts one packet gone by and sends what has waited long enough.
func (i *impair) release(b *burst) {
	kept := i.held[:0]
	for _, h := range i.held {
		if h.after--; h.after <= 0 {
			b.send(h.packet)
			continue
		}
		kept = append(kept, h)
	}
	i.held = kept
}

func (b *burst) send(p packet) {
	b.packets = append(b.packets, p.data)
	p.unit.left--
	b.settle(p.unit)
}

// settle books a unit all of whose packets were sent or lost.
func (b *burst) settle(u *unit) {
	switch {
	case u.left > 0:
	case u.lost:
		b.partial = append(b.partial, u.marks...)
	default:
		b.whole = append(b.whole, u.marks...)
	}
}
