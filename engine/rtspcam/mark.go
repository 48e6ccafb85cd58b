package rtspcam

import (
	"time"

	"rtsprec/engine/media"
)

// Mark tells one unit from every other of its track.
type Mark struct {
	Counter uint64    // from 0 at the start of the camera, without a hole, never reused
	Capture time.Time // on the host's clock, whatever the camera's own clock says
}

// Range is a run of units without a hole. Last is part of it.
type Range struct{ First, Last Mark }

// ReadMark finds the mark of a unit (the MP4 sample, an Annex B unit, or one
// audio frame); false where there is none.
func ReadMark(codec media.Codec, unit []byte) (Mark, bool) { return Mark{}, false }
