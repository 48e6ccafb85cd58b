package engine

import (
	"context"
	"sync/atomic"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/rtsp"
)

// published is the Sink of one publisher of a path.
type published struct {
	path *livePath
	from rtsp.Publication
	open bool        // between Begin and End
	over atomic.Bool // the path is not for publishing any more
}

// publish takes a publisher in, when there is none.
func (p *livePath) publish(_ context.Context, from rtsp.Publication) (media.Sink, error) {
	p.hub.clock.hold()
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.ended:
		return nil, fault.New(fault.NotFound, "%s is not served any more", p.name)
	case p.publisher != nil:
		return nil, fault.New(fault.Busy, "%s publishes on %s already", p.publisher.from.Peer, p.name)
	}
	p.publisher, p.begun = &published{path: p, from: from}, p.hub.deps.Clock.Now()
	return p.publisher, nil
}

// Begin implements media.Sink.
func (s *published) Begin(ctx context.Context, run media.Run) error {
	if err := s.usable(); err != nil {
		return err
	}
	s.open = true
	if s.from.Capture {
		return s.path.resumption(ctx).begin(ctx, run)
	}
	s.path.forget(ctx)
	return s.path.Begin(ctx, run)
}

// Write implements media.Sink.
func (s *published) Write(ctx context.Context, au media.AccessUnit) error {
	if err := s.usable(); err != nil {
		return err
	}
	p := s.path
	now := p.hub.deps.Clock.Now()
	p.mu.Lock()
	p.latest = now
	p.meter.add(au.Arrival, len(au.Data), au.Track == 0)
	p.mu.Unlock()
	if s.from.Capture {
		return p.resume.write(ctx, au)
	}
	return p.Write(ctx, au)
}

// End implements media.Sink.
func (s *published) End(ctx context.Context, gap media.Gap) error {
	s.open = false
	if s.over.Load() {
		return nil // the path was ended, and said so
	}
	if gap.Causes == 0 {
		gap.Causes = media.Because(media.StreamEnded)
	}
	if s.from.Capture {
		return s.path.resume.end(ctx, gap)
	}
	return s.path.End(ctx, gap)
}

// Close implements media.Sink: the path is free for the next publisher.
func (s *published) Close(ctx context.Context) error {
	var err error
	if s.open {
		err = s.End(ctx, media.Gap{})
	}
	p := s.path
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.publisher == s {
		p.publisher, p.left = nil, p.hub.deps.Clock.Now()
	}
	return err
}

func (s *published) usable() error {
	if s.over.Load() {
		return fault.New(fault.Ended, "%s is not for publishing any more", s.path.name)
	}
	return nil
}
