package engine

import (
	"time"

	"rtsprec/engine/media"
	"rtsprec/engine/rate"
)

// lateness is how long units may wait in a queue of what is live. Those that have waited for
// longer are dropped when the sink takes the next one, at the borders of package rate's
// Overdue.
type lateness struct {
	budget time.Duration
	clock  media.Clock
	run    media.Run // that the sink is given
}

// taken notes which run the sink is given from now on; nil: the same. There may be no
// lateness.
func (l *lateness) taken(run *media.Run) {
	if l != nil && run != nil {
		l.run = *run
	}
}

// expire drops what has waited too long, of the run that the sink is given; one that is
// played from a recording is not live. The lock is held.
func (q *queue) expire() {
	if q.late == nil || len(q.items) == 0 || q.late.run.Origin == "replay" {
		return
	}
	before := q.late.clock.Now().Add(-q.late.budget)
	if !q.items[0].at.Before(before) {
		return
	}
	end := 0
	for end < len(q.items) && q.items[end].run == nil && q.items[end].gap == nil {
		end++
	}
	gone := make([]bool, end)
	for _, t := range q.late.run.Tracks {
		q.expireTrack(t, q.items[:end], before, gone, end == len(q.items))
	}
	kept := q.items[:0]
	for i, item := range q.items {
		if i < end && gone[i] {
			q.bytes -= item.cost()
			continue
		}
		kept = append(kept, item)
	}
	clear(q.items[len(kept):])
	q.items = kept
}

// expireTrack marks what goes of one track. newest says that more of it may come.
func (q *queue) expireTrack(t media.Track, items []queued, before time.Time, gone []bool, newest bool) {
	var list []rate.Waiting
	var at []int
	for i, item := range items {
		if item.au.Track == t.ID {
			list = append(list, rate.Waiting{
				Since: item.at, Key: item.au.Key, Sound: !t.Codec.Video(), Alone: media.IsDisposable(t.Codec, item.au.Data),
			})
			at = append(at, i)
		}
	}
	out, broken := rate.Overdue(list, before)
	lost := queueDrop{late: true}
	for n, i := range at {
		if !out[n] {
			lost.settle(&items[i].au)
			continue
		}
		gone[i] = true
		lost.add(&items[i].au)
		lost.late = true
		q.dropped++
	}
	if broken && newest {
		q.drops[t.ID].join(lost)
	}
}

// join puts what was lost before d in front of it.
func (d *queueDrop) join(before queueDrop) {
	if d.units > 0 {
		before.gap = merge(before.gap, d.gap)
		before.units, before.lost = before.units+d.units, before.lost+d.lost
		if d.config != nil {
			before.config = d.config
		}
	}
	*d = before
}
