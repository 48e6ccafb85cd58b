package record

import (
	"slices"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
)

// Filling says which gap is to be filled, and with what.
type Filling struct {
	Camera string
	Gap    uint64    // its ID
	Beside bool      // instead: it is the main stream of a time that was recorded from the sub-stream
	Run    media.Run // of whoever plays it again; Origin becomes "replay"
	Source string    // who that is, without a password
}

// Filler writes media that was got afterwards to segments of their own. Nothing recorded
// before is changed, and nothing of it counts before Commit: what a crash leaves is removed
// by the next [Open]. It belongs to one goroutine; several may be at work beside the
// recording.
//
// Order on the disk, beside that of any segment: media and its index are synced, then
// the `backfill` line, and only then does the file get its name and its `seal`.
type Filler struct {
	c      *camera
	what   Filling
	run    uint64
	tracks []*track
	lead   *track
	parts  []*fillPart
	early  []media.AccessUnit // sound that came before the picture that begins the first file
	over   bool
}

// earlyMost is how many units may come before the picture they belong to.
const earlyMost = 1024

// fillPart is one segment of it.
type fillPart struct {
	*file
	held []*segment.Sample // by slot: its duration is not known yet
	last []int64           // by slot: the latest tick
	some bool
	sum  *segment.Summary

	starts []time.Time // by slot: of the first unit that counts
	leads  []bool      // by slot: there are units before it
}

// Fill begins to fill a gap of a camera of the plan. It writes nothing yet. Errors:
// NotFound (the camera), Canceled (the recording is closed), Unsupported (no track can be
// recorded).
func (r *Recording) Fill(what Filling) (*Filler, error) {
	c := r.named(what.Camera)
	if c == nil {
		return nil, fault.New(fault.NotFound, "the recording has no camera %q", what.Camera)
	}
	c.mu.Lock()
	err := c.usable()
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	what.Run.Origin, what.Source = "replay", fault.Redact(what.Source)
	f := &Filler{c: c, what: what}
	for _, t := range what.Run.Tracks {
		tr := newTrack(t)
		if tr.skipped == "" && (f.lead == nil || tr.Codec.Video() && !f.lead.Codec.Video()) {
			f.lead = tr
		}
		f.tracks = append(f.tracks, tr)
	}
	if f.lead == nil {
		return nil, fault.New(fault.Unsupported, "%s plays nothing that can be recorded", what.Source)
	}
	return f, nil
}

// named returns a camera, or nil.
func (r *Recording) named(name string) *camera {
	for _, c := range r.all() {
		if c.name == name {
			return c
		}
	}
	return nil
}

// Lead takes a unit like Write, which is recorded already: from the key frame on that the
// first one of the picture needs. Players that come from what is before leave it out.
func (f *Filler) Lead(au media.AccessUnit) error { return f.take(au, true) }

// Write takes the next unit, in the order in which they are decoded. The first one of the
// picture, or what was given to Lead before it, is a key frame. A unit that no file may hold is left out and reported; any other
// error is the disk's, and then only Discard makes sense.
func (f *Filler) Write(au media.AccessUnit) error { return f.take(au, false) }

func (f *Filler) take(au media.AccessUnit, lead bool) error {
	if int(au.Track) < 0 || int(au.Track) >= len(f.tracks) {
		return fault.New(fault.Protocol, "a unit of track %d, which the run does not have", au.Track)
	}
	t := f.tracks[au.Track]
	if t.skipped != "" {
		return nil
	}
	if err := storable(t, au); err != nil {
		return err
	}
	if au.Config != nil {
		t.configure(au.Config)
	}
	au.Wall = utc(au.Wall)
	at := decodeTime(au, t.ClockRate)
	var early []media.AccessUnit
	if f.wantsPart(t, au, at) {
		if err := f.begin(at); err != nil {
			return err
		}
		early, f.early = f.early, nil
	} else if len(f.parts) == 0 && t != f.lead && len(f.early) < earlyMost {
		f.early = append(f.early, au)
		return nil
	}
	p := f.partFor(t, at)
	if p == nil {
		return nil // sound that no file has a place for
	}
	if slot := p.slot(t); !lead && p.starts[slot].IsZero() {
		p.starts[slot] = at
	} else if lead {
		p.leads[slot] = true
	}
	f.put(p, t, au, at)
	for _, sound := range early {
		if at := decodeTime(sound, f.tracks[sound.Track].ClockRate); !at.Before(p.head.Start) {
			if err := f.take(sound, false); err != nil {
				return err
			}
		}
	}
	return p.flush()
}

// wantsPart reports whether a unit begins a segment: the first one, and a key frame where
// the recording's own segments are cut or the configuration is another.
func (f *Filler) wantsPart(t *track, au media.AccessUnit, at time.Time) bool {
	if len(f.parts) == 0 {
		return t.usable && (t == f.lead || !f.lead.Codec.Video() || !f.lead.usable)
	}
	p := f.parts[len(f.parts)-1]
	return t == f.lead && t.usable && (au.Key || !t.Codec.Video()) && (!at.Before(p.until) || !p.fits(t))
}

// begin makes a segment whose first unit is decoded at that time.
func (f *Filler) begin(at time.Time) error {
	c := f.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(); err != nil {
		return err
	}
	if f.run == 0 {
		f.journalRun()
	}
	n := &file{
		run: f.run, from: at, until: nextInstant(at, c.r.segmentLength()), span: c.r.fragmentLength(), video: -1,
		head: segment.Header{Camera: c.name, Start: at}, slots: map[media.TrackID]int{}, fill: f.what.Gap, beside: f.what.Beside,
	}
	for _, t := range f.tracks {
		if t.skipped != "" || !t.usable {
			continue
		}
		if t == f.lead && t.Codec.Video() {
			n.video = len(n.head.Tracks)
		}
		n.slots[t.ID] = len(n.head.Tracks)
		n.head.Tracks = append(n.head.Tracks, t.Track)
	}
	if err := c.create(n); err != nil {
		return err
	}
	c.r.lines.post(c.line(n))
	if len(f.parts) > 1 {
		f.end(f.parts[len(f.parts)-2]) // nobody is that late
	}
	tracks := len(n.head.Tracks)
	f.parts = append(f.parts, &fillPart{file: n, held: make([]*segment.Sample, tracks), last: make([]int64, tracks),
		starts: make([]time.Time, tracks), leads: make([]bool, tracks)})
	return c.r.lines.sync()
}

// journalRun tells of the run the first time that something of it is written.
func (f *Filler) journalRun() {
	r := f.c.r
	r.mu.Lock()
	r.runs++ // unlike a run of the camera it does not mean that the recording goes on
	f.run = r.runs
	r.mu.Unlock()
	run := f.what.Run
	line := &journal.Run{Camera: f.c.name, Run: f.run, Start: utc(run.Start), Origin: run.Origin, Peer: fault.Redact(run.Peer)}
	for _, t := range f.tracks {
		line.Tracks = append(line.Tracks, t.describe())
	}
	r.lines.post(line)
}

// partFor is the segment whose time it is: the newest, or the one before where sound is
// late for a cut.
func (f *Filler) partFor(t *track, at time.Time) *fillPart {
	for i := len(f.parts) - 1; i >= max(0, len(f.parts)-2); i-- {
		p := f.parts[i]
		if i == 0 || !at.Before(p.head.Start) {
			if !p.ended && p.fits(t) {
				return p
			}
			return nil
		}
	}
	return nil
}

// put gives the unit its place, which tells how long the one before it lasts.
func (f *Filler) put(p *fillPart, t *track, au media.AccessUnit, at time.Time) {
	slot := p.slot(t)
	tick := max(0, media.FromDuration(at.Sub(p.head.Start), t.ClockRate))
	if p.held[slot] != nil {
		tick = max(tick, p.last[slot]+1)
		p.release(slot, tick-p.last[slot])
	}
	if !t.last.IsZero() {
		t.pace.add(at.Sub(t.last))
	}
	t.last = at
	s := &segment.Sample{Track: slot, DTS: tick, Key: true, Data: au.Data}
	if t.Codec.Video() {
		s.Key, s.Offset = au.Key, int32(au.PTS-au.DTS)
	}
	p.held[slot], p.last[slot] = s, tick
}

// release hands a held unit to the file.
func (p *fillPart) release(slot int, lasts int64) {
	s := *p.held[slot]
	s.Duration = uint32(min(max(lasts, 1), 1<<31))
	p.held[slot] = nil
	p.push(s, p.head.Tracks[slot].Codec)
	p.some = true
}

// end says that the segment gets no more units. The last of a track lasts as long as usual.
func (f *Filler) end(p *fillPart) {
	for _, t := range f.tracks {
		if slot := p.slot(t); slot >= 0 && p.held[slot] != nil {
			p.release(slot, media.FromDuration(t.usual(), t.ClockRate))
		}
	}
	p.close()
	p.ended = true
}

// flush writes what is whole.
func (p *fillPart) flush() error {
	err := p.write()
	if err == nil && len(p.misfits) > 0 {
		err = p.misfits[0].err
	}
	p.misfits = nil
	return err
}

// Commit ends the segments and journals that they fill the gap from from to to, or stand
// beside what was recorded then. splice is "identity" or "time". After an error Discard may be called; what cannot be undone then
// is finished by the next [Open].
func (f *Filler) Commit(from, to time.Time, splice string) error {
	const op = "commit what was got afterwards"
	r := f.c.r
	if err := f.finish(); err != nil {
		return fault.Because(op, err)
	}
	for i, p := range f.parts {
		line := &journal.Backfill{Gap: f.what.Gap, Camera: f.c.name, N: p.n, From: utc(from), To: utc(to), Splice: splice, Source: f.what.Source}
		line.Starts = f.startsOf(p)
		if i > 0 {
			line.From = later(line.From, utc(p.head.Start))
		}
		if i+1 < len(f.parts) && f.parts[i+1].head.Start.Before(line.To) {
			line.To = utc(f.parts[i+1].head.Start)
		}
		if f.what.Beside {
			r.lines.post(&journal.Beside{Camera: line.Camera, N: line.N, From: line.From, To: line.To, Source: line.Source})
			continue
		}
		r.lines.post(line)
	}
	if err := r.lines.sync(); err != nil {
		return fault.Because(op, err)
	}
	f.over = true
	for _, p := range f.parts {
		if err := r.giveName(p.name); err != nil {
			return fault.Because(op, err)
		}
		r.lines.post(sealLine(f.c.name, p.n, *p.sum))
	}
	if err := r.lines.sync(); err != nil {
		return fault.Because(op, err)
	}
	for _, p := range f.parts {
		r.observe(SegmentSealed{Camera: f.c.name, N: p.n, File: p.name, Start: p.sum.Start, End: p.sum.End, Size: p.sum.Size})
	}
	return nil
}

// startsOf says where what counts of a segment begins, by track; nil: everywhere with its
// first unit. Units stand in the file where its ticks are, so half a unit is allowed for.
func (f *Filler) startsOf(p *fillPart) []time.Time {
	if !slices.Contains(p.leads, true) {
		return nil
	}
	list := make([]time.Time, len(p.starts))
	for _, t := range f.tracks {
		if slot := p.slot(t); slot >= 0 && p.leads[slot] && !p.starts[slot].IsZero() {
			list[slot] = utc(p.starts[slot].Add(-t.usual() / 2))
		}
	}
	return list
}

// finish makes an ordinary MP4 of each segment, durably, and drops those without a unit.
func (f *Filler) finish() error {
	var kept []*fillPart
	for _, p := range f.parts {
		if !p.ended {
			f.end(p)
		}
		if err := p.flush(); err != nil {
			return err
		}
		if !p.some {
			if err := f.remove(p); err != nil {
				return err
			}
			continue
		}
		kept = append(kept, p)
		if p.sum != nil {
			continue
		}
		sum, err := p.w.Seal()
		if err == nil {
			err = p.handle.Close()
		}
		if err != nil {
			return vfs.Fault("finish "+p.name, err)
		}
		p.sum = &sum
	}
	if f.parts = kept; len(kept) == 0 {
		return fault.New(fault.Incomplete, "there is nothing to fill the gap with")
	}
	return nil
}

// Discard removes what was written. Without effect after Commit.
func (f *Filler) Discard() error {
	if f.over {
		return nil
	}
	f.over = true
	var failed error
	for _, p := range f.parts {
		if err := f.remove(p); err != nil {
			failed = err
		}
	}
	return failed
}

// remove journals that the segment holds nothing, and removes it.
func (f *Filler) remove(p *fillPart) error {
	if p.sum == nil {
		p.handle.Close()
	}
	r := f.c.r
	r.lines.post(&journal.Seal{Camera: f.c.name, N: p.n})
	if err := r.lines.sync(); err != nil {
		return err
	}
	return r.removePart(p.name)
}
