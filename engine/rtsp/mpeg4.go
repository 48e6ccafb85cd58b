package rtsp

import "bytes"

// mpeg4 is MPEG-4 Part 2 (RFC 6416 5): the elementary stream, cut anywhere.
type mpeg4 struct{}

func newMPEG4(_ *stream, out emit) depacketiser { return &pictures{out: out, codec: &mpeg4{}} }

var vopStart = []byte{0, 0, 1, 0xb6} // vop_start_code, ISO 14496-2 6.3.1

func (m *mpeg4) begins(b []byte) bool { return bytes.HasPrefix(b, startCode) }

func (m *mpeg4) add(buf []byte, p *packet, _ bool) []byte { return append(buf, p.payload...) }

func (m *mpeg4) close(buf []byte, _ bool) ([]byte, bool) { return buf, bytes.Contains(buf, vopStart) }

func (m *mpeg4) damaged() bool   { return false }
func (m *mpeg4) invalid() uint64 { return 0 }
