package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/record"
	"rtsprec/engine/segment"
)

// newTranscoder returns a Sink that codes what it is given anew, as the options say, and
// gives it to another, which it closes with itself. A track that need not be coded, or
// cannot be, is handed on as it is; which those are is told in a Notice at the beginning
// of each run.
//
// Its caller waits for sound, never for pictures: those wait for their decoder, at most
// unitsWaiting bytes of them, and decoded for their encoder, at most picturesWaiting. Where
// that is behind by lateAfter, pictures are left out before they are encoded: the
// next one is then damaged, or has Missing where a second or more is missing. They are
// counted and told once a second. Tracks that are copied lose nothing by that. What is
// written goes through a queue, so that a disk that refuses for a while costs no picture.
// Units of all tracks are given to the Sink in the order of their capture, as far as
// holding the others back for holdMost allows.
//
// With wait nothing is ever left out, and the caller waits for everything.
func newTranscoder(d Deps, to media.Sink, o TranscodeOptions) (media.Sink, error) {
	if err := o.check(d.Coder); err != nil {
		return nil, err
	}
	t := &transcoder{deps: d, o: o, sink: to, out: to}
	if !o.wait && !o.direct {
		t.queue = newQueue(to, DefaultQueue)
		t.queue.failed = func(err error) {
			t.failures.tell(d, 1, Notice{Camera: o.name, Message: fault.Redact("cannot be written: " + err.Error())})
		}
		t.out = t.queue
	}
	return t, nil
}

// recordedAs puts a transcoder before a camera's sink where the plan wants one.
func recordedAs(d Deps, plan journal.Plan, camera string, sink media.Sink) (media.Sink, error) {
	o := plannedCoding(plan.Coding)
	if o.needsNothing() {
		return sink, nil
	}
	if d.Coder == nil { // resumed by another build: rather as it comes than not at all
		d.observe(Notice{Camera: camera, Message: "is recorded as it comes: " + errNoCodecs.Error()})
		return sink, nil
	}
	o.name, o.cut = camera, time.Duration(plan.Segment)
	o.Accept = func(t media.Track) bool { return t.Codec.NeedsConfig() || segment.Storable(t) == nil }
	return newTranscoder(d, sink, o)
}

// transcoder is the Sink around a Sink. Its methods are called by one goroutine at a time;
// the encoders of its lanes call emit.
type transcoder struct {
	deps     Deps
	o        TranscodeOptions
	sink     media.Sink // the one it is around
	out      media.Sink // what it writes to: queue, or sink itself
	queue    *queue     // in front of sink; nil where the caller waits
	started  bool
	left     atomic.Uint64 // pictures that were left out
	failures repeats
	lanes    []trackCoder // by track of the run; nil: it is copied
	begun    bool
	run      media.Run // as it came, with the newest configurations
	knows    int       // the version of the taste that lanes follow

	mu      sync.Mutex // guards what follows, and out
	tracks  []media.Track
	leader  media.TrackID // whose units the others wait for; -1: none
	reached time.Time     // when the leader's last unit is decoded
	held    []media.AccessUnit
	bytes   int
	err     error // the first of out
}

// trackCoder is a track that is coded anew.
type trackCoder interface {
	// write takes a unit of the track.
	write(ctx context.Context, au media.AccessUnit) error
	// end flushes, joins what was started and lets go of the codecs. Where ctx ends
	// before, the rest is lost, which lost says.
	end(ctx context.Context) (lost bool)
}

const (
	// holdMost is how long units wait for those of the leader, in media time.
	holdMost = 3 * time.Second
	// heldBytes bounds them.
	heldBytes = 8 << 20
	// unitsWaiting bounds what waits for a decoder, in bytes.
	unitsWaiting = 16 << 20
	// picturesWaiting bounds what waits for an encoder.
	picturesWaiting = 6
	// lateAfter is how late a picture may be and still wait for an encoder that is behind.
	lateAfter = 2 * time.Second
	// flushMost is how long the end of a run may take.
	flushMost = 5 * time.Second
)

// Begin implements media.Sink.
func (t *transcoder) Begin(ctx context.Context, run media.Run) error {
	if t.queue != nil && !t.started {
		t.queue.start(context.WithoutCancel(ctx)) // until Close
		t.started = true
	}
	if t.finish(ctx) { // it goes on without End
		if err := t.out.End(ctx, media.Gap{Causes: media.Because(media.Overflow)}); err != nil {
			return err
		}
	}
	out := run
	out.Tracks = slices.Clone(run.Tracks)
	t.run, t.knows = run, t.o.taste.version()
	t.run.Tracks = slices.Clone(run.Tracks)
	t.lanes = make([]trackCoder, len(run.Tracks))
	t.leader, t.reached = -1, time.Time{}
	for i, track := range run.Tracks {
		to, why := t.o.target(track)
		if to == "" {
			continue
		}
		l, coded, err := t.open(ctx, run, track, to)
		if err != nil {
			t.note("%s is copied: %v", track.Codec.Title(), err)
			continue
		}
		if !t.o.quiet {
			t.note("%s", told(track, to, why))
		}
		t.lanes[i] = l
		coded.ID, coded.From = track.ID, track.Codec
		out.Tracks[i] = coded
		if track.Codec.Video() && t.leader < 0 {
			t.leader = track.ID
		}
	}
	t.tracks = out.Tracks
	t.begun = true
	return t.out.Begin(ctx, out)
}

// open makes the lane of a track.
func (t *transcoder) open(ctx context.Context, run media.Run, track media.Track, to media.Codec) (trackCoder, media.Track, error) {
	if t.deps.Coder == nil {
		return nil, media.Track{}, errNoCodecs
	}
	if track.Codec.Video() {
		l, err := newPictureLane(ctx, t, run, track, to)
		if err != nil {
			return nil, media.Track{}, err
		}
		return l, l.track, nil
	}
	l, err := newSoundLane(t, track, to)
	if err != nil {
		return nil, media.Track{}, err
	}
	return l, l.enc.Track(), nil
}

// Write implements media.Sink.
func (t *transcoder) Write(ctx context.Context, au media.AccessUnit) error {
	if au.Config != nil {
		t.run.Tracks[au.Track].Config = au.Config
	}
	if t.knows != t.o.taste.version() { // the other end wants something else than it was given
		if err := errors.Join(t.End(ctx, media.Gap{Causes: media.Because(media.Unsupported)}), t.Begin(ctx, t.run)); err != nil {
			return err
		}
	}
	if l := t.lanes[au.Track]; l != nil {
		if err := l.write(ctx, au); err != nil {
			return err
		}
	} else {
		t.emit(ctx, au)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// emit gives a unit to the sink, behind those of the leader that were captured before it.
func (t *transcoder) emit(ctx context.Context, au media.AccessUnit) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := au.Wall.Add(-media.ToDuration(au.PTS-au.DTS, t.tracks[au.Track].ClockRate))
	switch {
	case t.leader < 0:
		t.give(ctx, au)
	case au.Track == t.leader:
		t.release(ctx, at)
		t.give(ctx, au)
		t.reached = at
	case len(t.held) == 0 && !at.After(t.reached):
		t.give(ctx, au)
	default:
		t.held = append(t.held, au)
		t.bytes += len(au.Data)
		for t.bytes > heldBytes || au.Wall.Sub(t.held[0].Wall) > holdMost {
			t.pop(ctx)
		}
	}
}

// release gives what was captured until then.
func (t *transcoder) release(ctx context.Context, until time.Time) {
	for len(t.held) > 0 && !t.held[0].Wall.After(until) {
		t.pop(ctx)
	}
}

func (t *transcoder) pop(ctx context.Context) {
	au := t.held[0]
	t.held[0] = media.AccessUnit{}
	t.held = t.held[1:]
	t.bytes -= len(au.Data)
	t.give(ctx, au)
}

func (t *transcoder) give(ctx context.Context, au media.AccessUnit) {
	if err := t.out.Write(ctx, au); err != nil && t.err == nil {
		t.err = err
	}
}

// End implements media.Sink: what is under way is coded and written before.
func (t *transcoder) End(ctx context.Context, gap media.Gap) error {
	if t.finish(ctx) {
		gap.Causes |= media.Because(media.Overflow)
	}
	return errors.Join(t.failed(), t.out.End(ctx, gap))
}

// finish ends all lanes.
func (t *transcoder) finish(ctx context.Context) (lost bool) {
	if !t.begun {
		return false
	}
	t.begun = false
	limit := ctx
	if !t.o.wait {
		var cancel context.CancelFunc
		limit, cancel = context.WithTimeout(ctx, flushMost)
		defer cancel()
	}
	for _, l := range t.lanes {
		if l != nil && l.end(limit) {
			lost = true
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.held) > 0 {
		t.pop(ctx)
	}
	t.lanes = make([]trackCoder, len(t.lanes))
	return lost
}

func (t *transcoder) failed() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	err := t.err
	t.err = nil
	return err
}

// Close implements media.Sink.
func (t *transcoder) Close(ctx context.Context) error {
	t.finish(ctx)
	return errors.Join(t.failed(), t.out.Close(ctx))
}

// ObserveClock implements record.ClockObserver, where the sink does.
func (t *transcoder) ObserveClock(o journal.Clock) {
	if sink, ok := t.sink.(record.ClockObserver); ok {
		sink.ObserveClock(o)
	}
}

// ObserveLimit implements record.LimitObserver, where the sink does.
func (t *transcoder) ObserveLimit(at time.Time, limit int, why string) {
	if sink, ok := t.sink.(record.LimitObserver); ok {
		sink.ObserveLimit(at, limit, why)
	}
}

// start implements way, for one that is in front of another.
func (t *transcoder) start(work context.Context) {
	if w, ok := t.out.(way); ok {
		w.start(work)
	}
}

// active reports whether any track of the run is coded anew.
func (t *transcoder) active() bool {
	return slices.ContainsFunc(t.lanes, func(l trackCoder) bool { return l != nil })
}

// waiting is how many bytes of what is coded wait to be written.
func (t *transcoder) waiting() int64 {
	if t.queue == nil {
		return 0
	}
	n, _ := t.queue.held()
	return n
}

func (t *transcoder) note(format string, args ...any) {
	t.deps.observe(Notice{Camera: t.o.name, Message: fault.Redact(fmt.Sprintf(format, args...))})
}
