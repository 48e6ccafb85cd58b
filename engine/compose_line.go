package engine

import (
	"context"
	"sync"
	"time"

	"rtsprec/engine/compose"
	"rtsprec/engine/media"
)

// pictureLine is an input's pictures on their way from its decoder to the canvas, and what
// is known of when they come. It may be filled by one goroutine while another one draws.
//
// A live line has room for a few and then lets the oldest go; one that plays a file or a
// recording makes its decoder wait.
type pictureLine struct {
	*compose.Picker[media.Picture]
	clock  media.Clock
	live   bool
	budget time.Duration // of a live one: how long the composer waits for it at most
	wake   func()        // called when a picture came, or none will

	mu      sync.Mutex
	first   time.Time // capture times of the first and the newest that came; zero: none did
	newest  time.Time
	came    time.Time // and when that did
	usual   time.Duration
	lag     time.Duration // of pictures behind their capture, lately
	ended   bool
	blind   bool // what plays has no picture
	decoded uint64
	dropped uint64 // for want of room
	meter   meter
}

// How many pictures wait: of a live input what comes while another one is waited for, else
// what keeps the decoder busy.
const (
	liveRoom   = 8
	playedRoom = 3
)

func newPictureLine(clock media.Clock, live bool, budget time.Duration, wake func()) *pictureLine {
	o := compose.PickerOptions[media.Picture]{
		Room: playedRoom, Frozen: frozenAfter, Dead: slateAfter, Release: media.Picture.Release,
	}
	if live {
		o.Room = liveRoom
	}
	return &pictureLine{Picker: compose.NewPicker(o), clock: clock, live: live, budget: budget, wake: wake}
}

// When an input that sends nothing is shown as it is.
const (
	frozenAfter = 2 * time.Second
	slateAfter  = 5 * time.Second
)

// put takes a picture, which is the line's from then on, captured at a time of the
// output's clock. Where it has to wait for room ctx bounds that.
func (l *pictureLine) put(ctx context.Context, p media.Picture, at time.Time) error {
	now := l.clock.Now()
	if l.live && at.After(now) {
		at = now // nothing was captured that is still to come: the camera's clock is ahead
	}
	l.measure(at, now)
	defer l.wake()
	if !l.live {
		l.wake() // now that newest is known, also when there is no room
		return l.Offer(ctx, at, p)
	}
	if l.Put(at, now, p) {
		l.mu.Lock()
		l.dropped++
		l.mu.Unlock()
	}
	return nil
}

// measure keeps the figures about what comes.
func (l *pictureLine) measure(at, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first.IsZero() {
		l.first, l.lag = at, now.Sub(at)
	}
	if step := at.Sub(l.newest); !l.newest.IsZero() && step > 0 && step < 10*time.Second {
		if l.usual == 0 {
			l.usual = step
		}
		l.usual += (step - l.usual) / 8
	}
	l.lag += (now.Sub(at) - l.lag) / 8
	l.newest, l.came = at, now
	l.decoded++
	l.meter.add(now, 0, true)
}

// begin counts anew what there is no room for: before the composition began nobody missed
// it.
func (l *pictureLine) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dropped = 0
}

// due is how much before its time a picture may be captured.
const due = 2 * time.Millisecond

// known reports whether all that can be known of what is to be shown at an instant is:
// waiting longer would not bring a newer picture, or is not worth it.
func (l *pictureLine) known(at, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.ended || l.blind || l.newest.After(at):
		return true
	case !l.live:
		return false
	}
	next := l.newest.Add(l.usual - due)
	return l.newest.IsZero() || next.After(at) || // it is captured later
		l.lag > l.budget || // it comes later than we wait
		now.Sub(l.came) > max(time.Second, 3*l.usual) // or not at all
}

// span is when the first and the newest picture were captured, zero where none has come,
// and whether none follows.
func (l *pictureLine) span() (first, newest time.Time, ended bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first, l.newest, l.ended
}

// blinded says whether what plays has no picture.
func (l *pictureLine) blinded(is bool) {
	l.mu.Lock()
	l.blind = is
	l.mu.Unlock()
	l.wake()
}

// soundOnly reports whether what plays has no picture.
func (l *pictureLine) soundOnly() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.blind
}

// end says that no picture follows.
func (l *pictureLine) end() {
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	l.End()
	l.wake()
}

// over reports whether at an instant the last picture has been seen for its time.
func (l *pictureLine) over(at time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended && !l.newest.Add(l.usual).After(at)
}

// rate is how many pictures a second came lately.
func (l *pictureLine) rate(now time.Time) float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	fps, _ := l.meter.rates(now)
	return fps
}

func (l *pictureLine) counts() (decoded, dropped uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.decoded, l.dropped
}
