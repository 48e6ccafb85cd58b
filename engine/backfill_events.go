package engine

import (
	"fmt"
	"time"
)

// Backfilled says that a gap, or a part of one, was filled from another recording; or, with
// the splice "beside", that the main stream of a time was got that was recorded from the
// sub-stream, and is kept beside it.
type Backfilled struct {
	Camera string    `json:"camera"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Units  int       `json:"units"`
	Splice string    `json:"splice"` // "identity", "time" or "beside"
	Source string    `json:"source"` // without a password
}

// Type implements Event.
func (Backfilled) Type() string { return "backfill" }

// Serious implements Event.
func (Backfilled) Serious() bool { return false }

// Text names the span and how it was joined.
func (e Backfilled) Text(zone *time.Location) string {
	if e.Splice == kept {
		return fmt.Sprintf("%s: the main stream from %s to %s is kept beside (%d units)", e.Camera, clockTime(e.From, zone), clockTime(e.To, zone), e.Units)
	}
	return fmt.Sprintf("%s: filled from %s to %s (%d units, joined by %s)", e.Camera, clockTime(e.From, zone), clockTime(e.To, zone), e.Units, e.Splice)
}
