package rtsp

import (
	"context"
	"fmt"
	"sync"

	"rtsprec/engine/media"
)

// queue holds the units between the sockets and Next, at most limit bytes of them.
// Putting in never waits: when it is full, the units of a track are dropped up to its next
// key frame, and that one says so.
type queue struct {
	limit int64
	ready chan struct{} // has a token when there is something to take

	mu    sync.Mutex
	items []media.AccessUnit // a ring
	head  int
	count int
	bytes int64
	drops []drop // by TrackID
	err   error  // set once: nothing more will come
}

// drop is what a track has lost to a full queue.
type drop struct {
	units  int
	gap    media.Gap
	lost   int
	config []byte
	total  uint64
}

// unitCost is counted for each unit beside its data.
const unitCost = 256

func newQueue(limit int64, tracks int) *queue {
	return &queue{limit: limit, ready: make(chan struct{}, 1), items: make([]media.AccessUnit, 64), drops: make([]drop, tracks)}
}

// put adds a unit, or drops it.
func (q *queue) put(au media.AccessUnit) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return
	}
	d := &q.drops[au.Track]
	cost := int64(len(au.Data)) + unitCost
	room := q.limit
	if d.units > 0 {
		room -= q.limit / 4 // come back only when there is room for more than one picture
	}
	if q.bytes+cost > room && q.count > 0 || d.units > 0 && !au.Key {
		d.add(&au)
		return
	}
	if d.units > 0 {
		d.settle(&au)
	}
	q.bytes += cost
	if q.count == len(q.items) {
		items := make([]media.AccessUnit, 2*len(q.items))
		n := copy(items, q.items[q.head:])
		copy(items[n:], q.items[:q.head])
		q.items, q.head = items, 0
	}
	q.items[(q.head+q.count)%len(q.items)] = au
	q.count++
	q.wake()
}

// add counts a unit that is dropped and keeps what the next one has to tell.
func (d *drop) add(au *media.AccessUnit) {
	if d.units == 0 {
		d.gap = media.Gap{From: au.Wall, Causes: media.Because(media.Overflow)}
	}
	d.units++
	d.total++
	d.lost += au.Lost
	if au.Config != nil {
		d.config = au.Config
	}
}

// settle lets au tell what was dropped before it.
func (d *drop) settle(au *media.AccessUnit) {
	d.gap.To = au.Wall
	d.gap.Note = fmt.Sprintf("%d units dropped, the queue was full", d.units)
	gap := d.gap
	au.Missing = &gap
	au.Lost += d.lost
	if au.Config == nil {
		au.Config = d.config
	}
	*d = drop{total: d.total}
}

// end says that nothing more comes, and why. The first call counts.
func (q *queue) end(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.err = err
	}
	q.wake()
}

func (q *queue) wake() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// take returns the next unit, or the error of end once all have been taken.
func (q *queue) take(ctx context.Context) (media.AccessUnit, error) {
	for {
		q.mu.Lock()
		if q.count > 0 {
			au := q.items[q.head]
			q.items[q.head] = media.AccessUnit{}
			q.head = (q.head + 1) % len(q.items)
			q.count--
			q.bytes -= int64(len(au.Data)) + unitCost
			q.mu.Unlock()
			return au, nil
		}
		err := q.err
		q.mu.Unlock()
		if err != nil {
			q.wake() // for others that wait
			return media.AccessUnit{}, err
		}
		select {
		case <-q.ready:
		case <-ctx.Done():
			return media.AccessUnit{}, ctx.Err()
		}
	}
}

// waiting is how many bytes are held, and dropped how many units of a track were not.
func (q *queue) waiting() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes
}

func (q *queue) dropped(id media.TrackID) uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.drops[id].total
}
