package timeline

import (
	"time"

	"rtsprec/engine/media"
)

// Slew places a track's units in a segment. Within a segment, time follows Ticks and is
// led towards Wall by at most 1 ms a second; what is left over waits for the next Cut.
type Slew struct{ rate int }

// NewSlew begins for a track whose clock runs at rate Hz. Call Cut before Place.
func NewSlew(rate int) *Slew { return &Slew{rate: rate} }

// Cut begins a segment whose tick 0 is at origin, media time. Pending corrections are
// taken: the next unit is placed where its wall says.
func (s *Slew) Cut(origin time.Time) {}

// Place returns the ticks from the segment's origin of the unit that is decoded at
// ticks, whose media time is wall (for a unit with PTS and DTS apart: the DTS, and the
// wall of the PTS less PTS-DTS). The result is 0 or more and rises with every call.
func (s *Slew) Place(ticks media.Ticks, wall time.Time) int64 { return ticks }

// Pending is the correction that is still to be slewed, or taken at the next Cut:
// media time less the time at which units are placed.
func (s *Slew) Pending() time.Duration { return 0 }
