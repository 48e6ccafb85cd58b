package rtsp

import (
	"encoding/hex"

	"rtsprec/engine/media"
)

// packetSound is every coding of sound with one unit a packet: G.711, G.722, G.726, L16
// (RFC 3551 4.5), Opus (RFC 7587).
type packetSound struct {
	out   emit
	frame int // bytes that belong together
	bad   uint64
	owed  unit // what the next unit has to tell
}

func newPacketSound(st *stream, out emit) depacketiser {
	s := &packetSound{out: out, frame: 1}
	switch st.track.Codec {
	case media.PCMA, media.PCMU:
		s.frame = st.track.Channels
	case media.L16:
		s.frame = 2 * st.track.Channels
	}
	return s
}

func (s *packetSound) push(p *packet) {
	s.owed.lost += p.lost
	s.owed.fresh = s.owed.fresh || p.fresh
	data := p.payload[:len(p.payload)/s.frame*s.frame]
	if len(data) != len(p.payload) {
		s.bad++
	}
	if len(data) == 0 {
		return
	}
	u := s.owed
	s.owed = unit{}
	u.data, u.rtp, u.arrival = data, p.rtp, p.arrival
	s.out(&u)
}

func (s *packetSound) flush()          {}
func (s *packetSound) invalid() uint64 { return s.bad }

// aac is MPEG4-GENERIC in its AAC modes (RFC 3640 3.3).
type aac struct {
	out       emit
	sizeBits  int
	indexBits int
	deltaBits int
	ticks     uint32 // RTP time of one unit
	bad       uint64
	owed      unit
	part      []byte // of a unit in several packets
	partSize  int
	partRTP   uint32
}

// fillAAC makes a track of MPEG4-GENERIC.
func (st *stream) fillAAC(channels int) (reason string) {
	f := &st.fmtp
	if mode := f.fmtp["mode"]; mode != "" && !isAACMode(mode) {
		return "MPEG4-GENERIC in mode " + mode
	}
	config, _ := hex.DecodeString(f.fmtp["config"])
	st.sound(config, plainAAC(st.track.ClockRate, channels), channels)
	st.make = newAAC
	return ""
}

func isAACMode(mode string) bool {
	switch mode {
	case "AAC-hbr", "AAC-lbr", "aac-hbr", "aac-lbr", "AAC-HBR", "AAC-LBR", "generic":
		return true
	}
	return false
}

// sound fills an AAC track from its configuration, or from a guess where that is unusable.
func (st *stream) sound(config, guess []byte, channels int) {
	t := &st.track
	t.Codec = media.AAC
	if t.ClockRate == 0 {
		t.ClockRate = 48000
	}
	if media.ValidConfig(media.AAC, config) != nil {
		config = guess
	}
	t.Config = config
	t.SampleRate, t.Channels = t.ClockRate, channels
	if info, err := media.Inspect(*t); err == nil && info.SampleRate > 0 {
		t.SampleRate = info.SampleRate
		if info.Channels > 0 {
			t.Channels = info.Channels
		}
	}
}

var aacRates = [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// plainAAC is the AudioSpecificConfig of AAC-LC (ISO 14496-3 1.6.2.1): what a camera that
// tells nothing is taken to send.
func plainAAC(rate, channels int) []byte {
	if channels == 8 {
		channels = 7
	}
	for i, r := range aacRates {
		if r == rate {
			return []byte{2<<3 | byte(i>>1), byte(i&1)<<7 | byte(channels&0xf)<<3}
		}
	}
	v := uint64(2)<<35 | 0xf<<31 | uint64(rate&0xffffff)<<7 | uint64(channels&0xf)<<3
	return []byte{byte(v >> 32), byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}
}

// coreRate is the sampling rate of the AAC core, half of what comes out with SBR.
func coreRate(config []byte, rate int) int {
	if len(config) < 2 {
		return rate
	}
	index := int(config[0]&7)<<1 | int(config[1]>>7)
	if index < len(aacRates) {
		return aacRates[index]
	}
	if index == 15 && len(config) >= 5 {
		return int(config[1]&0x7f)<<17 | int(config[2])<<9 | int(config[3])<<1 | int(config[4]>>7)
	}
	return rate
}

// unitTicks is the RTP time of one AAC unit: 1024 samples of the core.
func unitTicks(config []byte, clockRate int) uint32 {
	core := coreRate(config, clockRate)
	if core <= 0 {
		return 1024
	}
	return uint32(int64(1024) * int64(clockRate) / int64(core))
}

func newAAC(st *stream, out emit) depacketiser {
	f := &st.fmtp
	a := &aac{
		out:       out,
		sizeBits:  min(f.number("sizelength", 13), 32),
		indexBits: min(f.number("indexlength", 3), 32),
		deltaBits: min(f.number("indexdeltalength", 3), 32),
		ticks:     uint32(f.number("constantduration", 0)),
	}
	if a.ticks == 0 {
		a.ticks = unitTicks(st.track.Config, st.track.ClockRate)
	}
	return a
}

func (a *aac) push(p *packet) {
	a.owed.lost += p.lost
	a.owed.fresh = a.owed.fresh || p.fresh
	if a.part != nil && (p.lost > 0 || p.fresh || p.rtp != a.partRTP) {
		a.part = nil
		a.owed.damaged = true
	}
	sizes, data, ok := a.headers(p.payload)
	if !ok {
		a.bad++
		a.owed.damaged = true
		return
	}
	if a.part != nil {
		a.part = append(a.part, data...)
		if len(a.part) >= a.partSize {
			whole := a.part[:a.partSize]
			a.part = nil
			a.send(whole, p.rtp, p)
		}
		return
	}
	for i, size := range sizes {
		if size > len(data) {
			if len(sizes) == 1 && len(data) > 0 && size <= maxUnit { // the first part of a large unit
				a.part, a.partSize, a.partRTP = append([]byte(nil), data...), size, p.rtp
				return
			}
			a.bad++
			a.owed.damaged = true
			return
		}
		a.send(data[:size], p.rtp+uint32(i)*a.ticks, p)
		data = data[size:]
	}
}

// headers reads the AU header section (RFC 3640 3.2.1).
func (a *aac) headers(b []byte) (sizes []int, data []byte, ok bool) {
	if a.sizeBits == 0 {
		return []int{len(b)}, b, len(b) > 0
	}
	if len(b) < 2 {
		return nil, nil, false
	}
	bits := int(b[0])<<8 | int(b[1])
	section := 2 + (bits+7)/8
	if section > len(b) || bits == 0 {
		return nil, nil, false
	}
	r := bitReader{b: b[2:section]}
	for used := 0; used+a.sizeBits <= bits; {
		index := a.deltaBits
		if len(sizes) == 0 {
			index = a.indexBits
		}
		sizes = append(sizes, int(r.read(a.sizeBits)))
		r.read(index)
		used += a.sizeBits + index
	}
	return sizes, b[section:], len(sizes) > 0
}

func (a *aac) send(data []byte, rtp uint32, p *packet) {
	data = withoutADTS(data)
	if len(data) == 0 {
		a.bad++
		return
	}
	u := a.owed
	a.owed = unit{}
	u.data, u.rtp, u.arrival = data, rtp, p.arrival
	a.out(&u)
}

func (a *aac) flush()          { a.part = nil }
func (a *aac) invalid() uint64 { return a.bad }

// withoutADTS removes an ADTS header (ISO 14496-3 1.A.2), which has no place here and which
// some cameras send nevertheless. It must fit the unit's length exactly.
func withoutADTS(b []byte) []byte {
	if len(b) < 7 || b[0] != 0xff || b[1]&0xf6 != 0xf0 {
		return b
	}
	if size := int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5; size != len(b) {
		return b
	}
	if b[1]&1 == 0 {
		return b[min(9, len(b)):]
	}
	return b[7:]
}

// bitReader reads most significant bits first; behind the end it reads zeros.
type bitReader struct {
	b   []byte
	pos int
}

func (r *bitReader) read(n int) uint64 {
	var v uint64
	for ; n > 0; n-- {
		v <<= 1
		if i := r.pos >> 3; i < len(r.b) {
			v |= uint64(r.b[i]>>(7-r.pos&7)) & 1
		}
		r.pos++
	}
	return v
}

// left is how many bits have not been read.
func (r *bitReader) left() int { return len(r.b)*8 - r.pos }
