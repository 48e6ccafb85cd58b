package record

import (
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
)

// stream is what the segments of the run say of it: nothing of the main stream.
func (c *camera) stream() string {
	if c.variant.Stream == media.SubStream {
		return media.SubStream
	}
	return ""
}

// limited is what the segments of the run say of the encoder of the main stream.
func (c *camera) limited() int {
	if c.stream() != "" {
		return 0
	}
	return c.limit
}

// tellQuality journals that another of the camera's streams is recorded from then on, or
// the same with an encoder that is held at a low bit rate.
func (c *camera) tellQuality(from time.Time) {
	v := c.variant
	switch {
	case v.Stream != "" && v.Stream != c.told:
		c.r.lines.post(c.quality(from, v.Stream, v.Why))
		c.told = v.Stream
	case c.limited() > 0: // it may not have been journaled yet
		c.r.lines.post(c.quality(from, media.MainStream, c.limitWhy))
	}
}

func (c *camera) quality(from time.Time, stream, why string) *journal.Quality {
	line := &journal.Quality{Camera: c.name, Run: c.run, From: from, Stream: stream, Was: c.told, Why: fault.Redact(why), Rate: c.variant.Rate, Limit: c.limited()}
	if t := c.lead; t.Codec.Video() {
		info, _ := media.Inspect(t.Track) // without a configuration the size is not known
		line.Codec, line.Width, line.Height = t.Codec, info.Width, info.Height
	}
	return line
}
