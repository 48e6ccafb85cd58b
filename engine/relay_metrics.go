package engine

import (
	"context"
	"time"

	"rtsprec/engine/web"
)

// State implements web.Hub.
func (r *relay) State() web.State {
	now := r.deps.Clock.Now()
	in := r.feed.progress(now)
	in.delayed("received", &r.intake.delays, now)
	camera := web.CameraState{
		Path: r.o.Input.Name, State: in.State, Reason: in.Reason, Transport: in.Transport, FPS: in.FPS, Bitrate: in.Bitrate, Loss: in.Loss, Delays: in.Delays,
	}
	if camera.State == string(statePlaying) {
		camera.State = "live"
	}
	s := web.State{At: r.deps.Clock.Wall().UTC(), Cameras: []web.CameraState{camera}}
	for _, l := range r.lines {
		t := l.state(now)
		if t.Latest.Before(r.began) {
			t.Latest = r.began
		}
		s.Targets = append(s.Targets, t)
	}
	return s
}

// serveMetrics answers Prometheus and who asks after its health, until ctx ends.
func (r *relay) serveMetrics(ctx context.Context) error {
	h := web.NewStatus(web.Options{Hub: r, Clock: r.deps.Clock, Log: r.deps.log(), Version: r.deps.Version})
	return web.Serve(ctx, r.metrics.http[0], h, web.ServeOptions{Log: r.deps.log()})
}

// status is the outlet's part of how the way to its target stands.
func (t *outlet) status(now time.Time) web.TargetState {
	s := t.summary()
	p := t.progress(now)
	t.mu.Lock()
	defer t.mu.Unlock()
	return web.TargetState{
		Name: s.Name, State: p.State, Reason: p.Reason, Up: t.now != nil && t.now.Err() == nil, Latest: t.sent,
		Sessions: s.Sessions, Units: s.Units, Sent: s.Bytes, Bitrate: p.Bitrate, Delay: p.Delays["sent"],
	}
}

func (l *liveLine) state(now time.Time) web.TargetState {
	s := l.status(now)
	s.Queue, s.Dropped = l.queue.held()
	if l.coder != nil {
		s.Dropped += l.coder.left.Load()
	}
	if l.adapter != nil {
		s.Adapt = l.adapter.state()
	}
	return s
}

func (l *spoolLine) state(now time.Time) web.TargetState {
	s := l.status(now)
	s.Dropped = l.summary().Dropped
	return s
}

// state is what the target gets, and why.
func (a *adapter) state() *web.AdaptState {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := &web.AdaptState{Name: "source", Changes: len(a.changes)}
	if n := len(a.points); n > 0 {
		p := a.points[n-1]
		s.Bitrate, s.Capacity, s.Queueing, s.Loss = p.Target, p.Capacity, p.Queueing, p.Loss
	}
	if a.loop.steps != nil {
		s.Step = a.loop.steps.At()
		s.Name = a.loop.name(s.Step)
	}
	return s
}
