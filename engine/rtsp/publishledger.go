package rtsp

import (
	"sync"
	"time"
)

// ledger knows which units have been sent and how many of them have arrived.
type ledger struct {
	mu      sync.Mutex
	udp     bool
	open    []entry // sent and not known to have arrived, in order
	count   uint64  // units that have
	wall    time.Time
	total   uint64 // units written
	proven  uint64 // of them, those that a later request was answered behind
	highest []uint16
	heard   []bool // a receiver report has come, by track
}

// entry is one unit on its way.
type entry struct {
	wall   time.Time
	end    uint64 // TCP: bytes of the connection when it was written; UDP: number of its last packet
	track  int8
	passed bool // it was not sent at all
}

// maxOpen bounds the ledger where a peer acknowledges nothing: a day of sound and picture
// would not be sent again anyway.
const maxOpen = 1 << 18

func (l *ledger) begin(udp bool, tracks int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.udp, l.highest, l.heard = udp, make([]uint16, tracks), make([]bool, tracks)
}

func (l *ledger) sent(e entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total++
	if len(l.open) == maxOpen {
		l.settle(1)
	}
	l.open = append(l.open, e)
}

// pass counts a unit that was given but not sent.
func (l *ledger) pass() { l.sent(entry{passed: true}) }

// settle takes the first n units as arrived. The lock is held.
func (l *ledger) settle(n int) {
	for _, e := range l.open[:n] {
		if !e.passed {
			l.wall = e.wall
		}
	}
	l.count += uint64(n)
	l.open = l.open[n:]
	if len(l.open) == 0 {
		l.open = nil
	}
}

// upTo settles units from the first on, as long as arrived says so.
func (l *ledger) upTo(arrived func(entry) bool) {
	n := 0
	for n < len(l.open) && (l.open[n].passed || l.count+uint64(n) < l.proven || arrived(l.open[n])) {
		n++
	}
	l.settle(n)
}

// acknowledged takes in how many bytes of the connection have arrived.
func (l *ledger) acknowledged(bytes uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.upTo(func(e entry) bool { return !l.udp && e.end <= bytes })
}

// seen takes in the highest packet number of a track that a receiver report names.
func (l *ledger) seen(track int, number uint16) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.udp {
		return
	}
	l.highest[track], l.heard[track] = number, true
	l.upTo(func(e entry) bool {
		return l.heard[e.track] && int16(uint16(e.end)-l.highest[e.track]) <= 0
	})
}

// written is how many units there are so far: what an answer to a request that is sent
// now will prove.
func (l *ledger) written() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total
}

// answered takes in that a request was answered that was sent behind so many units. Over
// UDP it says only that the peer was there, and counts where receiver reports do not come.
func (l *ledger) answered(units uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, heard := range l.heard {
		if l.udp && heard {
			return
		}
	}
	l.proven = max(l.proven, units)
	l.upTo(func(entry) bool { return false })
}

func (l *ledger) acked() (uint64, time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count, l.wall
}

// followEvery is how often it is looked what has arrived: a connection that was reset
// cannot be asked any more.
const followEvery = 20 * time.Millisecond

// follow measures as long as something is on its way.
func (p *Publisher) follow() {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-tick.C:
		}
		if p.ledger.pending() {
			p.measure()
		}
	}
}

// pending reports whether anything is on its way.
func (l *ledger) pending() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open) > 0
}

// measure asks the system how much of the connection has arrived. What TLS adds, and
// what is being written at this moment, make that a little less than it is.
func (p *Publisher) measure() {
	if p.transport != TCP || p.ctl == nil {
		return
	}
	sent := p.ctl.sent.Load()
	if n, ok := unacked(p.ctl.nc); ok {
		p.ledger.acknowledged(sent - min(uint64(n), sent))
	}
}
