package rtspcam

import (
	"time"

	"rtsprec/engine/media"
)

// BePatient makes a camera that stops wait longer for its readers to hang up, before Serve.
func BePatient(c *Camera) { c.patience = 20 * time.Second }

// MarkUnit makes a unit with a mark out of anything.
func MarkUnit(codec media.Codec, m Mark, data []byte) []byte {
	if codec.NALs() {
		return seiNAL(codec, m)
	}
	return markedData(codec, &frame{data: append([]byte{0}, data...)}, m, quirks{})
}
