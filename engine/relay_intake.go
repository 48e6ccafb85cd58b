package engine

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/rate"
	"rtsprec/engine/record"
)

// intake is a Sink that hands everything to many, none of which makes it wait.
type intake struct {
	ways     []way
	recorder media.Sink // behind the queue of one of them; nil: nothing is recorded
	clock    media.Clock
	delays   rate.Delays // from capture on

	mu    sync.Mutex
	began time.Time
	units uint64
}

// way is a Sink that works by itself from start to Close: a queue, or an adapter around one.
type way interface {
	media.Sink
	start(work context.Context)
}

// Begin implements media.Sink.
func (i *intake) Begin(ctx context.Context, run media.Run) error {
	for _, q := range i.ways {
		q.Begin(ctx, run)
	}
	return nil
}

// Write implements media.Sink.
func (i *intake) Write(ctx context.Context, au media.AccessUnit) error {
	i.mu.Lock()
	if i.units++; i.began.IsZero() {
		i.began = au.Wall
	}
	i.mu.Unlock()
	now := i.clock.Now()
	i.delays.Add(now, now.Sub(au.Wall))
	for _, q := range i.ways {
		q.Write(ctx, au)
	}
	return nil
}

// End implements media.Sink.
func (i *intake) End(ctx context.Context, gap media.Gap) error {
	for _, q := range i.ways {
		q.End(ctx, gap)
	}
	return nil
}

// Close implements media.Sink: all of them are closed side by side.
func (i *intake) Close(ctx context.Context) error {
	var group errgroup.Group
	for _, q := range i.ways {
		group.Go(func() error { return q.Close(ctx) })
	}
	return group.Wait()
}

// ObserveClock implements record.ClockObserver.
func (i *intake) ObserveClock(c journal.Clock) {
	if o, ok := i.recorder.(record.ClockObserver); ok {
		o.ObserveClock(c)
	}
}

// ObserveLimit implements record.LimitObserver.
func (i *intake) ObserveLimit(at time.Time, limit int, why string) {
	if o, ok := i.recorder.(record.LimitObserver); ok {
		o.ObserveLimit(at, limit, why)
	}
}

// first is when the first unit was captured; zero: none has come.
func (i *intake) first() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.began
}

func (i *intake) count() uint64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.units
}
