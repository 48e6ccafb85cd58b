package rtspcam

import (
	"bytes"
	"encoding/binary"

	"rtsprec/engine/media"
)

// maxPayload keeps packets below an Ethernet frame over IPv6 with some tunnel around it.
const maxPayload = 1400

const headerSize = 12 // RTP, without contributing sources and extension

// packer builds the RTP packets of one unit in one piece of memory.
type packer struct {
	buf  []byte
	ends []int
	time uint32
	ssrc uint32
	kind uint8 // payload type
	next uint16
}

func newPacker(size int) *packer {
	n := size/(maxPayload-64) + 8
	return &packer{buf: make([]byte, 0, size+n*(headerSize+16)), ends: make([]int, 0, n)}
}

// add makes one packet of the parts of its payload.
func (p *packer) add(parts ...[]byte) {
	p.buf = append(p.buf, 0x80, p.kind)
	p.buf = binary.BigEndian.AppendUint16(p.buf, p.next)
	p.buf = binary.BigEndian.AppendUint32(p.buf, p.time)
	p.buf = binary.BigEndian.AppendUint32(p.buf, p.ssrc)
	for _, part := range parts {
		p.buf = append(p.buf, part...)
	}
	p.ends = append(p.ends, len(p.buf))
	p.next++
}

// pad adds RTP padding to the last packet (RFC 3550 5.1).
func (p *packer) pad(n byte) {
	last := p.start(len(p.ends) - 1)
	p.buf[last] |= 0x20
	for range n - 1 {
		p.buf = append(p.buf, 0)
	}
	p.buf = append(p.buf, n)
	p.ends[len(p.ends)-1] = len(p.buf)
}

func (p *packer) start(i int) int {
	if i == 0 {
		return 0
	}
	return p.ends[i-1]
}

// mark sets the marker bit of the last packet, or of all or none.
func (p *packer) mark(how string) {
	for i := range p.ends {
		if how == "always" || how == "" && i == len(p.ends)-1 {
			p.buf[p.start(i)+1] |= 0x80
		}
	}
}

// packets cuts the memory apart.
func (p *packer) packets() [][]byte {
	list := make([][]byte, len(p.ends))
	for i, end := range p.ends {
		list[i] = p.buf[p.start(i):end:end]
	}
	return list
}

// nals packetises by RFC 6184 (H.264) or RFC 7798 (H.265): single NAL units and
// fragments, and what faults make of them.
func (p *packer) nals(codec media.Codec, nals [][]byte, q quirks) {
	if q.stap {
		nals = p.aggregate(codec, nals)
	}
	for _, nal := range nals {
		if q.zeroNAL {
			p.add()
		}
		switch {
		case len(nal) > maxPayload:
			p.fragments(codec, nal)
		case q.fuse:
			head, body := fragmentHeader(codec, nal)
			head[len(head)-1] |= 0xc0
			p.add(head, body)
		default:
			p.add(nal)
		}
	}
}

// fragmentHeader returns the payload header and the FU header without its bits, and what is left
// of the NAL unit.
func fragmentHeader(codec media.Codec, nal []byte) (head, body []byte) {
	if codec == media.H265 {
		return []byte{nal[0]&0x81 | 49<<1, nal[1], nal[0] >> 1 & 0x3f}, nal[2:]
	}
	return []byte{nal[0]&0xe0 | 28, nal[0] & 0x1f}, nal[1:]
}

func (p *packer) fragments(codec media.Codec, nal []byte) {
	head, body := fragmentHeader(codec, nal)
	bits := len(head) - 1
	head[bits] |= 0x80
	for len(body) > 0 {
		n := min(len(body), maxPayload-len(head))
		if n == len(body) {
			head[bits] |= 0x40
		}
		p.add(head, body[:n])
		head[bits] &^= 0x80
		body = body[n:]
	}
}

// aggregate puts the parameter sets at the front into one packet, with padding, and
// returns the rest.
func (p *packer) aggregate(codec media.Codec, nals [][]byte) [][]byte {
	head := []byte{3<<5 | 24} // STAP-A
	if codec == media.H265 {
		head = []byte{48 << 1, 1} // aggregation packet
	}
	payload, n := head, 0
	for n < len(nals) && parameterSet(codec, nals[n]) && len(payload)+len(nals[n])+2 < maxPayload {
		payload = binary.BigEndian.AppendUint16(payload, uint16(len(nals[n])))
		payload = append(payload, nals[n]...)
		n++
	}
	if n < 2 {
		return nals
	}
	p.add(payload)
	p.pad(4)
	return nals[n:]
}

// aac packetises by RFC 3640 3.3.6: AU headers of 16 bits, 13 of them the size.
func (p *packer) aac(units [][]byte) {
	head := []byte{0, byte(16 * len(units))}
	for _, u := range units {
		head = append(head, byte(len(u)>>5), byte(len(u)<<3))
	}
	p.add(append([][]byte{head}, units...)...)
}

// latm packetises by RFC 6416 6.3, with the configuration out of band: the length in bytes
// of 255 and a rest (ISO 14496-3 1.7.3.1), and the unit.
func (p *packer) latm(unit []byte) {
	length := bytes.Repeat([]byte{255}, len(unit)/255)
	p.add(append(length, byte(len(unit)%255)), unit)
}

// data packetises what has no NAL units.
func (p *packer) data(codec media.Codec, unit []byte) {
	switch codec {
	case media.MJPEG:
		p.jpeg(unit)
	default: // MPEG-4 (RFC 6416) is cut anywhere; sound fits into one packet
		for len(unit) > 0 {
			n := min(len(unit), maxPayload)
			p.add(unit[:n])
			unit = unit[n:]
		}
	}
}

// jpeg packetises a baseline JPEG with the standard Huffman tables by RFC 2435.
func (p *packer) jpeg(unit []byte) {
	h := parseJPEG(unit)
	offset := 0
	for scan := h.scan; len(scan) > 0; {
		head := []byte{0, byte(offset >> 16), byte(offset >> 8), byte(offset), h.kind, 255, byte(h.width / 8), byte(h.height / 8)}
		if offset == 0 {
			head = append(head, 0, 0, byte(len(h.tables)>>8), byte(len(h.tables)))
			head = append(head, h.tables...)
		}
		n := min(len(scan), maxPayload-len(head))
		p.add(head, scan[:n])
		scan = scan[n:]
		offset += n
	}
}
