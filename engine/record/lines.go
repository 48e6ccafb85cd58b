package record

import (
	"sync"

	"rtsprec/engine/journal"
)

// lines is the way into the journal. What is posted is written in order, at once where
// the disk allows, else with the next sync; nobody waits for anything but sync.
type lines struct {
	w *journal.Writer

	mu      sync.Mutex // guards what follows; never held during I/O
	waiting []journal.Entry
	posted  uint64 // lines ever

	writing sync.Mutex // held during I/O
	durable uint64     // of the posted ones; guarded by writing
}

// post adds a line. It is in the file when post returns, unless a sync is under way or
// the disk refuses: then the next sync writes it.
func (l *lines) post(e journal.Entry) {
	l.mu.Lock()
	l.waiting = append(l.waiting, e)
	l.posted++
	l.mu.Unlock()
	if l.writing.TryLock() {
		l.drain() // the next sync meets the error again
		l.writing.Unlock()
	}
}

// sync makes everything durable that was posted before. Callers that come while a sync
// runs share the next one.
func (l *lines) sync() error {
	l.mu.Lock()
	want := l.posted
	l.mu.Unlock()
	l.writing.Lock()
	defer l.writing.Unlock()
	if l.durable >= want {
		return nil
	}
	upTo, err := l.drain()
	if err == nil {
		err = l.w.Sync()
	}
	if err == nil {
		l.durable = upTo
		l.drain() // what was posted meanwhile
	}
	return err
}

// drain appends what waits and returns how many lines are in the file.
func (l *lines) drain() (uint64, error) {
	for {
		l.mu.Lock()
		if len(l.waiting) == 0 {
			defer l.mu.Unlock()
			return l.posted, nil
		}
		e := l.waiting[0]
		l.mu.Unlock()
		if _, err := l.w.Append(e); err != nil {
			return 0, err
		}
		l.mu.Lock()
		l.waiting = l.waiting[1:]
		l.mu.Unlock()
	}
}

// rotate begins a new file.
func (l *lines) rotate() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if _, err := l.drain(); err != nil {
		return err
	}
	return l.w.Rotate()
}

// close makes everything durable and closes the journal. After an error it may be called
// again, or without insisting: then what cannot be written is left.
func (l *lines) close(insist bool) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	_, err := l.drain()
	if err != nil && insist {
		return err
	}
	if e := l.w.Close(); err == nil {
		err = e
	}
	return err
}
