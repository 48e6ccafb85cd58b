package rtspcam

import "rtsprec/engine/media"

// MarkUnit makes a unit with a mark out of anything.
func MarkUnit(codec media.Codec, m Mark, data []byte) []byte {
	if codec.NALs() {
		return seiNAL(codec, m)
	}
	return markedData(codec, &frame{data: append([]byte{0}, data...)}, m, quirks{})
}
