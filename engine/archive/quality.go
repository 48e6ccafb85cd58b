package archive

import (
	"time"

	"rtsprec/engine/journal"
	"rtsprec/engine/media"
)

// Quality is a span that was recorded from a camera's sub-stream: smaller than the main one
// would have been, and no gap. What is not known is zero.
type Quality struct {
	From   time.Time   `json:"from"`
	To     time.Time   `json:"to"`
	Stream string      `json:"stream"` // "sub"
	Why    string      `json:"why,omitempty"`
	Codec  media.Codec `json:"codec,omitempty"`
	Width  int         `json:"width,omitempty"`
	Height int         `json:"height,omitempty"`
	Rate   int         `json:"bitrate,omitempty"` // bit/s, as far as it was seen before
}

// Quality lists what was recorded from the sub-stream, by start. Runs of it that follow each
// other are one span, for the reasons of the first.
func (c *Camera) Quality() []Quality {
	var list []Quality
	for _, s := range c.Segments {
		if s.Stream != media.SubStream || s.Units() == 0 {
			continue
		}
		if n := len(list); n > 0 && s.Start.Sub(list[n-1].To) <= silence {
			list[n-1].To = later(list[n-1].To, s.End)
			continue
		}
		q := Quality{From: s.Start, To: s.End, Stream: s.Stream}
		for _, e := range c.told {
			if e.Run <= s.Run && e.Stream == s.Stream {
				q.Why, q.Codec, q.Width, q.Height, q.Rate = e.Why, e.Codec, e.Width, e.Height, e.Rate
			}
		}
		list = append(list, q)
	}
	return list
}

// lesser is what was recorded from the sub-stream.
func (c *Camera) lesser() spans {
	var list []span
	for _, s := range c.Segments {
		if s.Stream == media.SubStream {
			list = append(list, span{s.Start, s.End})
		}
	}
	return unite(list)
}

func (f *folder) quality(seq uint64, e *journal.Quality) {
	c := f.camera(e.Camera)
	if c == nil || !credible(e.From) || e.Width < 0 || e.Height < 0 || e.Rate < 0 {
		f.problem(seq, "a quality line that makes no sense")
		return
	}
	c.told = append(c.told, *e)
}
