package compose

import (
	"context"
	"io"
	"time"
)

// State is how an input is.
type State uint8

// The states.
const (
	Live   State = iota // pictures come
	Frozen              // none came for a while: the last one stays
	Dead                // none came for long, or none ever: a slate is shown
)

// String is the state in one lower-case word.
func (s State) String() string {
	return [...]string{"live", "frozen", "dead"}[min(s, Dead)]
}

// PickerOptions say how an input's pictures wait.
type PickerOptions[P any] struct {
	Room int // pictures that may wait; 0: 8
	// Frozen and Dead are how long an input may be silent. 0: 1 s and 5 s. An input of few
	// pictures a second is given three of its intervals at least.
	Frozen, Dead time.Duration
	Release      func(P) // what is done with a picture that is no longer needed; may be nil
}

// Picker holds the pictures of one input, each with its capture time, and says which one
// is due. It owns what is put in. Put, Offer and End may be called by one goroutine while
// another one picks.
type Picker[P any] struct {
	o        PickerOptions[P]
	gate     gate
	queue    []waiting[P] // in order of arrival
	current  waiting[P]
	shown    bool // there is a current one
	fresh    time.Time
	last     time.Time     // capture time of the picture put last
	interval time.Duration // between pictures, smoothed
	ended    bool
	closed   bool
}

type waiting[P any] struct {
	picture P
	wall    time.Time
}

// NewPicker makes an empty one.
func NewPicker[P any](o PickerOptions[P]) *Picker[P] {
	if o.Room <= 0 {
		o.Room = 8
	}
	if o.Frozen <= 0 {
		o.Frozen = time.Second
	}
	if o.Dead <= 0 {
		o.Dead = max(5*time.Second, o.Frozen)
	}
	if o.Release == nil {
		o.Release = func(P) {}
	}
	return &Picker[P]{o: o}
}

// Put takes the next picture of a live input, captured at wall and arrived at now. It
// never waits: where there is no room the oldest one that waits is released, and dropped
// is true. What claims to come from the future was captured now.
func (p *Picker[P]) Put(wall, now time.Time, picture P) (dropped bool) {
	p.gate.Lock()
	defer p.gate.Unlock()
	if wall.After(now) {
		wall = now
	}
	if p.closed {
		p.o.Release(picture)
		return true
	}
	if dropped = len(p.queue) >= p.o.Room; dropped {
		p.o.Release(p.queue[0].picture)
		p.queue = p.queue[:copy(p.queue, p.queue[1:])]
	}
	p.fresh = later(p.fresh, now)
	p.append(wall, picture)
	return dropped
}

// Offer takes the next picture of an input that is not live, and waits while there is no
// room. The error is ctx's, or io.ErrClosedPipe after Close; the picture is released then.
func (p *Picker[P]) Offer(ctx context.Context, wall time.Time, picture P) error {
	p.gate.Lock()
	defer p.gate.Unlock()
	for len(p.queue) >= p.o.Room && !p.closed {
		if err := p.gate.wait(ctx); err != nil {
			p.o.Release(picture)
			return err
		}
	}
	if p.closed {
		p.o.Release(picture)
		return io.ErrClosedPipe
	}
	p.append(wall, picture)
	return nil
}

// append puts a picture at the end. The lock is held.
func (p *Picker[P]) append(wall time.Time, picture P) {
	// An interval beyond a few seconds is an outage, not the camera's pace.
	if d := wall.Sub(p.last); !p.last.IsZero() && d > 0 && d < 10*time.Second {
		p.interval += (d - p.interval) / 8
	}
	p.last = wall
	p.ended = false
	p.queue = append(p.queue, waiting[P]{picture, wall})
	p.gate.change()
}

// End says that no picture comes for now; the next one that does takes it back.
func (p *Picker[P]) End() {
	p.gate.Lock()
	defer p.gate.Unlock()
	p.ended = true
	p.gate.change()
}

// Await waits until it is known which picture is due at an instant: a later one has come,
// or the input has ended, or no more can come because there is no room. It is for inputs
// that are offered.
func (p *Picker[P]) Await(ctx context.Context, at time.Time) error {
	p.gate.Lock()
	defer p.gate.Unlock()
	for !p.ended && !p.closed && len(p.queue) < p.o.Room && !(len(p.queue) > 0 && p.queue[len(p.queue)-1].wall.After(at)) {
		if err := p.gate.wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Pick returns the picture that is due at an instant: the last to arrive of those that
// were captured by then, and where there is none the one before. It stays the picker's,
// and is sound until the next Pick or Close. ok is false before the first picture.
func (p *Picker[P]) Pick(at time.Time) (picture P, ok bool) {
	p.gate.Lock()
	defer p.gate.Unlock()
	newest := -1
	for i, w := range p.queue {
		if !w.wall.After(at) {
			newest = i
		}
	}
	for i := range newest + 1 {
		if p.shown {
			p.o.Release(p.current.picture)
		}
		p.current, p.shown = p.queue[i], true
	}
	if newest >= 0 {
		clear(p.queue[:newest+1])
		p.queue = append(p.queue[:0], p.queue[newest+1:]...)
		p.fresh = later(p.fresh, p.current.wall)
		p.gate.change()
	}
	return p.current.picture, p.shown
}

// Wall is the capture time of the picture that Pick returned last; zero before.
func (p *Picker[P]) Wall() time.Time {
	p.gate.Lock()
	defer p.gate.Unlock()
	return p.current.wall
}

// Waiting is how many pictures wait.
func (p *Picker[P]) Waiting() int {
	p.gate.Lock()
	defer p.gate.Unlock()
	return len(p.queue)
}

// Done reports whether the input has ended and all of it was picked.
func (p *Picker[P]) Done() bool {
	p.gate.Lock()
	defer p.gate.Unlock()
	return p.ended && len(p.queue) == 0
}

// State is how the input is at an instant of the output, after Pick of that instant.
func (p *Picker[P]) State(at time.Time) State {
	p.gate.Lock()
	defer p.gate.Unlock()
	if !p.shown {
		return Dead
	}
	patience := 3 * p.interval
	switch silent := at.Sub(p.fresh); {
	case silent >= max(p.o.Dead, patience):
		return Dead
	case silent >= max(p.o.Frozen, patience):
		return Frozen
	}
	return Live
}

// Close releases everything; what is put afterwards is released at once.
func (p *Picker[P]) Close() {
	p.gate.Lock()
	defer p.gate.Unlock()
	if p.closed {
		return
	}
	p.closed = true
	for _, w := range p.queue {
		p.o.Release(w.picture)
	}
	if p.shown {
		p.o.Release(p.current.picture)
	}
	p.queue, p.current, p.shown = nil, waiting[P]{}, false
	p.gate.change()
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
