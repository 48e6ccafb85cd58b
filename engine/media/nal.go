package media

import (
	"encoding/binary"
	"iter"

	"rtsprec/engine/fault"
)

// NALs walks over the NAL units of a length-prefixed unit or configuration, in order.
// The slices share data's memory. It ends at the first length that does not fit, so it
// is safe on anything; [ValidNALs] says whether something was left over.
func NALs(data []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(data) >= 4 {
			n := binary.BigEndian.Uint32(data)
			if uint64(n) > uint64(len(data)-4) {
				return
			}
			if !yield(data[4 : 4+n : 4+n]) {
				return
			}
			data = data[4+n:]
		}
	}
}

// AppendNAL appends nal to dst behind its 4-byte big-endian length. An empty nal adds
// nothing: a NAL unit has at least its header (H.264 7.3.1).
func AppendNAL(dst, nal []byte) []byte {
	if len(nal) == 0 {
		return dst
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(nal)))
	return append(dst, nal...)
}

// ValidNALs reports whether data is one or more non-empty NAL units whose lengths
// add up to exactly len(data). A page of zeros, as a power cut leaves it, is not.
// The error is of kind [fault.Damaged].
func ValidNALs(data []byte) error {
	if len(data) == 0 {
		return fault.New(fault.Damaged, "a unit without NAL units")
	}
	for rest := data; len(rest) > 0; {
		at := len(data) - len(rest)
		if len(rest) < 4 {
			return fault.New(fault.Damaged, "%d bytes left over at byte %d of a unit", len(rest), at)
		}
		n := binary.BigEndian.Uint32(rest)
		switch {
		case n == 0:
			return fault.New(fault.Damaged, "an empty NAL unit at byte %d of a unit", at)
		case uint64(n) > uint64(len(rest)-4):
			return fault.New(fault.Damaged, "a NAL unit of %d bytes at byte %d of a unit of %d", n, at, len(data))
		}
		rest = rest[4+n:]
	}
	return nil
}
