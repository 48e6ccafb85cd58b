package timeline

import "rtsprec/engine/media"

// Order derives decoding times for a stream in decoding order.
type Order struct{}

// NewOrder begins for a track of that codec, clock rate and configuration.
func NewOrder(codec media.Codec, clockRate int, config []byte) *Order { return &Order{} }

// Config tells of a new decoder configuration, in force from the next unit on.
func (o *Order) Config(config []byte) {}

// Next returns the times of the next unit in decoding order, at once. dts <= pts, and
// dts rises with every call. pts comes back as given, except where no dts is left
// below it (the reordering was deeper than the stream said, a clock ran back): then it
// is raised as far as needed. Without reordering dts is pts.
func (o *Order) Next(pts media.Ticks, unit []byte) (newPTS, dts media.Ticks) { return pts, pts }
