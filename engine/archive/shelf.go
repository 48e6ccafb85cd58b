package archive

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"rtsprec/engine/journal"
	"rtsprec/engine/media"
)

// originReplay is the Origin of a run that was somebody's recording.
const originReplay = "replay"

// shelf is a camera of a catalogue that grows. Its own lists are what the next snapshot is
// made of; what a snapshot was given is not changed any more.
type shelf struct {
	Camera
	changed     bool    // Segments, or one of the open ones, since the last snapshot
	gapsChanged bool    // and the gaps
	openGaps    bool    // of some gap the end is not known
	settled     []Gap   // of the last snapshot
	made        *Camera // the last snapshot
}

func (c *shelf) add(s *Segment) {
	list := c.list(s)
	*list = append(*list, s)
	c.changed = true
}

// list is where a segment belongs.
func (c *shelf) list(s *Segment) *[]*Segment {
	if s.beside {
		return &c.Beside
	}
	return &c.Segments
}

// drop takes a segment out. Retention takes the oldest, so it is looked for from the front.
func (c *shelf) drop(s *Segment) {
	list := c.list(s)
	if i := slices.Index(*list, s); i >= 0 {
		*list = slices.Concat((*list)[:i], (*list)[i+1:])
		c.changed = true
	}
}

// origin of a segment of that run.
func (f *folder) origin(run uint64) string {
	if f.replays[run] {
		return originReplay
	}
	return ""
}

// insert keeps a list in order of time. What was added in order may be seen by snapshots;
// a list that has to be changed within is made anew.
func insert[T any](list []T, x T, at func(T) time.Time) []T {
	if n := len(list); n == 0 || !at(x).Before(at(list[n-1])) {
		return append(list, x)
	}
	i, _ := slices.BinarySearchFunc(list, x, func(a, b T) int {
		if at(a).After(at(b)) {
			return 1
		}
		return -1
	})
	return slices.Insert(slices.Clone(list), i, x)
}

func (f *folder) backfill(seq uint64, e *journal.Backfill) {
	c := f.camera(e.Camera)
	if c == nil || !credible(e.From, e.To) || e.From.IsZero() || e.To.IsZero() {
		f.problem(seq, "a backfill that makes no sense")
		return
	}
	to := later(e.From, e.To) // where it is earlier nothing of the gap is in this segment
	c.Filled = insert(c.Filled, Filled{From: e.From, To: to, Segment: e.N, Splice: e.Splice, Source: e.Source, gap: e.Gap, starts: e.Starts},
		func(x Filled) time.Time { return x.From })
	c.gapsChanged = true
}

func (f *folder) prune(seq uint64, e *journal.Prune) {
	c := f.camera(e.Camera)
	if c == nil || e.Size < 0 || e.End.Before(e.Start) || !credible(e.Start, e.End) {
		f.problem(seq, "a prune line that makes no sense")
		return
	}
	key := segmentKey{e.Camera, e.N}
	s := f.segments[key]
	if s != nil && !s.Sealed {
		f.problem(seq, "segment %d of %s is pruned and was not sealed", e.N, e.Camera)
		return
	}
	if c.isGone(e.N) {
		return
	}
	if s != nil {
		c.drop(s)
		delete(f.segments, key)
	}
	c.gone = addNumber(c.gone, e.N)
	c.Pruned = join(c.Pruned, Pruned{From: e.Start, To: e.End, Segments: 1, Bytes: e.Size, Why: e.Why})
	c.changed = true
}

// isGone reports whether retention removed that segment.
func (c *Camera) isGone(n uint64) bool {
	i, _ := slices.BinarySearchFunc(c.gone, n, func(r journal.Range, n uint64) int {
		switch {
		case r.To < n:
			return -1
		case r.From > n:
			return 1
		}
		return 0
	})
	return i < len(c.gone) && c.gone[i].Has(n)
}

// addNumber adds n to ranges in order, without changing what a snapshot may see.
func addNumber(list []journal.Range, n uint64) []journal.Range {
	i, _ := slices.BinarySearchFunc(list, n, func(r journal.Range, n uint64) int { return cmp.Compare(r.From, n) })
	list = slices.Insert(slices.Clone(list), i, journal.Range{From: n, To: n})
	if i+1 < len(list) && list[i+1].From == n+1 {
		list[i].To = list[i+1].To
		list = slices.Delete(list, i+1, i+2)
	}
	if i > 0 && list[i-1].To+1 == n {
		list[i-1].To = list[i].To
		list = slices.Delete(list, i, i+1)
	}
	return list
}

// join adds a pruned span; those that follow each other become one, so that a year of them
// is a line.
func join(list []Pruned, p Pruned) []Pruned {
	n := len(list)
	if n == 0 || p.From.Before(list[n-1].From) {
		return insert(list, p, func(x Pruned) time.Time { return x.From })
	}
	last := list[n-1]
	if last.Why != p.Why || p.From.Sub(last.To) > silence {
		return append(list, p)
	}
	last.To = later(last.To, p.To)
	last.Segments += p.Segments
	last.Bytes += p.Bytes
	return append(slices.Clone(list[:n-1]), last)
}

func (f *folder) protect(seq uint64, e *journal.Protect) {
	if e.ID == 0 || !credible(e.From, e.To) {
		f.problem(seq, "a protection that makes no sense")
		return
	}
	if e.Off {
		delete(f.guards, e.ID)
	} else {
		f.guards[e.ID] = *e
	}
}

// snapshot is the catalogue as it is now. Nobody changes it any more.
func (f *folder) snapshot() *Recording {
	rec := *f.rec
	rec.Steps = slices.Clip(rec.Steps)
	rec.Problems = slices.Clip(rec.Problems)
	rec.Protected = nil
	for _, id := range slices.Sorted(maps.Keys(f.guards)) {
		rec.Protected = append(rec.Protected, f.guards[id])
	}
	f.window(&rec)
	rec.Cameras = nil
	for _, name := range f.names() {
		rec.Cameras = append(rec.Cameras, f.cameras[name].snapshot())
	}
	f.settleGaps(&rec)
	return &rec
}

// names are the cameras: in the plan's order, then those that it does not name.
func (f *folder) names() []string {
	var names []string
	for _, c := range f.rec.Plan.Cameras {
		if f.cameras[c.Name] != nil {
			names = append(names, c.Name)
		}
	}
	for _, c := range f.rec.Cameras {
		if !slices.Contains(names, c.Name) {
			names = append(names, c.Name)
		}
	}
	return names
}

// snapshot is the camera without its gaps.
func (c *shelf) snapshot() *Camera {
	made := c.Camera
	made.Leads, made.Damage = slices.Clip(c.Leads), slices.Clip(c.Damage)
	made.Filled, made.Pruned, made.gone = slices.Clip(c.Filled), slices.Clip(c.Pruned), slices.Clip(c.gone)
	made.told = slices.Clip(c.told)
	if c.changed || c.made == nil {
		made.Segments, made.Beside = ordered(c.Segments), ordered(c.Beside)
		c.changed = false
	} else {
		made.Segments, made.Beside = c.made.Segments, c.made.Beside
	}
	c.made = &made
	return &made
}

// ordered puts segments in order, and returns them as they are now.
func ordered(list []*Segment) []*Segment {
	byTime := func(a, b *Segment) int { return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.N, b.N)) }
	if !slices.IsSortedFunc(list, byTime) {
		slices.SortStableFunc(list, byTime)
	}
	made := make([]*Segment, len(list))
	for i, s := range list {
		if !s.Sealed {
			s = s.clone()
		}
		made[i] = s
	}
	return made
}

// clone is an open segment as it is now.
func (s *Segment) clone() *Segment {
	c := *s
	c.Tracks, c.commits = slices.Clone(s.Tracks), slices.Clip(s.commits)
	return &c
}

// settleGaps gives each camera its gaps, less what was filled.
func (f *folder) settleGaps(rec *Recording) {
	pending := map[string][]Gap{}
	for _, c := range f.cameras {
		c.gapsChanged = c.gapsChanged || c.openGaps
		c.openGaps = c.openGaps && !c.gapsChanged
	}
	for _, id := range f.order {
		p := f.gaps[id]
		c := f.cameras[p.Camera]
		if !c.gapsChanged {
			continue
		}
		g := Gap{ID: id, From: p.From, To: p.To, Causes: p.Causes, Note: p.Note, Track: p.Track, codec: p.codec, decides: p.decides, line: p.line}
		if g.To.IsZero() {
			g.Open, g.To, c.openGaps = true, later(g.From, rec.Window.To), true
		}
		if g.From.Before(g.To) { // else it was withdrawn
			pending[p.Camera] = append(pending[p.Camera], c.unfilled(g)...)
		}
	}
	for _, made := range rec.Cameras {
		c := f.cameras[made.Name]
		if c.gapsChanged {
			c.settled = pending[made.Name]
			slices.SortStableFunc(c.settled, func(a, b Gap) int { return a.From.Compare(b.From) })
			c.gapsChanged = false
		}
		made.Gaps = c.settled
	}
}

// unfilled is what of a gap no backfill has closed. Slivers at the seams are no gaps.
func (c *shelf) unfilled(g Gap) []Gap {
	if len(c.Filled) == 0 || g.Open {
		return []Gap{g}
	}
	var filled []span
	for _, x := range c.Filled {
		if x.gap == g.ID || g.decides || c.has(x.Segment, g.codec) {
			filled = append(filled, span{x.From, x.To})
		}
	}
	have := unite(filled).within(g.span())
	if len(have) == 0 {
		return []Gap{g}
	}
	var left []Gap
	for _, s := range (spans{g.span()}).minus(have) {
		if s.length() > silence {
			rest := g
			rest.From, rest.To = s.From, s.To
			left = append(left, rest)
		}
	}
	return left
}

// has reports whether a segment has a track of that codec.
func (c *shelf) has(n uint64, codec media.Codec) bool {
	return slices.ContainsFunc(c.Segments, func(s *Segment) bool {
		return s.N == n && slices.ContainsFunc(s.Tracks, func(t SegmentTrack) bool { return t.Codec == codec && t.Units > 0 })
	})
}

// widen makes s span what a segment holds.
func (f *folder) widen(s *span, seg *Segment) {
	if !seg.Start.IsZero() && (s.From.IsZero() || seg.Start.Before(s.From)) {
		s.From = seg.Start
	}
	s.To = later(s.To, seg.End)
}

// window finds what the recording is about: from the planned start or the first unit,
// to its close or the last thing that is known of it.
func (f *folder) window(rec *Recording) {
	w := &rec.Window
	w.From = rec.Plan.Opened
	if w.From.IsZero() {
		w.From = rec.Plan.From
	}
	if !credible(w.From) {
		w.From = time.Time{}
	}
	have := f.media
	for _, s := range f.open {
		if s.Units() > 0 && !s.beside {
			f.widen(&have, s)
		}
	}
	if w.From.IsZero() {
		w.From = have.From
	}
	w.To = have.To
	first := time.Time{}
	for _, p := range f.gaps {
		w.To = later(w.To, later(p.From, p.To))
		if first.IsZero() || p.From.Before(first) {
			first = p.From
		}
	}
	if w.From.IsZero() {
		w.From = first // no camera ever sent anything
	}
	w.Planned = rec.Plan.Until
	if length := time.Duration(rec.Plan.Length); w.Planned.IsZero() && length > 0 && !w.From.IsZero() {
		w.Planned = w.From.Add(length)
	}
	if f.closed != nil {
		w.Closed, w.To = true, f.closed.At
		rec.State = Closed
	}
	w.To = later(w.From, w.To)
}
