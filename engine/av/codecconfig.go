//go:build cgo

package av

import (
	"bytes"
	"encoding/binary"

	"rtsprec/engine/media"
)

// configOf turns what FFmpeg calls extradata into Track.Config, nil where there is none:
// parameter sets out of avcC or hvcC, behind start codes, or behind lengths.
func configOf(codec media.Codec, extra []byte) []byte {
	switch {
	case !codec.NeedsConfig() || len(extra) == 0:
		return nil
	case !codec.NALs():
		return bytes.Clone(extra)
	case extra[0] == 1 && codec == media.H264:
		return media.JoinConfig(avcSets(extra)...)
	case extra[0] == 1:
		return media.JoinConfig(hevcSets(extra)...)
	case bytes.HasPrefix(extra, []byte{0, 0, 1}), bytes.HasPrefix(extra, []byte{0, 0, 0, 1}):
		extra = lengthsOf(extra)
	}
	vps, sps, pps := media.SplitConfig(codec, extra)
	return media.JoinConfig(append(append(vps, sps...), pps...)...)
}

// avcSets reads an AVCDecoderConfigurationRecord (ISO 14496-15 5.3.3.1), up to where it
// ends too early.
func avcSets(b []byte) (sets [][]byte) {
	if len(b) < 6 {
		return nil
	}
	count, b := int(b[5]&0x1f), b[6:]
	sets, b = takeSets(sets, b, count)
	if len(b) > 0 {
		sets, _ = takeSets(sets, b[1:], int(b[0]))
	}
	return sets
}

// hevcSets reads an HEVCDecoderConfigurationRecord (8.3.3.1).
func hevcSets(b []byte) (sets [][]byte) {
	if len(b) < 23 {
		return nil
	}
	arrays, b := int(b[22]), b[23:]
	for ; arrays > 0 && len(b) >= 3; arrays-- {
		kind, count := b[0]&0x3f, int(binary.BigEndian.Uint16(b[1:]))
		var these [][]byte
		these, b = takeSets(nil, b[3:], count)
		if kind >= 32 && kind <= 34 {
			sets = append(sets, these...)
		}
	}
	return sets
}

// takeSets appends count sets, each behind its length of two bytes, and returns the rest.
func takeSets(sets [][]byte, b []byte, count int) (all [][]byte, rest []byte) {
	for ; count > 0 && len(b) >= 2; count-- {
		n := int(binary.BigEndian.Uint16(b))
		if n > len(b)-2 {
			return sets, nil
		}
		sets, b = append(sets, b[2:2+n]), b[2+n:]
	}
	return sets, b
}

// lengthsOf puts NAL units that stand behind start codes (H.264 Annex B) behind lengths.
func lengthsOf(b []byte) []byte {
	code := []byte{0, 0, 1}
	at := bytes.Index(b, code)
	out := make([]byte, 0, len(b)+8)
	for at >= 0 {
		b = b[at+3:]
		nal := b
		if at = bytes.Index(b, code); at >= 0 {
			nal = b[:at]
		}
		out = media.AppendNAL(out, bytes.TrimRight(nal, "\x00"))
	}
	return out
}
