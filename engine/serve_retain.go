package engine

import (
	"context"

	"rtsprec/engine/archive"
	"rtsprec/engine/record"
)

// retain removes what the configuration does not keep, until ctx ends. It is about the
// server's own recording: others below its roots have their own plans.
func (s *server) retain(ctx context.Context) {
	if s.store == nil {
		return
	}
	r := retention{
		deps: s.deps, clock: s.deps.Clock, dir: s.store.dir,
		library: archive.NewLibrary(s.deps.FS, s.clock, s.store.dir),
		keep:    func() archive.Keep { return *s.keep.Load() },
		writer:  func(string) *record.Recording { return s.store.rec },
	}
	r.run(ctx)
}
