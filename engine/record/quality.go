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

// tellQuality journals that another of the camera's streams is recorded from then on.
func (c *camera) tellQuality(from time.Time) {
	v := c.variant
	if v.Stream == "" || v.Stream == c.told {
		return
	}
	line := &journal.Quality{Camera: c.name, Run: c.run, From: from, Stream: v.Stream, Was: c.told, Why: fault.Redact(v.Why), Rate: v.Rate}
	if t := c.lead; t.Codec.Video() {
		info, _ := media.Inspect(t.Track) // without a configuration the size is not known
		line.Codec, line.Width, line.Height = t.Codec, info.Width, info.Height
	}
	c.told = v.Stream
	c.r.lines.post(line)
}
