package engine

import "rtsprec/engine/media"

// keepKey remembers the newest key unit of the picture, where stills can be made of it.
// p.turn is held.
func (p *livePath) keepKey(au media.AccessUnit) {
	if p.hub.deps.Coder == nil || int(au.Track) >= len(p.tracks) {
		return
	}
	track := &p.tracks[au.Track]
	if au.Config != nil {
		track.Config = au.Config
	}
	if au.Key && !au.Damaged && track.Codec.Video() {
		p.key.Store(&keyUnit{*track, au})
	}
}

// newestKey is the newest key unit of a path that is live.
func (h *hub) newestKey(name string) (keyUnit, bool) {
	h.mu.Lock()
	p := h.paths[name]
	h.mu.Unlock()
	if p == nil {
		return keyUnit{}, false
	}
	k := p.key.Load()
	if k == nil {
		return keyUnit{}, false
	}
	return *k, true
}
