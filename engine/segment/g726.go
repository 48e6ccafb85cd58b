package segment

import "rtsprec/engine/media"

// reordered reports whether a track's units are stored with another order of bits than
// they are handed over in.
func reordered(t media.Track) bool { return t.Codec == media.G726 && !t.AAL2 }

// reorder turns the codewords of G.726 in unit, in place, from the order of RFC 3551 4.5.4
// (the first in the least significant bits) into that of ITU-T I.366.2 (in the most
// significant ones), and back: 2 and 4 bits fill a byte, 3 and 5 bits as many bytes as
// they have bits. What does not fill such a group at the end stays as it is, so that
// two calls always give back what was there.
func reorder(unit []byte, bits int, toAAL2 bool) {
	group := 1
	if bits == 3 || bits == 5 {
		group = bits
	}
	words := group * 8 / bits
	mask := uint64(1)<<bits - 1
	for ; len(unit) >= group; unit = unit[group:] {
		var first, last uint64 // as if the first codeword were in the lowest and in the highest bits
		for i, b := range unit[:group] {
			first |= uint64(b) << (8 * i)
			last = last<<8 | uint64(b)
		}
		var out uint64
		for i := range words {
			if toAAL2 {
				out |= (first >> (i * bits) & mask) << ((words - 1 - i) * bits)
			} else {
				out |= (last >> ((words - 1 - i) * bits) & mask) << (i * bits)
			}
		}
		for i := range group {
			if toAAL2 {
				unit[i] = byte(out >> (8 * (group - 1 - i)))
			} else {
				unit[i] = byte(out >> (8 * i))
			}
		}
	}
}
