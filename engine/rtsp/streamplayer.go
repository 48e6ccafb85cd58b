package rtsp

import (
	"net/textproto"
	"slices"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// livePlayer is one session's reader of a stream.
type livePlayer struct {
	s    *Stream
	out  *outlet
	join bool // over multicast: it is the stream's group that is sent to

	// Under the stream's lock.
	lead  int    // the track that decoding begins with; -1: any
	waits bool   // for a key frame
	told  []bool // by track: a sender report has gone before its first packet
	on    bool
	view  view
}

// present is the presentation of a stream that has a run.
func (s *Stream) present() (*presentation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.on {
		return nil, fault.New(fault.NotFound, "nobody publishes on %s now", s.o.Path)
	}
	p := &presentation{ssrc: s.ssrc}
	for _, l := range s.shown {
		p.tracks = append(p.tracks, l.track)
	}
	p.open = func(out *outlet) (player, error) { return s.open(out, p.tracks) }
	return p, nil
}

func (s *Stream) ssrc(id media.TrackID) uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if int(id) < len(s.shown) {
		return s.shown[id].packer.o.SSRC
	}
	return 0
}

// open makes a player for a session that was told the tracks.
func (s *Stream) open(out *outlet, tracks []media.Track) (player, error) {
	s.mu.Lock()
	now := make([]media.Track, len(s.shown))
	for i, l := range s.shown {
		now[i] = l.track
	}
	if s.closed || !sameTracks(tracks, now) {
		s.mu.Unlock()
		return nil, fault.New(fault.NotFound, "%s has other tracks now", s.o.Path)
	}
	p := &livePlayer{s: s, out: out, told: make([]bool, len(tracks))}
	if s.o.Adapt && out.udp == nil {
		out.box.follow()
	}
	s.opened[p] = struct{}{}
	n := len(s.opened)
	s.mu.Unlock()
	s.changed(n)
	return p, nil
}

func (s *Stream) changed(n int) {
	if s.o.Changed != nil {
		s.o.Changed(n)
	}
}

// play implements player. To play what plays already changes nothing.
func (p *livePlayer) play(textproto.MIMEHeader) (playing, error) {
	s := p.s
	s.mu.Lock()
	if p.on {
		s.mu.Unlock()
		return playing{}, nil
	}
	p.on = true
	var info []playInfo
	if p.join {
		s.enterGroup(p)
	} else {
		info = s.enter(p)
	}
	ask := s.wantsKey(p)
	s.mu.Unlock()
	if ask {
		s.o.Keys.RequestKey()
	}
	return playing{info: info}, nil
}

// enter lets a reader in, from the newest key frame where that is cheaper than to wait for
// the next one. The lock is held.
func (s *Stream) enter(p *livePlayer) []playInfo {
	p.lead = -1
	for i, l := range s.shown {
		if p.out.wants(i) && l.track.Codec.Video() {
			p.lead = i
			break
		}
	}
	clear(p.told)
	p.waits = p.lead >= 0
	p.view.since, p.view.settled = s.o.Clock.Now(), false
	s.playing = append(s.playing, p)
	if !p.waits || p.view.lane != nil || len(s.held) == 0 || p.lead != s.lead || s.cheaperToWait(p) {
		return nil
	}
	p.waits = false
	var info []playInfo
	for _, t := range s.held {
		if !p.out.wants(t.Track) {
			continue
		}
		if !p.told[t.Track] {
			p.told[t.Track] = true
			info = append(info, firstOf(&t.burst))
			if t.report == 0 {
				t = newShot(t.burst, s.shown[t.Track].report(&t.burst))
			}
		}
		p.out.keep(t)
	}
	for i, l := range s.shown {
		if p.out.wants(i) && !p.told[i] {
			info = append(info, playInfo{track: media.TrackID(i), seq: l.packer.o.Seq})
		}
	}
	slices.SortFunc(info, func(a, b playInfo) int { return int(a.track - b.track) })
	return info
}

const (
	shortWait   = 500 * time.Millisecond
	heldOverUDP = 96 << 10
)

// cheaperToWait decides how a reader begins. From the held key frame it sees a picture at
// once, and a recorder misses nothing; but a player that keeps pace by RTP time stays as
// far behind as that key frame is old. So where the next one is nearer than the held one
// is old, and near enough not to be noticed, waiting is cheaper. Over UDP a whole group of
// pictures at once would not fit the usual receive buffer (208 KiB on Linux, half of it
// lost to bookkeeping), and a broken start is worse than a late one. The lock is held.
func (s *Stream) cheaperToWait(p *livePlayer) bool {
	if p.out.udp != nil && s.heldBytes > heldOverUDP {
		return true
	}
	age := s.o.Clock.Now().Sub(s.keyAt)
	next := s.keyEvery - age
	return s.keyEvery > 0 && next < age && next <= shortWait
}

// wantsKey reports whether the publisher is to be asked for a key frame: somebody waits
// for one, and none was asked for in the last second. The lock is held.
func (s *Stream) wantsKey(p *livePlayer) bool {
	now := s.o.Clock.Now()
	if s.o.Keys == nil || !s.on || !p.waits && !p.join || now.Sub(s.asked) < time.Second {
		return false
	}
	s.asked = now
	return true
}

// passKeyRequest hands a reader's request for a key frame on to whoever sends.
func (s *Stream) passKeyRequest(p *livePlayer) {
	s.mu.Lock()
	now := s.o.Clock.Now()
	if p.view.on != nil {
		p.view.on.want = true
		s.mu.Unlock()
		return
	}
	ask := s.o.Keys != nil && s.on && now.Sub(s.asked) >= time.Second
	if ask {
		s.asked = now
	}
	s.mu.Unlock()
	if ask {
		s.o.Keys.RequestKey()
	}
}

// enterGroup lets a reader over multicast in: the first one turns the group on. The lock
// is held.
func (s *Stream) enterGroup(p *livePlayer) {
	if s.groupUsers++; s.groupUsers > 1 {
		return
	}
	out := &outlet{udp: p.out.udp, box: p.out.box, tracks: slices.Clone(p.out.tracks), ended: func(error) {}}
	for i := range out.tracks {
		out.tracks[i].set = true
	}
	s.group = &livePlayer{s: s, out: out, told: make([]bool, len(s.shown)), lead: s.lead, waits: s.lead >= 0}
	s.playing = append(s.playing, s.group)
}

// pause implements player.
func (p *livePlayer) pause() (textproto.MIMEHeader, error) {
	p.s.mu.Lock()
	p.s.leave(p)
	p.s.mu.Unlock()
	p.out.flush()
	return nil, nil
}

// leave stops sending to a reader. The lock is held.
func (s *Stream) leave(p *livePlayer) {
	if !p.on {
		return
	}
	p.on = false
	p.view.turnBack()
	if p.join {
		if s.groupUsers--; s.groupUsers > 0 {
			return
		}
		p = s.group
	}
	if i := slices.Index(s.playing, p); i >= 0 {
		s.playing = slices.Delete(s.playing, i, i+1)
	}
}

// close implements player.
func (p *livePlayer) close() {
	s := p.s
	s.mu.Lock()
	s.leave(p)
	delete(s.opened, p)
	n := len(s.opened)
	lane := p.view.lane
	if lane != nil {
		s.lanes--
	}
	s.mu.Unlock()
	if lane != nil {
		lane.end()
	}
	s.changed(n)
}
