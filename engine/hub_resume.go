package engine

import (
	"context"
	"slices"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/record"
)

// resumption lets a publisher that tells capture times come back as if it had never been
// away: what it sends again is dropped, what it sends late stands where it belongs, and the
// recording goes on with the very next unit, also within a group of pictures. The run of
// the recording is therefore kept open while the publisher is away.
//
// After this process itself was away its run is over. Then the group of pictures that was
// cut goes to a segment of its own, which fills the gap up to the next key frame (joint).
type resumption struct {
	path   *livePath
	known  *dedup
	when   moments
	tracks []media.Track // of the recording's run; nil: it has none
	gap    media.Gap     // why the publisher is away
	joint  *joint        // nil: nothing to be joined
	lines  []resumedLine
}

// resumedLine makes the ticks of a track run on over sessions.
type resumedLine struct {
	joined   bool // shift is that of this session
	shift    media.Ticks
	pts, dts media.Ticks // of the last unit
	at       time.Time   // and its capture time
}

// resumption returns what the path knows of publishers that tell capture times.
func (p *livePath) resumption(ctx context.Context) *resumption {
	if p.resume != nil {
		return p.resume
	}
	r := &resumption{path: p, known: newDedup()}
	if p.hub.store != nil && p.record != nil {
		if err := primeRecorded(ctx, r.known, p.hub.deps, p.hub.store.dir, p.name); err != nil {
			p.hub.deps.observe(Notice{Camera: p.name, Message: "what was recorded last cannot be read, some of it may be recorded twice: " + fault.Redact(err.Error())})
		}
		r.when.newest = r.known.newest()
		if gap := p.hub.store.rec.OpenGap(p.name); r.known.primed() && gap != 0 {
			r.joint = &joint{path: p, gap: gap}
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resume = r
	return r
}

// begin takes a session in. The recording's run goes on where it can.
func (r *resumption) begin(ctx context.Context, run media.Run) error {
	p := r.path
	p.turn.Lock()
	defer p.turn.Unlock()
	r.known.again()
	r.when.again()
	for i := range r.lines {
		r.lines[i].joined = false
	}
	err := p.stream.Begin(ctx, run)
	if p.record != nil && !(r.tracks != nil && sameTracks(r.tracks, run.Tracks)) {
		if r.tracks != nil {
			err = joinFaults(err, p.record.End(ctx, r.gap))
			r.known = newDedup()
		}
		err = joinFaults(err, p.record.Begin(ctx, run))
		r.lines = make([]resumedLine, len(run.Tracks))
		if r.joint != nil {
			r.joint.run = run
		}
	}
	r.tracks = run.Tracks
	p.mu.Lock()
	p.sessions++
	p.turned(true)
	p.mu.Unlock()
	return err
}

// write takes a unit, unless there is one like it.
func (r *resumption) write(ctx context.Context, au media.AccessUnit) error {
	p := r.path
	p.turn.Lock()
	defer p.turn.Unlock()
	ok, what := r.when.set(&au, p.hub.deps.Clock.Now())
	if what != "" {
		p.hub.deps.observe(Notice{Camera: p.name, Message: what})
	}
	if !ok {
		return nil
	}
	known := r.known.seen(&au)
	var loose []media.AccessUnit // to be recorded now
	if r.joint != nil {
		done := r.joint.take(au, known)
		if loose = r.joint.loose(done); done {
			r.joint = nil
		}
	}
	var err error
	if !known {
		err = p.stream.Write(ctx, au)
		if r.joint == nil || !r.joint.holds() {
			loose = append(loose, au)
		}
	}
	if p.record == nil {
		return err
	}
	for _, au := range loose {
		err = joinFaults(err, p.record.Write(ctx, r.join(au)))
	}
	return err
}

// join moves a unit's ticks to those of the recording's run.
func (r *resumption) join(au media.AccessUnit) media.AccessUnit {
	l := &r.lines[au.Track]
	rate := r.tracks[au.Track].ClockRate
	if !l.joined {
		l.joined = true
		l.shift = 0
		if !l.at.IsZero() {
			l.shift = l.pts + media.FromDuration(au.Wall.Sub(l.at), rate) - au.PTS
		}
	}
	au.PTS += l.shift
	au.DTS += l.shift
	if !l.at.IsZero() && au.DTS <= l.dts {
		au.DTS = l.dts + 1
		au.PTS = max(au.PTS, au.DTS)
	}
	l.pts, l.dts, l.at = au.PTS, au.DTS, au.Wall
	return au
}

// end notes that the publisher is away.
func (r *resumption) end(ctx context.Context, gap media.Gap) error {
	p := r.path
	p.turn.Lock()
	defer p.turn.Unlock()
	r.gap = gap
	if o, ok := p.camera.(record.AwayObserver); ok {
		o.Away(gap.Causes)
	}
	err := p.stream.End(ctx, gap)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turned(false)
	if r.joint != nil && r.joint.holds() { // what it holds is not recorded: it must come again
		r.joint.drop()
		err = joinFaults(err, p.record.End(ctx, gap))
		p.resume = nil
	}
	return err
}

// joint joins what a publisher sends again to what was recorded before this process.
type joint struct {
	path   *livePath
	run    media.Run
	gap    uint64  // that is to be filled
	group  []again // of what comes, since its last key frame
	bytes  int64
	free   []media.AccessUnit // of a group before, see loose
	filler *record.Filler
	from   time.Time // between the last unit there is and the first that was missing
	last   time.Time // when the newest picture is decoded
}

// again is a unit that comes, and whether it is recorded already.
type again struct {
	au    media.AccessUnit
	known bool
}

// jointMost bounds the group of pictures that is kept, in bytes.
const jointMost = 64 << 20

// open reports whether units belong to the joint and not yet to the recording's run.
func (s *joint) open() bool { return s.filler != nil }

// holds reports whether units that come are kept here and not recorded yet.
func (s *joint) holds() bool { return s.open() || len(s.group) > 0 }

// loose is what was held and belongs to the recording's run after all: sound from before a
// key frame, and, once the joint is done without a segment, all of it.
func (s *joint) loose(all bool) []media.AccessUnit {
	list := s.free
	s.free = nil
	if all {
		list = unknown(list, s.group)
	}
	return list
}

func unknown(list []media.AccessUnit, group []again) []media.AccessUnit {
	for _, a := range group {
		if !a.known {
			list = append(list, a.au)
		}
	}
	return list
}

// take takes every unit that comes, known or not, and reports whether the joint is done:
// then it does not hold that unit.
func (s *joint) take(au media.AccessUnit, known bool) (done bool) {
	video := slices.IndexFunc(s.run.Tracks, func(t media.Track) bool { return t.Codec.Video() })
	if video < 0 {
		return true // every unit of sound is a key
	}
	picture := int(au.Track) == video
	at := decoded(s.run, au)
	switch {
	case picture && au.Key && s.open():
		s.commit(at)
		return true
	case picture && au.Key && !known:
		return true // the group that was cut ended here
	case picture && au.Key:
		s.free = unknown(s.free, s.group)
		s.group, s.bytes = nil, 0
	case picture && !known && !s.open():
		if len(s.group) == 0 {
			return true // its beginning is not there
		}
		if !s.begin(at) {
			return true
		}
	}
	if picture {
		s.last = at
	}
	switch {
	case s.open():
		s.write(again{au, known})
	case len(s.group) > 0 || picture && au.Key:
		if s.bytes += int64(len(au.Data)); s.bytes > jointMost {
			return true
		}
		s.group = append(s.group, again{au, known})
	}
	return false
}

// begin writes what is known of the group: a decoder needs it, nobody else sees it.
func (s *joint) begin(at time.Time) bool {
	f, err := s.path.hub.store.rec.Fill(record.Filling{Camera: s.path.name, Gap: s.gap, Run: s.run, Source: s.run.Peer})
	if err != nil {
		s.failed(err)
		return false
	}
	s.filler, s.from = f, s.last.Add(at.Sub(s.last)/2)
	group := s.group
	s.group = nil
	for _, a := range group {
		s.write(a)
	}
	return true
}

func (s *joint) write(a again) {
	write := s.filler.Write
	if a.known {
		write = s.filler.Lead
	}
	if err := write(a.au); err != nil && !fault.Is(err, fault.Protocol) && !fault.Is(err, fault.Unsupported) {
		s.failed(err)
	}
}

// commit ends the joint before the key frame at that time.
func (s *joint) commit(at time.Time) {
	if err := s.filler.Commit(s.from, s.last.Add(at.Sub(s.last)/2), "identity"); err != nil {
		s.failed(err)
	}
	s.filler = nil
}

// drop forgets the joint in the making: the next session makes it again.
func (s *joint) drop() {
	if s.filler != nil {
		s.filler.Discard()
		s.filler = nil
	}
	s.group, s.bytes = nil, 0
}

func (s *joint) failed(err error) {
	s.path.hub.deps.observe(Notice{Camera: s.path.name, Message: "join what comes again to what is recorded: " + fault.Redact(err.Error())})
}

// awayMost is how long a publisher that tells capture times may be away and go on with the
// same run: what is longer is joined as after a restart.
const awayMost = 10 * time.Minute

// linger is how long the path waits for its publisher. p.mu is held.
func (p *livePath) linger() time.Duration {
	if p.resume != nil {
		return awayMost
	}
	return linger
}

// forget ends what was kept for a publisher that tells capture times, because another
// kind of publisher takes over.
func (p *livePath) forget(ctx context.Context) {
	r := p.resume
	if r == nil {
		return
	}
	p.turn.Lock()
	defer p.turn.Unlock()
	if r.tracks != nil && p.record != nil {
		p.record.End(ctx, r.gap)
	}
	p.mu.Lock()
	p.resume = nil
	p.mu.Unlock()
}
