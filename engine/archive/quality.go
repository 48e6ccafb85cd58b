package archive

import (
	"time"

	"rtsprec/engine/journal"
	"rtsprec/engine/media"
)

// Quality is a span that was recorded at less than the camera's best, which is no gap: from
// its sub-stream, or from its main stream while its encoder was held at a low bit rate.
// What is not known is zero.
type Quality struct {
	From   time.Time   `json:"from"`
	To     time.Time   `json:"to"`
	Stream string      `json:"stream"` // "sub" or "main"
	Why    string      `json:"why,omitempty"`
	Codec  media.Codec `json:"codec,omitempty"`
	Width  int         `json:"width,omitempty"`
	Height int         `json:"height,omitempty"`
	Rate   int         `json:"bitrate,omitempty"` // bit/s, as far as it was seen before
	Limit  int         `json:"limit,omitempty"`   // bit/s that the encoder of the main stream was held at
}

// Quality lists those spans by start. Those of one kind that follow each other are one, for the
// reasons of the first.
func (c *Camera) Quality() []Quality {
	var list []Quality
	add := func(q Quality, run uint64) {
		if n := len(list); n > 0 && list[n-1].Stream == q.Stream && list[n-1].Limit == q.Limit && q.From.Sub(list[n-1].To) <= silence {
			list[n-1].To = later(list[n-1].To, q.To)
			return
		}
		for _, e := range c.told {
			if e.Run <= run && e.Stream == q.Stream && e.Limit == q.Limit && !e.From.After(q.To) {
				q.Why, q.Codec, q.Width, q.Height, q.Rate = e.Why, e.Codec, e.Width, e.Height, e.Rate
			}
		}
		list = append(list, q)
	}
	for _, s := range c.Segments {
		switch {
		case s.Units() == 0 || s.Origin == originReplay:
		case s.Stream == media.SubStream:
			add(Quality{From: s.Start, To: s.End, Stream: s.Stream}, s.Run)
		default:
			for _, l := range journal.Limits(s.Start, s.End, s.Limit, c.told) {
				add(Quality{From: l.From, To: l.To, Stream: media.MainStream, Limit: l.Limit}, s.Run)
			}
		}
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

// limited is what was recorded while the encoder was held at a low bit rate.
func (c *Camera) limited() spans {
	var list []span
	for _, s := range c.Segments {
		if s.Stream != media.SubStream && s.Origin != originReplay {
			for _, l := range journal.Limits(s.Start, s.End, s.Limit, c.told) {
				list = append(list, span{l.From, l.To})
			}
		}
	}
	return unite(list)
}

func (f *folder) quality(seq uint64, e *journal.Quality) {
	c := f.camera(e.Camera)
	if c == nil || !credible(e.From) || e.Width < 0 || e.Height < 0 || e.Rate < 0 || e.Limit < 0 {
		f.problem(seq, "a quality line that makes no sense")
		return
	}
	c.told = insert(c.told, *e, func(q journal.Quality) time.Time { return q.From })
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
		if q.Stream != media.SubStream {
			continue
		}
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
