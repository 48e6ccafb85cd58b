package rtsp

import (
	"context"
	"errors"
	"io"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// replayOut is where a replay goes: *outlet outside of tests.
type replayOut interface {
	wants(track int) bool
	send(ctx context.Context, b burst) error // waits while the queue is full; never drops
	report(track int, packet []byte)
	flush()
}

// replayTrack is a track as it is sent.
type replayTrack struct {
	rate    int
	packer  *packer
	last    uint32 // RTP time of its latest unit
	any     bool
	packets uint32 // sent, for sender reports
	octets  uint32
	told    time.Duration // place of the latest sender report
}

// replayRun is one PLAY. It is paused by cancelling run, and gone on with by calling it
// again: nothing is lost in between. It belongs to one goroutine at a time.
type replayRun struct {
	order  playOrder
	source media.Source
	place  *replayClock
	tracks []*replayTrack
	out    replayOut
	clock  media.Clock
	paced  bool

	ahead  []replayUnit  // read, in order, and not sent yet
	bytes  int           // in them
	first  bool          // the next unit follows a jump: the PLAY itself
	key    time.Time     // of the latest key frame taken, for Frames: intra/…
	drawn  bool          // the source has ended
	ended  bool          // everything is sent, goodbyes too
	at     time.Time     // recorded time of the latest unit sent
	spot   time.Duration // and its place
	anchor time.Time     // when place zero would have been due, at the pace of now; zero: with the next unit
	why    error         // why the source ended, when not at its end
}

// replayUnit is a unit that has its place.
type replayUnit struct {
	media.AccessUnit
	at   time.Duration // of being shown
	due  time.Duration // of being sent
	jump bool          // it does not follow the one sent before it
	end  bool          // it is the last one before a gap
	last bool          // it is the last one of its track
}

const (
	// A unit is sent once the next one of its track is known, because only that tells
	// whether a gap follows; or this far behind others.
	lookAhead      = time.Second
	lookAheadBytes = 8 << 20
	// behindMost is how late a replay may be before it goes on at its pace from there,
	// instead of catching up.
	behindMost = 500 * time.Millisecond
	// replayReports is the recorded time between two sender reports of a track.
	replayReports = 5 * time.Second
)

// run sends until ctx ends or everything is sent.
func (r *replayRun) run(ctx context.Context) error {
	r.anchor = time.Time{}
	for !r.ended {
		for !r.drawn && !r.known() {
			if err := r.draw(ctx); err != nil {
				return err
			}
		}
		if len(r.ahead) == 0 {
			if err := r.wait(ctx, r.place.end()); err != nil { // the last picture is shown up to there
				return err
			}
			r.goodbye()
			r.ended = true
			return nil
		}
		if err := r.send(ctx, &r.ahead[0]); err != nil {
			return err
		}
		r.bytes -= len(r.ahead[0].Data)
		r.at, r.spot = r.ahead[0].Wall, r.ahead[0].at
		r.ahead = r.ahead[1:]
	}
	return nil
}

// known reports whether the first unit ahead can be sent: what follows it is known.
func (r *replayRun) known() bool {
	if len(r.ahead) == 0 {
		return false
	}
	first := &r.ahead[0]
	for i := range r.ahead[1:] {
		if r.ahead[i+1].Track == first.Track {
			return true
		}
	}
	return r.bytes > lookAheadBytes || (r.ahead[len(r.ahead)-1].at-first.at).Abs() > lookAhead
}

// draw takes the next unit from the source.
func (r *replayRun) draw(ctx context.Context) error {
	au, err := r.source.Next(ctx)
	switch {
	case err == nil:
		r.take(au)
	case ctx.Err() != nil:
		return ctx.Err()
	default:
		if !errors.Is(err, io.EOF) {
			r.why = err
		}
		r.drawn = true
		seen := map[media.TrackID]bool{}
		for i := len(r.ahead) - 1; i >= 0; i-- {
			if u := &r.ahead[i]; !seen[u.Track] {
				seen[u.Track] = true
				u.end, u.last = true, true
			}
		}
	}
	return nil
}

// take gives a unit its place, unless it is not wanted.
func (r *replayRun) take(au media.AccessUnit) {
	if !r.wants(au.Track) {
		return
	}
	if r.order.every > 0 && au.Missing == nil {
		if !r.key.IsZero() && au.Wall.Sub(r.key).Abs() < r.order.every {
			return
		}
		r.key = au.Wall
	}
	u := replayUnit{AccessUnit: au}
	u.at, u.jump = r.place.place(&au)
	for i := len(r.ahead) - 1; i >= 0 && u.jump; i-- {
		if r.ahead[i].Track == u.Track {
			r.ahead[i].end = true
			break
		}
	}
	u.jump = u.jump || r.first || r.order.reverse()
	r.first = false
	u.due = u.at - media.ToDuration(au.PTS-au.DTS, r.tracks[au.Track].rate)
	if r.order.keysOnly() {
		u.due = u.at
	}
	r.ahead = append(r.ahead, u)
	r.bytes += len(au.Data)
}

func (r *replayRun) wants(id media.TrackID) bool {
	return int(id) >= 0 && int(id) < len(r.tracks) && r.out.wants(int(id))
}

// send waits until the unit is due and sends it. A unit that cannot be packed is left out.
func (r *replayRun) send(ctx context.Context, u *replayUnit) error {
	if err := r.wait(ctx, u.due); err != nil {
		return err
	}
	t := r.tracks[u.Track]
	before := t.packer.o.Seq
	var ext []byte
	if r.order.onvif {
		ext = replayExt{at: u.Wall, clean: u.Key, end: u.end, jump: u.jump, terminal: u.last, seq: r.order.seq}.append(nil)
	}
	rtp := uint32(media.FromDuration(u.at, t.rate))
	if t.any && rtp == t.last {
		rtp++ // no two units have one RTP time
	}
	b, err := t.packer.pack(u.AccessUnit, rtp, ext)
	if err != nil {
		t.packer.o.Seq = before
		return nil
	}
	r.report(u, t, &b)
	if err := r.out.send(ctx, b); err != nil {
		t.packer.o.Seq = before
		return err
	}
	t.last, t.any = rtp, true
	t.packets += uint32(len(b.Starts))
	t.octets += uint32(b.Octets)
	return nil
}

// report sends a sender report when it is time: before the first unit, after each jump,
// and every five seconds. Its time is that of capture, in which it departs from ONVIF, so that
// every client can know it. Whoever gets the extension and keeps the pace itself needs none.
func (r *replayRun) report(u *replayUnit, t *replayTrack, b *burst) {
	switch {
	case r.order.onvif && !r.paced:
	case t.any && !u.jump && (u.at-t.told).Abs() < replayReports:
	default:
		t.told = u.at
		r.out.report(b.Track, senderReport(t.packer.o.SSRC, ntpOf(b.Wall), b.RTP, t.packets, t.octets))
	}
}

// wait waits until a place is due.
func (r *replayRun) wait(ctx context.Context, due time.Duration) error {
	if !r.paced {
		return ctx.Err()
	}
	now := r.clock.Now()
	offset := time.Duration(float64(due) / r.order.speed)
	if r.anchor.IsZero() || now.Sub(r.anchor.Add(offset)) > behindMost {
		r.anchor = now.Add(-offset)
	}
	left := r.anchor.Add(offset).Sub(now)
	if left <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// goodbye ends every track that is set up (RFC 3550 6.6): to players that is the end of
// the presentation. A track of which nothing came is told of first: live555, which is in
// VLC, takes no goodbye from whom it never heard of, and waits for ever.
func (r *replayRun) goodbye() {
	for i, t := range r.tracks {
		if !r.out.wants(i) {
			continue
		}
		if !t.any && !r.at.IsZero() && (r.paced || !r.order.onvif) {
			r.out.report(i, senderReport(t.packer.o.SSRC, ntpOf(r.at), uint32(media.FromDuration(r.spot, t.rate)), 0, 0))
		}
		r.out.report(i, byePacket(t.packer.o.SSRC))
	}
}

// close releases the source.
func (r *replayRun) close() {
	if r.source != nil {
		r.source.Close()
	}
}

// failed is why the recording could not be played on, nil at its end.
func (r *replayRun) failed() error { return fault.Because("play a recording", r.why) }
