package archive

import (
	"time"

	"rtsprec/engine/media"
)

// Fillable lists the gaps that somebody else's recording may fill, by start: those of the
// track that decides whose end is known, less what is filled already.
func (c *Camera) Fillable() []Gap {
	var list []Gap
	for _, g := range c.Gaps {
		if g.decides && !g.Open && !g.Unexplained && g.ID != 0 && !g.Causes.Has(media.Unsupported) {
			list = append(list, g)
		}
	}
	return list
}

// countsFrom is when what counts of a stretch begins that fills a gap: before that it holds
// what decoding begins with. Zero: everything counts.
func (s *strip) countsFrom(one *stretch) time.Time {
	for _, h := range s.holdings {
		for _, seg := range h.Camera.Segments {
			if seg.Origin == originReplay && seg.File == one.name {
				return h.Camera.countsFrom(seg.N, one.deciding())
			}
		}
	}
	return time.Time{}
}
