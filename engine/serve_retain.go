package engine

import (
	"context"
	"path/filepath"
	"slices"

	"rtsprec/engine/archive"
	"rtsprec/engine/record"
)

// retain removes what the configuration does not keep, until ctx ends: of the server's own
// recording and, where that is asked for, of those of others below its archives.
func (s *server) retain(ctx context.Context) {
	var roots []string
	if s.store != nil {
		roots = append(roots, s.store.dir)
	}
	if s.o.Record.KeepArchives {
		for _, dir := range s.o.Archives {
			if !slices.Contains(roots, dir) {
				roots = append(roots, dir)
			}
		}
	}
	if len(roots) == 0 {
		return
	}
	r := retention{
		deps: s.deps, clock: s.deps.Clock, dir: roots[0],
		library: archive.NewLibrary(s.deps.FS, s.clock, roots...),
		keep:    func() archive.Keep { return *s.keep.Load() },
		writer: func(dir string) *record.Recording {
			if s.store != nil && filepath.Clean(dir) == filepath.Clean(s.store.dir) {
				return s.store.rec
			}
			return nil
		},
	}
	r.run(ctx)
}
