package engine

import (
	"sync"
	"time"

	"rtsprec/engine/media"
)

// remarks are what units told of the time before them, on their way around the codecs: what
// went in at a time comes out with the first unit captured then or later.
type remarks struct {
	mu   sync.Mutex
	list []remark // by time, as far as units come in order
}

type remark struct {
	at      time.Time // capture time of the unit it belongs to
	gap     *media.Gap
	lost    int
	damaged bool
}

// mostRemarks bounds the list: beyond it remarks are joined.
const mostRemarks = 1000

// note remembers what a unit tells.
func (m *remarks) note(au media.AccessUnit) {
	if au.Missing != nil || au.Lost > 0 {
		m.add(remark{at: au.Wall, gap: au.Missing, lost: au.Lost})
	}
}

func (m *remarks) add(k remark) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.list) >= mostRemarks {
		m.list[len(m.list)-1].join(k)
		return
	}
	m.list = append(m.list, k)
}

// join makes one remark of two.
func (k *remark) join(other remark) {
	switch {
	case k.gap == nil:
		k.gap = other.gap
	case other.gap != nil:
		gap := merge(*k.gap, *other.gap)
		k.gap = &gap
	}
	k.lost += other.lost
	k.damaged = k.damaged || other.damaged
}

// settle lets a unit tell what is due.
func (m *remarks) settle(au *media.AccessUnit) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var due remark
	n := 0
	for n < len(m.list) && !m.list[n].at.After(au.Wall) {
		due.join(m.list[n])
		n++
	}
	if n == 0 {
		return
	}
	m.list = append(m.list[:0], m.list[n:]...)
	au.Missing = due.gap
	au.Lost += due.lost
	au.Damaged = au.Damaged || due.damaged
}

// repeats tells what happens often once a second, with the number of times. Its methods may
// be called by any goroutine.
type repeats struct {
	mu    sync.Mutex
	count int
	told  time.Time
	last  Notice
}

// tell counts n more.
func (r *repeats) tell(d Deps, n int, what Notice) {
	now := d.Clock.Now()
	r.mu.Lock()
	r.count += n
	r.last = what
	due := r.told.IsZero() || now.Sub(r.told) >= time.Second
	r.mu.Unlock()
	if due {
		r.rest(d)
	}
}

// rest tells what was counted and not told yet.
func (r *repeats) rest(d Deps) {
	r.mu.Lock()
	n := r.last
	n.Count = r.count
	r.count = 0
	r.told = d.Clock.Now()
	r.mu.Unlock()
	if n.Count > 0 {
		d.observe(n)
	}
}
