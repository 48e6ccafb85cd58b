package compose

import (
	"context"
	"sync"
)

// gate is a lock whose holders can wait for a change, and give up with a context.
type gate struct {
	sync.Mutex
	changed chan struct{} // closed at the next change; nil: nobody waits
}

// change wakes all who wait. The lock is held.
func (g *gate) change() {
	if g.changed != nil {
		close(g.changed)
		g.changed = nil
	}
}

// wait lets go of the lock until there is a change or ctx ends.
func (g *gate) wait(ctx context.Context) error {
	if g.changed == nil {
		g.changed = make(chan struct{})
	}
	changed := g.changed
	g.Unlock()
	defer g.Lock()
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
