package engine

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/rtsp"
	"rtsprec/engine/web"
)

// RelayOptions says what is sent where.
type RelayOptions struct {
	Input   journal.Camera // its Name names it, and its folder
	Targets []RelayTarget  // at least one
	Spool   RelaySpool     // without a Dir only what fits the queues outlives an outage
	Record  RecordInto     // without a Dir nothing is recorded beside it
	Adapt   RelayAdapt     // without a ladder what does not fit the way waits and is dropped
	// Latency is how long a unit may wait in a target's queue before it is dropped; 0: as
	// long as there is room. With Adapt that has a latency of its own and this is not used;
	// neither is it with a spool, nor for what is played from a recording.
	Latency time.Duration
	// Transcode is what targets are sent instead of what comes. With Auto a codec that a
	// target refuses is coded to one that it takes, for that target. It is done before a
	// target's queue, and behind the spool, which keeps what came.
	Transcode TranscodeOptions
	Length    time.Duration // from the first unit on; 0: until ctx ends
	Until     time.Time     // zero: until ctx ends
	Metrics   string        // address of HTTP at which /metrics and /healthz are served; empty: none
	Queue     int64         // bytes that may wait for a target without a spool; 0: 16 MiB
	Grace     time.Duration // for an orderly end; 0: [DefaultGrace]
}

// RelayTarget is one server to publish to.
type RelayTarget struct {
	Name        string // for people and the spool's state; unique
	URL         string
	Transport   rtsp.Transport // TCP (also for Auto and "") or UDP
	Insecure    bool
	Fingerprint string
}

// RelaySpool is where the stream is kept until every target has it: a recording of its
// own, of which what was sent is removed. With it a target gets everything in order,
// whatever happens to it, to the link or to us; sending is then about a quarter of a second
// behind, because everything goes over the disk.
type RelaySpool struct {
	Dir  string
	Size int64   // bytes; what is more goes, oldest first, sent or not; 0: 16 GiB
	Pace float64 // how much faster than real time a backlog is sent; 0: as fast as it goes
}

// Defaults of relaying.
const (
	DefaultRelayQueue = 16 << 20
	DefaultSpoolSize  = 16 << 30
	DefaultPace       = 4
)

// RelaySummary is what became of a relay.
type RelaySummary struct {
	Input   string               `json:"input"`
	Units   uint64               `json:"units"` // received
	Targets []RelayTargetSummary `json:"targets"`
}

// RelayTargetSummary is one target's part.
type RelayTargetSummary struct {
	Name     string  `json:"name"`
	Units    uint64  `json:"units"` // sent, those that were sent again counted again
	Bytes    uint64  `json:"bytes"` // of RTP
	Sessions int     `json:"sessions"`
	Dropped  uint64  `json:"dropped"` // units that no room was left for
	Left     float64 `json:"left_s"`  // seconds of media that wait in the spool for the next time
	Reason   string  `json:"reason,omitempty"`

	// Where pictures follow the way: the changes, and how it was all along.
	Changes []AdaptChange `json:"quality,omitempty"`
	Points  []AdaptPoint  `json:"-"`

	kind fault.Kind
}

// Relay sends one input to servers until its time is over or ctx ends. What is received is
// never held up by a target, and one target never by another; those that are away are
// tried again for ever. The error is Incomplete when a target did not get all, and what
// kept the input or a target away when it was so all the time.
func Relay(ctx context.Context, d Deps, o RelayOptions) (*RelaySummary, error) {
	if len(o.Targets) == 0 {
		return nil, fault.New(fault.Usage, "a relay without a target")
	}
	if o.Adapt.on() && d.Coder == nil {
		return nil, ErrNoCodecs
	}
	if o.Latency < 0 || o.Latency > 0 && o.Spool.Dir != "" {
		return nil, fault.New(fault.Usage, "units may wait for a time above 0, and where a spool keeps them for ever")
	}
	if err := errors.Join(o.Adapt.check(), o.Transcode.check(d.Coder)); err != nil {
		return nil, err
	}
	if err := d.checkCameras(o.Input); err != nil {
		return nil, err
	}
	r := &relay{o: o, clock: &steady{host: d.Clock}}
	d.Clock = r.clock
	r.deps = d
	grace := orDefault(o.Grace, DefaultGrace)
	work, cancel := graceContext(ctx, grace)
	defer cancel()
	err := r.prepare()
	if err == nil {
		err = r.run(ctx, work, grace)
	}
	closing, cancelClosing := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancelClosing()
	err = errors.Join(err, r.close(closing))
	if err != nil {
		return nil, err
	}
	s := r.summary()
	return s, s.verdict(r.feed)
}

// relay is one Relay at work.
type relay struct {
	deps   Deps
	clock  *steady
	o      RelayOptions
	record *store // nil: nothing is recorded
	spool  *spool // nil: none
	feed   *feed
	intake *intake
	lines  []relayLine

	metrics *listeners // nil: nobody asks
	began   time.Time
}

// relayLine is the way to one target.
type relayLine interface {
	progress(now time.Time) CameraProgress
	state(now time.Time) web.TargetState
	summary() RelayTargetSummary
}

// prepare opens what is written to. It starts nothing.
func (r *relay) prepare() (err error) {
	r.began = r.deps.Clock.Now()
	if r.o.Metrics != "" {
		if r.metrics, err = listen(ServeOptions{HTTP: []string{r.o.Metrics}}, nil); err != nil {
			return err
		}
	}
	if r.o.Record.Dir != "" {
		if r.record, err = openStore(r.deps, r.o.Record); err != nil {
			return err
		}
	}
	if r.o.Spool.Dir != "" {
		if r.spool, err = openSpool(r.deps, r.o.Spool, r.o.Input.Name); err != nil {
			return err
		}
	}
	r.intake = &intake{clock: r.deps.Clock}
	add := func(sink media.Sink, limit int64) {
		r.intake.ways = append(r.intake.ways, newQueue(sink, limit))
	}
	for _, t := range r.o.Targets {
		if r.spool != nil {
			r.lines = append(r.lines, r.spool.line(t, r.o.Transcode))
			continue
		}
		line := newLiveLine(r.deps, t)
		line.queue = newQueue(line, orDefault(r.o.Queue, DefaultRelayQueue))
		switch {
		case r.o.Adapt.on():
			line.adapter = newAdapter(r.deps, r.o.Adapt, line)
		case r.o.Latency > 0:
			line.hurry(r.o.Latency)
		}
		w, err := line.way(r.o.Transcode)
		if err != nil {
			return err
		}
		r.intake.ways = append(r.intake.ways, w)
		r.lines = append(r.lines, line)
	}
	if r.spool != nil {
		add(r.spool, DefaultQueue)
	}
	if r.record != nil {
		sink, err := r.record.camera(r.o.Input.Name)
		if err != nil {
			return err
		}
		r.intake.recorder = sink
		add(sink, orDefault(r.o.Record.Queue, DefaultQueue))
	}
	r.feed = &feed{
		deps: r.deps, clock: r.clock, camera: r.o.Input, sink: r.intake, files: &descriptors{count: openDescriptors}, queue: DefaultQueue,
		end: r.end, state: stateConnecting, streams: streams{follow: true, encoder: newEncoder(r.deps, r.o.Input, 0)},
	}
	if r.record == nil && r.spool == nil {
		r.feed.patience = handOverLive
	}
	return nil
}

// end is when the relay is over; zero: not known.
func (r *relay) end() time.Time {
	end := r.o.Until
	if r.o.Length > 0 {
		if from := r.intake.first(); !from.IsZero() {
			if e := from.Add(r.o.Length); end.IsZero() || e.Before(end) {
				end = e
			}
		}
	}
	return end
}

// run receives until the end, and then lets what was received be sent and written.
func (r *relay) run(ctx, work context.Context, grace time.Duration) error {
	for _, q := range r.intake.ways {
		q.start(work)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var writers errgroup.Group
	writing, stopWriting := context.WithCancel(work)
	defer stopWriting()
	for _, s := range r.stores() {
		writers.Go(func() error {
			if err := s.rec.Run(writing); err != nil && writing.Err() == nil {
				stop()
				return err
			}
			return nil
		})
	}
	sending, stopSending := context.WithCancel(work)
	defer stopSending()
	var senders errgroup.Group
	if r.spool != nil {
		r.spool.start(sending, &senders)
	}
	var watcher errgroup.Group
	watching, stopWatching := context.WithCancel(work)
	defer stopWatching()
	watcher.Go(func() error { r.watch(watching); return nil })
	if r.metrics != nil {
		watcher.Go(func() error { return r.serveMetrics(watching) })
	}
	if r.record != nil {
		j := job{dir: r.o.Record.Dir, rec: r.record.rec, keep: r.o.Record.Keep}
		watcher.Go(func() error { j.retain(watching, r.deps); return nil })
	}

	r.deps.observe(r.started())
	err := r.feed.run(ctx, work)
	restored := r.feed.encoder.leave(ctx)
	defer restored()
	draining, cancel := context.WithTimeout(work, grace)
	defer cancel()
	err = errors.Join(err, r.intake.Close(draining))
	stopWriting()
	err = errors.Join(err, writers.Wait())
	if r.spool != nil { // what is on the disk is all there will be: the rest is sent, as far as time allows
		err = errors.Join(err, r.spool.store.close(draining, r.deps.Clock.Now()))
		r.spool.drain(draining)
		stopSending()
		senders.Wait()
	}
	stopWatching()
	watcher.Wait()
	if r.spool != nil {
		r.spool.settle()
	}
	return err
}

func (r *relay) stores() []*store {
	var list []*store
	if r.record != nil {
		list = append(list, r.record)
	}
	if r.spool != nil {
		list = append(list, r.spool.store)
	}
	return list
}

// close ends the recording beside it. The spool's was closed before, or never opened.
func (r *relay) close(ctx context.Context) error {
	var err error
	if r.metrics != nil {
		r.metrics.close()
	}
	if r.record != nil {
		err = r.record.close(ctx, r.deps.Clock.Now())
	}
	if r.spool != nil {
		err = errors.Join(err, r.spool.abandon(ctx))
	}
	return err
}

// watch reports once a second, and looks after the spool.
func (r *relay) watch(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := r.deps.Clock.Now()
		if r.spool != nil {
			r.spool.tend()
		}
		p := Progress{At: now, From: r.intake.first(), Until: r.end(), Cameras: []CameraProgress{r.feed.progress(now)}}
		p.Cameras[0].delayed("received", &r.intake.delays, now)
		for _, l := range r.lines {
			p.Cameras = append(p.Cameras, l.progress(now))
		}
		r.deps.observe(p)
	}
}

func (r *relay) started() Relaying {
	e := Relaying{Input: fault.URL(r.o.Input.URL), Spool: r.o.Spool.Dir, Record: r.o.Record.Dir}
	if r.metrics != nil {
		e.Metrics = r.metrics.urls[0] + "metrics"
	}
	for _, t := range r.o.Targets {
		e.Targets = append(e.Targets, t.Name)
	}
	return e
}

func (r *relay) summary() *RelaySummary {
	s := &RelaySummary{Input: r.o.Input.Name, Units: r.intake.count()}
	for _, l := range r.lines {
		s.Targets = append(s.Targets, l.summary())
	}
	return s
}

// verdict is the error that a summary amounts to.
func (s *RelaySummary) verdict(f *feed) error {
	if ok, kind, why := f.answered(); !ok {
		return fault.New(kind, "nothing came from %s: %s", s.Input, why)
	}
	var missing error
	for _, t := range s.Targets {
		switch {
		case t.Sessions == 0:
			return fault.New(t.kind, "nothing reached %s: %s", t.Name, t.Reason)
		case t.Dropped > 0:
			missing = fault.New(fault.Incomplete, "%s did not get %d units", t.Name, t.Dropped)
		case t.Left > 0:
			missing = fault.New(fault.Incomplete, "%.0f s for %s are left in the spool", t.Left, t.Name)
		}
	}
	return missing
}

// name gives a target a name of its URL: host and path, without credentials.
func (t RelayTarget) name() string {
	if t.Name != "" {
		return t.Name
	}
	return fault.URL(t.URL)
}
