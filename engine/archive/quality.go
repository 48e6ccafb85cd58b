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

// Beside is a file that holds the main stream of a time that was recorded from the sub-stream:
// it was got afterwards, from whoever has it, and changes nothing of what was recorded.
type Beside struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	File   string    `json:"file"` // relative to the recording, forward slashes
	Bytes  int64     `json:"bytes"`
	Source string    `json:"source"` // who played it
}

// stands takes in that a segment beside others is whole.
func (f *folder) stands(seq uint64, e *journal.Beside) {
	s := f.segments[segmentKey{e.Camera, e.N}]
	if s == nil || !s.beside {
		f.problem(seq, "segment %d of %q stands beside nothing", e.N, e.Camera)
		return
	}
	s.Source = e.Source
	f.cameras[s.Camera].changed = true
}

// Lesser lists what was recorded from the sub-stream and of which the main stream is not kept
// beside it, as far as they are over: the main stream is recorded again for
// that long, or nothing is any more.
func (c *Camera) Lesser(settled time.Duration) []Quality {
	var list []Quality
	var have []span
	for _, s := range c.Beside {
		if s.Source != "" {
			have = append(have, span{s.Start, s.End})
		}
	}
	for _, q := range c.Quality() {
		back := settled == 0
		for _, s := range c.Segments {
			back = back || s.Stream != media.SubStream && !s.Start.Before(q.To.Add(-silence)) && s.End.Sub(q.To) >= settled
		}
		for _, left := range (spans{{q.From, q.To}}).minus(unite(have)) {
			if back && left.length() > silence {
				q.From, q.To = left.From, left.To
				list = append(list, q)
			}
		}
	}
	return list
}
