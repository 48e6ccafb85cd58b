package archive

import (
	"encoding/json"
	"slices"
	"time"

	"rtsprec/engine/media"
)

// Use says what a stretch of a camera's time is.
type Use string

// The uses. Every instant of a window is exactly one of them.
const (
	UseMedia       Use = "media"
	UseGap         Use = "gap"         // journaled, with causes
	UsePruned      Use = "pruned"      // there was media, and retention removed it
	UseLeadIn      Use = "lead_in"     // before the camera's first key frame, at most a GOP: no gap
	UseUnexplained Use = "unexplained" // neither media nor journaled
	UseFuture      Use = "future"      // planned, and not here yet
)

// Span is a stretch of one use.
type Span struct {
	Use    Use          `json:"use"`
	From   time.Time    `json:"from"`
	To     time.Time    `json:"to"`
	Causes media.Causes `json:"causes,omitempty"` // of a gap
	Damage bool         `json:"damage,omitempty"` // media that arrived incomplete
	Filled bool         `json:"filled,omitempty"` // media that was missing at first and was got afterwards
	Stream string       `json:"stream,omitempty"` // of media: "sub" where it is the sub-stream's
	Low    bool         `json:"low,omitempty"`    // media of the main stream while its encoder was held at a low bit rate
	Why    string       `json:"why,omitempty"`    // of what was pruned
}

// Coverage sums up a window. Media, Gaps, Pruned, LeadIn and Unexplained add up to Window.
type Coverage struct {
	Window      Seconds `json:"window_s"` // as far as it has passed
	Media       Seconds `json:"media_s"`
	Sub         Seconds `json:"sub_s,omitempty"`     // of Media, from the camera's sub-stream
	Limited     Seconds `json:"limited_s,omitempty"` // of Media, while the camera's encoder was held at a low bit rate
	Gaps        Seconds `json:"gaps_s"`
	Pruned      Seconds `json:"pruned_s,omitempty"`
	LeadIn      Seconds `json:"lead_in_s,omitempty"`
	Unexplained Seconds `json:"unexplained_s,omitempty"`
	GapCount    int     `json:"gap_count"` // unexplained ones among them
}

// Share is the covered part of the window, 0 to 1; the lead-in is not held against it, nor
// is what retention removed.
func (c Coverage) Share() float64 {
	due := c.Window - c.LeadIn - c.Pruned
	if due <= 0 {
		return 0
	}
	return float64(c.Media) / float64(due)
}

// Seconds is a duration whose JSON form is a number of seconds.
type Seconds time.Duration

// MarshalJSON writes seconds with at most microseconds.
func (s Seconds) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.Duration(s).Round(time.Microsecond).Seconds())
}

// UnmarshalJSON reads seconds.
func (s *Seconds) UnmarshalJSON(b []byte) error {
	var f float64
	if err := json.Unmarshal(b, &f); err != nil {
		return err
	}
	*s = Seconds(f * float64(time.Second))
	return nil
}

// ledger is a window settled: five disjoint sets that fill it.
type ledger struct {
	window                                   span
	media, gaps, pruned, leadIn, unexplained spans
}

// piece is a span of media and the interval between units at its end.
type piece struct {
	span
	interval time.Duration
}

// silence up to this, or five times the interval between units if that is longer, is no
// gap.
const silence = time.Second

func slackOf(interval time.Duration) time.Duration { return max(silence, 5*interval) }

// settle decides what every instant of w is. A journaled gap outranks media: units
// were lost there. A hole beside media is media as long as it is no more than silence: no
// pace is that even.
func settle(w span, pieces []piece, gaps, pruned, leadIn []span) ledger {
	l := ledger{window: w}
	if w.empty() {
		l.window.To = w.From
		return l
	}
	l.gaps = unite(gaps).within(w)
	l.media = unite(spansOf(pieces)).within(w).minus(l.gaps)
	l.pruned = unite(pruned).within(w).minus(l.gaps).minus(l.media)
	l.leadIn = unite(leadIn).within(w).minus(l.gaps).minus(l.media).minus(l.pruned)
	slices.SortFunc(pieces, func(a, b piece) int { return a.From.Compare(b.From) })
	taken := unite(slices.Concat(l.gaps, l.media, l.pruned, l.leadIn))
	for _, hole := range (spans{w}).minus(taken) {
		switch {
		case hole.length() > slackAt(pieces, hole):
			l.unexplained = append(l.unexplained, hole)
		case touches(l.media, hole):
			l.media = append(l.media, hole)
		case touches(l.pruned, hole):
			l.pruned = append(l.pruned, hole)
		case touches(l.gaps, hole):
			l.gaps = append(l.gaps, hole)
		case touches(l.leadIn, hole):
			l.leadIn = append(l.leadIn, hole)
		default:
			l.unexplained = append(l.unexplained, hole)
		}
	}
	l.media, l.gaps, l.pruned, l.leadIn = unite(l.media), unite(l.gaps), unite(l.pruned), unite(l.leadIn)
	return l
}

// slackAt is the silence that is no gap where hole is: that of the piece before it.
func slackAt(sorted []piece, hole span) time.Duration {
	n, _ := slices.BinarySearchFunc(sorted, hole, func(p piece, h span) int {
		if p.From.After(h.From) {
			return 1
		}
		return -1
	})
	if n == 0 {
		return silence
	}
	return slackOf(sorted[n-1].interval)
}

func spansOf(pieces []piece) []span {
	list := make([]span, len(pieces))
	for i, p := range pieces {
		list[i] = p.span
	}
	return list
}

// touches reports whether h begins or ends where a span of the set ends or begins.
func touches(set spans, h span) bool {
	return slices.ContainsFunc(set, func(s span) bool { return s.To.Equal(h.From) || s.From.Equal(h.To) })
}

// coverage sums the ledger up. count is the number of gaps journaled in the window.
func (l ledger) coverage(count int, lesser, limited spans) Coverage {
	of := func(set spans) Seconds { return Seconds(l.media.total() - l.media.minus(set).total()) }
	return Coverage{
		Sub:         of(lesser),
		Limited:     of(limited),
		Window:      Seconds(l.window.length()),
		Media:       Seconds(l.media.total()),
		Gaps:        Seconds(l.gaps.total()),
		Pruned:      Seconds(l.pruned.total()),
		LeadIn:      Seconds(l.leadIn.total()),
		Unexplained: Seconds(l.unexplained.total()),
		GapCount:    count + len(l.unexplained),
	}
}
