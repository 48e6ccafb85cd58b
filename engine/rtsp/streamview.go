package rtsp

import (
	"net/netip"
	"time"

	"rtsprec/engine/media"
	"rtsprec/engine/rate"
)

// view is what a stream's reader is sent of its pictures. It is under the stream's lock,
// but for reports, which have their own.
type view struct {
	lane    *lane      // nil: nothing but the source's has ever been sent
	on      *Rendition // nil: the source's
	to      *Rendition // while turning: what follows at its next key frame
	turning bool
	mute    bool        // nothing until then
	leave   bool        // what waits then is left out
	last    media.Ticks // PTS of the newest picture sent, or to be
	cut     media.Ticks // while turning: the key frame of to that is on its way; noCut: none is

	since   time.Time // when it began to play
	settled bool      // what it began with is sent
	reports readerReports
}

const (
	noCut      = media.Ticks(1) << 62
	settleMost = 2 * time.Second
)

// turnBack is the end of a run: the source is next.
func (v *view) turnBack() {
	v.on, v.to, v.turning, v.mute, v.leave, v.last, v.cut = nil, nil, false, false, false, -noCut, noCut
	if v.lane != nil {
		v.lane.withdraw()
	}
}

// turnBack ends the renditions of a run. The lock is held.
func (s *Stream) turnBack() {
	for _, r := range s.renditions {
		r.over = true
	}
	s.renditions = nil
	for _, p := range s.playing {
		p.view.turnBack()
		p.waits = p.waits || p.view.lane != nil
	}
}

// Viewer is one session that reads a stream's pictures and can be sent others in its
// place. The zero Viewer is none. Viewers of one session are equal.
type Viewer struct{ p *livePlayer }

// Viewers are those who play now and whose pictures can be exchanged: not over multicast,
// and only where [StreamOptions.Adapt] was set and the pictures are H.264 or H.265.
func (s *Stream) Viewers() (list []Viewer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.on || !s.o.Adapt || s.lead < 0 || !s.shown[s.lead].track.Codec.NALs() {
		return nil
	}
	for _, p := range s.playing {
		if !p.join && p != s.group && p.lead == s.lead {
			list = append(list, Viewer{p})
		}
	}
	return list
}

// Peer is the address of the viewer's connection.
func (v Viewer) Peer() netip.AddrPort { return v.p.out.peer }

// Feedback is what is known of the path to the viewer, for a controller that asks for it
// every 200 ms: over TCP the kernel's word and what waits here, over UDP the viewer's own
// reports, since what waits here is spread over time, whatever the path takes. False: it is
// still being sent what it began with, of which nothing can be seen.
func (v Viewer) Feedback() (f rate.Feedback, ok bool) {
	s, p := v.p.s, v.p
	s.mu.Lock()
	lane, view := p.view.lane, &p.view
	s.mu.Unlock()
	var held int64
	if lane != nil {
		held = lane.held()
	}
	if p.out.udp != nil {
		f.Sent = int64(p.out.octets.Load())
		view.reports.feedback(&f, s.o.Clock.Now())
	} else {
		f = p.out.box.feedback(held)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !view.settled {
		view.settled = p.on && !p.waits && (max(f.Backlog, held) == 0 || s.o.Clock.Now().Sub(view.since) > settleMost)
	}
	return f, view.settled
}

// Aim says how fast large pictures leave over UDP, and up to which rate the path is filled
// with padding, bit/s; 0: not at all. It has no effect as long as nothing but the source's
// pictures have been sent.
func (v Viewer) Aim(pace, fill int) {
	v.p.s.mu.Lock()
	lane := v.p.view.lane
	v.p.s.mu.Unlock()
	if lane != nil {
		lane.aim(pace, fill)
	}
}

// Turn sends the viewer the pictures of a rendition from its next key frame on; nil: the
// source's. Until then it is sent what it was; with leave, which is for a path that is
// full, the source's are not, and what waits then is left out. RTP time, numbering and
// SSRC run on.
func (v Viewer) Turn(to *Rendition, leave bool) {
	s, p := v.p.s, v.p
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &p.view
	if !p.on || to != nil && to.over || to == nil && w.lane == nil {
		return
	}
	if w.lane == nil {
		s.openLane(p)
	}
	if w.on == nil && !w.mute {
		w.last = s.shown[s.lead].latest
		if leave {
			w.mute = true
			w.lane.withdraw()
		}
	}
	w.to, w.turning, w.leave, w.cut = to, w.on != to || w.mute, leave, noCut
}

// openLane gives a viewer numbers of its own. What waits of the source's pictures is left
// out, and its numbers are given again. The lock is held.
func (s *Stream) openLane(p *livePlayer) {
	l := s.shown[p.lead]
	left := 0
	if p.out.udp == nil {
		left = p.out.box.withdraw(p.out.tracks[p.lead].channel)
	}
	p.view.lane = &lane{
		out: p.out, track: p.lead, s: s, reports: &p.view.reports,
		ssrc: l.packer.o.SSRC, seq: l.packer.o.Seq - uint16(left), packets: l.packets, octets: l.octets,
	}
	p.view.lane.broken = true
	p.view.lane.start()
	s.lanes++
}

// deliverLanes gives a picture of the source to the viewers that have lanes and are sent
// it. The lock is held.
func (s *Stream) deliverLanes(l *streamLine, t *shot, au *media.AccessUnit, now time.Time) {
	var whole *shot // with parameter sets: the viewer may have had others since
	for _, p := range s.playing {
		v := &p.view
		if v.lane == nil || p.lead != s.lead {
			continue
		}
		if t.Key && v.turning && v.to == nil {
			v.on, v.turning, v.mute = nil, false, false
		}
		if v.on != nil || v.mute || p.waits && !t.Key {
			continue
		}
		p.waits = false
		if t.Key && whole == nil {
			whole = l.withSets(t, au)
		}
		given := t
		if t.Key {
			given = whole
		}
		v.last = max(v.last, au.PTS)
		v.lane.put(given, now)
	}
}

// withSets packs a key frame again with the parameter sets that it lacks.
func (l *streamLine) withSets(t *shot, au *media.AccessUnit) *shot {
	full := media.WithConfig(*au, l.track.Codec, l.track.Config)
	if len(full.Data) == len(au.Data) {
		return t
	}
	again := *l.packer // its numbers do not count
	b, err := again.pack(full, t.RTP-again.o.Base, nil)
	if err != nil {
		return t
	}
	return &shot{burst: b}
}

// reportsEvery is how often there is a sender report: where paths are followed, each is
// the beginning of a round trip.
func (s *Stream) reportsEvery() time.Duration {
	if s.o.Adapt {
		return laneReports
	}
	return reportEvery
}
