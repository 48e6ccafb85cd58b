package rtsp

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net/textproto"
	"sync"
	"time"

	"rtsprec/engine/media"
)

// replayPlayer plays a recorded path in one session. play, pause and close may be called
// from one goroutine at a time.
type replayPlayer struct {
	what   *footage
	out    replayOut
	clock  media.Clock
	log    *slog.Logger
	tracks []*replayTrack
	udp    bool // there is no back-pressure: the pace is always the server's

	run    *replayRun // nil before the first PLAY
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// replayOf presents what is recorded under a path to those who may see it. query is the
// address's; of it start and end count. The error is a *rangeError, or has a kind
// (NotFound: nothing is recorded there).
func replayOf(library Library, path, query string, clock media.Clock, log *slog.Logger) (*presentation, error) {
	what, err := lookUp(library, path, query)
	if err != nil {
		return nil, err
	}
	var tracks []*replayTrack
	for _, t := range what.Tracks {
		packer, err := newPacker(t, packOptions{PayloadType: payloadType(t), SSRC: randomID(), Seq: uint16(randomID()), Base: randomID()})
		if err != nil {
			return nil, err
		}
		tracks = append(tracks, &replayTrack{rate: t.ClockRate, packer: packer})
	}
	return &presentation{
		tracks: what.Tracks,
		sdp:    sdpOptions{Ranges: what.ranges(), Capture: true},
		replay: true,
		ssrc:   func(id media.TrackID) uint32 { return tracks[id].packer.o.SSRC },
		open: func(out *outlet) (player, error) {
			return &replayPlayer{what: what, tracks: tracks, out: out, udp: out.udp != nil, clock: clock, log: log}, nil
		},
	}, nil
}

// play begins, goes on, or seeks. Without a Range and with the pace as it was a paused
// replay goes on where it stood. Anything else begins anew there or at the Range, at once
// (as with the ONVIF header Immediate: yes, whether or not it is there), and what still
// waits for the reader is thrown away. After an error nothing has changed.
func (p *replayPlayer) play(header textproto.MIMEHeader) (playing, error) {
	order, err := parsePlay(header)
	if err != nil {
		return playing{}, err
	}
	was := p.halt()
	if p.run != nil && !order.hasRange && !p.run.ended && !p.differs(order) {
		a := p.resume(order)
		p.start()
		return a, nil
	}
	next, err := p.prepare(order)
	if err != nil {
		if was {
			p.start()
		}
		return playing{}, err
	}
	if p.run != nil {
		p.run.close()
		p.out.flush()
	}
	p.run = next.run
	a := p.answer(next)
	p.start()
	return a, nil
}

// next is a PLAY that is ready to begin.
type next struct {
	run      *replayRun
	from, to time.Time // recorded time of the first unit, and the end that was asked for
}

// prepare opens what is to be played, up to its first unit.
func (p *replayPlayer) prepare(order playOrder) (*next, error) {
	span := order.Range
	if !order.hasRange && p.run != nil && !p.run.ended {
		span = clockRange(p.position(), time.Time{})
	}
	from, to, err := p.what.resolve(span, order.reverse(), p.position())
	if err != nil {
		return nil, err
	}
	run := &replayRun{
		order: order, tracks: p.tracks, out: p.out, clock: p.clock,
		paced: !order.unpaced || p.udp, first: p.run != nil,
	}
	var first media.AccessUnit
	if run.source, first, err = p.what.open(context.Background(), from, to, order, run.wants); err != nil {
		return nil, err
	}
	var before *replayClock
	if p.run != nil {
		before = p.run.place
	}
	run.place = newReplayClock(first.Wall, order.scale, !run.paced, len(p.tracks), before)
	run.take(first)
	return &next{run, first.Wall, to}, nil
}

// position is where the session stands in recorded time.
func (p *replayPlayer) position() time.Time {
	if p.run == nil || p.run.at.IsZero() {
		return p.what.From
	}
	return p.run.at
}

// differs reports whether a request changes how the replay goes.
func (p *replayPlayer) differs(o playOrder) bool {
	now := p.run.order
	return o.scaled && o.scale != now.scale || o.sped && o.speed != now.speed || o.unpaced != now.unpaced || o.keys != now.keys
}

// resume answers a PLAY that goes on where it was paused.
func (p *replayPlayer) resume(order playOrder) playing {
	p.run.order.seq = order.seq
	place := p.run.place.last
	if len(p.run.ahead) > 0 {
		place = p.run.ahead[0].at
	}
	a := playing{header: textproto.MIMEHeader{}, info: p.info(place)}
	a.header.Set("Range", p.what.answer(order.Range.unit, p.position(), time.Time{}))
	return a
}

// answer says what is going to be played.
func (p *replayPlayer) answer(n *next) playing {
	order := n.run.order
	from, place := n.from, n.run.place.begin
	if lead := p.what.From.Sub(from); lead > 0 { // the address names a moment between key frames
		from, place = p.what.From, place+time.Duration(float64(lead)/math.Abs(order.scale))
	}
	a := playing{header: textproto.MIMEHeader{}, info: p.info(place)}
	a.header.Set("Range", p.what.answer(order.Range.unit, from, n.to))
	if order.scaled {
		a.header.Set("Scale", fmt.Sprintf("%.1f", order.scale))
	}
	if order.sped {
		a.header.Set("Speed", fmt.Sprintf("%g", math.Round(order.speed*1e6)/1e6))
	}
	return a
}

// info says with which packet each track goes on, and what place is in its RTP time.
func (p *replayPlayer) info(place time.Duration) []playInfo {
	var list []playInfo
	for i, t := range p.tracks {
		if p.out.wants(i) {
			rtp := t.packer.o.Base + uint32(media.FromDuration(place, t.rate))
			list = append(list, playInfo{track: media.TrackID(i), seq: t.packer.o.Seq, rtp: rtp, timed: true})
		}
	}
	return list
}

// start sends in a goroutine of its own until halt.
func (p *replayPlayer) start() {
	if p.cancel != nil || p.run == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	run := p.run
	p.work.Go(func() {
		run.run(ctx)
		if err := run.failed(); err != nil && run.ended {
			p.log.Warn("replay", "path", p.what.path, "err", err)
		}
	})
}

// halt stops sending and reports whether it was.
func (p *replayPlayer) halt() bool {
	if p.cancel == nil {
		return false
	}
	p.cancel()
	p.work.Wait()
	p.cancel = nil
	return true
}

// pause stops sending; what was sent stays sent.
func (p *replayPlayer) pause() (textproto.MIMEHeader, error) {
	p.halt()
	return nil, nil
}

// close ends the replay and releases what it holds.
func (p *replayPlayer) close() {
	p.halt()
	if p.run != nil {
		p.run.close()
	}
}
