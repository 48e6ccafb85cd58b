package archive

import (
	"slices"
	"time"

	"rtsprec/engine/media"
)

// Extend moves the end of a window that a writer keeps open to now.
func (r *Recording) Extend(now time.Time) {
	if r.State != Live || r.Window.Closed || r.Window.From.IsZero() {
		return
	}
	r.Window.To = later(r.Window.To, now)
	for _, c := range r.Cameras {
		for i := range c.Gaps {
			if c.Gaps[i].Open {
				c.Gaps[i].To = r.Window.To
			}
		}
	}
}

// Timeline tells what each instant of the camera's window is, in order and without a
// hole, up to the planned end. Neighbours differ in use, damage or origin.
func (r *Recording) Timeline(c *Camera) []Span {
	l := r.ledger(c)
	var list []Span
	add := func(s Span, set spans) {
		for _, x := range set {
			s.From, s.To = x.From, x.To
			list = append(list, s)
		}
	}
	add(Span{Use: UseGap}, l.gaps)
	explain(list, c.Gaps)
	add(Span{Use: UseLeadIn}, l.leadIn)
	add(Span{Use: UseUnexplained}, l.unexplained)
	for _, s := range l.pruned {
		list = append(list, Span{Use: UsePruned, From: s.From, To: s.To, Why: c.whyPruned(s)})
	}
	parts := []usedSpans{{Span{Use: UseMedia}, l.media}}
	parts = divide(parts, damageOf(c.Damage), func(s *Span) { s.Damage = true })
	parts = divide(parts, c.filled(), func(s *Span) { s.Filled = true })
	parts = divide(parts, c.lesser(), func(s *Span) { s.Stream = media.SubStream })
	parts = divide(parts, c.limited(), func(s *Span) { s.Low = true })
	for _, part := range parts {
		add(part.Span, part.spans)
	}
	if future := (span{l.window.To, r.Window.Planned}); !r.Window.Closed && !future.empty() {
		list = append(list, Span{Use: UseFuture, From: future.From, To: future.To})
	}
	slices.SortFunc(list, func(a, b Span) int { return a.From.Compare(b.From) })
	return list
}

// usedSpans are spans of one use.
type usedSpans struct {
	Span
	spans
}

// divide marks what of parts lies in set.
func divide(parts []usedSpans, set spans, mark func(*Span)) []usedSpans {
	var list []usedSpans
	for _, part := range parts {
		out := part.spans.minus(set)
		list = append(list, usedSpans{part.Span, out})
		mark(&part.Span)
		list = append(list, usedSpans{part.Span, part.spans.minus(out)})
	}
	return list
}

// explain gives spans without media, in order and disjoint, the causes of the gaps in them.
func explain(list []Span, gaps []Gap) {
	for _, g := range gaps {
		i, _ := slices.BinarySearchFunc(list, g.From, func(s Span, at time.Time) int {
			if s.To.After(at) {
				return 1
			}
			return -1
		})
		for ; i < len(list) && list[i].From.Before(g.To); i++ {
			list[i].Causes |= g.Causes
		}
	}
}

// whyPruned is the reason given for what was removed there.
func (c *Camera) whyPruned(s span) string {
	for _, p := range c.Pruned {
		if !s.clip(span{p.From, p.To}).empty() {
			return p.Why
		}
	}
	return ""
}

func (c *Camera) filled() spans {
	var list []span
	for _, x := range c.Filled {
		list = append(list, span{x.From, x.To})
	}
	return unite(list)
}

func (c *Camera) pruned() []span {
	var list []span
	for _, p := range c.Pruned {
		list = append(list, span{p.From, p.To})
	}
	return list
}

func (s Span) span() span { return span{s.From, s.To} }

// Coverage sums up the camera's window.
func (r *Recording) Coverage(c *Camera) Coverage {
	l := r.ledger(c)
	return l.coverage(c.countGaps(l.window), c.lesser(), c.limited())
}

// ledger settles a camera's window by what the journal says.
func (r *Recording) ledger(c *Camera) ledger {
	pieces := make([]piece, 0, len(c.Segments))
	for _, s := range c.Segments {
		p := piece{span: span{s.Start, s.End}}
		if i := s.deciding(); i >= 0 && s.Tracks[i].Units > 0 {
			p.interval = s.End.Sub(s.Start) / time.Duration(s.Tracks[i].Units)
		}
		pieces = append(pieces, p)
	}
	gaps, leadIn := c.missing()
	return r.settle(c, pieces, gaps, leadIn)
}

// settle settles a camera's window. What a clock skipped was never there to be recorded.
func (r *Recording) settle(c *Camera, pieces []piece, gaps, leadIn []span) ledger {
	for _, s := range r.Steps {
		if s.Camera == c.Name && s.By > 0 {
			pieces = append(pieces, piece{span: span{s.At.Add(-s.By), s.At}})
		}
	}
	return settle(r.windowOf(pieces, gaps, leadIn), pieces, gaps, c.pruned(), leadIn)
}

// missing returns the gaps that concern the track that decides, and the lead-in.
func (c *Camera) missing() (gaps, leadIn []span) {
	for _, g := range c.Gaps {
		if g.decides {
			gaps = append(gaps, g.span())
		}
	}
	for _, l := range c.Leads {
		if l.Waited {
			leadIn = append(leadIn, span{l.From, l.To})
		}
	}
	return gaps, leadIn
}

// countGaps is the number of gaps in w that concern the track that decides.
func (c *Camera) countGaps(w span) int {
	n := 0
	for _, g := range c.Gaps {
		if g.decides && !g.span().clip(w).empty() {
			n++
		}
	}
	return n
}

// steppedBack reports whether a clock step explains that a camera has both spans of media
// for the same time: one back by about as much.
func (r *Recording) steppedBack(camera string, both span) bool {
	for _, s := range r.Steps {
		if (s.Camera == "" || s.Camera == camera) && s.By.Abs() >= both.length()/2 {
			return true
		}
	}
	return false
}

// windowOf is a camera's window. While the recording's is open, what came after a
// camera's last commit is not known yet, as long as that is not too long ago.
func (r *Recording) windowOf(pieces []piece, gaps, leadIn []span) span {
	w := r.Window.span()
	if r.Window.Closed {
		return w
	}
	reach, lag := time.Time{}, silence
	for _, p := range pieces {
		reach, lag = later(reach, p.To), max(lag, slackOf(p.interval))
	}
	for _, s := range slices.Concat(gaps, leadIn) {
		reach = later(reach, s.To)
	}
	lag += time.Duration(r.Plan.Commit) + 2*time.Second
	if reach.Before(w.To) && w.To.Sub(reach) <= lag {
		w.To = reach
	}
	return w
}

func damageOf(list []Damage) spans {
	var all []span
	for _, d := range list {
		all = append(all, span{d.From, d.To})
	}
	return unite(all)
}
