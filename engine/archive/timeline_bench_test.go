package archive

import (
	"testing"
	"time"

	"rtsprec/engine/journal"
	"rtsprec/engine/media"
)

// BenchmarkTimelineOfAMonth is 30 days of one camera in files of ten minutes.
func BenchmarkTimelineOfAMonth(b *testing.B) {
	r := &Recording{Plan: journal.Plan{Opened: nine}, State: Closed, Window: Window{From: nine, To: nine.Add(720 * time.Hour), Closed: true}}
	c := &Camera{Name: "a"}
	for n := range 30 * 144 {
		start := nine.Add(time.Duration(n) * 10 * time.Minute)
		end := start.Add(10 * time.Minute)
		tracks := []SegmentTrack{{Track: journal.Track{Codec: media.H264}, Start: start, End: end, Units: 18000}, {Track: journal.Track{Codec: media.AAC}, Start: start, End: end, Units: 28000}}
		c.Segments = append(c.Segments, &Segment{Camera: "a", N: uint64(n + 1), Sealed: true, Size: 1, Start: start, End: end, Tracks: tracks})
	}
	r.Cameras = []*Camera{c}
	for b.Loop() {
		if len(r.Timeline(c)) != 1 {
			b.Fatal("not one span")
		}
	}
}
