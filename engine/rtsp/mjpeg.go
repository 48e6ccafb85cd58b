package rtsp

import (
	"bytes"
	"encoding/binary"
)

// mjpeg is RFC 2435: the packets carry the entropy-coded data and what is needed to make
// the headers of a JFIF picture anew. Pictures wider or higher than 2040 do not fit the
// 8-bit sizes; their true size comes from the ONVIF header extension, which holds
// original headers (ONVIF streaming specification 5.2.3.2), or from the description
// (a=x-dimensions).
type mjpeg struct {
	width, height int // as announced; 0: not said
	tables        map[uint8][]byte
	next          int // offset that is due
	started       bool
	hurt          bool
	bad           uint64
	extension     []byte
}

func newMJPEG(st *stream, out emit) depacketiser {
	return &pictures{out: out, codec: &mjpeg{
		width: st.media.width, height: st.media.height, tables: map[uint8][]byte{},
	}}
}

// begins: the fragment offset is 0.
func (m *mjpeg) begins(b []byte) int {
	if len(b) >= 8 && b[1] == 0 && b[2] == 0 && b[3] == 0 {
		return 0
	}
	return -1
}

func (m *mjpeg) add(buf []byte, p *packet, broken bool) []byte {
	b := p.payload
	if len(b) < 8 {
		m.bad++
		return buf
	}
	if p.profile == onvifJPEG {
		m.extension = append(m.extension[:0], p.extension...)
	} else if e := p.extension; p.profile == onvifReplay && len(e) > 16 && binary.BigEndian.Uint16(e[12:]) == onvifJPEG {
		m.extension = append(m.extension[:0], e[16:]...) // inside the replay extension, behind its body
	}
	offset := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
	head := jpegHead{
		kind: b[4], q: b[5], width: int(b[6]) * 8, height: int(b[7]) * 8,
	}
	b = b[8:]
	if head.kind >= 64 && head.kind <= 127 { // restart marker header
		if len(b) < 4 {
			m.bad++
			return buf
		}
		head.restart = int(binary.BigEndian.Uint16(b))
		b = b[4:]
	}
	if offset == 0 {
		if head.q >= 128 {
			var ok bool
			if b, ok = m.quantisation(&head, b); !ok {
				m.bad++
				m.hurt = true
				return buf
			}
		} else {
			head.tables = scaledTables(head.q)
		}
		if head.width == 0 || m.width > 2040 {
			head.width = m.width
		}
		if head.height == 0 || m.height > 2040 {
			head.height = m.height
		}
		m.extended(&head)
		if head.width == 0 || head.height == 0 || head.kind&0x3f > 1 || len(head.tables) < 64 {
			m.bad++
			m.hurt = true
			return buf
		}
		m.started, m.next = true, 0
		buf = head.append(buf[:0])
	}
	if !m.started {
		m.hurt = true
		return buf
	}
	if offset != m.next {
		m.hurt = true
	}
	m.next = offset + len(b)
	return append(buf, b...)
}

// quantisation reads the quantisation table header of a first packet.
func (m *mjpeg) quantisation(head *jpegHead, b []byte) ([]byte, bool) {
	if len(b) < 4 {
		return b, false
	}
	head.precision = b[1]
	n := int(binary.BigEndian.Uint16(b[2:]))
	b = b[4:]
	if n > len(b) {
		return b, false
	}
	if n > 0 {
		head.tables = bytes.Clone(b[:n])
		m.tables[head.q] = head.tables
		return b[n:], true
	}
	head.tables = m.tables[head.q]
	return b, head.tables != nil
}

// onvifJPEG is the profile of the header extension that carries original JPEG headers.
const onvifJPEG = 0xffd8

// extended takes what the original headers say instead: the frame header (SOF0) with
// size and sampling.
func (m *mjpeg) extended(head *jpegHead) {
	for b := m.extension; len(b) >= 4; {
		if b[0] != 0xff {
			b = b[1:]
			continue
		}
		n := int(binary.BigEndian.Uint16(b[2:]))
		if b[1] == 0xff || b[1] == 0xd8 || n < 2 || n+2 > len(b) {
			b = b[1:]
			continue
		}
		body := b[4 : n+2]
		if (b[1] == 0xc0 || b[1] == 0xc1) && len(body) >= 5 {
			head.height, head.width = int(binary.BigEndian.Uint16(body[1:])), int(binary.BigEndian.Uint16(body[3:]))
		}
		b = b[n+2:]
	}
	m.extension = m.extension[:0]
}

func (m *mjpeg) close(buf []byte, _ bool) []byte {
	if m.started && !bytes.HasSuffix(buf, []byte{0xff, 0xd9}) {
		buf = append(buf, 0xff, 0xd9) // EOI
	}
	return buf
}

func (m *mjpeg) picture() bool { return m.started }
func (m *mjpeg) reset()        { m.started = false }

func (m *mjpeg) damaged() bool {
	hurt := m.hurt
	m.hurt = false
	return hurt
}

func (m *mjpeg) invalid() uint64 { return m.bad }

func (m *mjpeg) salvage(buf []byte) []byte { return buf[:0] }
