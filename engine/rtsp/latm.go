package rtsp

import (
	"encoding/hex"
	"time"
)

// fillLATM makes a track of MP4A-LATM (RFC 6416 6).
func (st *stream) fillLATM(channels int) (reason string) {
	f := &st.fmtp
	var config []byte
	if b, err := hex.DecodeString(f.fmtp["config"]); err == nil {
		if mux, ok := parseMux(&bitReader{b: b}); ok {
			config = mux.config
		}
	}
	if config == nil && f.number("cpresent", 1) == 0 {
		return "MP4A-LATM without a usable configuration"
	}
	st.sound(config, nil, channels)
	st.make = newLATM
	return ""
}

// muxConfig is what matters of a StreamMuxConfig (ISO 14496-3 1.7.3): one program, one
// layer, frames whose length is told, which is what cameras send.
type muxConfig struct {
	config    []byte // AudioSpecificConfig
	subFrames int    // units in an element
	otherData int    // bits behind them
}

// parseMux reads a StreamMuxConfig; false for one that is not supported.
func parseMux(r *bitReader) (muxConfig, bool) {
	var m muxConfig
	if r.read(1) != 0 || r.read(1) != 1 { // audioMuxVersion, allStreamsSameTimeFraming
		return m, false
	}
	m.subFrames = int(r.read(6)) + 1
	if r.read(4) != 0 || r.read(3) != 0 { // numProgram, numLayer
		return m, false
	}
	start := r.pos
	if !skipAudioConfig(r) {
		return m, false
	}
	m.config = copyBits(r.b, start, r.pos)
	if r.left() < 3 {
		return m, true // cut short, as some cameras do; the rest has defaults
	}
	if r.read(3) != 0 { // frameLengthType
		return m, false
	}
	r.read(8) // latmBufferFullness
	if r.read(1) != 0 {
		for more := true; more && r.left() > 0; {
			more = r.read(1) != 0
			m.otherData = m.otherData<<8 | int(r.read(8))
		}
		if m.otherData > 1<<16 {
			return m, false
		}
	}
	if r.read(1) != 0 {
		r.read(8) // crcCheckSum
	}
	return m, true
}

// skipAudioConfig steps over an AudioSpecificConfig with a GASpecificConfig (ISO 14496-3
// 1.6.2.1, 4.4.1) of AAC-LC, SBR or PS.
func skipAudioConfig(r *bitReader) bool {
	object := r.read(5)
	frequency(r)
	channels := r.read(4)
	if object == 5 || object == 29 { // SBR, PS: the core follows
		frequency(r)
		object = r.read(5)
	}
	if object != 2 || channels == 0 || r.left() < 0 {
		return false
	}
	r.read(1)           // frameLengthFlag
	if r.read(1) != 0 { // dependsOnCoreCoder
		r.read(14)
	}
	return r.read(1) == 0 && r.left() >= 0 // extensionFlag
}

func frequency(r *bitReader) {
	if r.read(4) == 15 {
		r.read(24)
	}
}

// copyBits takes the bits from..to of b, filled up with zeros.
func copyBits(b []byte, from, to int) []byte {
	r := bitReader{b: b, pos: from}
	out := make([]byte, (to-from+7)/8)
	for i := range out {
		n := min(8, to-r.pos)
		out[i] = byte(r.read(n) << (8 - n))
	}
	return out
}

// latm puts audioMuxElements together and takes the units out of them.
type latm struct {
	out    emit
	inBand bool // configurations come in band (cpresent=1)
	mux    muxConfig
	known  bool
	rate   int // of the RTP clock
	ticks  uint32

	part    []byte
	partRTP uint32
	arrival time.Time
	open    bool
	bad     uint64
	owed    unit
}

func newLATM(st *stream, out emit) depacketiser {
	l := &latm{out: out, inBand: st.fmtp.number("cpresent", 1) != 0, rate: st.track.ClockRate, ticks: unitTicks(st.track.Config, st.track.ClockRate)}
	if b, err := hex.DecodeString(st.fmtp.fmtp["config"]); err == nil {
		l.mux, l.known = parseMux(&bitReader{b: b})
	}
	return l
}

func (l *latm) push(p *packet) {
	l.owed.lost += p.lost
	l.owed.fresh = l.owed.fresh || p.fresh
	if l.open && (p.lost > 0 || p.fresh) {
		l.open = false
		l.owed.damaged = true
	}
	if l.open && p.rtp != l.partRTP { // a camera that never sets the marker
		l.element()
	}
	if !l.open {
		l.open = true
		l.part, l.partRTP, l.arrival = l.part[:0], p.rtp, p.arrival
	}
	if len(l.part)+len(p.payload) > maxUnit {
		l.open = false
		l.bad++
		return
	}
	l.part = append(l.part, p.payload...)
	if p.marker {
		l.element()
	}
}

// element takes one whole audioMuxElement apart.
func (l *latm) element() {
	l.open = false
	r := bitReader{b: l.part}
	var config []byte
	if l.inBand && r.read(1) == 0 { // useSameStreamMux
		mux, ok := parseMux(&r)
		if !ok {
			l.bad++
			l.owed.damaged = true
			return
		}
		config = mux.config
		l.mux, l.known, l.ticks = mux, true, unitTicks(config, l.rate)
	}
	if !l.known {
		l.bad++
		return
	}
	for i := range l.mux.subFrames {
		size := 0
		for {
			n := int(r.read(8))
			size += n
			if n != 255 {
				break
			}
		}
		if size == 0 || r.left() < size*8 {
			l.bad++
			l.owed.damaged = true
			return
		}
		u := l.owed
		l.owed = unit{}
		u.data = copyBits(r.b, r.pos, r.pos+size*8)
		u.rtp, u.arrival = l.partRTP+uint32(i)*l.ticks, l.arrival
		if i == 0 {
			u.config = config
		}
		r.pos += size * 8
		l.out(&u)
	}
}

func (l *latm) flush() {
	if l.open {
		l.element()
	}
}

func (l *latm) invalid() uint64 { return l.bad }
