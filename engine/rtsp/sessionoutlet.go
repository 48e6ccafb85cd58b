package rtsp

import (
	"context"
	"encoding/binary"
	"net/netip"
	"sync"
	"sync/atomic"

	"rtsprec/engine/media"
)

// outlet is the way from a player to its reader, over whatever transport was set up.
// Its methods may be called from any goroutine.
type outlet struct {
	box    *outbox
	peer   netip.AddrPort
	udp    *udpPorts  // nil: TCP
	tracks []outTrack // by TrackID; not changed while something plays
	ended  func(why error)
	octets atomic.Uint64 // sent over UDP

	mu     sync.Mutex
	corked bool
	held   []*shot // UDP: what was given while corked
}

// outTrack is where one track goes.
type outTrack struct {
	set     bool
	channel byte    // TCP: of RTP; RTCP is on the next
	to      udpPeer // UDP
}

// shot is a burst on its way to many readers, with copies for those whose channels are
// not the usual ones. It is used under the lock of its stream, or by one player.
type shot struct {
	burst
	sent    *Delays // where it is noted how late it left; nil: nowhere
	report  int     // bytes of the framed sender report that Data begins with; 0: none is due
	patched []patch
}

type patch struct {
	channel byte
	data    []byte
}

// newShot puts a sender report, if there is one, before a burst.
func newShot(b burst, report []byte) *shot {
	if report == nil {
		return &shot{burst: b}
	}
	data := appendFrame(make([]byte, 0, frameHead+len(report)+len(b.Data)), byte(2*b.Track+1), report)
	size := len(data)
	b.Data = append(data, b.Data...)
	starts := make([]int32, len(b.Starts))
	for i, at := range b.Starts {
		starts[i] = at + int32(size)
	}
	b.Starts = starts
	return &shot{burst: b, report: size}
}

// on returns the bytes for a reader whose channel of RTP is the given one; RTCP is on
// the next.
func (s *shot) on(channel byte) []byte {
	if channel == byte(2*s.Track) {
		return s.Data
	}
	for _, p := range s.patched {
		if p.channel == channel {
			return p.data
		}
	}
	data := append([]byte(nil), s.Data...)
	for _, at := range s.Starts {
		data[at+1] = channel
	}
	if s.report > 0 {
		data[1] = channel + 1
	}
	s.patched = append(s.patched, patch{channel, data})
	return data
}

// wants reports whether the reader has set the track up.
func (o *outlet) wants(track int) bool { return track < len(o.tracks) && o.tracks[track].set }

// send gives a burst that must not be dropped: it waits while the reader's queue is full.
// The error is ctx's, or why the reader is gone. Pacing, where it matters, is the
// player's; over UDP nothing else keeps it from overrunning the reader.
func (o *outlet) send(ctx context.Context, b burst) error {
	if !o.wants(b.Track) {
		return nil
	}
	s := &shot{burst: b}
	if o.udp != nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		o.datagrams(s)
		return o.box.gone()
	}
	return o.box.send(ctx, s.on(o.tracks[b.Track].channel), o.box.limit)
}

// report gives an RTCP packet of a track, in order with the bursts.
func (o *outlet) report(track int, packet []byte) {
	if !o.wants(track) {
		return
	}
	t := &o.tracks[track]
	if o.udp != nil {
		o.udp.report(packet, t.to)
		return
	}
	o.box.keep(appendFrame(nil, t.channel+1, packet))
}

// offer gives a live shot; the reader misses it when it is too slow. key says that a
// reader that missed something may begin here.
func (o *outlet) offer(s *shot, key bool) {
	if o.udp != nil {
		o.datagrams(s)
		return
	}
	o.box.offer(s, s.on(o.tracks[s.Track].channel), key)
}

// keep is offer for a shot of the pictures that a reader joins with.
func (o *outlet) keep(s *shot) {
	if o.udp != nil {
		o.datagrams(&shot{burst: s.burst, report: s.report}) // how old it is, is no delay
		return
	}
	o.box.keep(s.on(o.tracks[s.Track].channel))
}

// datagrams sends a shot over UDP, behind the answer to PLAY.
func (o *outlet) datagrams(s *shot) {
	o.mu.Lock()
	if o.corked {
		o.held = append(o.held, s)
		o.mu.Unlock()
		return
	}
	o.mu.Unlock()
	o.shoot(s)
}

func (o *outlet) shoot(s *shot) {
	t := &o.tracks[s.Track]
	o.octets.Add(uint64(len(s.Data)))
	if s.report > 0 {
		o.udp.report(s.Data[frameHead:s.report], t.to)
	}
	o.udp.send(&s.burst, t.to)
	if s.sent != nil {
		now := o.box.clock.Now()
		s.sent.UDP.Add(now, now.Sub(s.Wall))
	}
}

// flush drops what has not left yet: at a seek, and at a pause.
func (o *outlet) flush() {
	o.mu.Lock()
	o.held = nil
	o.mu.Unlock()
	if o.udp == nil {
		o.box.flush()
	}
}

// end ends the session from the player's side: the connection is closed, err says why.
func (o *outlet) end(err error) { o.ended(err) }

func (o *outlet) cork() {
	if o.udp == nil {
		o.box.cork()
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.corked = true
}

func (o *outlet) uncork() {
	if o.udp == nil {
		o.box.uncork()
		return
	}
	for {
		o.mu.Lock()
		held := o.held
		o.held = nil
		if len(held) == 0 {
			o.corked = false
			o.mu.Unlock()
			return
		}
		o.mu.Unlock()
		for _, s := range held {
			o.shoot(s)
		}
	}
}

// firstOf is what RTP-Info says of a burst.
func firstOf(b *burst) playInfo {
	head := b.Data[b.Starts[0]+frameHead:]
	return playInfo{media.TrackID(b.Track), binary.BigEndian.Uint16(head[2:]), b.RTP, true}
}
