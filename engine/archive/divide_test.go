package archive

import (
	"testing"
	"time"

	"rtsprec/engine/media"
	"rtsprec/engine/segment"
)

// TestTheLastSoundBeforeAFilledGapIsPlayedBeforeIt although it is written behind it: the
// recorder holds the last unit of a track until the next one says how long it lasted.
func TestTheLastSoundBeforeAFilledGapIsPlayedBeforeIt(t *testing.T) {
	header := segment.Header{Start: nine, Tracks: []media.Track{{Codec: media.H264, ClockRate: 90000}, {Codec: media.AAC, ClockRate: 48000}}}
	cam := &Camera{Filled: []Filled{{From: nine.Add(time.Second), To: nine.Add(3 * time.Second), Segment: 2}}}
	p := &player{
		cur:   &reading{found: &segment.File{Header: header}, item: item{cam: cam, Segment: &Segment{N: 1}}},
		items: []item{{cam: cam, Segment: &Segment{N: 2, Origin: originReplay}}},
	}
	unit := func(track int, at time.Duration) segment.Unit {
		return segment.Unit{Sample: segment.Sample{Track: track, DTS: media.FromDuration(at, header.Tracks[track].ClockRate)}}
	}
	picture, held, sound := unit(0, 3*time.Second), unit(1, time.Second), unit(1, 3*time.Second)
	now, behind := p.divide([]segment.Unit{picture, held, sound})
	if len(now) != 1 || now[0].DTS != held.DTS || len(behind) != 2 || behind[0].DTS != picture.DTS || behind[1].DTS != sound.DTS {
		t.Errorf("now %+v, behind the gap %+v", now, behind)
	}
}
