package record

// OpenGap returns the ID of the gap that goes on for a camera now, of all its tracks; 0:
// there is none. It may not be in the journal yet.
func (r *Recording) OpenGap(camera string) uint64 {
	c := r.named(camera)
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gap == nil {
		return 0
	}
	return c.gap.ID
}
