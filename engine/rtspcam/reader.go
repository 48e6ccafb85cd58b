package rtspcam

import (
	"context"
	"encoding/binary"
	"sync"
	"time"
)

// link carries packets to one reader.
type link interface {
	// media sends the packets of a track. It may block for as long as a peer that does
	// not read makes it. False: they were swallowed.
	media(track int, packets [][]byte) (bool, error)
	control(track int, packet []byte) error
}

// queueSize bounds what waits for a reader that does not read: some seconds.
const queueSize = 1024

// outgoing is a burst, or one RTCP packet.
type outgoing struct {
	burst   *burst
	track   int
	control []byte
}

// reader is a session that plays.
type reader struct {
	path   *path
	tracks []*track // of the path when the reader came
	link   link
	setup  []bool // tracks the reader asked for
	queue  chan outgoing
	wait   bool // begin at the next key frame
	lost   bool // the queue was full; guarded by path.mu
	once   sync.Once
	first  chan struct{} // closed once media was sent
	done   chan struct{}
}

func newReader(p *path, l link, setup []bool, atKey bool) *reader {
	return &reader{
		path: p, tracks: p.all(), link: l, setup: setup, queue: make(chan outgoing, queueSize), wait: atKey,
		first: make(chan struct{}), done: make(chan struct{}),
	}
}

// offer queues a burst, or drops it when the reader does not keep up. The caller holds path.mu.
func (r *reader) offer(b *burst) {
	if r.wait {
		if !b.unit.key || r.path.hasVideo() && !r.path.tracks[b.track].video {
			return
		}
		r.wait = false
	}
	if b.track < len(r.setup) && r.setup[b.track] {
		r.put(outgoing{burst: b, track: b.track})
	}
}

func (r *reader) control(track int, packet []byte) {
	if track < len(r.setup) && r.setup[track] {
		r.put(outgoing{track: track, control: packet})
	}
}

func (r *reader) put(o outgoing) {
	select {
	case r.queue <- o:
	default:
		if !r.lost {
			r.path.log.Info("a reader does not keep up", "path", r.path.name)
		}
		r.lost = true
	}
}

// run writes what is queued until ctx is done or the link fails, and books what went out.
func (r *reader) run(ctx context.Context) {
	defer close(r.done)
	for {
		select {
		case <-ctx.Done():
			return
		case o := <-r.queue:
			if r.send(o) != nil {
				return
			}
		}
	}
}

func (r *reader) send(o outgoing) error {
	if o.burst == nil {
		return r.link.control(o.track, o.control)
	}
	sent, err := r.link.media(o.track, o.burst.packets)
	if err != nil || !sent {
		return err
	}
	r.once.Do(func() { close(r.first) })
	t := r.tracks[o.track]
	for _, m := range o.burst.whole {
		t.sent.add(m)
	}
	for _, m := range o.burst.partial {
		t.parts.add(m)
	}
	return nil
}

// place is where a track's packets begin for a reader, for RTP-Info.
type place struct {
	seq   uint16
	time  uint32
	noSeq bool // the sequence number is not known yet
}

// join adds a reader to the stream and returns where each track begins for it.
func (p *path) join(r *reader, now time.Time) []place {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reportTo(r, now)
	places := p.positions(r.wait, now)
	for _, b := range p.history {
		r.offer(b)
	}
	p.readers[r] = struct{}{}
	return places
}

func (p *path) leave(r *reader) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.readers, r)
}

func (p *path) hasVideo() bool {
	for _, t := range p.tracks {
		if t.video {
			return true
		}
	}
	return false
}

// places is where each track is now.
func (p *path) places(now time.Time) []place {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.positions(false, now)
}

func (p *path) positions(atKey bool, now time.Time) []place {
	list := make([]place, len(p.tracks))
	for i := range p.tracks {
		list[i] = p.position(i, atKey, now)
	}
	return list
}

// all are the tracks of now, for others than the path's goroutine.
func (p *path) all() []*track {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tracks
}

func (p *path) count() int { return len(p.all()) }

// position is where a track begins for a reader that joins now. The caller holds p.mu.
func (p *path) position(track int, atKey bool, now time.Time) place {
	for _, b := range p.history {
		if b.track == track && (!atKey || b.unit.key) {
			return place{seq: b.unit.seq, time: b.unit.time}
		}
	}
	t := p.tracks[track]
	if len(t.batch) > 0 {
		return place{seq: t.seq, time: p.stamp(t, t.first, now)}
	}
	elapsed, index := t.elapsed, t.index
	for atKey && t.video && !t.clip.frames[index].key {
		elapsed += t.clip.frames[index].duration
		index = (index + 1) % len(t.clip.frames)
	}
	fr := &t.clip.frames[index]
	return place{seq: t.seq, time: p.stamp(t, elapsed+fr.pts-fr.dts, now), noSeq: index != t.index}
}

// interleave frames a packet for the RTSP connection: "$", channel, length (RFC 2326 10.12).
func interleave(dst []byte, channel byte, packet []byte) []byte {
	dst = append(dst, '$', channel)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(packet)))
	return append(dst, packet...)
}
