package journal

import (
	"slices"
	"time"

	"rtsprec/engine/media"
)

// Limited is a span in which a camera's encoder was held at Limit bit/s.
type Limited struct {
	From, To time.Time
	Limit    int
}

// Limits lists those spans of a segment of the main stream from from to to: limit is what
// the segment says of its beginning (Segment.Limit), changes are the camera's Quality lines in order
// of time.
func Limits(from, to time.Time, limit int, changes []Quality) (list []Limited) {
	add := func(until time.Time) {
		if limit > 0 && from.Before(until) {
			list = append(list, Limited{from, until, limit})
		}
	}
	i, _ := slices.BinarySearchFunc(changes, from, func(q Quality, at time.Time) int {
		if q.From.After(at) {
			return 1
		}
		return -1
	})
	for _, q := range changes[i:] {
		if !q.From.Before(to) {
			break
		}
		if q.Stream != media.SubStream && q.Limit != limit {
			add(q.From)
			from, limit = q.From, q.Limit
		}
	}
	add(to)
	return list
}
