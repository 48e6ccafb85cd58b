package archive

import (
	"slices"
	"time"
)

// span is a stretch of media time, From included and To not.
type span struct{ From, To time.Time }

func (s span) length() time.Duration { return s.To.Sub(s.From) }
func (s span) empty() bool           { return !s.From.Before(s.To) }

// clip returns the part of s that lies within w, which may be empty.
func (s span) clip(w span) span {
	return span{later(s.From, w.From), earlier(s.To, w.To)}
}

// spans are in order and disjoint, and none is empty.
type spans []span

// unite sorts and joins; spans that touch become one.
func unite(list []span) spans {
	sorted := make(spans, 0, len(list))
	for _, s := range list {
		if !s.empty() {
			sorted = append(sorted, s)
		}
	}
	slices.SortFunc(sorted, func(a, b span) int { return a.From.Compare(b.From) })
	out := sorted[:0]
	for _, s := range sorted {
		if n := len(out); n > 0 && !s.From.After(out[n-1].To) {
			out[n-1].To = later(out[n-1].To, s.To)
			continue
		}
		out = append(out, s)
	}
	return out
}

// minus returns what of s is in none of t.
func (s spans) minus(t spans) spans {
	var out spans
	for _, a := range s {
		for len(t) > 0 && !t[0].To.After(a.From) {
			t = t[1:]
		}
		rest := a
		for _, b := range t {
			if !b.From.Before(rest.To) {
				break
			}
			if head := (span{rest.From, b.From}); !head.empty() {
				out = append(out, head)
			}
			rest.From = later(rest.From, b.To)
		}
		if !rest.empty() {
			out = append(out, rest)
		}
	}
	return out
}

// within returns the parts of s that lie in w.
func (s spans) within(w span) spans {
	var out spans
	for _, a := range s {
		if a = a.clip(w); !a.empty() {
			out = append(out, a)
		}
	}
	return out
}

// total adds up the lengths.
func (s spans) total() time.Duration {
	var sum time.Duration
	for _, a := range s {
		sum += a.length()
	}
	return sum
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
