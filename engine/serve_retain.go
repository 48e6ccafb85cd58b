package engine

import (
	"context"
	"fmt"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
)

// retainEvery is how often old media is looked for.
const retainEvery = 30 * time.Second

// retain removes what the configuration does not keep, until ctx ends.
func (s *server) retain(ctx context.Context) {
	if s.store == nil {
		return
	}
	tick := time.NewTicker(retainEvery)
	defer tick.Stop()
	for {
		s.prune(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// prune looks once.
func (s *server) prune(ctx context.Context) {
	keep := *s.keep.Load()
	if keep.Age == 0 && keep.Size == 0 && keep.Free == 0 && len(keep.Cameras) == 0 {
		return
	}
	rec, err := s.library.Recording(s.store.name())
	if err != nil {
		return // it is said elsewhere that the disk fails
	}
	free := int64(-1)
	if n, err := s.deps.FS.Free(s.store.dir); err == nil {
		free = int64(min(n, 1<<62))
	}
	var first, last *archive.Segment
	count := 0
	for _, segment := range rec.Prunable(keep, s.clock.Wall(), free) {
		err := s.store.rec.Prune(journal.Prune{
			Camera: segment.Camera, N: segment.N, File: segment.File, Start: segment.Start, End: segment.End, Size: segment.Size, Why: "retention",
		})
		switch {
		case ctx.Err() != nil:
			return
		case fault.Is(err, fault.Busy): // somebody reads it; the next round will
		case err != nil:
			s.deps.observe(Notice{Camera: segment.Camera, Message: fmt.Sprintf("%s could not be removed: %v", segment.File, err)})
		default:
			if count++; first == nil {
				first = segment
			}
			last = segment
		}
	}
	if count > 0 {
		s.deps.observe(Notice{Message: fmt.Sprintf("%d files are removed that need not be kept, from %s to %s", count, first.File, last.File)})
	}
}
