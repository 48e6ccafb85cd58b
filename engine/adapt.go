package engine

import (
	"context"
	"sync"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/rate"
	"rtsprec/engine/rtsp"
	"rtsprec/presets"
)

// RelayAdapt says how a target's pictures follow what the way to it takes.
type RelayAdapt struct {
	Ladder  presets.Ladder // no rungs: nothing is adapted
	Latency time.Duration  // how long a picture may wait to be sent; 0: [DefaultLatency]
	Device  string         // as media.DecodeOptions.Device
}

// check refuses a ladder that does not fall.
func (o RelayAdapt) check() error {
	for i, r := range o.Ladder.Rungs {
		if r.Bitrate <= 0 || i > 0 && r.Bitrate >= o.Ladder.Rungs[i-1].Bitrate {
			return fault.New(fault.Usage, "rung %d of the ladder %s: each takes fewer bits than the one above, and more than none", i+1, o.Ladder.Name)
		}
	}
	return nil
}

// on says that something is adapted.
func (o RelayAdapt) on() bool { return len(o.Ladder.Rungs) > 0 }

// DefaultLatency is how long a picture may wait to be sent.
const DefaultLatency = 200 * time.Millisecond

const (
	adaptEvery  = 200 * time.Millisecond // how often the way to a target is judged
	adaptBuffer = 300 * time.Millisecond // of the rate control of what is encoded for it
)

// steerable is a source that encodes its pictures for one target alone: their rate can
// follow the way without encoding them again. It is told from another goroutine.
type steerable interface {
	media.KeyRequester
	most() int         // bit/s of its pictures, where nothing makes it less
	steer(bitrate int) // from the next picture on
}

// adapter is a Sink before a target's queue. What fits the way is passed on untouched.
// What does not is re-encoded, at a bit rate and on a step of the ladder that the
// controller of the way chooses, until the source fits again. The newest group of
// pictures is kept while copying, so that re-encoding starts with the picture that is
// due and not with the next key frame. Sound always passes.
//
// Sizes change at key frames, which carry their parameter sets; the session goes on.
type adapter struct {
	deps  Deps
	name  string // of the target
	o     RelayAdapt
	queue *queue
	path  func(held int64) (rate.Feedback, *rtsp.Publisher)
	keys  time.Duration // between key frames of what is re-encoded
	steer steerable     // nil: the source is as it is

	stop    context.CancelFunc
	watcher sync.WaitGroup

	mu      sync.Mutex
	run     media.Run
	video   media.TrackID // -1: none that can be adapted
	copying bool
	back    bool // the source fits again: it is copied from its next key frame on
	gop     latestGroup
	config  []byte
	latest  media.Ticks // DTS of the newest picture handed on
	ahead   media.Ticks // the most that a PTS of the source was before its DTS
	coder   *recoder    // nil while copying
	steered int         // bit/s that steer was told last
	survey  survey      // of what comes
	sent    int64       // bytes, at the last point
	loop    adaptLoop
	points  []AdaptPoint
	changes []AdaptChange
}

const (
	mostGOP    = 16 << 20 // bytes of the group that is kept
	mostPoints = 24 * 3600 * 5
)

// newAdapter makes the adapter of a line, in front of its queue.
func newAdapter(d Deps, o RelayAdapt, l *liveLine) *adapter {
	o.Latency = orDefault(o.Latency, DefaultLatency)
	l.measure = true
	a := &adapter{deps: d, name: l.target.name(), o: o, queue: l.queue, path: l.path, keys: 2 * time.Second, video: -1}
	if l.target.Transport == rtsp.UDP {
		a.keys = time.Second // what is lost stays broken until the next one
	}
	return a
}

// start begins to send and to follow the way; Close ends both.
func (a *adapter) start(ctx context.Context) {
	a.queue.start(ctx)
	ctx, a.stop = context.WithCancel(ctx)
	a.watcher.Go(func() {
		tick := time.NewTicker(adaptEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				a.judge(ctx)
			}
		}
	})
}

// Begin implements media.Sink.
func (a *adapter) Begin(ctx context.Context, run media.Run) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.letGo(ctx)
	a.run, a.video, a.copying, a.back, a.latest, a.ahead = run, -1, true, false, -1<<62, 0
	a.gop, a.config, a.survey = latestGroup{}, nil, survey{}
	for _, t := range run.Tracks {
		if a.video < 0 && a.deps.adaptable(t) {
			a.video, a.config = t.ID, t.Config
		}
	}
	a.loop.fresh()
	return a.queue.Begin(ctx, run)
}

// adaptable says whether a track can be re-encoded within its session: the codec stays,
// and parameter sets travel with the pictures.
func (d Deps) adaptable(t media.Track) bool {
	return d.Coder != nil && t.Codec.NALs() && t.ClockRate == 90000
}

// Write implements media.Sink. It waits for nothing but, at a return to the source, the
// encoder's last picture.
func (a *adapter) Write(ctx context.Context, au media.AccessUnit) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.deps.Clock.Now()
	if au.Track != a.video {
		if !a.run.Tracks[au.Track].Codec.Video() {
			a.survey.add(now, len(au.Data), false)
		}
		return a.queue.Write(ctx, au)
	}
	a.survey.add(now, len(au.Data), true)
	if au.Config != nil {
		a.config = au.Config
	}
	a.gop.keep(au)
	if a.back && au.Key {
		a.letGo(ctx)
		a.copying, a.back = true, false
	}
	if !a.copying {
		a.coder.put(au)
		return nil
	}
	return a.pass(ctx, au)
}

// pass hands a unit of the source on. A key frame gets the parameter sets that it may have
// had in the description only: the receiver may have seen others since.
func (a *adapter) pass(ctx context.Context, au media.AccessUnit) error {
	if au.Key && a.loop.touched {
		au = media.WithConfig(au, a.run.Tracks[a.video].Codec, a.config)
	}
	a.latest = max(a.latest, au.DTS)
	a.ahead = max(a.ahead, au.PTS-au.DTS)
	return a.queue.Write(ctx, au)
}

// latestGroup is the newest group of pictures.
type latestGroup struct {
	units []media.AccessUnit
	bytes int
}

func (g *latestGroup) keep(au media.AccessUnit) {
	if au.Key {
		clear(g.units)
		g.units, g.bytes = g.units[:0], 0
	}
	if len(g.units) == 0 && !au.Key {
		return
	}
	if g.bytes += len(au.Data); g.bytes > mostGOP {
		clear(g.units)
		g.units, g.bytes = nil, 0
		return
	}
	g.units = append(g.units, au)
}

// emit takes a re-encoded unit.
func (a *adapter) emit(ctx context.Context, c *recoder, au media.AccessUnit) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.coder != c {
		return
	}
	a.latest = max(a.latest, au.DTS)
	au.Track = a.video
	a.queue.Write(ctx, au)
}

// judge asks how the way fares and does what follows from it.
func (a *adapter) judge(ctx context.Context) {
	held, _ := a.queue.held()
	f, pub := a.path(held)
	now := a.deps.Clock.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if pub == nil || a.video < 0 {
		a.loop.pub = nil
		return
	}
	if a.coder != nil && a.coder.stuck() != nil {
		a.without(a.coder.stuck())
		return
	}
	pictures, sound, known := a.survey.rates(now)
	source := pictures + sound
	switch {
	case a.steer != nil:
		source = float64(a.steer.most()) + sound
	case !known:
		source = float64(a.run.Rate) // what was seen of it before it was this camera's turn; 0: not known
	}
	width, height := a.shape()
	a.loop.steered = a.steer != nil
	d, step, why := a.loop.update(now, f, pub, a.o.Ladder, width, height, source)
	pub.SetPace(a.loop.pace(d))
	a.point(now, f, d, source)
	if len(why) > 0 {
		a.turn(ctx, now, step, d, why)
	}
	if a.steer != nil && a.loop.steps != nil {
		rate := a.steer.most()
		if step == 0 {
			rate = min(a.loop.wanted(d, sound), rate)
		}
		if farFrom(a.run.Tracks[a.video].Codec, rate, a.steered) {
			a.steered = rate
			a.steer.steer(rate)
		}
	}
	if a.coder != nil && len(a.loop.rungs) > 0 {
		rung := a.loop.rung(step)
		rung.Bitrate = a.loop.wanted(d, sound)
		a.coder.aim(rung, a.late(held, d), d.State == rate.Rise)
	}
}

// without goes on without the step that the encoder cannot make. The source is sent until it
// is seen which of the others is due.
func (a *adapter) without(err error) {
	if a.back || a.loop.steps == nil { // it was left meanwhile, and goes with the next key frame
		return
	}
	step := a.loop.steps.At()
	a.deps.observe(Notice{Camera: a.name, Message: a.loop.name(step) + " is left out, it cannot be encoded: " + err.Error()})
	a.loop.leave(step)
	a.back = true
}

// late is how many of the pictures that come now would wait for longer than they may.
func (a *adapter) late(held int64, d rate.Decision) bool {
	waits := d.Queueing
	if d.Bitrate > 0 {
		waits = max(waits, time.Duration(float64(held)*8/float64(d.Bitrate)*float64(time.Second)))
	}
	return waits > 2*a.o.Latency
}

// turn goes to another step.
func (a *adapter) turn(ctx context.Context, now time.Time, step int, d rate.Decision, why []rate.Reason) {
	c := AdaptChange{Target: a.name, At: now, Step: step, Name: a.loop.name(step), Bitrate: d.Bitrate}
	for _, r := range why {
		c.Reasons = append(c.Reasons, r.String())
	}
	switch {
	case step == 0:
		a.back = true
		if a.steer != nil {
			a.steer.RequestKey()
		}
	case a.coder == nil:
		if err := a.recode(ctx, step); err != nil {
			a.deps.observe(Notice{Camera: a.name, Message: "pictures cannot be re-encoded: " + err.Error()})
			a.video = -1
			return
		}
		a.back = false
	default:
		a.back = false
	}
	if len(a.changes) < mostPoints {
		a.changes = append(a.changes, c)
	}
	a.deps.observe(c)
}

// recode stops copying. What waits of the source's pictures is too much for the way and
// is dropped; the group that is kept brings the decoder up to the picture of now.
func (a *adapter) recode(ctx context.Context, step int) error {
	c, err := newRecoder(a.deps.Coder, a.run.Tracks[a.video], a.config, a.o.Device, a.keys)
	if err != nil {
		return err
	}
	a.latest = a.queue.withdraw(a.video, a.latest)
	a.copying, a.loop.touched, a.coder = false, true, c
	c.after = a.latest + a.ahead // what was sent is not shown again
	c.aim(a.loop.rung(step), false, false)
	c.windUp(a.gop)
	c.start(ctx, func(au media.AccessUnit) { a.emit(ctx, c, au) })
	return nil
}

// letGo ends re-encoding. What the encoder was given is handed on before. The lock is
// held, and given up while the encoder ends.
func (a *adapter) letGo(ctx context.Context) {
	c := a.coder
	if c == nil {
		return
	}
	a.mu.Unlock()
	c.end()
	a.mu.Lock()
	a.coder = nil
}

// End implements media.Sink.
func (a *adapter) End(ctx context.Context, gap media.Gap) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.letGo(ctx)
	a.copying = true
	return a.queue.End(ctx, gap)
}

// Close implements media.Sink.
func (a *adapter) Close(ctx context.Context) error {
	if a.stop != nil {
		a.stop()
		a.watcher.Wait()
	}
	a.mu.Lock()
	a.letGo(ctx)
	a.mu.Unlock()
	return a.queue.Close(ctx)
}

// shape is the size of the source's pictures.
func (a *adapter) shape() (width, height int) {
	return shapeOf(a.run.Tracks[a.video], a.config)
}

// shapeOf is the size of a track's pictures by the configuration; zero: not known.
func shapeOf(t media.Track, config []byte) (width, height int) {
	t.Config = config
	if v, err := media.Inspect(t); err == nil {
		return v.Width, v.Height
	}
	return 0, 0
}
