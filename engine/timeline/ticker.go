package timeline

import (
	"time"

	"rtsprec/engine/media"
)

// What an RTP clock may do before it is not believed.
const (
	maxAhead  = 10 * time.Second // a jump that would put a unit this much before the least delayed one
	maxBack   = 5 * time.Second  // reordering goes back by at most 16 pictures
	maxBelow  = 16               // units in a row below the greatest: as many as can be reordered
	standsFor = time.Second      // one timestamp repeated for longer is a clock that stands still
)

// ticker makes RTP timestamps continuous.
//
// The difference to the unit before is taken as the one, of all that are equal modulo
// 2^32, that is nearest to the time that passed by arrival. So a wrap needs no unit to
// be seen near it, and a silence may last longer than the timestamps' period.
type ticker struct {
	rate    int
	started bool
	restart bool          // the next unit has another SSRC
	rtp     uint32        // of the previous unit
	raw     media.Ticks   // rtp made continuous
	shift   media.Ticks   // ticks - raw
	top     media.Ticks   // greatest ticks handed out
	last    media.Ticks   // latest ticks handed out
	arrival time.Duration // of the previous unit
	below   int           // units in a row with ticks below top
	still   time.Duration // for how long rtp has not changed
	own     media.Ticks   // shift before it stood still
	pace    pace
}

func newTicker(rate int) ticker { return ticker{rate: max(rate, 1)} }

// next returns the continuous ticks of a unit. floor is where the least delayed unit
// stands, arrival - ticks, and late how much later than that units come on the
// average; both only matter where the RTP time breaks off. sound says that sender
// reports prove the RTP clock to run at its rate.
func (t *ticker) next(rtp uint32, a, floor, late time.Duration, sound bool) (ticks media.Ticks, reset bool) {
	if !t.started {
		t.started, t.restart = true, false
		t.rtp, t.raw, t.arrival = rtp, t.ticks(a), a
		t.top, t.last = t.raw, t.raw
		t.pace.note(a, t.raw, t.rate, sound)
		return t.raw, false
	}
	elapsed := max(t.ticks(a-t.arrival), 0)
	delta := elapsed + media.Ticks(int32(rtp-t.rtp-uint32(elapsed)))
	t.arrival = max(t.arrival, a)
	t.rtp = rtp
	t.raw += delta
	if t.restart || t.broken(delta, elapsed, a, floor) {
		t.restart = false
		return t.rejoin(t.ticks(a - floor - late)), true
	}
	was := t.pace.free
	if t.pace.note(a, t.raw, t.rate, sound); t.pace.free || was {
		return t.rejoin(t.last + elapsed), t.pace.free != was
	}
	if delta == 0 {
		return t.stand(elapsed)
	}
	stood := t.still > 0
	t.still = 0
	if byArrival := t.last + elapsed; stood && away(t.raw+t.own, byArrival) < away(t.raw+t.shift, byArrival) {
		t.shift = t.own // it ran on unseen
	}
	ticks = t.raw + t.shift
	if stood && ticks <= t.top {
		return t.rejoin(t.last + elapsed), true
	}
	if ticks > t.top {
		t.below = 0
	} else if t.below++; t.below > maxBelow {
		return t.rejoin(t.last + elapsed), true
	}
	return t.hand(ticks), false
}

// broken reports whether a step of delta cannot be the RTP clock's own.
func (t *ticker) broken(delta, elapsed media.Ticks, a, floor time.Duration) bool {
	if t.pace.free {
		return false // the clock is not believed anyway
	}
	if delta < -t.ticks(maxBack) {
		return true
	}
	at := media.ToDuration(t.raw+t.shift, t.rate)
	return delta-elapsed > t.ticks(maxAhead) && a-at < floor-maxAhead
}

// rejoin goes on at ticks, or just above the greatest so far.
func (t *ticker) rejoin(ticks media.Ticks) media.Ticks {
	ticks = max(ticks, t.top+1)
	t.shift = ticks - t.raw
	t.below, t.still = 0, 0
	return t.hand(ticks)
}

// stand places a unit whose timestamp is that of the unit before: by arrival. When the
// clock goes on, it does so from its own reading (two fields of a frame may share a
// timestamp), unless that has been passed.
func (t *ticker) stand(elapsed media.Ticks) (ticks media.Ticks, reset bool) {
	before := t.still
	if before == 0 {
		t.own = t.shift
	}
	t.still += media.ToDuration(elapsed, t.rate)
	if t.still <= standsFor {
		return t.hand(t.last + max(elapsed, 1)), false
	}
	still := t.still
	ticks = t.rejoin(t.last + max(elapsed, 1))
	t.still = still
	return ticks, before <= standsFor
}

// away is how far apart two times are.
func away(a, b media.Ticks) media.Ticks { return max(a-b, b-a) }

func (t *ticker) hand(ticks media.Ticks) media.Ticks {
	t.last, t.top = ticks, max(t.top, ticks)
	return ticks
}

func (t *ticker) ticks(d time.Duration) media.Ticks { return media.FromDuration(d, t.rate) }

// pace watches whether the RTP clock runs at its rate. Cameras count frames of a rate
// they do not keep, or milliseconds, or nothing. The judgement takes 20 s, so that
// neither a burst at the start nor a congested link looks like it.
type pace struct {
	free   bool // the RTP clock does not run at its rate: go by arrival
	from   time.Duration
	raw    media.Ticks
	latest time.Duration
	begun  bool
	gap    bool // silence in this interval: it proves nothing
	ratios []float64
}

const (
	paceEvery = 5 * time.Second
	paceGap   = 2500 * time.Millisecond
	paceCount = 4
)

func (p *pace) note(a time.Duration, raw media.Ticks, rate int, sound bool) {
	if !p.begun {
		p.begun, p.from, p.raw, p.latest, p.gap = true, a, raw, a, false
		return
	}
	p.gap = p.gap || a-p.latest > paceGap
	p.latest = a
	took := a - p.from
	if took < paceEvery {
		return
	}
	ratio := media.ToDuration(raw-p.raw, rate).Seconds() / took.Seconds()
	gap := p.gap
	p.from, p.raw, p.gap = a, raw, false
	if gap || sound {
		p.ratios = p.ratios[:0]
		p.free = p.free && !sound
		return
	}
	if p.ratios = append(p.ratios, ratio); len(p.ratios) < paceCount {
		return
	}
	p.judge()
	copy(p.ratios, p.ratios[1:])
	p.ratios = p.ratios[:paceCount-1]
}

func (p *pace) judge() {
	least, most := p.ratios[0], p.ratios[0]
	for _, r := range p.ratios {
		least, most = min(least, r), max(most, r)
	}
	switch {
	case p.free:
		p.free = least < 0.98 || most > 1.02
	case most < 0.9 || least > 1.1:
		p.free = most-least < 0.1*max(most, 1)
	}
}
