package engine

import (
	"sync"

	"rtsprec/engine/fault"
)

// descriptors sees to it that the file descriptors of the process last for the disk: where
// there are too few for all cameras, those that play go on, and the others are told why
// they cannot.
type descriptors struct {
	count func() (used, limit int, ok bool)

	mu      sync.Mutex
	dialing int
}

const (
	sparedDescriptors  = 12 // journal, locks, directories, and what the system's libraries open
	sessionDescriptors = 8  // of a session with two tracks over UDP, and its files at a cut
)

// take asks for the descriptors of one more session. release is to be called when it has
// them, or will not have them.
func (d *descriptors) take() (release func(), err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	used, limit, ok := d.count()
	if ok && used+sparedDescriptors+(d.dialing+1)*sessionDescriptors > limit {
		return nil, fault.New(fault.Unreachable,
			"%d of %d file descriptors are in use, the rest is for the disk: ulimit -n %d", used, limit, max(1024, 2*limit))
	}
	d.dialing++
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.dialing--
	}, nil
}
