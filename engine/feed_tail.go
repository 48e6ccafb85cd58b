package engine

import (
	"context"
	"time"

	"rtsprec/engine/media"
)

// The last units of a window arrive one network and encoder delay after its end. A feed
// waits for them as long as units come, up to tailMost, and tailWait when none do.
const (
	tailWait = 2 * time.Second
	tailMost = 10 * time.Second
)

// guardTail closes the session when the end of the window has passed and nothing more
// comes of it: a camera that fell silent, or whose clock lags, cannot hold up the end.
// The returned function releases it.
func (f *feed) guardTail(ctx context.Context, s Session) func() {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		timer := time.NewTimer(0)
		defer timer.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
			now := f.deps.Clock.Now()
			timer.Reset(f.nextLook(now))
			if f.past(now.Add(-tailMost)) || f.past(now.Add(-tailWait)) && f.silent(now) >= tailWait {
				s.Close()
				return
			}
		}
	}()
	return func() { cancel(); <-done }
}

// nextLook is when guardTail looks again: seldom before the end, often after it. The end
// may still become known, and the host's clock be set.
func (f *feed) nextLook(now time.Time) time.Duration {
	if f.past(now.Add(time.Second)) {
		return 100 * time.Millisecond
	}
	return time.Second
}

// silent is how long no unit has reached the sink.
func (f *feed) silent(now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return now.Sub(f.latest)
}

func (f *feed) past(now time.Time) bool {
	end := f.end()
	return !end.IsZero() && !now.Before(end)
}

// tail knows which tracks have reached the end of the window. A session is over when
// its video has, and where there is none, when every track has.
type tail struct {
	video bool
	left  map[media.TrackID]bool
}

func newTail(run media.Run) *tail {
	t := &tail{left: map[media.TrackID]bool{}}
	for _, track := range run.Tracks {
		if track.Codec.Video() && !t.video {
			t.video = true
			clear(t.left)
		}
		if track.Codec.Video() == t.video {
			t.left[track.ID] = true
		}
	}
	return t
}

// done notes that a unit of the track lies behind the end, and reports whether that
// was the last one waited for. Sound that is still on its way when the picture is done
// is waited for no longer: the tracks of a session arrive together.
func (t *tail) done(id media.TrackID) bool {
	delete(t.left, id)
	return len(t.left) == 0
}
