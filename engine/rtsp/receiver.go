package rtsp

import (
	"bytes"
	"time"

	"rtsprec/engine/media"
	"rtsprec/engine/timeline"
)

// receiver is one track from its packets to its units. All of it runs under the
// client's lock.
type receiver struct {
	st      *stream
	reorder reorderer
	depack  depacketiser
	firsts  firstUnits
	clock   *timeline.Track
	order   *timeline.Order
	config  []byte // in force
	out     func(media.AccessUnit)
	scratch packet
	cipher  *cipher       // nil: plain RTP
	replay  *replayTiming // nil: live
	causes  media.Causes  // of what is missing before the next unit; 0: not told

	ssrc        uint32
	known       bool // ssrc is
	ssrcChanges uint64
	bye         bool // the source said goodbye and nothing came since
	units       uint64
	damaged     uint64
	foreign     uint64 // packets that are not this track's
	bytes       uint64
	reports     uint64
	report      Report
	firstPacket time.Time
	lastPacket  time.Time
	firstKey    time.Time
	rr          reception
}

func newReceiver(st *stream, session *timeline.Session, wait time.Duration, out func(media.AccessUnit)) *receiver {
	r := &receiver{
		st: st, config: st.track.Config, out: out,
		clock: session.Track(st.track.ClockRate),
		order: timeline.NewOrder(st.track.Codec, st.track.ClockRate, st.track.Config),
	}
	r.depack = st.make(st, r.unit)
	r.reorder = reorderer{wait: wait, out: r.depack.push}
	return r
}

// packet takes a packet as it came; false when it is not this track's.
func (r *receiver) packet(b []byte, arrival time.Time) bool {
	p := &r.scratch
	if !p.parse(b) || p.pt != r.st.pt {
		r.foreign++
		return false
	}
	p.arrival = arrival
	if r.firstPacket.IsZero() {
		r.firstPacket = arrival
	}
	r.lastPacket = arrival
	r.bye = false
	r.bytes += uint64(len(p.payload))
	if r.replay != nil {
		r.replay.extension(p)
	}
	r.reorder.push(p)
	return true
}

// unit takes what the depacketiser has put together.
func (r *receiver) unit(u *unit) {
	switch {
	case r.firsts.over || r.replay != nil:
		r.accept(u, r.reorder.ssrc)
	case r.firsts.hold(u, r.reorder.ssrc, r.st.track.ClockRate):
		r.open()
	}
}

// open accepts what was held of the beginning.
func (r *receiver) open() {
	held, least := r.firsts.end()
	r.clock.Begin(least)
	for i := range held {
		r.accept(&held[i].unit, held[i].ssrc)
	}
}

// deadline is when expire has something to do; false when nothing is held.
func (r *receiver) deadline() (at time.Time, ok bool) {
	at, ok = r.reorder.deadline()
	if len(r.firsts.held) > 0 {
		if d := r.firsts.deadline(); !ok || d.Before(at) {
			at, ok = d, true
		}
	}
	return at, ok
}

// expire lets go of what has been held for long enough.
func (r *receiver) expire(now time.Time) {
	r.reorder.expire(now)
	if len(r.firsts.held) > 0 && !now.Before(r.firsts.deadline()) {
		r.open()
	}
}

// accept dates a unit and hands it on.
func (r *receiver) accept(u *unit, ssrc uint32) {
	t := &r.st.track
	if u.fresh && r.known && r.ssrc != ssrc {
		r.ssrcChanges++
		r.clock.Restart()
	}
	r.ssrc, r.known = ssrc, true
	var stamp timeline.Stamp
	if r.replay != nil {
		stamp.Wall, stamp.Ticks = r.replay.stamp(u.rtp)
	} else {
		stamp = r.clock.Stamp(u.rtp, u.arrival)
	}
	data := bytes.Clone(u.data)
	au := media.AccessUnit{
		Track: t.ID, Arrival: u.arrival, Wall: stamp.Wall,
		Key: media.IsKey(t.Codec, data), Damaged: u.damaged, Lost: u.lost, Data: data,
	}
	au.Config = r.newConfig(data, u.config)
	if au.Config != nil {
		r.order.Config(au.Config)
	}
	au.PTS, au.DTS = r.order.Next(stamp.Ticks, data)
	if r.replay != nil && !r.replay.finish(&au, u.rtp) {
		return
	}
	if au.Missing != nil {
		au.Missing.Causes |= r.causes
	}
	r.causes = 0
	r.units++
	if u.damaged {
		r.damaged++
	}
	if au.Key && r.firstKey.IsZero() {
		r.firstKey = u.arrival
	}
	r.out(au)
}

// newConfig returns the configuration when it changes with this unit.
func (r *receiver) newConfig(data, told []byte) []byte {
	codec := r.st.track.Codec
	switch {
	case codec == media.AAC && told != nil:
		if media.SameConfig(codec, told, r.config) {
			return nil
		}
		r.config = told
	case codec.NeedsConfig() && codec != media.AAC:
		config := media.ConfigOf(codec, data, r.config)
		if config == nil {
			return nil
		}
		r.config = config
	default:
		return nil
	}
	return r.config
}

// flush lets go of what is pending: nothing more will come.
func (r *receiver) flush() {
	r.reorder.flush()
	r.depack.flush()
	if len(r.firsts.held) > 0 {
		r.open()
	}
}

// stats is the track's part of Stats.
func (r *receiver) stats() TrackStats {
	o := r.clock.Observe()
	s := TrackStats{
		Codec: r.st.track.Codec, Packets: r.reorder.received, Bytes: r.bytes, Units: r.units, Damaged: r.damaged,
		Lost: r.reorder.lost, Reordered: r.reorder.reordered, Duplicates: r.reorder.duplicates, Late: r.reorder.late,
		Invalid: r.depack.invalid() + r.reorder.strays + r.foreign, Jitter: o.Jitter,
		SSRC: r.ssrc, SSRCChanges: r.ssrcChanges,
		FirstPacket: r.firstPacket, LastPacket: r.lastPacket, FirstKey: r.firstKey,
		Reports: r.reports, LastReport: r.report,
		ClockSound: o.Sound, ClockOffset: -o.Offset, ClockWithin: o.Within, Drift: o.Drift,
	}
	return s
}
