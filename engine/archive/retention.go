package archive

import "time"

// Keep says what retention leaves. Zero values mean: no bound.
type Keep struct {
	Age     time.Duration   // segments that ended longer ago go
	Size    int64           // bytes of media; what is more goes, oldest first
	Free    int64           // bytes that shall be free on the disk
	Cameras map[string]Keep // instead of Age and Size for a camera; their own Free and Cameras mean nothing
}

// Prunable returns the segments that have to go, oldest first: whole, sealed, and in no
// protected span. free is what the disk has left; negative: not known.
func (r *Recording) Prunable(k Keep, now time.Time, free int64) []*Segment { return nil }
