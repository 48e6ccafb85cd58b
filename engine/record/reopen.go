package record

import (
	"time"

	"rtsprec/engine/media"
)

// Reopen goes on with a recording whose window had been ended: for every camera the time
// since then is a gap for these causes, until its next unit. It is called once, right
// after [Open] and before any sink is used; where the window is open it does nothing.
func (r *Recording) Reopen(causes media.Causes, note string) {
	r.mu.Lock()
	ended := r.ended
	r.ended = nil
	r.mu.Unlock()
	if ended == nil {
		return
	}
	for _, c := range r.all() {
		c.mu.Lock()
		c.absent(ended.At, causes, note)
		c.mu.Unlock()
	}
}

// absent opens a gap at that media time, or at the end of the camera's media if that is
// later.
func (c *camera) absent(from time.Time, causes media.Causes, note string) {
	if c.gap == nil {
		c.gap = c.openGap(nil, later(from, c.end), causes, note)
	}
}
