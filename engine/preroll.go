package engine

import (
	"time"

	"rtsprec/engine/media"
)

const (
	// prerollLead is how long before a planned start cameras are connected.
	prerollLead = 10 * time.Second
	// prerollMost bounds the GOP that is kept meanwhile, in bytes.
	prerollMost = 32 << 20
)

// preroll holds back what comes before a planned start, except the newest GOP: so that
// the window begins with a picture.
type preroll struct {
	from  time.Time
	video bool // a GOP begins at a key frame of a video track; without video, at any unit
	run   media.Run
	held  []media.AccessUnit
	bytes int
}

func newPreroll(run media.Run, from time.Time) *preroll {
	p := &preroll{from: from, run: run}
	for _, t := range run.Tracks {
		p.video = p.video || t.Codec.Video()
	}
	return p
}

// pass takes the next unit and returns what may be written now, in order.
func (p *preroll) pass(au media.AccessUnit) []media.AccessUnit {
	if p.from.IsZero() {
		return []media.AccessUnit{au}
	}
	if !au.Wall.Before(p.from) {
		p.from = time.Time{}
		return append(p.held, au)
	}
	if au.Key && p.run.Tracks[au.Track].Codec.Video() == p.video {
		p.dropBefore(au.Wall)
	}
	p.held = append(p.held, au)
	if p.bytes += len(au.Data); p.bytes > prerollMost {
		p.dropBefore(p.from)
	}
	return nil
}

// dropBefore forgets units captured before t.
func (p *preroll) dropBefore(t time.Time) {
	kept := p.held[:0:0]
	p.bytes = 0
	for _, au := range p.held {
		if !au.Wall.Before(t) {
			kept = append(kept, au)
			p.bytes += len(au.Data)
		}
	}
	p.held = kept
}
