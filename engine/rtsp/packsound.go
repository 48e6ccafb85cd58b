package rtsp

import (
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// maxAAC is what the 13 bits of an AU-size hold (RFC 3640 3.3.6).
const maxAAC = 1<<13 - 1

// cutAAC is AAC-hbr (RFC 3640 3.3.6) with one unit a packet, however large: peers disagree
// about what the size in front of a fragment is, that of the unit or that of the fragment.
func (p *packer) cutAAC(data []byte) error {
	switch {
	case len(data) > maxAAC:
		return fault.New(fault.Unsupported, "an AAC unit of %d bytes", len(data))
	case len(data) > 0:
		p.put(p.head(0, 16, byte(len(data)>>5), byte(len(data)<<3)), data)
	}
	return nil
}

// cutWhole is Opus (RFC 7587): a unit is a packet, however large.
func (p *packer) cutWhole(data []byte) error {
	if len(data) > 1<<15 {
		return fault.New(fault.Unsupported, "a unit of sound of %d bytes", len(data))
	}
	if len(data) > 0 {
		p.put(nil, data)
	}
	return nil
}

// cutSamples is sound that can be cut between any two samples (RFC 3551 4.5).
func (p *packer) cutSamples(data []byte) error {
	t := &p.track
	channels := max(t.Channels, 1)
	frame, ticks := channels, 1 // so many bytes last so many ticks
	switch t.Codec {
	case media.L16:
		frame = 2 * channels
	case media.G726: // 8 samples are Bits bytes
		frame, ticks = max(t.Bits, 1)*channels, 8
	}
	size := max(p.room()/frame, 1) * frame
	for at := 0; at < len(data); at += size {
		p.put(nil, data[at:min(at+size, len(data))])
		p.pieces[len(p.pieces)-1].later = uint32(at / frame * ticks)
	}
	return nil
}
