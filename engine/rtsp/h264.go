package rtsp

// h264 is RFC 6184. All packet types are taken whatever packetization-mode says, decoding
// order numbers of the interleaved mode are ignored.
type h264 struct{ nalWriter }

func newH264(_ *stream, out emit) depacketiser {
	return &pictures{out: out, codec: &h264{nalWriter{kind: kind264}}}
}

func kind264(nal []byte) nalKind {
	switch t := nal[0] & 0x1f; {
	case t >= 1 && t <= 5:
		return sliceNAL
	case t == 7 || t == 8:
		return setNAL
	}
	return otherNAL
}

// Packet types (RFC 6184 5.2).
const (
	stapA = 24
	stapB = 25
	fuA   = 28
	fuB   = 29
)

func (h *h264) begins(b []byte) int {
	b = afterStartCode(b)
	if len(b) < 2 {
		return -1
	}
	switch b[0] & 0x1f {
	case stapA:
		if len(b) > 4 {
			return startsPicture264(b[3:])
		}
		return -1
	case stapB:
		if len(b) > 6 {
			return startsPicture264(b[5:])
		}
		return -1
	case fuA:
		if len(b) > 2 && b[1]&0x80 != 0 {
			return startsPicture264(append([]byte{b[1] & 0x1f}, b[2:3]...))
		}
		return -1
	case fuB:
		if len(b) > 4 && b[1]&0x80 != 0 {
			return startsPicture264([]byte{b[1] & 0x1f, b[4]})
		}
		return -1
	}
	return startsPicture264(b)
}

// startsPicture264 follows H.264 7.4.1.2.3: 0 for an access unit delimiter, then what may
// come before a picture, in order, and 4 for the first slice of one. first_mb_in_slice
// is 0 when the first bit behind the header is set.
func startsPicture264(nal []byte) int {
	switch nal[0] & 0x1f {
	case 9:
		return 0
	case 7, 15:
		return 1
	case 8:
		return 2
	case 6, 14, 16, 17, 18:
		return 3
	case 1, 2, 5:
		if len(nal) > 1 && nal[1]&0x80 != 0 {
			return 4
		}
	}
	return -1
}

func (h *h264) add(buf []byte, p *packet, broken bool) []byte {
	b := p.payload
	if len(b) == 0 {
		return buf
	}
	switch t := b[0] & 0x1f; {
	case t == fuA && len(b) >= 2:
		return h.fragment(buf, b[2:], b[1]&0x80 != 0, b[1]&0x40 != 0, broken, b[0]&0xe0|b[1]&0x1f)
	case t == fuB && len(b) >= 4:
		return h.fragment(buf, b[4:], b[1]&0x80 != 0, b[1]&0x40 != 0, broken, b[0]&0xe0|b[1]&0x1f)
	case t == stapA:
		return h.aggregate(h.settle(buf, broken), b[1:])
	case t == stapB && len(b) >= 3:
		return h.aggregate(h.settle(buf, broken), b[3:])
	case t >= 1 && t <= 23, b[0] == 0: // 0: an Annex B start code
		return h.whole(h.settle(buf, broken), b)
	}
	h.bad++
	return buf
}
