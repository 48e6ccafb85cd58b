package timeline

import (
	"slices"

	"rtsprec/engine/media"
)

// Order derives decoding times for a stream whose units come in decoding order.
//
// If at most d pictures come before another in decoding and behind it in output, then
// the n-th decoding time can be the (n-d)-th least presentation time: the least of the
// last d presentation times that were not used yet and the present one. That needs
// neither picture order counts nor slice headers, so fields, losses and broken headers
// do not matter, and what a loss disturbs is gone d pictures later.
//
// d is what the configuration says (max_num_reorder_frames, sps_max_num_reorder_pics,
// low_delay); 0 where it says nothing, as for nearly every camera. A stream that
// reorders more is found out by the first picture that comes too late: d grows to what
// is seen, and shrinks again to what was said when it is not seen any more. The d
// decoding times before the first presentation time are a picture's duration apart, by
// the configuration or else 1/25 s.
type Order struct {
	codec   media.Codec
	rate    int
	claim   int         // d by the configuration
	depth   int         // d in use
	frame   media.Ticks // duration of a picture, for what has no better measure
	waiting []media.Ticks
	started bool
	top     media.Ticks // greatest pts
	last    media.Ticks // latest dts
	recent  [maxDepth]media.Ticks
	units   int
	seen    [2]int // greatest depth seen in this and in the previous stretch of units
}

const (
	maxDepth  = 16  // pictures in the largest decoded picture buffer (H.264 A.3.1, H.265 A.4.2)
	stretch   = 128 // units after two of which a depth that is not seen is given up
	leadSlack = 8   // more room where pictures may precede the first one in output
)

// NewOrder begins for a track of that codec, clock rate and configuration.
func NewOrder(codec media.Codec, clockRate int, config []byte) *Order {
	o := &Order{codec: codec, rate: max(clockRate, 1)}
	o.Config(config)
	return o
}

// Config tells of a new decoder configuration, in force from the next unit on.
func (o *Order) Config(config []byte) {
	info, _ := media.Inspect(media.Track{Codec: o.codec, ClockRate: o.rate, Config: config})
	o.claim = min(max(info.Reorder, 0), maxDepth)
	fps := info.FPS
	if fps < 1 || fps > 240 {
		fps = 25
	}
	o.frame = max(media.Ticks(float64(o.rate)/fps), 1)
	o.resize(max(o.claim, o.seen[0], o.seen[1]))
}

// Next returns the times of the next unit in decoding order, at once. dts <= newPTS, and
// dts rises with every call. newPTS is pts, except where no dts is left below it (the
// reordering was deeper than the stream said, a clock ran back): then it is raised as
// far as needed.
func (o *Order) Next(pts media.Ticks, unit []byte) (newPTS, dts media.Ticks) {
	if !o.started {
		o.started, o.top = true, pts
		o.prime(pts, unit)
		o.last = pts - o.lead()
		for i := range o.recent {
			o.recent[i] = o.last
		}
	} else if pts-o.top > max(16*o.frame, media.Ticks(o.rate)) {
		o.prime(pts, nil)
	}
	o.learn(pts)
	at, _ := slices.BinarySearch(o.waiting, pts)
	o.waiting = slices.Insert(o.waiting, at, pts)
	dts = max(o.waiting[0], o.last+1)
	o.waiting = slices.Delete(o.waiting, 0, 1)
	o.last, o.top = dts, max(o.top, pts)
	return max(pts, dts), dts
}

// lead is the room below the first picture, or below one behind a hole.
func (o *Order) lead() media.Ticks { return media.Ticks(o.depth+leadSlack+1) * o.frame }

// prime fills the waiting times as if pictures had come at a steady pace up to pts. At
// the start of a stream that does not begin with an IDR picture, those that follow may
// precede it in output.
func (o *Order) prime(pts media.Ticks, unit []byte) {
	first := pts
	if o.depth > 0 && unit != nil && !isIDR(o.codec, unit) {
		first -= leadSlack * o.frame
	}
	for i := range o.waiting {
		o.waiting[i] = first - media.Ticks(len(o.waiting)-i)*o.frame
	}
}

// learn counts how many of the last pictures are behind this one in output, and follows
// the greatest count.
func (o *Order) learn(pts media.Ticks) {
	depth := 0
	for _, p := range o.recent {
		if p > pts {
			depth++
		}
	}
	o.recent[o.units%maxDepth] = pts
	if o.units++; o.units%stretch == 0 {
		o.seen[1], o.seen[0] = o.seen[0], 0
	}
	o.seen[0] = max(o.seen[0], depth)
	o.resize(max(o.claim, o.seen[0], o.seen[1]))
}

// resize sets the depth. New room lies at the latest dts: the next times are squeezed
// in behind it.
func (o *Order) resize(depth int) {
	if !o.started {
		o.depth, o.waiting = depth, make([]media.Ticks, depth, maxDepth+1)
		return
	}
	for ; o.depth < depth; o.depth++ {
		o.waiting = slices.Insert(o.waiting, 0, o.last)
	}
	if o.depth > depth {
		o.waiting = slices.Delete(o.waiting, 0, o.depth-depth)
		o.depth = depth
	}
}

// isIDR reports whether no later picture precedes this one in output.
func isIDR(codec media.Codec, unit []byte) bool {
	for nal := range media.NALs(unit) {
		if len(nal) == 0 {
			continue
		}
		switch codec {
		case media.H264:
			if nal[0]&0x1f == 5 {
				return true
			}
		case media.H265:
			if kind := nal[0] >> 1 & 0x3f; kind == 18 || kind == 20 { // BLA_N_LP, IDR_N_LP
				return true
			}
		}
	}
	return codec == media.MJPEG
}
