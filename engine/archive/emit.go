package archive

import (
	"slices"
	"time"

	"rtsprec/engine/media"
	"rtsprec/engine/segment"
)

// take queues the units of a fragment.
func (p *player) take(units []segment.Unit) {
	if p.base.IsZero() {
		for _, u := range units {
			if u.Track == p.cur.lead {
				p.base = p.cur.decoded(u)
				break
			}
		}
		if p.base.IsZero() {
			p.base = p.cur.decoded(units[0])
		}
		p.align()
	}
	if p.Reverse {
		slices.Reverse(units)
	}
	units, behind := p.divide(units)
	if len(behind) > 0 {
		late, rest := p.late(behind)
		units, behind = append(units, late...), rest
	}
	for _, u := range units {
		to := p.cur.to[u.Track]
		if to < 0 || p.Keys && !u.Key || !p.within(u) {
			continue
		}
		p.emit(u, to)
	}
	if len(behind) > 0 {
		p.aside, p.last, p.cur = &aside{cur: p.cur, units: behind}, p.cur.item, nil
		return
	}
	if n := len(units); n > 0 && p.over(units) {
		p.leave()
		p.ended = true
	}
}

// divide parts the units of a fragment into those whose turn it is, and those behind a gap
// that the next segment fills. A fragment may hold them in any order: the last unit of a
// track is written with the first one behind the gap, which says how long it lasted.
func (p *player) divide(units []segment.Unit) (now, behind []segment.Unit) {
	first := slices.IndexFunc(units, p.interrupts)
	if first < 0 {
		return units, nil
	}
	now = slices.Clone(units[:first])
	for _, u := range units[first:] {
		if p.interrupts(u) {
			behind = append(behind, u)
		} else {
			now = append(now, u)
		}
	}
	return now, behind
}

// lateMost is how many fragments are read for units of before a gap: some seconds.
const lateMost = 32

// late reads on behind a gap until every track goes on there. A unit from before the gap
// may stand that late: it is written when the next one of its track has come.
func (p *player) late(behind []segment.Unit) (late, rest []segment.Unit) {
	on := make([]bool, len(p.cur.to)) // by track of the file: it goes on behind the gap
	take := func(units []segment.Unit) {
		for _, u := range units {
			if p.interrupts(u) {
				on[u.Track] = true
				rest = append(rest, u)
			} else {
				late = append(late, u)
			}
		}
	}
	take(behind)
	for range lateMost {
		if p.Keys || !slices.Contains(on, false) {
			break
		}
		units, ok, err := p.cur.fragment(false)
		if err != nil {
			p.cur.next-- // whoever comes there says so
		}
		if err != nil || !ok {
			break
		}
		take(units)
	}
	return late, rest
}

// within reports whether the unit is of what was asked for, and was not played before.
func (p *player) within(u segment.Unit) bool {
	at := p.cur.decoded(u)
	if p.Reverse {
		return (p.From.IsZero() || !u.Time.After(p.From)) && (p.To.IsZero() || !u.Time.Before(p.To))
	}
	o := &p.outs[p.cur.to[u.Track]]
	switch {
	case !p.To.IsZero() && !at.Before(p.To):
		return false
	case at.Before(p.base) && p.cur.item.Segment == p.first():
		return false // sound from before the picture that playing starts with
	case p.cur.instead && o.some && !at.After(o.at):
		return false // the file before this one had it too
	case p.cur.Origin == originReplay:
		return p.cur.fills(u.Track, at, p.cur.item.Segment == p.first())
	}
	return true
}

// fills reports whether what a backfilled segment has at that time is part of the recording.
// What is before that is there for a decoder that begins in this segment.
func (r *reading) fills(track int, at time.Time, first bool) bool {
	return first || !at.Before(r.cam.countsFrom(r.N, track))
}

// countsFrom is when what a backfilled segment has of a track begins to be part of the
// recording; zero: with its first unit.
func (c *Camera) countsFrom(n uint64, track int) time.Time {
	for _, f := range c.Filled {
		if f.Segment == n && track < len(f.starts) {
			return f.starts[track]
		}
	}
	return time.Time{}
}

// filledBy is the time that a segment was got for; zero: none.
func (c *Camera) filledBy(n uint64) (from, to time.Time) {
	for _, f := range c.Filled {
		if f.Segment == n {
			if from.IsZero() || f.From.Before(from) {
				from = f.From
			}
			to = later(to, f.To)
		}
	}
	return from, to
}

// begins is where a segment has its place among others. What fills a gap begins with what a
// decoder needs, which is recorded before the gap, and maybe in a segment that begins with it.
func (c *Camera) begins(s *Segment) time.Time {
	if from, _ := c.filledBy(s.N); s.Origin == originReplay && from.After(s.Start) {
		return from
	}
	return s.Start
}

// filledMiddle is the middle of the gap that a segment helps to fill, alone or with others
// that adjoin it, where the source began a file of its own; zero: there is none.
func (c *Camera) filledMiddle(n uint64) time.Time {
	from, to := c.filledBy(n)
	if !to.After(from) {
		return time.Time{}
	}
	const adjoin = time.Millisecond
	for grown := true; grown; {
		grown = false
		for _, f := range c.Filled {
			near := !f.From.After(to.Add(adjoin)) && !f.To.Before(from.Add(-adjoin))
			if near && (f.From.Before(from) || f.To.After(to)) {
				from, to, grown = earlier(from, f.From), later(to, f.To), true
			}
		}
	}
	return from.Add(to.Sub(from) / 2)
}

// first is the segment that playing began in, while it is played.
func (p *player) first() *Segment {
	if p.last.Segment == nil {
		return p.cur.Segment
	}
	return nil
}

// over reports whether nothing that follows can be of what was asked for. Tracks are
// within a fragment or two of each other.
func (p *player) over(units []segment.Unit) bool {
	if p.To.IsZero() {
		return false
	}
	const apart = 2 * time.Second
	if p.Reverse {
		return units[len(units)-1].Time.Before(p.To.Add(-apart))
	}
	return p.cur.decoded(units[0]).After(p.To.Add(apart))
}

// emit queues one unit as it is played.
func (p *player) emit(u segment.Unit, to int) {
	o, r := &p.outs[to], p.cur
	t := r.found.Header.Tracks[u.Track]
	at := r.decoded(u)
	au := media.AccessUnit{
		Track: media.TrackID(to), Arrival: p.lib.clock.Now(), Wall: u.Time, Key: u.Key, Data: u.Data,
		DTS: u.DTS + o.shift, PTS: u.PTS + o.shift,
	}
	if p.Reverse {
		au.DTS = media.FromDuration(p.start(u).Sub(u.Time), t.ClockRate)
		au.PTS = au.DTS
	}
	if o.some && au.DTS < o.last {
		// A clock was set back between two files, or ticks were rounded.
		by := o.last - au.DTS
		o.shift += by
		au.DTS, au.PTS = au.DTS+by, au.PTS+by
	}
	if !media.SameConfig(t.Codec, o.config, t.Config) {
		o.config = t.Config
		au.Config = t.Config
	}
	if u.Track == r.lead {
		au.Missing = p.marks.before(at, p.note)
		p.note = ""
	} else {
		au.Missing = p.marks.beside(t.Codec, at)
	}
	o.last, o.at, o.some = au.DTS, at, true
	p.queue = append(p.queue, au)
}

// start is the time that playing in reverse began at.
func (p *player) start(u segment.Unit) time.Time {
	if !p.outs[p.cur.to[u.Track]].some {
		p.base = u.Time
	}
	return p.base
}

// marker knows what is missing before a unit.
type marker struct {
	camera  *Camera
	gaps    []Gap // of the track that decides, in the order of playing
	others  []Gap // of other tracks
	reverse bool
	pending *media.Gap // since the last unit
	at      time.Time  // of the last unit of the track that decides; zero: none
}

// enter begins with a segment that follows last.
func (m *marker) enter(x, last item, reverse bool) {
	m.reverse = reverse
	m.know(x.cam)
	if last.Segment == nil {
		return
	}
	hole := span{last.End, x.Start}
	if reverse {
		hole = span{x.End, last.Start}
	}
	if hole.length() > silence {
		m.pending = &media.Gap{From: hole.From, To: hole.To, Note: why(x.cam, hole)}
	}
}

// know takes over the gaps of a catalogue that may be newer. Those that playing has passed
// were told.
func (m *marker) know(c *Camera) {
	if m.camera == c {
		return
	}
	m.camera, m.gaps, m.others = c, nil, nil
	for _, g := range c.Gaps {
		switch {
		case !m.at.IsZero() && m.passed(g, m.at):
		case g.decides:
			m.gaps = append(m.gaps, g)
		default:
			m.others = append(m.others, g)
		}
	}
	if m.reverse {
		slices.Reverse(m.gaps)
	}
}

// why says what else than a gap a span without media is.
func why(c *Camera, hole span) string {
	for _, p := range c.Pruned {
		if !hole.clip(span{p.From, p.To}).empty() {
			return "removed by retention"
		}
	}
	return ""
}

// before is what is missing before a unit of the track that decides, which is decoded then.
func (m *marker) before(at time.Time, note string) *media.Gap {
	gap := m.pending
	m.pending = nil
	add := func(g media.Gap) {
		if gap == nil {
			gap = &g
			return
		}
		gap.Causes |= g.Causes
		gap.From, gap.To = earlier(gap.From, g.From), later(gap.To, g.To)
		if gap.Note == "" {
			gap.Note = g.Note
		}
	}
	for len(m.gaps) > 0 && m.passed(m.gaps[0], at) {
		g := m.gaps[0]
		m.gaps = m.gaps[1:]
		if !m.at.IsZero() { // else it was before playing began
			add(media.Gap{From: g.From, To: g.To, Causes: g.Causes, Note: g.Note})
		}
	}
	if note != "" && !m.at.IsZero() {
		from, to := m.at, at
		if m.reverse {
			from, to = to, from
		}
		add(media.Gap{From: from, To: to, Note: note})
	}
	m.at = at
	return gap
}

// passed reports whether a gap lies behind a unit that is decoded then, in the direction of
// playing.
func (m *marker) passed(g Gap, at time.Time) bool {
	if m.reverse {
		return at.Before(g.From)
	}
	return at.After(g.From)
}

// beside is what is missing before a unit of another track.
func (m *marker) beside(codec media.Codec, at time.Time) *media.Gap {
	for i, g := range m.others {
		if g.codec.Video() == codec.Video() && m.passed(g, at) && !m.reverse {
			m.others = slices.Delete(slices.Clone(m.others), i, i+1)
			if m.at.IsZero() || g.To.Before(m.at.Add(-time.Minute)) {
				return nil
			}
			return &media.Gap{From: g.From, To: g.To, Causes: g.Causes, Note: g.Note}
		}
	}
	return nil
}
