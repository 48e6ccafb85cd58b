package engine

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/record"
	"rtsprec/engine/rtsp"
)

// livePath is one path of a hub: a Sink that hands each unit to its viewers at once, and
// to the recording through a queue of its own. Neither waits for the other.
type livePath struct {
	hub    *hub
	name   string
	conf   ServePath
	stream *rtsp.Stream
	adapt  *pathAdapter // nil: all viewers get the source's pictures

	ready   chan struct{} // closed when the next three are what they will be
	record  *queue        // nil: not recorded
	camera  media.Sink    // behind record
	refused error         // why it cannot be recorded

	turn   sync.Mutex // held around Begin, Write and End: one source at a time feeds the sinks
	tracks []media.Track
	taps   []*tap                  // of this process; also guarded by turn
	tapped atomic.Int32            // how many there are
	key    atomic.Pointer[keyUnit] // the newest; nil: none, or there are no codecs

	mu        sync.Mutex
	changed   chan struct{} // closed when a run begins or ends, and made anew
	on        bool          // a run is on
	ended     bool
	since     time.Time // when on became what it is
	begun     time.Time // since when media should be coming
	sessions  uint64
	meter     meter
	latest    time.Time // when a unit came
	readers   int
	watched   time.Time          // when a viewer was there or asked
	feed      *feed              // pulls; nil: nobody does
	composed  *composition       // makes the picture; nil: nobody does
	halt      context.CancelFunc // of either
	pulled    chan struct{}      // closed when that has ended
	publisher *published         // nil: nobody
	left      time.Time          // since when nobody publishes
	resume    *resumption        // publishers that tell capture times; nil: there was none. Theirs alone
}

func newLivePath(h *hub, name string, conf ServePath) *livePath {
	p := &livePath{
		hub: h, name: name, conf: conf, ready: make(chan struct{}), changed: make(chan struct{}), left: h.deps.Clock.Now(),
	}
	p.stream = rtsp.NewStream(rtsp.StreamOptions{Path: name, Clock: h.clock, Changed: p.readersChanged, Keys: p, Adapt: conf.Adapt.on()})
	if conf.Adapt.on() {
		p.adapt = newPathAdapter(h.deps, name, conf.Adapt, p.stream)
	}
	return p
}

// opened waits until the path can be fed.
func (p *livePath) opened(ctx context.Context) error {
	select {
	case <-p.ready:
		return p.refused
	case <-ctx.Done():
		return fault.Because("open "+p.name, ctx.Err())
	}
}

// waiting is how many bytes wait for the disk.
func (p *livePath) waiting() (bytes int64) {
	select {
	case <-p.ready:
		if p.record != nil {
			bytes, _ = p.record.held()
		}
	default:
	}
	return bytes
}

// Begin implements media.Sink.
func (p *livePath) Begin(ctx context.Context, run media.Run) error {
	p.turn.Lock()
	defer p.turn.Unlock()
	p.tracks = slices.Clone(run.Tracks)
	err := p.stream.Begin(ctx, run)
	if p.adapt != nil {
		p.adapt.begin(ctx, run)
	}
	for _, t := range p.taps {
		t.queue.Begin(ctx, run)
	}
	if p.record != nil {
		err = joinFaults(err, p.record.Begin(ctx, run))
	}
	p.mu.Lock()
	p.sessions++
	p.turned(true)
	p.mu.Unlock()
	return err
}

// Write implements media.Sink. It waits neither for a viewer nor for the disk.
func (p *livePath) Write(ctx context.Context, au media.AccessUnit) error {
	if p.conf.Camera != nil {
		p.hub.pulled.Add(uint64(len(au.Data)))
	}
	p.turn.Lock()
	defer p.turn.Unlock()
	p.keepKey(au)
	err := p.stream.Write(ctx, au)
	if p.adapt != nil {
		p.adapt.put(au)
	}
	for _, t := range p.taps {
		t.queue.Write(ctx, au)
	}
	if p.record != nil {
		err = joinFaults(err, p.record.Write(ctx, au))
	}
	return err
}

// End implements media.Sink.
func (p *livePath) End(ctx context.Context, gap media.Gap) error {
	p.turn.Lock()
	defer p.turn.Unlock()
	p.key.Store(nil)
	if p.adapt != nil {
		p.adapt.end()
	}
	err := p.stream.End(ctx, gap)
	for _, t := range p.taps {
		t.queue.End(ctx, gap)
	}
	if p.record != nil {
		err = joinFaults(err, p.record.End(ctx, gap))
	}
	p.mu.Lock()
	p.turned(false)
	p.mu.Unlock()
	return err
}

// Close implements media.Sink. The path goes on: end is its end.
func (p *livePath) Close(context.Context) error { return nil }

// ObserveClock implements record.ClockObserver.
func (p *livePath) ObserveClock(c journal.Clock) {
	if o, ok := p.camera.(record.ClockObserver); ok {
		o.ObserveClock(c)
	}
}

func joinFaults(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// turned notes whether a run is on. p.mu is held.
func (p *livePath) turned(on bool) {
	if p.on != on {
		p.on, p.since = on, p.hub.deps.Clock.Now()
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// await returns when the path has a run; for a camera that is pulled on demand it starts
// that. The error says why there is none.
func (p *livePath) await(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for began := p.hub.deps.Clock.Now(); ; {
		if _, on := p.stream.Run(); on {
			return nil
		}
		if p.conf.pulled() {
			p.startPull(ctx) // again and again: the last one may be ending just now
		}
		p.mu.Lock()
		changed, f, c, ended := p.changed, p.feed, p.composed, p.ended
		p.watched = p.hub.deps.Clock.Now()
		p.mu.Unlock()
		if ended {
			return fault.New(fault.NotFound, "%s is not served any more", p.name)
		}
		if f != nil && p.hub.deps.Clock.Now().Sub(began) > failPatience {
			if _, kind, why := f.answered(); why != "" {
				return fault.New(kind, "%s: %s", p.name, why)
			}
		}
		if c != nil {
			if kind, why := c.answered(); why != "" {
				return fault.New(kind, "%s: %s", p.name, why)
			}
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-ctx.Done():
			if !p.conf.pulled() {
				return fault.New(fault.NotFound, "nobody publishes %s", p.name)
			}
			return fault.New(fault.Timeout, "%s has sent nothing yet", p.name)
		}
	}
}

// startPull begins to pull the camera, or to compose, unless somebody does. The pull
// outlives ctx.
func (p *livePath) startPull(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watched = p.hub.deps.Clock.Now()
	select {
	case <-p.ready:
	default:
		return // who opens it will
	}
	if p.halt != nil || p.ended {
		return
	}
	ctx, p.halt = context.WithCancel(context.WithoutCancel(ctx))
	work := context.WithoutCancel(ctx)
	done := make(chan struct{})
	p.pulled, p.begun = done, p.watched
	pull := p.pull(ctx, work)
	p.hub.group.Go(func() {
		defer close(done)
		pull()
		why := media.Gap{Causes: media.Because(media.Stopped)}
		if p.conf.OnDemand {
			why.Note = "nobody watches"
		}
		p.End(work, why)
		p.mu.Lock()
		p.feed, p.composed, p.halt = nil, nil, nil
		p.mu.Unlock()
	})
}

// pull makes what feeds the path, and returns what runs it. p.mu is held.
func (p *livePath) pull(ctx, work context.Context) (run func()) {
	if p.conf.Compose != nil {
		c := &composition{Controller: NewController()}
		p.composed = c
		return func() { p.composeOn(ctx, c) }
	}
	f := &feed{
		deps: p.hub.deps, clock: p.hub.clock, camera: *p.conf.Camera, sink: p, files: p.hub.files, queue: p.hub.queue,
		end: func() time.Time { return time.Time{} }, state: stateConnecting,
		streams: streams{follow: true},
	}
	if p.record == nil {
		f.patience = handOverLive
	}
	p.feed = f
	return func() {
		if err := f.run(ctx, work); err != nil {
			p.hub.deps.observe(CameraDown{Camera: p.name, Kind: fault.KindOf(err).String(), Reason: err.Error(), Tries: 1})
		}
	}
}

// idle ends a pull on demand that nobody has watched for the configured time.
func (p *livePath) idle(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.readers > 0 || p.tapped.Load() > 0 {
		p.watched = now
	}
	if p.conf.OnDemand && p.halt != nil && now.Sub(p.watched) >= orDefault(p.conf.Idle, DefaultOnDemandIdle) {
		p.halt()
	}
}

// abandoned reports whether nobody has published for long enough to forget the path.
func (p *livePath) abandoned(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.publisher == nil && now.Sub(p.left) >= p.linger()
}

func (p *livePath) readersChanged(readers int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.readers = readers
	p.watched = p.hub.deps.Clock.Now()
}

// RequestKey implements media.KeyRequester: whoever sends is asked for a key frame.
func (p *livePath) RequestKey() {
	p.mu.Lock()
	var keys media.KeyRequester
	if p.publisher != nil {
		keys = p.publisher.from.Keys
	} else if p.composed != nil {
		keys = p.composed
	} else if f := p.feed; f != nil {
		f.mu.Lock()
		keys, _ = f.session.(media.KeyRequester)
		f.mu.Unlock()
	}
	p.mu.Unlock()
	if keys != nil {
		keys.RequestKey()
	}
}

// end ends whatever feeds the path, its viewers' sessions, and its part of the recording
// once everything received is written or ctx is done.
func (p *livePath) end(ctx context.Context, causes media.Causes, note string) {
	unopened := p.opened(ctx) != nil
	p.mu.Lock()
	over := p.ended
	p.ended = true
	if over || unopened {
		p.mu.Unlock()
		return
	}
	halt, pulled := p.halt, p.pulled
	if p.publisher != nil {
		p.publisher.over.Store(true)
	}
	p.mu.Unlock()
	if halt != nil {
		halt()
		<-pulled
	}
	p.End(ctx, media.Gap{Causes: causes, Note: note})
	p.stream.Close(ctx)
	if p.record != nil {
		if err := p.record.Close(ctx); err != nil {
			p.hub.deps.observe(CameraDown{Camera: p.name, Kind: fault.KindOf(err).String(), Reason: err.Error(), Tries: 1})
		}
	}
}
