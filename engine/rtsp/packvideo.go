package rtsp

import (
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// cutH264 is packetization-mode 1 (RFC 6184 6.3): NAL units alone, or in fragments (FU-A)
// where they do not fit. They are not aggregated: that would save a packet or two of a key
// frame, and every receiver would have to be believed to take them apart right.
func (p *packer) cutH264(data []byte) error {
	if err := media.ValidNALs(data); err != nil {
		return err
	}
	for nal := range media.NALs(data) {
		if t := nal[0] & 0x1f; len(nal) <= p.room() && t >= 1 && t <= 23 {
			p.put(nil, nal)
			continue
		}
		p.fragment(nal[1:], nal[0]&0xe0|fuA, nal[0]&0x1f)
	}
	return nil
}

// cutH265 is RFC 7798 4.4: NAL units alone or in fragments.
func (p *packer) cutH265(data []byte) error {
	if err := media.ValidNALs(data); err != nil {
		return err
	}
	for nal := range media.NALs(data) {
		if len(nal) < 2 {
			return fault.New(fault.Damaged, "a NAL unit without its header")
		}
		t := nal[0] >> 1 & 0x3f
		if len(nal) <= p.room() && t < ap265 {
			p.put(nil, nal)
			continue
		}
		p.fragment(nal[2:], nal[0]&0x81|fu265<<1, nal[1], t)
	}
	return nil
}

// fragment cuts the body of a NAL unit. The last byte of head gets the start and end bits.
// There are at least two fragments, because one that is both first and last is forbidden;
// a body that has no two bytes to give is a NAL unit nobody can use, and left out.
func (p *packer) fragment(body []byte, head ...byte) {
	if len(body) < 2 {
		return
	}
	for rest, size := body, p.room()-len(head); len(rest) > 0; {
		n := min(size, len(rest))
		h := p.head(head...)
		if len(rest) == len(body) {
			n = min(n, len(body)-1)
			h[len(h)-1] |= 0x80
		}
		if n == len(rest) {
			h[len(h)-1] |= 0x40
		}
		p.put(h, rest[:n])
		rest = rest[n:]
	}
}

// cutStream is MPEG-4 Part 2 (RFC 6416 5): the bytes as they are. No packet is left with a
// few bytes only, which could be zeros and taken for padding.
func (p *packer) cutStream(data []byte) error {
	const least = 8
	for len(data) > 0 {
		n := min(p.room(), len(data))
		if left := len(data) - n; left > 0 && left < least {
			n -= least
		}
		p.put(nil, data[:n])
		data = data[n:]
	}
	return nil
}
