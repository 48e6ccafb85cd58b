package access

import (
	"net/netip"
	"sync"
	"time"
)

// Guard slows down who guesses passwords: an address that failed limit times within the
// window is refused until the window has passed since its last failure. IPv6 addresses
// count by their /64, because a host has as many as it likes of one.
//
// The memory it takes is bounded. When more addresses fail than it holds, the one whose
// last failure is longest ago is forgotten.
type Guard struct {
	limit  int
	window time.Duration

	mu    sync.Mutex
	known map[netip.Prefix]*failures
	order []*failures // by last failure, oldest first
}

// failures of one address.
type failures struct {
	from  netip.Prefix
	count int
	last  time.Time
}

// guardMost is how many addresses a Guard remembers.
const guardMost = 4096

// NewGuard makes a Guard. A limit of zero or less blocks nobody, as does a nil Guard.
func NewGuard(limit int, window time.Duration) *Guard {
	return &Guard{limit: limit, window: window, known: map[netip.Prefix]*failures{}}
}

// Blocked returns how long the address is still refused; zero: it is not.
func (g *Guard) Blocked(addr netip.Addr, now time.Time) time.Duration {
	if g == nil || g.limit <= 0 {
		return 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	f := g.known[network(addr)]
	if f == nil || f.count < g.limit {
		return 0
	}
	return max(0, f.last.Add(g.window).Sub(now))
}

// Failed notes wrong credentials, and reports whether the address is blocked by it from
// now on: then it is worth a line in the log. A request without credentials is no failure.
func (g *Guard) Failed(addr netip.Addr, now time.Time) (blocked bool) {
	if g == nil || g.limit <= 0 {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget(now)
	from := network(addr)
	f := g.known[from]
	if f == nil {
		if len(g.order) >= guardMost {
			g.drop(0)
		}
		f = &failures{from: from}
		g.known[from] = f
	} else {
		g.unlist(f)
	}
	f.count++
	f.last = now
	g.order = append(g.order, f)
	return f.count == g.limit
}

// Passed forgets the failures of an address: it knows a password.
func (g *Guard) Passed(addr netip.Addr) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if f := g.known[network(addr)]; f != nil {
		g.unlist(f)
		delete(g.known, f.from)
	}
}

// forget drops those whose last failure is past the window.
func (g *Guard) forget(now time.Time) {
	n := 0
	for n < len(g.order) && now.Sub(g.order[n].last) >= g.window {
		delete(g.known, g.order[n].from)
		n++
	}
	clear(g.order[:n])
	g.order = g.order[n:]
}

func (g *Guard) drop(i int) {
	delete(g.known, g.order[i].from)
	g.order[i] = nil
	g.order = append(g.order[:i], g.order[i+1:]...)
}

func (g *Guard) unlist(f *failures) {
	for i := len(g.order) - 1; i >= 0; i-- {
		if g.order[i] == f {
			g.order = append(g.order[:i], g.order[i+1:]...)
			return
		}
	}
}

// network is what an address counts as.
func network(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	p, _ := addr.Prefix(bits) // of the zero Addr: the zero Prefix, one network like any other
	return p
}
