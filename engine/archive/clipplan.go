package archive

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// plan is what of a strip a clip shows, and when.
type plan struct {
	from, to time.Time // time 0 of the clip, and its end; zero to: that of the media
	cuts     []choice  // by stretch
	holes    []span    // time without media, in order
	close    bool      // holes are cut out
	end      time.Time // of the media that was chosen
	notes    []string
}

// choice is the units of the track that decides which a clip takes from one stretch.
type choice struct {
	first, last int64         // ordinals; last < first: none
	late        time.Duration // all of the stretch is moved by so much, as a clock was set back
}

// choose finds the units of the deciding tracks that are needed to show from..to.
func choose(s *strip, from, to time.Time, gaps GapMode) (*plan, error) {
	p := &plan{from: from, to: to, close: gaps == GapsClose, cuts: make([]choice, len(s.stretches))}
	var before *stretch // the last one with a picture
	for i, one := range s.stretches {
		if one.picture >= 0 && before != nil {
			if why := differs(before, one); why != "" {
				p.notes = append(p.notes, why)
				s.stretches = s.stretches[:i]
				break
			}
		}
		if one.picture >= 0 {
			before = one
		}
		p.cuts[i] = p.chooseFrom(i, one)
	}
	if p.end.IsZero() {
		return nil, noMedia(s.holdings, from, to)
	}
	if begin := s.begin(p); p.from.IsZero() || p.close && begin.After(p.from) {
		p.from = begin
	}
	for i := range p.holes { // what is not shown cannot be cut out
		p.holes[i].From = later(p.holes[i].From, p.from)
	}
	p.holes = slices.DeleteFunc(p.holes, span.empty)
	return p, nil
}

// differs says why pictures of b cannot be in the same track as those of a.
func differs(a, b *stretch) string {
	old, now := a.Header.Tracks[a.picture], b.Header.Tracks[b.picture]
	if old.Codec == now.Codec && old.ClockRate == now.ClockRate {
		return ""
	}
	return fmt.Sprintf("it ends at %s, where the picture changes from %s to %s: export what follows from there on as another file",
		b.start().UTC().Format(time.RFC3339Nano), old.Codec.Title(), now.Codec.Title())
}

// chooseFrom chooses units of the i-th stretch and notes the holes before and among them.
func (p *plan) chooseFrom(i int, s *stretch) choice {
	var counts time.Time
	if s.filling != nil {
		counts = s.counts
	}
	track := s.deciding()
	slack := slackOf(s.interval(track))
	from, to := int64(math.MinInt64), int64(math.MaxInt64)
	if !p.from.IsZero() {
		from = s.tick(track, p.from)
	}
	if !p.to.IsZero() {
		to = s.tick(track, p.to)
	}
	c := choice{last: -1}
	n := int64(0)
	for u := range s.Places(track) {
		pts := u.DTS + int64(u.Offset)
		if u.Key && pts <= from {
			c.first = n
			if s.woven && !s.at(track, u.DTS).Before(counts) {
				p.restart(i)
			}
		}
		if pts < to {
			c.last = n
		}
		n++
	}
	if !counts.IsZero() && !s.woven && !p.end.IsZero() && p.end.Sub(counts) > slack {
		p.notes = append(p.notes, s.name+" is left out: what it fills a gap of overlaps it")
		return choice{last: -1}
	}
	if !counts.IsZero() && (s.woven && !p.end.IsZero() || p.end.Sub(counts).Abs() <= slack) { // the pictures go on from the stretch before
		n = 0
		for u := range s.Places(track) {
			if n >= c.first && s.at(track, u.DTS).Before(counts) {
				c.first = n + 1
			}
			n++
		}
	}
	if c.last < c.first {
		return c
	}
	n = 0
	for u := range s.Places(track) {
		if n >= c.first && n <= c.last {
			begin := s.at(track, u.DTS)
			if n == c.first {
				if late := p.end.Sub(begin); !p.end.IsZero() && late > 2*time.Millisecond {
					c.late = late
				}
			}
			begin = begin.Add(c.late)
			if !p.end.IsZero() && begin.Sub(p.end) > slack {
				p.holes = append(p.holes, span{p.end, begin})
			}
			length := media.ToDuration(int64(u.Duration), s.Header.Tracks[track].ClockRate)
			if length > slack {
				length = s.interval(track) // it lasts only because the next is far away
			}
			p.end = later(p.end, begin.Add(length))
		}
		n++
	}
	return c
}

// restart takes back what was chosen of the stretches before the i-th, which has a key frame
// to begin with. Their sound may reach further than their picture.
func (p *plan) restart(i int) {
	for k := range p.cuts[:i] {
		p.cuts[k] = choice{last: -1}
	}
	p.holes, p.end = nil, time.Time{}
}

// begin is when the first of what was chosen is presented.
func (s *strip) begin(p *plan) time.Time {
	for i, one := range s.stretches {
		if c := p.cuts[i]; c.last >= c.first {
			return one.first()
		}
	}
	return time.Time{}
}

// shift is how much earlier what is captured at t stands in the clip than that many after
// its beginning; gone: not at all, it lies in a hole that is cut out.
func (p *plan) shift(t time.Time) (by time.Duration, gone bool) {
	if !p.close {
		return 0, false
	}
	for _, h := range p.holes {
		if t.Before(h.From) {
			break
		}
		if t.Before(h.To) {
			return by, true
		}
		by += h.length()
	}
	return by, false
}

// closed is how much time is cut out.
func (p *plan) closed() time.Duration {
	by, _ := p.shift(p.end)
	return by
}

// missing lists what of from..to a strip has not although it is about that time, and why.
func (s *strip) missing(from, to time.Time) []Gap {
	var have, windows []span
	for _, h := range s.holdings {
		windows = append(windows, h.Recording.Window.span())
		for _, used := range h.Recording.Timeline(h.Camera) {
			if used.Use == UseMedia || used.Use == UseLeadIn {
				have = append(have, used.span())
			}
		}
	}
	lost := unite(s.lost)
	var gaps []Gap
	for _, m := range unite(windows).within(span{from, to}).minus(unite(have).minus(lost)) {
		g := Gap{From: m.From, To: m.To, Unexplained: true}
		s.explain(&g)
		if !g.Unexplained || m.length() > silence { // a camera's pace is not that even
			gaps = append(gaps, g)
		}
	}
	return gaps
}

// explain adds what is known of a gap.
func (s *strip) explain(g *Gap) {
	touches := func(from, to time.Time) bool { return !g.span().clip(span{from, to}).empty() }
	for _, h := range s.holdings {
		for _, known := range h.Camera.Gaps {
			if known.decides && touches(known.From, known.To) {
				g.Causes |= known.Causes
				g.Note, g.Unexplained = cmp.Or(g.Note, known.Note), false
			}
		}
		for _, p := range h.Camera.Pruned {
			if touches(p.From, p.To) {
				g.Note, g.Unexplained = "removed by retention", false
			}
		}
	}
	for _, l := range s.lost {
		if touches(l.From, l.To) {
			g.Note, g.Unexplained = "a file cannot be read", false
			g.Causes |= media.Because(media.DiskError)
		}
	}
}

// checkRange refuses what is no range.
func checkRange(o ClipOptions) error {
	switch {
	case !credible(o.From, o.To):
		return fault.New(fault.Usage, "a range in the years %d to %d", o.From.Year(), o.To.Year())
	case !o.From.IsZero() && !o.To.IsZero() && !o.From.Before(o.To):
		return fault.New(fault.Usage, "the range ends before it begins")
	case o.Gaps != "" && !slices.Contains(GapModes, o.Gaps):
		return fault.New(fault.Usage, "no way %q to treat gaps", o.Gaps)
	}
	return nil
}
