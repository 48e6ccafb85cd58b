package rtsp

import (
	"encoding/binary"
	"time"
)

// packet is an RTP packet (RFC 3550 5.1) whose payload has not been copied.
type packet struct {
	marker    bool
	pt        uint8
	seq       uint16
	rtp       uint32 // timestamp
	ssrc      uint32
	profile   uint16 // of the header extension; 0: none
	extension []byte
	payload   []byte
	arrival   time.Time

	// What the reorderer found out.
	lost  int  // packets missing just before this one
	fresh bool // nothing before it belongs to it: the first, or the numbering began anew
}

// parse reads b; false when it is no RTP packet of version 2.
func (p *packet) parse(b []byte) bool {
	if len(b) < 12 || b[0]>>6 != 2 {
		return false
	}
	p.marker = b[1]&0x80 != 0
	p.pt = b[1] & 0x7f
	p.seq = binary.BigEndian.Uint16(b[2:])
	p.rtp = binary.BigEndian.Uint32(b[4:])
	p.ssrc = binary.BigEndian.Uint32(b[8:])
	n := 12 + 4*int(b[0]&0x0f)
	p.profile, p.extension = 0, nil
	if b[0]&0x10 != 0 {
		if len(b) < n+4 {
			return false
		}
		p.profile = binary.BigEndian.Uint16(b[n:])
		size := 4 * int(binary.BigEndian.Uint16(b[n+2:]))
		n += 4
		if len(b) < n+size {
			return false
		}
		p.extension = b[n : n+size : n+size]
		n += size
	}
	end := len(b)
	if b[0]&0x20 != 0 && end > n {
		if pad := int(b[end-1]); pad <= end-n {
			end -= pad
		}
	}
	if n > end {
		return false
	}
	p.payload = b[n:end:end]
	p.lost, p.fresh = 0, false
	return true
}

// isRTCP tells the two apart where they share a channel or port (RFC 5761 4).
func isRTCP(b []byte) bool {
	return len(b) >= 8 && b[0]>>6 == 2 && b[1] >= 192 && b[1] <= 223
}
