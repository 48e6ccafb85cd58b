package rtsp

// h264 is RFC 6184. All packet types are taken whatever packetization-mode says, decoding
// order numbers of the interleaved mode are ignored.
type h264 struct{ nalWriter }

func newH264(_ *stream, out emit) depacketiser {
	return &pictures{out: out, codec: &h264{nalWriter{vcl: func(nal []byte) bool {
		t := nal[0] & 0x1f
		return t >= 1 && t <= 5
	}}}}
}

// Packet types (RFC 6184 5.2).
const (
	stapA = 24
	stapB = 25
	fuA   = 28
	fuB   = 29
)

func (h *h264) begins(b []byte) bool {
	b = afterStartCode(b)
	if len(b) < 2 {
		return false
	}
	switch b[0] & 0x1f {
	case stapA:
		return len(b) > 4 && startsPicture264(b[3:])
	case stapB:
		return len(b) > 6 && startsPicture264(b[5:])
	case fuA:
		return len(b) > 2 && b[1]&0x80 != 0 && startsPicture264(append([]byte{b[1] & 0x1f}, b[2:3]...))
	case fuB:
		return len(b) > 4 && b[1]&0x80 != 0 && startsPicture264([]byte{b[1] & 0x1f, b[4]})
	}
	return startsPicture264(b)
}

// startsPicture264 follows H.264 7.4.1.2.3; first_mb_in_slice is 0 when the first bit
// behind the header is set.
func startsPicture264(nal []byte) bool {
	switch nal[0] & 0x1f {
	case 1, 2, 5:
		return len(nal) > 1 && nal[1]&0x80 != 0
	case 6, 7, 8, 9, 14, 15, 16, 17, 18:
		return true
	}
	return false
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
