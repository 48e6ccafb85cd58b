package rtspcam

import (
	"slices"
	"sync"
)

// ledger is the set of units that went out, as runs without a hole: small even after days.
type ledger struct {
	mu     sync.Mutex
	ranges []Range // rising
}

// add books a unit; booking it again (another reader) changes nothing.
func (l *ledger) add(m Mark) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := len(l.ranges) // the place before which m belongs, most often the end
	for i > 0 && l.ranges[i-1].First.Counter > m.Counter {
		i--
	}
	if i > 0 && m.Counter <= l.ranges[i-1].Last.Counter {
		return
	}
	before := i > 0 && l.ranges[i-1].Last.Counter+1 == m.Counter
	behind := i < len(l.ranges) && m.Counter+1 == l.ranges[i].First.Counter
	switch {
	case before && behind:
		l.ranges[i-1].Last = l.ranges[i].Last
		l.ranges = slices.Delete(l.ranges, i, i+1)
	case before:
		l.ranges[i-1].Last = m
	case behind:
		l.ranges[i].First = m
	default:
		l.ranges = slices.Insert(l.ranges, i, Range{m, m})
	}
}

func (l *ledger) copy() []Range {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.ranges)
}
