package engine

import (
	"time"

	"rtsprec/engine/media"
)

// soundEnough is how much of a sound-only stream a probe listens to.
const soundEnough = 2 * time.Second

// analysis measures a session: frame rate, GOP, B-frames and bitrate by track.
type analysis struct {
	run    media.Run
	video  int // index of the track that decides when enough was seen; -1: none
	tracks []trackAnalysis
}

// trackAnalysis is what was seen of one track. For video, everything is counted from
// the first key frame on.
type trackAnalysis struct {
	rate        int
	units       int
	bytes       int64
	first, last media.Ticks // of PTS: the least and the greatest
	bframes     bool
	config      []byte

	keys     int
	firstKey media.Ticks
	lastKey  media.Ticks
	atKey    int   // units before the last key frame
	keyBytes int64 // bytes before the last key frame
	gopMin   int   // frames; 0: no whole GOP yet
	gopMax   int
}

func newAnalysis(run media.Run) *analysis {
	a := &analysis{run: run, video: -1}
	for i, t := range run.Tracks {
		a.tracks = append(a.tracks, trackAnalysis{rate: t.ClockRate, config: t.Config})
		if t.Codec.Video() && a.video < 0 {
			a.video = i
		}
	}
	return a
}

// add takes the next unit.
func (a *analysis) add(au media.AccessUnit) {
	t := &a.tracks[au.Track]
	if au.Config != nil {
		t.config = au.Config
	}
	video := a.run.Tracks[au.Track].Codec.Video()
	if video && t.keys == 0 && !au.Key {
		return
	}
	switch {
	case t.units == 0:
		t.first, t.last = au.PTS, au.PTS
	case au.PTS < t.last:
		t.bframes = t.bframes || video
	default:
		t.last = au.PTS
	}
	if video && au.Key {
		t.key(au.PTS)
	}
	t.units++
	t.bytes += int64(len(au.Data))
}

func (t *trackAnalysis) key(pts media.Ticks) {
	if t.keys++; t.keys == 1 {
		t.firstKey, t.lastKey = pts, pts
		return
	}
	gop := t.units - t.atKey
	if t.gopMin == 0 || gop < t.gopMin {
		t.gopMin = gop
	}
	t.gopMax = max(t.gopMax, gop)
	t.lastKey, t.atKey, t.keyBytes = pts, t.units, t.bytes
}

// done reports whether everything that a short look can show has been seen: the second
// key frame, and sound of every sound track.
func (a *analysis) done() bool {
	for i := range a.tracks {
		t := &a.tracks[i]
		switch {
		case i == a.video && t.keys < 2,
			a.video < 0 && t.seconds() < soundEnough.Seconds(),
			t.units == 0:
			return false
		}
	}
	return len(a.tracks) > 0
}

// seconds is the span of media seen.
func (t *trackAnalysis) seconds() float64 {
	return float64(t.last-t.first) / float64(t.rate)
}

// fps is the true frame rate: over whole GOPs where one was seen. 0: not seen.
func (t *trackAnalysis) fps() float64 {
	if t.keys > 1 && t.lastKey > t.firstKey {
		return float64(t.atKey) * float64(t.rate) / float64(t.lastKey-t.firstKey)
	}
	if s := t.seconds(); t.units > 1 && s > 0 {
		return float64(t.units-1) / s
	}
	return 0
}

// gop is the mean length of whole GOPs in frames and seconds. 0: none seen.
func (t *trackAnalysis) gop() (frames int, seconds float64) {
	if t.keys < 2 {
		return 0, 0
	}
	n := t.keys - 1
	return (t.atKey + n/2) / n, float64(t.lastKey-t.firstKey) / float64(t.rate) / float64(n)
}

// bitrate is in bit/s, over whole GOPs where one was seen. 0: not seen.
func (t *trackAnalysis) bitrate() float64 {
	if t.keys > 1 && t.lastKey > t.firstKey {
		return float64(t.keyBytes) * 8 * float64(t.rate) / float64(t.lastKey-t.firstKey)
	}
	if s := t.seconds(); t.units > 1 && s > 0 {
		return float64(t.bytes) * 8 / s
	}
	return 0
}
