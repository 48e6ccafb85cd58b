package rtsp

// h265 is RFC 7798.
type h265 struct {
	nalWriter
	donl int // bytes of decoding order number in aggregation and fragmentation packets: 0 or 2
}

func newH265(st *stream, out emit) depacketiser {
	h := &h265{nalWriter: nalWriter{kind: kind265}}
	if st.fmtp.number("sprop-max-don-diff", 0) > 0 {
		h.donl = 2
	}
	return &pictures{out: out, codec: h}
}

func kind265(nal []byte) nalKind {
	switch t := nal[0] >> 1 & 0x3f; {
	case t < 32:
		return sliceNAL
	case t <= 34:
		return setNAL
	}
	return otherNAL
}

// Packet types (RFC 7798 4.4).
const (
	ap265 = 48
	fu265 = 49
)

func (h *h265) begins(b []byte) int {
	b = afterStartCode(b)
	if len(b) < 3 {
		return -1
	}
	switch b[0] >> 1 & 0x3f {
	case ap265:
		n := 2 + h.donl + 2
		if len(b) > n+2 {
			return startsPicture265(b[n:])
		}
		return -1
	case fu265:
		n := 3 + h.donl
		if len(b) > n && b[2]&0x80 != 0 {
			return startsPicture265([]byte{b[2] & 0x3f << 1, 1, b[n]})
		}
		return -1
	}
	return startsPicture265(b)
}

// startsPicture265 follows H.265 7.4.2.4.4; see startsPicture264.
func startsPicture265(nal []byte) int {
	switch t := nal[0] >> 1 & 0x3f; {
	case t == 35:
		return 0
	case t == 32, t == 33:
		return 1
	case t == 34:
		return 2
	case t == 39, t >= 41 && t <= 44, t >= 48 && t <= 55:
		return 3
	case t < 32 && len(nal) > 2 && nal[2]&0x80 != 0: // first_slice_segment_in_pic_flag
		return 4
	}
	return -1
}

func (h *h265) add(buf []byte, p *packet, broken bool) []byte {
	b := p.payload
	if len(b) < 3 {
		if len(b) > 0 {
			h.bad++
		}
		return buf
	}
	switch t := b[0] >> 1 & 0x3f; {
	case t == fu265 && len(b) >= 3+h.donl:
		piece := b[3:]
		first := b[2]&0x80 != 0
		if first {
			piece = b[3+h.donl:]
		}
		return h.fragment(buf, piece, first, b[2]&0x40 != 0, broken, b[0]&0x81|b[2]&0x3f<<1, b[1])
	case t == ap265:
		return h.unpack(h.settle(buf, broken), b[2:])
	case t < 48:
		return h.whole(h.settle(buf, broken), b)
	}
	h.bad++
	return buf
}

// unpack is aggregate with decoding order numbers left out: 2 bytes before the first
// unit, 1 before each other (RFC 7798 4.4.2).
func (h *h265) unpack(buf, b []byte) []byte {
	if h.donl == 0 {
		return h.aggregate(buf, b)
	}
	for skip := h.donl; len(b) >= skip+2; skip = 1 {
		b = b[skip:]
		n := int(b[0])<<8 | int(b[1])
		if n > len(b)-2 {
			h.bad++
			h.hurt = true
			break
		}
		buf = h.whole(buf, b[2:2+n])
		b = b[2+n:]
	}
	return buf
}
