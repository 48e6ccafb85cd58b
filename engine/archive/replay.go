package archive

import (
	"context"
	"time"

	"rtsprec/engine/media"
)

// PlayOptions says what [Library.Replay] plays.
type PlayOptions struct {
	// From is where it begins: at the key frame at or before it. Zero: at the beginning.
	// To is where it ends; zero: at the end. With Reverse From is the later one.
	From, To time.Time
	Keys     bool          // only key frames, and of the picture only
	Reverse  bool          // key frames in falling order of capture; implies Keys
	Follow   bool          // at the end of a recording that is being written wait for more
	Tracks   []media.Track // those that were described; nil: what Describe says now
}

// Play is [Library.Replay] with the most common options.
func (l *Library) Play(ctx context.Context, path string, from, to time.Time, keys, reverse bool) (media.Source, error) {
	return l.Replay(ctx, path, PlayOptions{From: from, To: to, Keys: keys, Reverse: reverse})
}
