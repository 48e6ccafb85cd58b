package engine

import (
	"context"
	"time"

	"rtsprec/engine/journal"
)

// fillGaps fills the gaps of paths that name a source for that, until ctx ends.
func (s *server) fillGaps(ctx context.Context) {
	if s.store == nil {
		return
	}
	b := makeBackfiller(s.deps, s.store.rec, s.store.dir, s.o.Record.BackfillRate)
	tick := time.NewTicker(fillEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if b.sources = s.hub.backfilled(); len(b.sources) > 0 {
			b.round(ctx, false)
		}
	}
}

// backfilled are the paths whose gaps are to be filled now.
func (h *hub) backfilled() map[string]journal.Camera {
	h.mu.Lock()
	defer h.mu.Unlock()
	sources := map[string]journal.Camera{}
	for _, p := range h.conf {
		if p.Backfill != "" && p.Record && p.Camera != nil {
			c := *p.Camera
			c.Name, c.Backfill = p.Name, p.Backfill
			sources[p.Name] = c
		}
	}
	return sources
}
