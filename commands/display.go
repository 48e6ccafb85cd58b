package commands

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"rtsprec/engine"
)

// A view shows what happens, in one of several forms. Its methods are called from one
// goroutine.
type view interface {
	event(now time.Time, e engine.Event)
	progress(e engine.Progress)
	stopping(now time.Time)
	close() // nothing follows; the screen is left as the results should find it
}

// pendingLimit bounds the events that wait for a slow terminal or pipe. What is beyond
// is counted and said: a recording never waits for its display.
const pendingLimit = 10000

// display hands events to a view. Observe never blocks.
type display struct {
	p    *process
	view view

	mu      sync.Mutex
	pending []stamped
	latest  *engine.Progress // only the newest matters
	lost    int
	stop    bool
	told    bool // of stop

	wake chan struct{} // one token: there is something to do
	quit chan struct{}
	done chan struct{}
}

type stamped struct {
	at time.Time
	e  engine.Event
}

// show starts a display of the form that the flags and the terminal ask for. close
// must be called once; it returns when everything was shown.
func (p *process) show(ctx context.Context) (d *display, close func()) {
	d = &display{
		p: p, view: p.newView(), wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	go d.run()
	forget := context.AfterFunc(ctx, d.noteStop)
	return d, func() {
		forget()
		d.quit <- struct{}{}
		<-d.done
	}
}

func (p *process) newView() view {
	_, _, terminal := p.Screen()
	switch {
	case p.json:
		return jsonView{p}
	case p.quiet || p.debug || !terminal:
		return &plainView{p: p}
	}
	return newLiveView(p)
}

// deps is the world as the engine sees it.
func (p *process) deps(observe func(engine.Event)) engine.Deps {
	d := engine.Deps{FS: p.FS, Clock: p.Clock, Dial: engine.DialRTSP, Observe: observe, Coder: p.Coder, Version: p.Version}
	if p.debug {
		d.Log = slog.New(slog.NewTextHandler(p.Err, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return d
}

// observe takes an event, from any goroutine.
func (d *display) observe(e engine.Event) {
	if d.p.quiet && !e.Serious() {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if p, ok := e.(engine.Progress); ok {
		d.latest = &p
	} else if len(d.pending) < pendingLimit {
		d.pending = append(d.pending, stamped{d.p.Clock.Wall(), e})
	} else {
		d.lost++
	}
	d.nudge()
}

// noteStop says that we were asked to stop.
func (d *display) noteStop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stop = !d.p.quiet
	d.nudge()
}

func (d *display) nudge() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

func (d *display) run() {
	defer close(d.done)
	for {
		select {
		case <-d.wake:
			d.drain()
		case <-d.quit:
			d.drain()
			d.view.close()
			return
		}
	}
}

// drain shows what has come since it was called last.
func (d *display) drain() {
	d.mu.Lock()
	events, latest, lost := d.pending, d.latest, d.lost
	stop := d.stop && !d.told
	d.pending, d.latest, d.lost, d.told = nil, nil, 0, d.told || stop
	d.mu.Unlock()

	for _, s := range events {
		d.view.event(s.at, s.e)
	}
	now := d.p.Clock.Wall()
	if lost > 0 {
		d.view.event(now, engine.Notice{Message: fmt.Sprintf("%s more: they came faster than they could be shown", count(lost, "event"))})
	}
	if stop {
		d.view.stopping(now)
	}
	if latest != nil {
		d.view.progress(*latest)
	}
}

// stopText answers the first Ctrl-C.
const stopText = "stopping: what was received is being finished; Ctrl-C again stops at once"

// jsonView writes everything as JSON lines to standard output.
type jsonView struct{ p *process }

func (v jsonView) event(now time.Time, e engine.Event) { v.write(now, e.Type(), e) }
func (v jsonView) progress(e engine.Progress)          { v.write(e.At, e.Type(), e) }
func (v jsonView) stopping(now time.Time)              { v.write(now, "stopping", struct{}{}) }
func (v jsonView) close()                              {}

func (v jsonView) write(now time.Time, kind string, e any) {
	if b, err := jsonLine(kind, now, e); err == nil {
		v.p.Out.Write(b)
	}
}

// plainView is for logs and cron: a line an event, and one a minute.
type plainView struct {
	p    *process
	last time.Time // of the newest line about progress
}

func (v *plainView) event(now time.Time, e engine.Event) { v.write(now, e.Text(v.p.Zone)) }
func (v *plainView) stopping(now time.Time)              { v.write(now, stopText) }
func (v *plainView) close()                              {}

func (v *plainView) progress(e engine.Progress) {
	if v.last.IsZero() {
		v.last = e.At
	}
	if e.At.Sub(v.last) < time.Minute {
		return
	}
	v.last = e.At
	v.write(e.At, e.Text(v.p.Zone))
}

func (v *plainView) write(now time.Time, text string) {
	fmt.Fprintf(v.p.Err, "%s %s\n", now.In(v.p.Zone).Format(time.RFC3339), oneLine(text))
}
