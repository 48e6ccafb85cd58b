package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"rtsprec/engine/compose"
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// composer is one Compose at work.
//
// Each input decodes on a goroutine of its own and leaves pictures in its line. One
// goroutine, compose, goes from instant to instant of the output, waits until the lines
// know what is to be seen then, and draws. Another, encode, encodes and hands on what
// it gets from there. Where nothing goes by the clock the encoder is what all wait for, and
// who is further from it gives way: decoders that run side by side take its processor, and
// then wait for room.
type composer struct {
	o      ComposeOptions
	deps   Deps
	clock  *steady
	files  *descriptors
	inputs []*composeInput
	stage  *stage
	paint  *painter
	canvas media.Canvas
	out    *composeOut
	hidden string // where it is recorded to become a file; empty: nowhere
	listener
	mixer atomic.Pointer[compose.Mixer] // nil: not begun, or no sound
	encoders

	live  bool // an input is live
	paced bool // it goes by the clock, and not as fast as it can

	from, to  time.Time // of recorded inputs; zero: all there is
	fileStart time.Time // capture time of the begin of media files
	pacer     *compose.Pacer
	start     time.Time // the first instant, in the output's time
	began     time.Time // host time at which it is due

	woken   chan struct{} // has a token when a line changed
	encoded chan composed

	pictured atomic.Uint64
	dropped  atomic.Uint64
	started  atomic.Int64 // start, for others: ns since 1970; 0: not yet
	reached  atomic.Int64 // end of the newest picture, likewise
	wantKey  atomic.Bool
	wantRate atomic.Int64 // bit/s of the pictures from the next one on; 0: as before
	mostRate int          // bit/s of the pictures, where nothing makes it less
}

// composed is what goes to the encoders: a picture or a block of sound.
type composed struct {
	picture media.Picture
	sound   media.Sound
	missing *media.Gap // before the picture: there was no time to draw; nil: nothing is
}

// How long the first picture of all inputs is waited for, and how far a picture may be
// late before the ones it should have been followed by are left out.
const (
	startPatience = 3 * time.Second
	lateDrop      = time.Second
)

// run composes until the end.
func (c *composer) run(ctx, work context.Context, grace time.Duration) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	c.clock.hold()
	if err := c.out.begin(work, c.composedRun()); err != nil {
		return err
	}

	var outputs errgroup.Group
	writing, stopWriting := context.WithCancel(work)
	defer stopWriting()
	c.out.start(writing, work, &outputs, stop)

	var watcher errgroup.Group
	watching, stopWatching := context.WithCancel(work)
	defer stopWatching()
	watcher.Go(func() error { c.watch(watching); return nil })

	var encoder errgroup.Group
	encoder.Go(func() error { return c.encode(work, stop) })

	var inputs errgroup.Group
	feeding, stopFeeding := context.WithCancel(ctx)
	defer stopFeeding()
	for _, in := range c.inputs {
		if in.live() {
			inputs.Go(func() error { return in.receive(feeding, work) })
		}
	}
	var drawing errgroup.Group
	drawing.Go(func() error {
		if !c.paced {
			giveWay(5)
		}
		return c.compose(ctx, func(sound bool) {
			for i, in := range c.inputs {
				if !in.live() && (!sound || c.wants(i)) {
					inputs.Go(func() error { c.play(feeding, i, sound); return nil })
				}
			}
		})
	})
	err := drawing.Wait()
	close(c.encoded)
	stopFeeding()
	for _, in := range c.inputs {
		in.pictures.Close() // who waits for room goes on
	}
	if m := c.mixer.Load(); m != nil {
		m.Close()
	}
	err = errors.Join(err, encoder.Wait())
	draining, cancel := context.WithTimeout(work, grace)
	defer cancel()
	err = errors.Join(err, inputs.Wait(), c.out.drain(draining))
	stopWriting()
	err = errors.Join(err, outputs.Wait())
	stopWatching()
	watcher.Wait()
	return err
}

// compose draws one instant after the other. What is played beside live inputs begins
// with the first instant; what is played by itself decides which that is.
func (c *composer) compose(ctx context.Context, play func(sound bool)) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	if !c.live {
		play(false)
	}
	c.begin(ctx, timer)
	if c.live {
		c.shiftPlayed()
		play(false)
	}
	play(true)
	for {
		at, ok := c.await(ctx, timer)
		if !ok || c.over(at) {
			c.lastSound()
			return nil
		}
		due := c.pacer.Take(c.passed(at))
		c.dropped.Add(uint64(due.Skipped))
		c.stage.look(due.At)
		p, err := c.paint.draw(due.At, due.PTS)
		if err != nil {
			return fault.Because("draw the composition", err)
		}
		if !c.send(ctx, composed{picture: p, missing: c.leftOut(due)}) {
			return nil
		}
		c.pictured.Add(1)
		c.reached.Store(c.pacer.Next().UnixNano())
		if !c.sendSound(ctx, due.At) {
			return nil
		}
	}
}

// leftOut is what is not there before a picture; nil: nothing.
func (c *composer) leftOut(due compose.Due) *media.Gap {
	if due.Skipped == 0 {
		return nil
	}
	return &media.Gap{
		From: due.At.Add(-time.Duration(due.Skipped) * c.pacer.Interval()), To: due.At,
		Causes: media.Because(media.Overflow), Note: "this machine is too slow for the composition",
	}
}

// passed is the instant of the output that is due by the host's clock; of what goes as
// fast as it can at itself.
func (c *composer) passed(at time.Time) time.Time {
	if !c.paced {
		return at
	}
	return c.start.Add(c.deps.Clock.Now().Sub(c.began))
}

// send hands on to the encoders.
func (c *composer) send(ctx context.Context, what composed) bool {
	select {
	case c.encoded <- what:
		return true
	case <-ctx.Done():
		if what.picture != nil {
			what.picture.Release()
		}
		return false
	}
}

// begin decides which instant is the first: what was asked for, or that of the first
// pictures.
func (c *composer) begin(ctx context.Context, timer *time.Timer) {
	since := c.deps.Clock.Now()
	start := c.from
	if c.live {
		start = c.o.At
	}
	for start.IsZero() {
		now := c.deps.Clock.Now()
		first, newest, all := c.firstPictures()
		switch {
		case ctx.Err() != nil:
			start = now
		case c.live && (all || now.Sub(since) >= startPatience):
			if start = newest; newest.IsZero() {
				start = now
			}
		case !c.live && all:
			if start = first; first.IsZero() {
				start = c.fileStart
			}
		default:
			timer.Reset(100 * time.Millisecond)
			select {
			case <-c.woken:
			case <-timer.C:
			case <-ctx.Done():
			}
		}
	}
	c.start, c.began = start, start
	if !c.live {
		c.began = c.deps.Clock.Now()
	}
	c.pacer = compose.NewPacer(start, c.o.FPS, lateDrop+c.o.Latency)
	c.started.Store(start.UnixNano())
	for _, in := range c.inputs {
		in.pictures.begin()
	}
	c.beginSound(start)
}

// shiftPlayed lets what is played begin at the first instant of what is live.
func (c *composer) shiftPlayed() {
	for _, in := range c.inputs {
		switch {
		case in.live():
		case in.File == "" && !c.from.IsZero():
			in.shift = c.start.Sub(c.from)
		default:
			in.shift = c.start.Sub(c.fileStart)
		}
	}
}

// firstPictures are when the earliest and the newest picture that is there was captured,
// and whether every input has one, or will have none for now. A camera whose decoder still
// works its way from a key frame to the picture of now has none yet: all of them at it take
// the encoder's time.
func (c *composer) firstPictures() (first, newest time.Time, all bool) {
	all = true
	for _, in := range c.inputs {
		from, to, ended := in.pictures.span()
		all = all && (ended || !from.IsZero() && !in.behind() || in.why() != "" || in.pictures.soundOnly())
		if !from.IsZero() && (first.IsZero() || from.Before(first)) {
			first = from
		}
		if to.After(newest) {
			newest = to
		}
	}
	return first, newest, all
}

// await returns when the next picture can be drawn: when every line knows what it has to
// show, or, of what goes by the clock, when it can be waited for no longer. Commands are
// done meanwhile.
func (c *composer) await(ctx context.Context, timer *time.Timer) (at time.Time, ok bool) {
	at = c.pacer.Next()
	due := c.began.Add(at.Sub(c.start)) // by the host's clock
	for {
		now := c.deps.Clock.Now()
		known, wait := c.known(at, now), time.Hour
		if c.paced {
			if wait = due.Sub(now); wait > 0 {
				known = false
			} else {
				wait += c.o.Latency
				known = known || wait <= 0
			}
		}
		if known || ctx.Err() != nil {
			c.commands()
			return at, ctx.Err() == nil
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-c.woken:
		case r := <-c.asked():
			c.stage.answer(r)
		case <-ctx.Done():
		}
	}
}

// known reports whether every line knows what it has to show at an instant. What is older
// is let go, which makes room.
func (c *composer) known(at, now time.Time) bool {
	all := true
	for _, in := range c.inputs {
		in.pictures.Pick(at.Add(c.slack()))
		all = in.pictures.known(at.Add(c.slack()), now) && all
	}
	return all && c.soundKnown(at)
}

// slack is how long after an instant a picture may have been captured and still be shown
// there: times are rounded on their way, and pictures that come as often as ours go out
// shall each be shown once.
func (c *composer) slack() time.Duration { return c.pacer.Interval() / 4 }

// over reports whether an instant is behind the end.
func (c *composer) over(at time.Time) bool {
	if end := c.end(); !end.IsZero() && !at.Before(end) {
		return true
	}
	if !c.to.IsZero() && !c.live && !at.Before(c.to) {
		return true
	}
	if c.live {
		return false
	}
	for _, in := range c.inputs {
		if !in.pictures.over(at.Add(c.slack())) {
			return false
		}
	}
	return true
}

// end is when a live composition is over, in its own time; zero: not known.
func (c *composer) end() time.Time {
	end := c.o.Until
	if from := c.opened(); c.o.Length > 0 && !from.IsZero() {
		if e := from.Add(c.o.Length); end.IsZero() || e.Before(end) {
			end = e
		}
	}
	return end
}

// opened is when the composition, or what is recorded of it, began; zero: not yet.
func (c *composer) opened() time.Time {
	if !c.o.At.IsZero() {
		return c.o.At
	}
	if from := c.out.window(); c.o.Isolate {
		return from
	}
	if ns := c.started.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}

// wake says that a line changed.
func (c *composer) wake() {
	select {
	case c.woken <- struct{}{}:
	default:
	}
}

// asked is where commands come from; nil: nowhere.
func (c *composer) asked() <-chan controlRequest {
	if c.o.Control == nil {
		return nil
	}
	return c.o.Control.asked
}

// commands does what was asked for and waits.
func (c *composer) commands() {
	for {
		select {
		case r := <-c.asked():
			c.stage.answer(r)
		default:
			return
		}
	}
}

// watch reports once a second.
func (c *composer) watch(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var told time.Time
	var late uint64
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := c.deps.Clock.Now()
		if all := c.dropped.Load(); all > late && (told.IsZero() || now.Sub(told) >= time.Minute) {
			c.deps.observe(Late{Pictures: all - late})
			told, late = now, all
		}
		c.deps.observe(c.progress(now))
	}
}
