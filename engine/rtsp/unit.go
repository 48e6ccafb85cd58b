package rtsp

import (
	"bytes"
	"time"
)

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

	open     bool
	unit     unit
	buf      []byte
	ended    bool // the last packet had the marker
	unmarked bool // one before it, since the last border, had not
	last     uint32
	any      bool // there was a last packet
	agrees   int
	still    bool // RTP time stood still at the last border
	usual    int  // the latest part that a picture began with when nothing was missing
	bad      uint64
}

// codec is what a coding adds to pictures.
type codec interface {
	// begins reports whether a payload can only be the start of a picture or of what
	// precedes it: which part of that, in order from 0, or -1.
	begins(payload []byte) int
	// add appends a payload to buf. broken says that packets are missing before it.
	add(buf []byte, p *packet, broken bool) []byte
	// close finishes buf: the picture is over. broken says that its end is missing.
	close(buf []byte, broken bool) []byte
	// picture reports whether what was added since the last reset holds a picture. What
	// holds none goes before the next one.
	picture() bool
	reset()
	// salvage keeps of buf, whose picture is lost, what the next one may need.
	salvage(buf []byte) []byte
	// damaged reports, once, whether something of the picture had to be left out.
	damaged() bool
	invalid() uint64
}

const (
	markerTrust   = 2  // borders the marker must have told right
	markerPenalty = 16 // and this many more after it was wrong
)

func (v *pictures) push(p *packet) {
	if empty(p.payload) {
		v.unit.lost += p.lost
		v.unit.damaged = v.unit.damaged || v.open && p.lost > 0
		v.unit.fresh = v.unit.fresh || p.fresh
		return
	}
	part := v.codec.begins(p.payload)
	begins := part >= 0
	border := v.judge(p, begins)
	if v.open && border {
		v.finish((p.fresh || p.lost > 0) && !v.complete())
	}
	if !v.open {
		v.start(p, part)
	} else if p.lost > 0 {
		v.unit.damaged = true
	}
	v.unit.lost += p.lost
	if len(v.buf)+len(p.payload) > maxUnit {
		v.unit.damaged = true
		v.bad++
	} else {
		v.buf = v.codec.add(v.buf, p, p.lost > 0 || p.fresh)
	}
	v.last, v.any, v.ended = p.rtp, true, p.marker
	v.unmarked = v.unmarked || !p.marker
	if p.marker && v.agrees >= markerTrust {
		v.finish(false)
	}
}

// complete reports whether the last packet ended its picture, as far as its marker can
// be believed.
func (v *pictures) complete() bool { return v.ended && v.agrees >= 0 }

// empty reports whether a payload has nothing but a few zeros in it.
func empty(payload []byte) bool {
	return len(payload) <= 4 && len(bytes.TrimLeft(payload, "\x00")) == 0
}

// start begins a picture with p. When packets are missing before p, they may have been
// pictures of their own or the start of this one: it is taken to be whole when it
// begins no later than pictures of this camera do.
func (v *pictures) start(p *packet, part int) {
	v.open = true
	v.unit.rtp, v.unit.arrival = p.rtp, p.arrival
	v.unit.fresh = v.unit.fresh || p.fresh
	switch {
	case p.lost == 0 && !p.fresh:
		v.usual = max(v.usual, part)
	case part < 0, p.lost > 0 && part > v.usual:
		v.unit.damaged = true
	}
}

// judge reports whether p belongs to another picture than the packet before it, and
// compares that with what its marker said. A picture of one packet says nothing
// about the marker: it looks the same to a camera that marks every packet.
func (v *pictures) judge(p *packet, begins bool) (border bool) {
	if !v.any {
		return false
	}
	anew := begins && (!v.open || v.codec.picture()) // also where RTP time stands still
	switch {
	case p.fresh, p.rtp != v.last:
		border = true
	case anew:
		border = v.ended || v.still && p.lost > 0
	}
	switch {
	case p.lost > 0 || p.fresh || !v.ended:
	case !border && !begins:
		v.agrees = -markerPenalty
	case border && v.unmarked:
		v.agrees = min(v.agrees+1, markerTrust)
	}
	if border || v.ended {
		v.unmarked = false
	}
	if border {
		v.still = p.rtp == v.last
	}
	return border
}

// finish hands the picture on. What holds none (parameter sets alone) stays and
// becomes the start of the next.
func (v *pictures) finish(broken bool) {
	v.open = false
	v.buf = v.codec.close(v.buf, broken)
	v.unit.damaged = v.codec.damaged() || v.unit.damaged || broken
	if !v.codec.picture() {
		if v.unit.damaged {
			v.buf = v.codec.salvage(v.buf)
			v.unit.damaged = false // nothing of it is handed on but v.unit.lost
		}
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
		v.finish(!v.complete() && v.agrees >= markerTrust)
	}
	v.open, v.unit, v.buf = false, unit{}, v.buf[:0]
	v.codec.reset()
}

func (v *pictures) invalid() uint64 { return v.bad + v.codec.invalid() }
