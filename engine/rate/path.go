package rate

import "time"

// A path keeps what was observed of late, and what follows from it.
type path struct {
	samples []sample // of the last window, oldest first
	bases   []base   // least round trips, a bucket each
	last    Feedback
	rtt     time.Duration // newest round trip, or how long one is being waited for
	loss    float64       // smoothed over a few reports
	noise   time.Duration // mean deviation of queueing while nothing is wrong
	heard   []heard       // of late, oldest first
}

type sample struct {
	at              time.Time
	sent, delivered int64
	resent          int64
	queueing        time.Duration
}

// heard is what was heard at a time of what waits: how late the last acknowledgement was,
// and how long what is under way takes if it goes on as the last of it did. An
// acknowledgement that is still due does not count: that of a small packet may be late
// (RFC 5681 4.2).
type heard struct {
	at       time.Time
	queueing time.Duration
	measured bool // the round trip, just then
}

type base struct {
	from time.Time
	rtt  time.Duration
}

const (
	window     = 1500 * time.Millisecond // over which rates are measured
	recent     = 650 * time.Millisecond  // over which they are while something waits
	trend      = 850 * time.Millisecond  // over which the slope is
	noiseMost  = 15 * time.Millisecond
	baseBucket = 10 * time.Second
	baseKept   = 6 // buckets: a path that has become longer is believed after a minute
	heavyLoss  = 0.10
	lightLoss  = 0.03        // a radio link may lose as much without being full
	known      = 0.5         // seconds of a path, before its rate is believed to be that of what waits
	longest    = time.Minute // no time in a feedback is believed above it

	silence     = 8 * time.Millisecond // of queueing, on the average: less is none
	silentFor   = 4 * time.Second
	silentTrips = 12
)

// observe takes a feedback in and leaves out what cannot be.
func (p *path) observe(now time.Time, f Feedback) {
	f.Sent = max(f.Sent, p.last.Sent)
	f.Delivered = min(max(f.Delivered, p.last.Delivered), f.Sent)
	f.Backlog = max(f.Backlog, 0)
	f.Stalled = min(max(f.Stalled, 0), longest)
	f.Drain = max(f.Drain, 0)
	f.Resent = max(f.Resent, p.last.Resent)
	if f.Reported && f.Loss >= 0 && f.Loss <= 1 { // not NaN either
		p.loss += (f.Loss - p.loss) / 5 // a few packets a report: one lost is not much
	}
	if f.RTT > 0 && f.RTT < longest {
		p.rtt = f.RTT
		p.least(now, f.RTT)
	}
	waited := p.rtt
	if f.Waiting < longest {
		waited = max(waited, f.Waiting)
	}
	p.last = f
	q := max(waited-p.base(), 0) + p.waiting(f, 0)
	p.heard = append(p.heard, heard{now, max(p.rtt-p.base(), 0) + p.waiting(f, f.Drain), f.RTT > 0})
	for now.Sub(p.heard[0].at) > silentFor {
		p.heard = p.heard[1:]
	}
	p.samples = append(p.samples, sample{now, f.Sent, f.Delivered, f.Resent, q})
	for len(p.samples) > 2 && now.Sub(p.samples[0].at) > window {
		p.samples = p.samples[1:]
	}
}

// waiting is how long what waits on this side will take, at the rate at which bytes arrive
// on the average, or at a higher one.
func (p *path) waiting(f Feedback, least int) time.Duration {
	if f.Backlog == 0 {
		return 0
	}
	through := max(p.through(window), float64(least))
	if _, _, seen := p.span(window); through <= 0 || seen < known {
		return f.Stalled // at the beginning everything waits
	}
	return time.Duration(min(float64(f.Backlog)*8/through, longest.Seconds()) * float64(time.Second))
}

// least keeps the least round trip of the last minute.
func (p *path) least(now time.Time, rtt time.Duration) {
	if n := len(p.bases); n == 0 || now.Sub(p.bases[n-1].from) >= baseBucket {
		p.bases = append(p.bases, base{now, rtt})
		if len(p.bases) > baseKept {
			p.bases = p.bases[1:]
		}
	} else if rtt < p.bases[n-1].rtt {
		p.bases[n-1].rtt = rtt
	}
}

func (p *path) base() time.Duration {
	var least time.Duration
	for i, b := range p.bases {
		if i == 0 || b.rtt < least {
			least = b.rtt
		}
	}
	return least
}

func (p *path) queueing() time.Duration {
	if n := len(p.samples); n > 0 {
		return p.samples[n-1].queueing
	}
	return 0
}

// settle learns how much queueing varies while nothing is wrong.
func (p *path) settle() {
	p.noise += (min(p.queueing(), noiseMost) - p.noise) / 16
}

// waits says for how many samples in a row queueing has been above a limit.
func (p *path) waits(limit time.Duration) (n int) {
	for n < len(p.samples) && p.samples[len(p.samples)-1-n].queueing > limit {
		n++
	}
	return n
}

// silent reports whether next to nothing has waited for a while, with the key frames that
// were among it: a path that is nearly full is never like that, whatever it took before.
func (p *path) silent() bool {
	var sum time.Duration
	trips := 0
	for _, h := range p.heard {
		if sum += h.queueing; h.measured {
			trips++
		}
	}
	n := len(p.heard)
	return trips >= silentTrips && p.heard[n-1].at.Sub(p.heard[0].at) > silentFor*9/10 && sum < silence*time.Duration(n)
}

// sent is the rate of what was sent of late, bit/s; 0: not known yet.
func (p *path) sent(over time.Duration) float64 {
	return p.rate(over, func(s sample) int64 { return s.sent })
}

// through is the rate at which bytes arrive, or where nobody says, at which they are
// sent, bit/s.
func (p *path) through(over time.Duration) float64 {
	if p.last.Delivered > 0 {
		return p.rate(over, func(s sample) int64 { return s.delivered })
	}
	return p.sent(over)
}

func (p *path) rate(over time.Duration, count func(sample) int64) float64 {
	first, last, d := p.span(over)
	if d < 0.1 {
		return 0
	}
	return float64(count(last)-count(first)) * 8 / d
}

// span is the first and the last sample of the latest stretch, and how many seconds are
// between them.
func (p *path) span(over time.Duration) (first, last sample, d float64) {
	if len(p.samples) == 0 {
		return first, last, 0
	}
	last = p.samples[len(p.samples)-1]
	for _, s := range p.samples {
		if first = s; last.at.Sub(s.at) <= over {
			break
		}
	}
	return first, last, last.at.Sub(first.at).Seconds()
}

// slope is by how many seconds queueing grows a second: least squares over the trend.
func (p *path) slope() float64 {
	n := len(p.samples)
	if n == 0 {
		return 0
	}
	last := p.samples[n-1].at
	var k, st, sq, stt, stq float64
	for _, s := range p.samples {
		if last.Sub(s.at) > trend {
			continue
		}
		t, q := s.at.Sub(last).Seconds(), s.queueing.Seconds()
		k, st, sq, stt, stq = k+1, st+t, sq+q, stt+t*t, stq+t*q
	}
	if d := k*stt - st*st; k >= 3 && d > 1e-9 {
		return (k*stq - st*sq) / d
	}
	return 0
}

// capacity is what the path takes, seen while it is full, bit/s: what arrives; where
// nobody says what arrives, what is sent less what the growing queue keeps and what is lost.
func (p *path) capacity() float64 {
	if p.last.Delivered > 0 {
		return p.through(recent)
	}
	return p.sent(recent) / (1 + max(p.slope(), 0)) * p.kept()
}

// suddenly is the capacity of a path that has just become narrow: what arrives since things
// wait, not what arrived before. Capacity is the same over a longer time.
func (p *path) suddenly(capacity float64) float64 {
	n := p.waits(p.noise + high)
	if p.last.Delivered == 0 || n < 2 {
		return capacity
	}
	first := p.samples[len(p.samples)-n]
	arrives := p.through(p.samples[len(p.samples)-1].at.Sub(first.at))
	return min(capacity, max(arrives, capacity/4))
}

// carried is the least that the path can take, seen while it became full slowly: what was sent
// over a whole group of pictures, less what the queue kept of it and what was lost. 0: not
// known.
func (p *path) carried() float64 {
	if p.last.Delivered > 0 {
		return 0 // what arrives is known
	}
	first, last, d := p.span(window)
	if d += (last.queueing - first.queueing).Seconds(); d < 0.5 {
		return 0
	}
	return float64(last.sent-first.sent) * 8 / d * p.kept()
}

// losing reports whether packets were lost of late that a connection had to send again.
// What arrives then is less than the path takes as often as not.
func (p *path) losing() bool {
	first, last, _ := p.span(window)
	return last.resent > first.resent
}

// kept is the part of what is sent that arrives, but for what a radio link loses.
func (p *path) kept() float64 { return 1 - min(max(p.loss-lightLoss, 0), 0.5) }

// standstill reports whether nothing arrives any more of what until then did, or did not a
// moment ago, and until when nothing did. On a connection that is a packet which was lost
// twice, or was the last for a while, until a timer sends it again; a link that has become
// narrower goes on taking less. After a second it is not called that any more.
func (p *path) standstill() (until time.Time, ok bool) {
	if p.last.Delivered == 0 {
		return until, false
	}
	stands := func(i int) bool { return i > 0 && p.samples[i].delivered == p.samples[i-1].delivered }
	i := len(p.samples) - 1
	for now := p.samples[i].at; i > 0 && !stands(i); i-- {
		if now.Sub(p.samples[i].at) > recent/2 {
			return until, false
		}
	}
	for until = p.samples[i].at; stands(i); {
		i--
	}
	if i < 1 {
		return until, false
	}
	first, last := p.samples[0], p.samples[i]
	d := last.at.Sub(first.at).Seconds()
	if d < 0.4 {
		return until, false
	}
	arrived := float64(last.delivered-first.delivered) * 8 / d
	return until, arrived > 0.5*float64(last.sent-first.sent)*8/d
}

// doubt is the least part of what was seen before that a new capacity is believed to be:
// what arrives is measured, unless packets are being lost; the other way is a guess.
func (p *path) doubt() float64 {
	if p.last.Delivered > 0 && !p.losing() {
		return 0.35
	}
	return 0.7
}
