package engine

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"rtsprec/engine/media"
	"rtsprec/engine/rate"
	"rtsprec/engine/rtsp"
	"rtsprec/engine/web"
	"rtsprec/presets"
)

// pathAdapter follows the links of a path's viewers. Who has room for the source is left
// alone; who has not is turned to a step of the ladder, which all viewers on it share, and
// back when the link is wide again. It never changes what others get, nor the recording.
//
// begin, put and end are called one at a time.
type pathAdapter struct {
	deps   Deps
	name   string
	o      RelayAdapt
	stream *rtsp.Stream

	run     context.Context // ends with the run
	stop    context.CancelFunc
	watcher sync.WaitGroup

	mu      sync.Mutex
	track   media.Track   // the pictures
	video   media.TrackID // its ID; -1: none that can be adapted
	config  []byte
	gop     latestGroup
	survey  survey
	ladder  sharedLadder
	viewers map[rtsp.Viewer]*adaptedViewer
	rungs   *sharedRungs // nil: nothing is re-encoded
	changes uint64
	told    int // changes in the second of since
	since   time.Time
}

// adaptedViewer is what is known of one viewer's link.
type adaptedViewer struct {
	control *rate.Controller
	steps   *rate.Steps // nil: not known yet
	step    int
}

// changesTold is how many changes of a path are told in a second; the others are counted.
const changesTold = 5

func newPathAdapter(d Deps, name string, o RelayAdapt, s *rtsp.Stream) *pathAdapter {
	return &pathAdapter{deps: d, name: name, o: o, stream: s, video: -1, viewers: map[rtsp.Viewer]*adaptedViewer{}}
}

// begin takes a run up.
func (a *pathAdapter) begin(ctx context.Context, run media.Run) {
	a.end()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.video, a.gop, a.ladder = -1, latestGroup{}, sharedLadder{}
	a.survey = survey{}
	for _, t := range run.Tracks {
		if t.Codec.Video() {
			if a.deps.adaptable(t) {
				a.track, a.video, a.config = t, t.ID, t.Config
			}
			break // viewers begin with the first
		}
	}
	if a.video < 0 {
		return
	}
	a.run, a.stop = context.WithCancel(context.WithoutCancel(ctx))
	a.watcher.Go(func() { a.watch(a.run) })
}

// put takes a unit of the source. It waits for nobody.
func (a *pathAdapter) put(au media.AccessUnit) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.deps.Clock.Now()
	a.survey.add(now, len(au.Data), au.Track == a.video)
	if au.Track != a.video {
		return
	}
	if au.Config != nil {
		a.config = au.Config
	}
	a.gop.keep(au)
	if a.rungs != nil {
		a.rungs.put(au)
	}
}

// end is the end of the run.
func (a *pathAdapter) end() {
	if a.stop == nil {
		return
	}
	a.stop()
	a.watcher.Wait()
	a.stop = nil
	a.mu.Lock()
	rungs := a.rungs
	a.rungs, a.video, a.gop = nil, -1, latestGroup{}
	for _, w := range a.viewers {
		w.steps, w.step = nil, 0
	}
	a.mu.Unlock()
	rungs.end()
}

func (a *pathAdapter) watch(ctx context.Context) {
	tick := time.NewTicker(adaptEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, over := range a.judge(a.stream.Viewers()) {
			over.end()
		}
	}
}

// judge follows each link, and does what comes of it. What it returns is not needed any
// more.
func (a *pathAdapter) judge(viewers []rtsp.Viewer) (over []*sharedRungs) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.deps.Clock.Now()
	source, sound, known := a.survey.rates(now)
	if known {
		over = a.shape(now, source+sound, sound)
	}
	here := make(map[rtsp.Viewer]*adaptedViewer, len(viewers))
	for _, v := range viewers {
		w := a.viewers[v]
		if w == nil {
			w = &adaptedViewer{control: rate.New(rate.Options{})}
		}
		here[v] = w
		a.follow(now, v, w, source+sound, sound)
	}
	a.viewers = here
	a.tell(now)
	if a.rungs == nil {
		return over
	}
	if err := a.rungs.failed(); err != nil {
		a.deps.observe(Notice{Camera: a.name, Message: "pictures cannot be re-encoded: " + err.Error()})
		a.ladder = sharedLadder{broken: true}
		for v, w := range a.viewers {
			w.steps, w.step = nil, 0
			v.Turn(nil, false)
		}
	}
	if a.ladder.broken || a.rungs.retire(now) {
		over = append(over, a.rungs)
		a.rungs = nil
	}
	return over
}

// shape makes the ladder anew when the source has become another. Those who are on a step
// go to one of the new ladder's; what encoded for them is returned.
func (a *pathAdapter) shape(now time.Time, source, sound float64) (over []*sharedRungs) {
	l := &a.ladder
	if source == 0 || l.broken || l.steps != nil && !outgrown(a.rungs != nil, l.source, source, now.Sub(l.made)) {
		return nil
	}
	width, height := shapeOf(a.track, a.config)
	*l = newSharedLadder(a.o.Ladder, width, height, source, sound)
	l.made = now
	for _, w := range a.viewers {
		w.steps = nil
	}
	if a.rungs != nil {
		over = append(over, a.rungs)
		a.rungs = nil
	}
	return over
}

// follow decides about one viewer. a.mu is held.
func (a *pathAdapter) follow(now time.Time, v rtsp.Viewer, w *adaptedViewer, source, sound float64) {
	f, ok := v.Feedback()
	if !ok {
		return
	}
	if w.steps != nil {
		f.Next = w.steps.Next()
	}
	d := w.control.Update(now, f)
	if a.ladder.steps == nil {
		return
	}
	if w.steps == nil {
		w.steps, _ = rate.NewSteps(a.ladder.steps)
		w.steps.Leap()
		if w.step > 0 {
			w.steps.Settle(d)
			a.turn(now, v, w, w.steps.At(), d, []rate.Reason{grown(source)})
			if w.steps == nil { // nothing can be re-encoded
				return
			}
		}
	}
	w.steps.Best(int(source))
	if step, why := w.steps.Choose(now, d); len(why) > 0 {
		a.turn(now, v, w, step, d, why)
	}
	fill := 0
	if w.step > 0 && d.State == rate.Rise { // what the way takes is only seen by sending as much
		fill = max(min(d.Bitrate, int(source)*6/5)-int(sound), 0)
	}
	v.Aim(d.Steady*5/2, fill)
}

// turn sends a viewer another step. a.mu is held.
func (a *pathAdapter) turn(now time.Time, v rtsp.Viewer, w *adaptedViewer, step int, d rate.Decision, why []rate.Reason) {
	var to *rtsp.Rendition
	if step > 0 {
		var err error
		if to, err = a.rung(step); err != nil {
			a.deps.observe(Notice{Camera: a.name, Message: "pictures cannot be re-encoded: " + err.Error()})
			a.ladder, w.steps = sharedLadder{broken: true}, nil
			return
		}
	}
	v.Turn(to, step > w.step)
	w.step = step
	a.changes++
	if a.told++; a.told > changesTold {
		return
	}
	c := AdaptChange{Target: fmt.Sprintf("viewer %s of %s", v.Peer(), a.name), At: now, Step: step, Name: a.ladder.steps[step].Name, Bitrate: d.Bitrate}
	for _, r := range why {
		c.Reasons = append(c.Reasons, r.String())
	}
	a.deps.observe(c)
}

// tell says how many changes were not told, once a second. a.mu is held.
func (a *pathAdapter) tell(now time.Time) {
	if now.Sub(a.since) < time.Second {
		return
	}
	if more := a.told - changesTold; more > 0 {
		a.deps.observe(Notice{Camera: a.name, Message: "viewers get other pictures, beside those named", Count: more})
	}
	a.told, a.since = 0, now
}

// rung is the rendition of a step, which is made where there is none. a.mu is held.
func (a *pathAdapter) rung(step int) (*rtsp.Rendition, error) {
	if a.rungs == nil {
		rungs, err := newSharedRungs(a.run, a.deps.Coder, a.track, a.config, a.o.Device, a.gop)
		if err != nil {
			return nil, err
		}
		a.rungs = rungs
	}
	return a.rungs.rung(step, a.ladder.rungs[step-1], a.stream)
}

// state is what the viewers get now.
func (a *pathAdapter) state() *web.Adapted {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := &web.Adapted{Readers: map[string]int{"source": 0}, Changes: a.changes}
	for _, step := range a.rungs.steps() {
		s.Encoders++
		s.Readers[a.ladder.steps[step].Name] = 0
	}
	for _, w := range a.viewers {
		name := "source"
		if w.step > 0 {
			name = a.ladder.steps[w.step].Name
		}
		s.Readers[name]++
	}
	return s
}

// sharedLadder is the steps of a path, each at one bit rate, because viewers share them.
type sharedLadder struct {
	source float64   // bit/s, for which they were made
	made   time.Time // and when
	rungs  []presets.Rung
	steps  []rate.Step // the source first; nil: not known yet
	broken bool        // nothing can be re-encoded
}

const (
	sharedStep = 0.75 // from one step to the next
	sharedLow  = 0.5  // of a size's rate, below which it looks bad
	sharedMost = 4    // bit rates of a size
)

// newSharedLadder makes steps of a ladder: each size at several bit rates, until the next
// size is better at the same.
func newSharedLadder(ladder presets.Ladder, width, height int, source, sound float64) sharedLadder {
	l := sharedLadder{source: source}
	sizes := rungsFor(ladder, width, height, source)
	for i, r := range sizes {
		least := sharedLow * float64(r.Bitrate)
		if i+1 < len(sizes) {
			next := float64(sizes[i+1].Bitrate) / math.Sqrt(sharedStep)
			if least = max(least, next); !sizes[i+1].KeyFramesOnly {
				least = next
			}
		}
		for range sharedMost {
			l.rungs = append(l.rungs, r)
			next := sharedStep * float64(r.Bitrate)
			if r.KeyFramesOnly || next < least {
				break
			}
			r.Bitrate = int(next)
		}
	}
	l.steps = []rate.Step{{Name: "source", Min: int(source), Max: math.MaxInt32}}
	for i := range l.rungs {
		r := &l.rungs[i]
		step := rate.Step{Name: fmt.Sprintf("%s %dk", rungName(*r), twoDigits(r.Bitrate/1000)), Min: r.Bitrate, Max: r.Bitrate}
		if i == len(l.rungs)-1 {
			step.Min = 0
		}
		l.steps = append(l.steps, step)
		r.Bitrate = max(int(0.97*float64(r.Bitrate)-sound), 30_000) // headers of RTP and sound take the rest
	}
	if _, err := rate.NewSteps(l.steps); err != nil { // no step is below this source
		l.rungs, l.steps = nil, l.steps[:1]
	}
	return l
}

// twoDigits rounds to what a person would say.
func twoDigits(n int) int {
	unit := 1
	for n/unit >= 100 {
		unit *= 10
	}
	return (n + unit/2) / unit * unit
}
