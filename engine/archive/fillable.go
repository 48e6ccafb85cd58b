package archive

import "rtsprec/engine/media"

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
