package rtsp

import "bytes"

// mpeg4 is MPEG-4 Part 2 (RFC 6416 5): the elementary stream, cut anywhere.
type mpeg4 struct {
	vop bool // a picture has begun
}

func newMPEG4(_ *stream, out emit) depacketiser { return &pictures{out: out, codec: &mpeg4{}} }

var vopStart = []byte{0, 0, 1, 0xb6} // vop_start_code, ISO 14496-2 6.3.1

func (m *mpeg4) begins(b []byte) int {
	if bytes.HasPrefix(b, startCode) {
		return 0
	}
	return -1
}

func (m *mpeg4) add(buf []byte, p *packet, _ bool) []byte {
	from := max(len(buf)-len(vopStart)+1, 0)
	buf = append(buf, p.payload...)
	m.vop = m.vop || bytes.Contains(buf[from:], vopStart)
	return buf
}

func (m *mpeg4) close(buf []byte, _ bool) []byte { return buf }
func (m *mpeg4) picture() bool                   { return m.vop }
func (m *mpeg4) reset()                          { m.vop = false }
func (m *mpeg4) damaged() bool                   { return false }
func (m *mpeg4) invalid() uint64                 { return 0 }

func (m *mpeg4) salvage(buf []byte) []byte { return buf[:0] }
