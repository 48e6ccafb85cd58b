package engine

import (
	"context"
	"errors"
	"image"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/compose"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
)

// composeInput is one input at work.
type composeInput struct {
	ComposeInput
	pictures *pictureLine
	shift    time.Duration // from its own time to that of the output
	shown    atomic.Uint64 // the largest size at which it is shown, see packSize
	feed     *feed         // of a live one
	queue    *queue        // of a live one: what waits to be decoded

	mu      sync.Mutex
	strands []*decoding
	trouble string // why it ended before its time
	kind    fault.Kind
}

func (in *composeInput) live() bool { return in.Camera != nil }

// turn asks for the stream that does where an input is shown now: the sub-stream, where
// there is one, in a quarter of the picture or less.
func (in *composeInput) turn(whole image.Point) {
	if size := unpackSize(in.shown.Load()); in.feed != nil {
		in.feed.turn(4*size.X*size.Y <= whole.X*whole.Y)
	}
}

// decodeQueue is how many bytes of a live input may wait for its decoder.
const decodeQueue = 8 << 20

// prepareLive makes what receives a camera, and, with sink, hands it everything before it
// is decoded: the recorder never waits for the picture.
func (c *composer) prepareLive(i int, sink media.Sink) {
	in := c.inputs[i]
	lines := decodedLines{pictures: in.pictures}
	if c.wants(i) {
		lines.sounds = &soundTo{c, i}
	}
	d := c.strand(in, lines)
	in.queue = newQueue(d, decodeQueue)
	var to media.Sink = in.queue
	if sink != nil {
		to = &isolated{recorder: sink, queue: in.queue}
	}
	in.feed = &feed{
		deps: c.deps, clock: c.clock, camera: *in.Camera, sink: to, files: c.files, queue: DefaultQueue / int64(len(c.inputs)),
		from: c.o.At, end: c.end, state: stateConnecting,
	}
	if !c.o.Isolate { // what is recorded is the main stream, always
		in.feed.small = &atomic.Bool{}
		in.turn(c.o.Size)
	}
}

func (c *composer) strand(in *composeInput, lines decodedLines) *decoding {
	d := &decoding{
		deps: c.deps, name: in.Name, device: c.o.Device, live: in.live(), format: composeSound, lines: lines, shown: &in.shown,
	}
	in.mu.Lock()
	in.strands = append(in.strands, d)
	in.mu.Unlock()
	return d
}

// behind reports whether something of a live input waits to be decoded.
func (in *composeInput) behind() bool {
	if in.queue == nil {
		return false
	}
	held, _ := in.queue.held()
	return held > 0
}

// receive feeds a live input until the end, or ctx ends, and then lets what was received
// be recorded.
func (in *composeInput) receive(ctx, work context.Context) error {
	in.queue.start(work)
	return errors.Join(in.feed.run(ctx, work), in.feed.sink.Close(work))
}

// isolated is a Sink that records a camera for itself and hands the same units on to be
// decoded.
type isolated struct {
	recorder media.Sink
	queue    *queue // never waits, never fails
}

// Begin implements media.Sink.
func (s *isolated) Begin(ctx context.Context, run media.Run) error {
	s.queue.Begin(ctx, run)
	return s.recorder.Begin(ctx, run)
}

// Write implements media.Sink.
func (s *isolated) Write(ctx context.Context, au media.AccessUnit) error {
	s.queue.Write(ctx, au)
	return s.recorder.Write(ctx, au)
}

// End implements media.Sink.
func (s *isolated) End(ctx context.Context, gap media.Gap) error {
	s.queue.End(ctx, gap)
	return s.recorder.End(ctx, gap)
}

// Close implements media.Sink.
func (s *isolated) Close(ctx context.Context) error {
	return errors.Join(s.queue.Close(ctx), s.recorder.Close(ctx))
}

// ObserveClock implements record.ClockObserver.
func (s *isolated) ObserveClock(c journal.Clock) {
	if o, ok := s.recorder.(interface{ ObserveClock(journal.Clock) }); ok {
		o.ObserveClock(c)
	}
}

// opener opens what an input plays, from an instant on.
type opener func(ctx context.Context) (media.Source, error)

// opener returns how an input that is not live is opened. The picture and the sound are
// read apart, each at its own pace: neither waits for the other, however far apart they
// lie in a file.
func (c *composer) opener(in *composeInput) opener {
	if in.File != "" {
		return func(ctx context.Context) (media.Source, error) { return c.deps.Coder.File(ctx, in.File, c.fileStart) }
	}
	library := archive.NewLibrary(c.deps.FS, c.deps.Clock, in.Dir)
	return func(ctx context.Context) (media.Source, error) {
		return library.Replay(ctx, in.Name, archive.PlayOptions{From: c.from, To: c.to})
	}
}

// play plays the picture, or the sound, of an input that is not live to its end.
func (c *composer) play(ctx context.Context, i int, sound bool) {
	if !c.paced {
		giveWay(10)
	}
	in := c.inputs[i]
	lines := decodedLines{pictures: in.pictures, shift: in.shift}
	if sound {
		lines = decodedLines{sounds: &soundTo{c, i}, shift: in.shift}
		defer lines.sounds.end()
	} else {
		defer in.pictures.end()
	}
	err := playInto(ctx, c.opener(in), c.strand(in, lines))
	if first, _, _ := in.pictures.span(); err == nil && !sound && first.IsZero() && !in.pictures.soundOnly() {
		err = fault.New(fault.Damaged, "there is no picture in it that can be decoded")
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, io.ErrClosedPipe) {
		in.fail(err)
		if !sound { // else the picture says it, or is all right
			c.deps.observe(Broken{Camera: in.Name, Kind: fault.KindOf(err).String(), Reason: err.Error()})
		}
	}
}

// playInto moves what a source plays into a decoder.
func playInto(ctx context.Context, open opener, to *decoding) error {
	source, err := open(ctx)
	if err != nil {
		return err
	}
	defer source.Close()
	to.Begin(ctx, source.Run()) // never fails
	for err == nil && to.any() {
		var au media.AccessUnit
		if au, err = source.Next(ctx); err == nil {
			err = to.Write(ctx, au)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, to.Close(ctx))
}

func (in *composeInput) fail(err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.trouble, in.kind = err.Error(), fault.KindOf(err)
}

// The states of an input, as the display and ctl say them.
const (
	inputWaiting = "connecting" // it has no picture yet
	inputLive    = "live"
	inputFrozen  = "frozen" // its last picture stands
	inputDead    = "dead"   // a slate stands in its place
	inputSound   = "sound"  // it has no picture, and never will
	inputEnded   = "ended"
)

// state takes the picture of an instant and says what it is.
func (in *composeInput) state(at time.Time, slack time.Duration) string {
	_, any := in.pictures.Pick(at.Add(slack))
	_, _, ended := in.pictures.span()
	state := in.pictures.State(at)
	switch {
	case ended && (!any || state == compose.Dead) && !in.pictures.soundOnly():
		return inputEnded
	case (!any || state == compose.Dead) && in.pictures.soundOnly():
		return inputSound
	case !any:
		return inputWaiting
	case state == compose.Dead:
		return inputDead
	case state == compose.Frozen:
		return inputFrozen
	}
	return inputLive
}
