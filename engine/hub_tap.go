package engine

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/rtsp"
)

// tap is a Session with a live path of this very server: what the path is given is taken
// from there, without a socket and without being packed into packets. Whoever taps a path
// counts as a viewer of it.
type tap struct {
	path  *livePath
	run   media.Run
	queue *queue // so that the path never waits
	units chan media.AccessUnit
	over  chan struct{} // closed when the run has ended
	done  chan struct{} // closed by Close
	ended func()
	close func()
}

// pathScheme is what the address of a live path of this server begins with. Only a hub
// knows it.
const pathScheme = "path://"

// transportPath is how media of such a path comes.
const transportPath rtsp.Transport = "path"

// tapPatience is how long a path may take to send something before a tap says why not.
const tapPatience = 5 * time.Second

// pathCamera is a live path as an input that can be dialled.
func pathCamera(name, path string) *journal.Camera {
	return &journal.Camera{Name: name, URL: pathScheme + path}
}

// dial is Deps.Dial for what is composed: addresses of this server's paths are tapped.
func (h *hub) dial(ctx context.Context, o rtsp.Options) (Session, error) {
	name, own := strings.CutPrefix(o.URL, pathScheme)
	if !own {
		if o.Transport == transportPath { // what worked for the camera's other stream
			o.Transport = rtsp.Auto
		}
		return h.deps.Dial(ctx, o)
	}
	waiting, cancel := context.WithTimeout(ctx, tapPatience)
	defer cancel()
	p, err := h.live(waiting, name)
	if err != nil {
		return nil, err
	}
	return p.tap(ctx, o.Queue)
}

// tap begins a session with a path whose run is on. limit is how many bytes may wait in it.
func (p *livePath) tap(ctx context.Context, limit int64) (Session, error) {
	p.turn.Lock()
	run, on := p.stream.Run()
	if !on {
		p.turn.Unlock()
		return nil, fault.New(fault.Ended, "%s has just ended", p.name)
	}
	t := &tap{path: p, run: run, units: make(chan media.AccessUnit), over: make(chan struct{}), done: make(chan struct{})}
	t.run.Peer = "path " + p.name
	t.ended = sync.OnceFunc(func() { close(t.over) })
	t.close = sync.OnceFunc(t.leave)
	t.queue = newQueue(tapEnd{t}, orDefault(limit, DefaultQueue))
	t.queue.Begin(ctx, run)
	t.queue.start(context.WithoutCancel(ctx))
	p.taps = append(p.taps, t)
	p.turn.Unlock()
	p.tapped.Add(1)
	p.RequestKey()
	return t, nil
}

// leave takes the tap off its path.
func (t *tap) leave() {
	close(t.done)
	t.path.turn.Lock()
	t.path.taps = slices.DeleteFunc(t.path.taps, func(other *tap) bool { return other == t })
	t.path.turn.Unlock()
	t.path.tapped.Add(-1)
	t.queue.Close(context.Background()) // nothing waits any more: the sink refuses all
}

// Run implements media.Source.
func (t *tap) Run() media.Run { return t.run }

// Next implements media.Source.
func (t *tap) Next(ctx context.Context) (media.AccessUnit, error) {
	select {
	case au := <-t.units:
		return au, nil
	case <-t.over:
		return media.AccessUnit{}, io.EOF
	case <-t.done:
		return media.AccessUnit{}, fault.New(fault.Canceled, "closed")
	case <-ctx.Done():
		return media.AccessUnit{}, fault.Because("play "+t.path.name, ctx.Err())
	}
}

// Close implements media.Source.
func (t *tap) Close() error {
	t.close()
	return nil
}

// RequestKey implements media.KeyRequester.
func (t *tap) RequestKey() { t.path.RequestKey() }

// Stats implements Session.
func (t *tap) Stats() rtsp.Stats {
	s := rtsp.Stats{Transport: transportPath, Auth: "none", Tracks: make([]rtsp.TrackStats, len(t.run.Tracks))}
	s.Queued, _ = t.queue.held()
	for i, track := range t.run.Tracks {
		s.Tracks[i] = rtsp.TrackStats{Codec: track.Codec}
	}
	return s
}

// tapEnd is the Sink of the queue: it hands units to Next.
type tapEnd struct{ *tap }

// Begin implements media.Sink. The first one is what tap knows already.
func (e tapEnd) Begin(_ context.Context, run media.Run) error {
	if run.ID != e.run.ID {
		e.ended()
	}
	return nil
}

// Write implements media.Sink.
func (e tapEnd) Write(ctx context.Context, au media.AccessUnit) error {
	select {
	case e.units <- au:
	case <-e.over:
	case <-e.done:
	case <-ctx.Done():
	}
	return nil
}

// End implements media.Sink.
func (e tapEnd) End(context.Context, media.Gap) error { e.ended(); return nil }

// Close implements media.Sink.
func (e tapEnd) Close(context.Context) error { e.ended(); return nil }
