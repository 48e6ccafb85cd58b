package journal

import (
	"maps"
	"slices"
	"time"

	"rtsprec/engine/media"
)

// summary gathers an index line from the lines of a file.
type summary struct {
	file    *Indexed
	begun   time.Time // of the file: when its first line was written
	cameras map[string]*cameraSummary
}

type cameraSummary struct {
	segments map[uint64]segmentState
	media    spans
	sub      spans // of media, from the sub-stream
	limited  spans // of media, while the encoder was held at a low rate
	changes  []Quality
	bytes    int64
	sealed   int
	gaps     map[uint64]Gap // as its last line in this file says
	pruned   map[uint64]*Prune
	filled   spans
	earlier  map[uint64]bool
}

// segmentState says which lines of this file speak of a segment; any commit or segment
// line makes an entry.
type segmentState struct{ begun, sealed bool }

func (s *summary) camera(name string) *cameraSummary {
	c := s.cameras[name]
	if c == nil {
		c = &cameraSummary{segments: map[uint64]segmentState{}, gaps: map[uint64]Gap{}, earlier: map[uint64]bool{}, pruned: map[uint64]*Prune{}}
		s.cameras[name] = c
	}
	return c
}

// at widens the times that the file speaks of.
func (s *summary) at(times ...time.Time) {
	for _, t := range times {
		if t.IsZero() {
			continue
		}
		if t = t.UTC(); s.file.Since.IsZero() || t.Before(s.file.Since) {
			s.file.Since = t
		}
		if t.After(s.file.Until) {
			s.file.Until = t
		}
	}
}

func (s *summary) add(l *Line) {
	s.at(l.At)
	if s.begun.IsZero() {
		s.begun = l.At
	}
	if l.Kind == KindCommit {
		for _, id := range l.committed() {
			s.camera(id.camera).mention(id.n)
		}
		return
	}
	switch e := l.Entry.(type) {
	case *Run:
		s.at(e.Start)
		s.file.Run = max(s.file.Run, e.Run)
		if e.Origin != "replay" {
			s.file.Closed, s.file.GoesOn = nil, true
		}
	case *Segment:
		s.at(e.Start)
		s.camera(e.Camera).begin(e.N)
	case *Seal:
		s.at(e.Start, e.End)
		s.camera(e.Camera).seal(e)
	case *Gap:
		s.at(e.From, e.To)
		s.file.Gap = max(s.file.Gap, e.ID)
		if e.To.IsZero() {
			s.file.Closed, s.file.GoesOn = nil, true
		}
		c := s.camera(e.Camera)
		if _, known := c.gaps[e.ID]; !known && e.From.Before(s.begun) {
			c.earlier[e.ID] = true
		}
		c.gaps[e.ID] = *e
	case *Damage:
		s.at(e.From, e.To)
	case *Quality:
		s.at(e.From)
		c := s.camera(e.Camera)
		c.changes = append(c.changes, *e)
	case *Beside:
		s.at(e.From, e.To)
	case *Close:
		s.at(e.At)
		s.file.Closed, s.file.GoesOn = e, false
	case *Backfill:
		s.at(e.From, e.To)
		c := s.camera(e.Camera)
		c.filled = append(c.filled, span{e.From, e.To})
	case *Prune: // of another time: see Coverage.PrunedFrom
		s.camera(e.Camera).pruned[e.N] = e
	case *Protect:
		s.file.Protect = max(s.file.Protect, e.ID)
	}
}

// mention says that the file speaks of a segment.
func (c *cameraSummary) mention(n uint64) {
	if _, known := c.segments[n]; !known {
		c.segments[n] = segmentState{}
	}
}

func (c *cameraSummary) begin(n uint64) {
	state := c.segments[n]
	state.begun = true
	c.segments[n] = state
}

func (c *cameraSummary) seal(e *Seal) {
	state := c.segments[e.N]
	if !state.sealed {
		c.sealed++
		c.bytes += e.Size
		if e.End.After(e.Start) {
			c.media = append(c.media, span{e.Start, e.End})
			if e.Stream == media.SubStream {
				c.sub = append(c.sub, span{e.Start, e.End})
			} else {
				for _, l := range Limits(e.Start, e.End, e.Limit, c.changes) {
					c.limited = append(c.limited, span{l.From, l.To})
				}
			}
		}
	}
	state.sealed = true
	c.segments[e.N] = state
}

func (c *cameraSummary) coverage(name string) Coverage {
	out := Coverage{Camera: name, Bytes: c.bytes, Segments: c.sealed, Gaps: len(c.gaps)}
	out.First, out.Last, out.Media = c.media.union()
	_, _, out.Sub = c.sub.union()
	_, _, out.Limited = c.limited.union()
	for _, n := range slices.Sorted(maps.Keys(c.segments)) {
		state := c.segments[n]
		out.Highest = n
		if state.sealed && out.Lowest == 0 {
			out.Lowest = n
		}
		switch {
		case !state.sealed:
			out.Open = append(out.Open, n)
		case !state.begun:
			out.Ended = append(out.Ended, n)
		}
	}
	var missing spans
	for _, id := range slices.Sorted(maps.Keys(c.gaps)) {
		g := c.gaps[id]
		if g.To.IsZero() {
			out.GapsOpen = append(out.GapsOpen, id)
			continue
		}
		missing = append(missing, span{g.From, g.To})
		// A gap from before this file was begun in an earlier one, as far as this file
		// can tell.
		if c.earlier[id] {
			out.GapsEnded = append(out.GapsEnded, id)
		}
	}
	_, _, out.Missing = missing.union()
	_, _, out.Filled = c.filled.union()
	c.prunes(&out)
	return out
}

// prunes says what the file says was removed.
func (c *cameraSummary) prunes(out *Coverage) {
	var media spans
	for _, n := range slices.Sorted(maps.Keys(c.pruned)) {
		p := c.pruned[n]
		out.PrunedBytes += p.Size
		media = append(media, span{p.Start, p.End})
		if last := len(out.Pruned) - 1; last >= 0 && out.Pruned[last].To+1 == n {
			out.Pruned[last].To = n
		} else {
			out.Pruned = append(out.Pruned, Range{n, n})
		}
		if p.End.After(out.PrunedTo) {
			out.PrunedTo = p.End
		}
	}
	out.PrunedFrom, _, out.PrunedMedia = media.union()
}

type span struct{ from, to time.Time }

type spans []span

// union returns the ends of the union, and its length.
func (s spans) union() (first, last time.Time, length Duration) {
	slices.SortFunc(s, func(a, b span) int { return a.from.Compare(b.from) })
	for i, p := range s {
		if i == 0 {
			first, last = p.from, p.from
		}
		if p.from.After(last) {
			last = p.from
		}
		if p.to.After(last) {
			length += Duration(p.to.Sub(last))
			last = p.to
		}
	}
	return first, last, length
}
