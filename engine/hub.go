package engine

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/rtsp"
)

// hub is what is live: the paths that are pulled from cameras and those that somebody
// publishes. Each fans out to its stream, for viewers, and, where it is recorded, to its
// camera of the recording. It is the rtsp.Hub of the server.
//
// Between newHub and close, tend is to be called about once a second.
type hub struct {
	deps  Deps // its clock is clock
	clock *steady
	store *store // nil: nothing is recorded
	queue int64  // bytes that may wait for the disk, for each path
	files *descriptors

	group  sync.WaitGroup // the pulls, and the ends of paths
	pulled atomic.Uint64  // bytes of media from cameras

	mu     sync.Mutex
	conf   []ServePath
	paths  map[string]*livePath
	closed bool
}

// Bounds and waits of a hub.
const (
	publishedMost = 1000             // paths that are published at a time, or were just now
	linger        = 10 * time.Second // a published path waits for its publisher to come back
	failPatience  = 2 * time.Second  // a viewer waits so long for a camera that does not answer
)

func newHub(d Deps, clock *steady, s *store, queue int64) *hub {
	return &hub{deps: d, clock: clock, store: s, queue: orDefault(queue, DefaultQueue), files: &descriptors{count: openDescriptors}, paths: map[string]*livePath{}}
}

// apply takes a configuration: paths that it does not have any more, or has otherwise, are
// ended, and those that are always pulled are begun. What stays the same goes on.
func (h *hub) apply(ctx context.Context, conf []ServePath) {
	h.mu.Lock()
	h.conf = conf
	var ended []*livePath
	for name, p := range h.paths {
		now, found := findPath(conf, name)
		now.Name, now.Backfill = p.conf.Name, p.conf.Backfill // where gaps are filled from disturbs nothing
		if !found || !reflect.DeepEqual(now, p.conf) {
			ended = append(ended, p)
			delete(h.paths, name)
		}
	}
	h.mu.Unlock()
	for _, p := range ended {
		p.end(ctx, media.Because(media.Stopped), "no longer configured so")
	}
	for _, c := range conf {
		if !c.pulled() {
			continue
		}
		if p, err := h.open(ctx, c.Name, c); err != nil {
			h.deps.observe(CameraDown{Camera: c.Name, Kind: fault.KindOf(err).String(), Reason: err.Error(), Tries: 1})
		} else if !c.OnDemand {
			p.startPull(ctx)
		}
	}
}

// open returns the path of that name, ready to be fed, and makes it when there is none.
// conf is its entry. No lock is held while the disk is asked.
func (h *hub) open(ctx context.Context, name string, conf ServePath) (*livePath, error) {
	h.mu.Lock()
	if p := h.paths[name]; p != nil {
		h.mu.Unlock()
		return p, p.opened(ctx)
	}
	if err := h.room(conf); err != nil {
		h.mu.Unlock()
		return nil, err
	}
	p := newLivePath(h, name, conf)
	h.paths[name] = p
	h.mu.Unlock()

	defer close(p.ready)
	if !conf.Record {
		return p, nil
	}
	if p.camera, p.refused = h.store.camera(name); p.refused != nil {
		h.mu.Lock()
		if h.paths[name] == p {
			delete(h.paths, name)
		}
		h.mu.Unlock()
		return nil, p.refused
	}
	p.record = newQueue(p.camera, h.queue)
	p.record.failed = func(err error) { h.deps.log().Error("not recorded", "path", name, "err", err) } // the journal has it
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended { // meanwhile, because the disk took too long
		p.camera.Close(ctx)
		return nil, fault.New(fault.Canceled, "%s is not served any more", name)
	}
	p.record.start(context.WithoutCancel(ctx))
	return p, nil
}

// room says why no path can be made now. h.mu is held.
func (h *hub) room(conf ServePath) error {
	switch {
	case h.closed:
		return fault.New(fault.Canceled, "the server is stopping")
	case !conf.pulled() && len(h.paths) >= publishedMost+len(h.conf):
		return fault.New(fault.Busy, "too many paths are live already")
	}
	return nil
}

// Live implements rtsp.Hub.
func (h *hub) Live(ctx context.Context, name string) (*rtsp.Stream, error) {
	p, err := h.live(ctx, name)
	if p == nil {
		return nil, err
	}
	return p.stream, err
}

// live returns a path whose run is on. It waits for that, until ctx ends, where it can
// come soon; the error says why there is none.
func (h *hub) live(ctx context.Context, name string) (*livePath, error) {
	h.mu.Lock()
	p := h.paths[name]
	conf, found := findPath(h.conf, name)
	h.mu.Unlock()
	switch {
	case p == nil && found && !conf.pulled():
		return nil, fault.New(fault.NotFound, "nobody publishes %s", name)
	case p == nil && !found:
		return nil, fault.New(fault.NotFound, "there is no path %s", name)
	case p == nil:
		return nil, fault.New(fault.Unreachable, "%s cannot be served now", name)
	}
	return p, p.await(ctx)
}

// Publish implements rtsp.Hub.
func (h *hub) Publish(ctx context.Context, name string, run media.Run, from rtsp.Publication) (media.Sink, error) {
	h.mu.Lock()
	conf, found := findPath(h.conf, name)
	h.mu.Unlock()
	switch {
	case !found:
		return nil, fault.New(fault.NotFound, "there is no path %s to publish on", name)
	case conf.Compose != nil:
		return nil, fault.New(fault.Busy, "%s is composed; nobody can publish there", name)
	case conf.Camera != nil:
		return nil, fault.New(fault.Busy, "%s is pulled from a camera; nobody can publish there", name)
	}
	if conf.Record {
		// The path becomes a folder; a name that cannot be one is refused in words.
		one := conf
		one.Name = name
		if err := one.Validate(true); err != nil {
			return nil, err
		}
	}
	p, err := h.open(ctx, name, conf)
	if err != nil {
		return nil, err
	}
	return p.publish(ctx, from)
}

// tend ends what nobody needs any more: pulls on demand without viewers, and paths that
// nobody publishes.
func (h *hub) tend(ctx context.Context) {
	now := h.deps.Clock.Now()
	for _, p := range h.list() {
		if p.conf.pulled() {
			p.idle(now)
			continue
		}
		h.mu.Lock()
		gone := p.abandoned(now) && h.paths[p.name] == p
		if gone {
			delete(h.paths, p.name)
		}
		h.mu.Unlock()
		if gone {
			h.group.Go(func() { // the disk may take its time
				limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), DefaultGrace)
				defer cancel()
				p.end(limit, media.Because(media.StreamEnded), "nobody publishes")
			})
		}
	}
}

// list is the paths there are, by name.
func (h *hub) list() []*livePath {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []*livePath
	for _, name := range slices.Sorted(maps.Keys(h.paths)) {
		list = append(list, h.paths[name])
	}
	return list
}

// close ends every path and waits until what was received is written, or ctx is done.
func (h *hub) close(ctx context.Context) {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	var group sync.WaitGroup
	for _, p := range h.list() {
		group.Go(func() { p.end(ctx, media.Because(media.Stopped), "") })
	}
	group.Wait()
	h.group.Wait()
}
