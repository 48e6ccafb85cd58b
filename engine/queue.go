package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	"rtsprec/engine/media"
)

// queue is a Sink around a Sink that never makes its caller wait: what the sink has not
// taken yet is held, at most limit bytes of it. When it is full, the units of a track are
// dropped up to its next key frame (every unit of sound is one), and that one says so in
// its Missing. Begin and End are never dropped, and what they bound is taken in order.
//
// Between start and Close a goroutine moves units to the sink. A unit that the sink
// refuses is told to failed, and the next one is tried.
type queue struct {
	sink   media.Sink
	limit  int64
	late   *lateness   // nil: what waits may wait for ever
	failed func(error) // called from the queue's goroutine; nil: nobody

	ready chan struct{} // has a token when there is something to take
	done  chan struct{} // closed when the goroutine has ended; nil before start
	stop  context.CancelFunc

	mu      sync.Mutex
	items   []queued
	bytes   int64
	drops   []queueDrop // of the newest run, by TrackID
	dropped uint64      // units, of all runs
	closed  bool
}

// queued is one call of the sink: Begin, End, or Write where neither run nor gap is set.
type queued struct {
	run *media.Run
	gap *media.Gap
	au  media.AccessUnit
	at  time.Time // when it was put in, where there is a lateness
}

// queueDrop is what a track has lost to a full queue, or for being late.
type queueDrop struct {
	units  int
	late   bool
	gap    media.Gap
	lost   int
	config []byte
}

// queuedCost is counted for each call beside its data.
const queuedCost = 256

func newQueue(sink media.Sink, limit int64) *queue {
	return &queue{sink: sink, limit: limit, ready: make(chan struct{}, 1)}
}

// start begins to move what is put in; work bounds the calls of the sink and must
// outlive the use of the queue. Close ends it.
func (q *queue) start(work context.Context) {
	work, q.stop = context.WithCancel(work)
	q.done = make(chan struct{})
	go func() {
		defer close(q.done)
		for {
			item, ok := q.take(work)
			if !ok {
				return
			}
			if err := item.give(work, q.sink); err != nil && q.failed != nil {
				q.failed(err)
			}
		}
	}()
}

func (i queued) give(ctx context.Context, sink media.Sink) error {
	switch {
	case i.run != nil:
		return sink.Begin(ctx, *i.run)
	case i.gap != nil:
		return sink.End(ctx, *i.gap)
	}
	return sink.Write(ctx, i.au)
}

// Begin implements media.Sink. It never waits and never fails.
func (q *queue) Begin(_ context.Context, run media.Run) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.drops = make([]queueDrop, len(run.Tracks))
	q.put(queued{run: &run})
	return nil
}

// Write implements media.Sink. It never waits and never fails.
func (q *queue) Write(_ context.Context, au media.AccessUnit) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	d := &q.drops[au.Track]
	room := q.limit
	if d.units > 0 {
		room -= q.limit / 4 // come back only when there is room for more than one picture
	}
	if q.bytes+int64(len(au.Data))+queuedCost > room && q.bytes > 0 || d.units > 0 && !au.Key {
		d.add(&au)
		q.dropped++
		return nil
	}
	d.settle(&au)
	q.put(queued{au: au})
	return nil
}

// End implements media.Sink. It never waits and never fails. A run of which nothing is
// held, because all of it was dropped, leaves only its end.
func (q *queue) End(_ context.Context, gap media.Gap) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, d := range q.drops {
		if d.units > 0 {
			gap.Causes |= d.gap.Causes
		}
	}
	q.drops = nil
	if last := len(q.items) - 1; last >= 0 && q.items[last].run != nil {
		q.cut(last)
	}
	if last := len(q.items) - 1; last >= 0 && q.items[last].gap != nil {
		gap = merge(*q.items[last].gap, gap)
		q.items[last].gap = &gap
		return nil
	}
	q.put(queued{gap: &gap})
	return nil
}

// Close implements media.Sink: it waits until the sink has taken everything, or ctx is
// done, joins the goroutine and closes the sink.
func (q *queue) Close(ctx context.Context) error {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.wake()
	if q.done != nil {
		release := context.AfterFunc(ctx, q.stop)
		<-q.done
		release()
		q.stop()
	}
	return q.sink.Close(ctx)
}

// held is how many bytes wait, and lost how many units were dropped so far.
func (q *queue) held() (bytes int64, lost uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes, q.dropped
}

// withdraw takes the units of a track back that wait, those of the newest run only. It
// returns the DTS that the next one may begin behind: latest where none of them waits.
func (q *queue) withdraw(track media.TrackID, latest media.Ticks) media.Ticks {
	q.mu.Lock()
	defer q.mu.Unlock()
	from := 0
	for i := len(q.items) - 1; i >= 0 && from == 0; i-- {
		if q.items[i].run != nil || q.items[i].gap != nil {
			from = i + 1
		}
	}
	kept := q.items[:from]
	first := true
	for _, item := range q.items[from:] {
		if item.au.Track != track {
			kept = append(kept, item)
			continue
		}
		if first {
			latest, first = item.au.DTS-1, false
		}
		q.bytes -= item.cost()
	}
	clear(q.items[len(kept):])
	q.items = kept
	return latest
}

func (q *queue) put(i queued) {
	if q.late != nil {
		i.at = q.late.clock.Now()
	}
	q.items = append(q.items, i)
	q.bytes += i.cost()
	q.wake()
}

// cut takes the last item back.
func (q *queue) cut(last int) {
	q.bytes -= q.items[last].cost()
	q.items[last] = queued{}
	q.items = q.items[:last]
}

func (i queued) cost() int64 { return int64(len(i.au.Data)) + queuedCost }

func (q *queue) wake() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// take returns the next call; ok is false when there will be none, or work has ended.
func (q *queue) take(work context.Context) (item queued, ok bool) {
	for {
		q.mu.Lock()
		q.expire()
		if len(q.items) > 0 && work.Err() == nil {
			item = q.items[0]
			q.items[0] = queued{}
			q.items = q.items[1:]
			q.bytes -= item.cost()
			q.late.taken(item.run)
			q.mu.Unlock()
			return item, true
		}
		closed := q.closed
		q.mu.Unlock()
		if closed || work.Err() != nil {
			return queued{}, false
		}
		select {
		case <-q.ready:
		case <-work.Done():
		}
	}
}

// add counts a unit that is dropped and keeps what the next one has to tell.
func (d *queueDrop) add(au *media.AccessUnit) {
	if d.units == 0 {
		d.gap = media.Gap{From: au.Wall, Causes: media.Because(media.Overflow)}
	}
	if au.Missing != nil {
		d.gap = merge(*au.Missing, d.gap)
	}
	d.units++
	d.lost += au.Lost
	if au.Config != nil {
		d.config = au.Config
	}
}

// settle lets au tell what was dropped before it.
func (d *queueDrop) settle(au *media.AccessUnit) {
	if d.units == 0 {
		return
	}
	gap := d.gap
	if au.Missing != nil {
		gap = merge(gap, *au.Missing)
	}
	gap.To = au.Wall
	gap.Note = fmt.Sprintf("%d units dropped, the queue was full", d.units)
	if d.late {
		gap.Note = fmt.Sprintf("%d units dropped, they were late", d.units)
	}
	au.Missing = &gap
	au.Lost += d.lost
	if au.Config == nil {
		au.Config = d.config
	}
	*d = queueDrop{}
}

// merge is the gap from the beginning of the first to the end of the second, for the
// causes of both.
func merge(a, b media.Gap) media.Gap {
	a.Causes |= b.Causes
	if a.From.IsZero() {
		a.From = b.From
	}
	a.To = b.To
	if b.Note != "" {
		a.Note = b.Note
	}
	return a
}
