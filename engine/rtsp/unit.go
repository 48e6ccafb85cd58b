package rtsp

import "time"

// unit is what a depacketiser has put together. Data belongs to the depacketiser and is
// only valid during the call of emit.
type unit struct {
	data    []byte
	rtp     uint32
	arrival time.Time // of the first packet
	damaged bool
	lost    int
	fresh   bool // the numbering began anew here: RTP time may be another
	config  []byte
}

// emit takes a unit.
type emit func(*unit)

// depacketiser turns packets in order into units.
type depacketiser interface {
	// push takes the next packet. Its lost and fresh say what is missing before it.
	push(p *packet)
	// flush emits what is pending: nothing more will come.
	flush()
	// invalid is how many packets, or parts of them, made no sense so far.
	invalid() uint64
}

// maxUnit bounds a unit in bytes.
const maxUnit = 8 << 20

// pictures finds the borders between pictures, which is the same for all video: by RTP
// time; by the marker bit once it has proven itself; and, where RTP time stands still, by
// the marker bit together with what the next packet begins with.
//
// The marker is not believed blindly, because some cameras never set it, some set it on
// every packet, and some on each parameter set: it must have ended a picture twice without
// having been contradicted. Until then a picture is handed on when the next begins.
type pictures struct {
	out   emit
	codec codec

	open   bool
	unit   unit
	buf    []byte
	ended  bool // the last packet had the marker
	last   uint32
	any    bool // there was a last packet
	agrees int
	bad    uint64
}

// codec is what a coding adds to pictures.
type codec interface {
	// begins reports whether a payload can only be the start of a picture or of what
	// precedes it.
	begins(payload []byte) bool
	// add appends a payload to buf. broken says that packets are missing before it.
	add(buf []byte, p *packet, broken bool) []byte
	// close finishes buf: the picture is over. broken says that its end is missing.
	close(buf []byte, broken bool) []byte
	// picture reports whether what was added since the last reset holds a picture. What
	// holds none goes before the next one.
	picture() bool
	reset()
	// damaged reports, once, whether something of the picture had to be left out.
	damaged() bool
	invalid() uint64
}

const (
	markerTrust   = 2  // borders the marker must have told right
	markerPenalty = 16 // and this many more after it was wrong
)

func (v *pictures) push(p *packet) {
	begins := v.codec.begins(p.payload)
	v.judge(p, begins)
	if v.open {
		switch {
		case p.fresh:
			v.finish(!v.ended)
		case p.rtp != v.unit.rtp, v.ended && begins:
			v.finish(p.lost > 0 && !v.ended)
		}
	}
	broken := p.lost > 0 || (p.fresh && !begins)
	if !v.open {
		v.open = true
		v.unit.rtp, v.unit.arrival = p.rtp, p.arrival
		v.unit.fresh = v.unit.fresh || p.fresh
		broken = broken && !begins
	}
	v.unit.lost += p.lost
	v.unit.damaged = v.unit.damaged || broken
	if len(v.buf)+len(p.payload) > maxUnit {
		v.unit.damaged = true
		v.bad++
	} else {
		v.buf = v.codec.add(v.buf, p, p.lost > 0 || p.fresh)
	}
	v.last, v.any, v.ended = p.rtp, true, p.marker
	if p.marker && v.agrees >= markerTrust {
		v.finish(false)
	}
}

// judge compares the marker of the last packet with what this one shows.
func (v *pictures) judge(p *packet, begins bool) {
	if !v.any || !v.ended || p.lost > 0 || p.fresh {
		return
	}
	switch {
	case p.rtp == v.last && !begins:
		v.agrees = -markerPenalty
	case p.rtp != v.last || v.codec.picture():
		v.agrees = min(v.agrees+1, markerTrust)
	}
}

// finish hands the picture on. What holds none (parameter sets alone) stays and
// becomes the start of the next.
func (v *pictures) finish(broken bool) {
	v.open = false
	v.buf = v.codec.close(v.buf, broken)
	v.unit.damaged = v.codec.damaged() || v.unit.damaged || broken
	if !v.codec.picture() {
		return
	}
	v.codec.reset()
	v.unit.data = v.buf
	v.out(&v.unit)
	v.unit = unit{}
	v.buf = v.buf[:0]
}

func (v *pictures) flush() {
	if v.open {
		v.finish(!v.ended && v.agrees >= markerTrust)
	}
	v.open, v.unit, v.buf = false, unit{}, v.buf[:0]
	v.codec.reset()
}

func (v *pictures) invalid() uint64 { return v.bad + v.codec.invalid() }
