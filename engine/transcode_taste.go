package engine

import (
	"sync"

	"rtsprec/engine/media"
)

// taste is what a server has refused to take so far. What finds that out and what follows
// it are different goroutines. A nil one knows nothing.
type taste struct {
	mu      sync.Mutex
	refused map[media.Codec]bool
	changes int
}

// refuse notes that a codec was refused; false: that is known.
func (t *taste) refuse(c media.Codec) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refused[c] {
		return false
	}
	if t.refused == nil {
		t.refused = map[media.Codec]bool{}
	}
	t.refused[c] = true
	t.changes++
	return true
}

func (t *taste) dislikes(c media.Codec) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.refused[c]
}

// version changes with what is known.
func (t *taste) version() int {
	if t == nil {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.changes
}

// learn finds out from a refusal of all tracks which one it may be for: sound that is not
// AAC first, because that is the most common, then pictures that are not H.264. It
// reports whether anything is left to try.
func (t *taste) learn(tracks []media.Track, o TranscodeOptions) bool {
	for _, sound := range []bool{true, false} {
		for _, track := range tracks {
			plain, coding := media.H264, o.Video
			if sound {
				plain, coding = media.AAC, o.Audio
			}
			if track.Codec.Video() != sound && track.Codec != plain && coding == Auto && t.refuse(track.Codec) {
				return true
			}
		}
	}
	return false
}
