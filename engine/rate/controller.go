package rate

import (
	"slices"
	"time"
)

const (
	highest   = 250 * time.Millisecond // of queueing: nobody should wait longer
	quiet     = 25 * time.Millisecond  // of queueing, beside the usual: nothing waits
	high      = 45 * time.Millisecond  // of queueing, beside the usual: something does, unless it was one key frame
	steep     = 0.2                    // seconds of queueing a second: no key frame does that for long
	stalled   = 400 * time.Millisecond
	reaction  = 400 * time.Millisecond  // before a fall is judged
	dryUsual  = time.Second             // by then a queue should be dry
	dryMost   = 3 * time.Second         // a queue that is not dry then is not ours
	rest      = 5 * time.Second         // after a fall, before looking for room
	restMost  = 8 * time.Second         // when looking keeps failing
	below     = 0.90                    // of the capacity seen: where to stay
	closer    = 0.95                    // the same where packets are lost, and what was seen may have been too little
	unsure    = 0.95                    // of the capacity seen before, where packets are lost: not believed to be less at once
	resumed   = 0.97                    // of the rate before a standstill: where to stay after it
	breath    = time.Second             // after one, before looking for room
	standing  = 1500 * time.Millisecond // at most, before a fall is judged
	apart     = 2 * time.Second         // from one to the next
	near      = 1.12                    // of the ceiling: passed
	slowest   = 0.05                    // rise a second, near the ceiling
	usual     = 0.10                    // rise a second, away from it
	fastest   = 0.40                    // rise a second, when there is no end of room
	gathering = 1.6                     // growth of the rise a second
	ahead     = 1.5                     // of what is really sent: as far as the rate may rise
)

// Controller follows one path. It is not for several goroutines at once.
type Controller struct {
	o    Options
	path path

	state   State
	bitrate float64
	ceiling float64       // where the path was last full; 0: not known, or passed
	seen    float64       // the same, never forgotten
	far     bool          // seen is far less than before
	stay    float64       // where to stay once the queue is dry
	waited  time.Duration // queueing at the last fall
	since   time.Time     // of the state
	at      time.Time     // of the last Update
	before  float64       // the rate before the fall
	fell    time.Time     // when it began
	still   bool          // the fall answers a standstill
	stood   time.Time     // when the last one began
	rise    float64       // part a second
	rest    time.Duration
}

// New returns a controller that has seen nothing yet.
func New(o Options) *Controller {
	if o.Min <= 0 {
		o.Min = 100_000
	}
	if o.Max <= 0 {
		o.Max = 50_000_000
	}
	o.Max = max(o.Max, o.Min)
	if o.Start <= 0 {
		o.Start = o.Max
	}
	o.Start = min(max(o.Start, o.Min), o.Max)
	return &Controller{o: o, state: Hold, bitrate: float64(o.Start), rise: usual, rest: rest}
}

// Update takes what is known at now, best every 200 ms, and decides. A now that is not
// later than the last one changes nothing.
func (c *Controller) Update(now time.Time, f Feedback) Decision {
	if !c.at.IsZero() && !now.After(c.at) {
		return c.decision(nil)
	}
	if c.at.IsZero() {
		c.since, c.at = now, now
	}
	step := min(now.Sub(c.at), time.Second)
	c.at = now
	c.path.observe(now, f)
	if full := c.full(); len(full) > 0 {
		return c.decision(c.fall(now, full))
	}
	if c.state != Fall {
		c.path.settle()
	}
	switch c.state {
	case Fall:
		return c.decision(c.dry(now))
	case Hold:
		return c.decision(c.look(now))
	default:
		return c.decision(c.climb(now, step))
	}
}

// full says why the path takes less than is sent; nothing: it does not.
func (c *Controller) full() (why []Reason) {
	p := &c.path
	q, slope := p.queueing(), p.slope()
	switch {
	case p.waits(p.noise+high) >= 2 && slope > steep, p.waits(p.noise+high) >= 3 && slope > -0.05:
		why = append(why, reason(Delay, "queueing %d ms, changing by %+.2f s a second", q.Milliseconds(), slope))
	case q > p.noise+highest && slope > -0.1:
		why = append(why, reason(Late, "queueing %d ms", q.Milliseconds()))
	}
	if p.last.Stalled > stalled {
		why = append(why, reason(Stall, "a write has waited for %d ms", p.last.Stalled.Milliseconds()))
	}
	if p.loss > heavyLoss {
		why = append(why, reason(Loss, "%.0f %% of the packets lost", 100*p.loss))
	}
	return why
}

// fall goes below what the path takes, by as much as lets the queue run dry in a second.
// It falls again when the queue grows all the same. Where nothing arrives, what the path
// takes is not seen: it yields until something does, and goes on as before.
func (c *Controller) fall(now time.Time, why []Reason) []Reason {
	q := c.path.queueing()
	again := c.state == Fall
	if !again {
		c.before, c.fell = c.bitrate, now
	}
	if stood, ok := c.path.standstill(); ok && c.excused(now) {
		switch {
		case !again:
			return c.pause(now, why)
		case now.Sub(stood) < reaction: // it is judged once something arrives
			c.waited, c.since = q, stood
			return nil
		}
	}
	if again && !c.fallsShort(now) {
		return nil
	}
	c.still = false
	capacity := c.takes(again)
	if c.ceiling > 0 && c.state == Rise {
		c.rest = min(c.rest*3/2, restMost) // failed near where it failed before
	}
	c.path.loss = min(c.path.loss, heavyLoss/2) // it has been answered
	c.far = c.far && again || capacity < max(c.seen*below, c.before/2)
	c.ceiling, c.seen, c.waited = capacity, capacity, q
	c.stay = capacity * c.below()
	c.set(capacity * (below - min(q.Seconds(), 0.5)))
	c.enter(now, Fall)
	c.rise = usual
	return why
}

// pause yields to a standstill.
func (c *Controller) pause(now time.Time, why []Reason) []Reason {
	c.waited = c.path.queueing()
	c.still, c.stood, c.stay = true, now, c.bitrate*resumed
	c.set(c.bitrate * (below - min(c.waited.Seconds(), 0.5)))
	c.enter(now, Fall)
	return why
}

// takes is what the path takes, as it is full, bit/s; again: it was found full a moment ago.
func (c *Controller) takes(again bool) float64 {
	capacity, most := c.path.capacity(), c.bitrate
	if c.path.last.Delivered > 0 { // measured: a write that stalled because of loss does not make the path narrower
		most = max(most, c.seen)
	}
	if c.ceiling > 0 && c.state == Rise {
		capacity = max(capacity, c.path.carried()) // a little too much, not suddenly too much
	}
	if c.ceiling == 0 && !again {
		capacity = c.path.suddenly(capacity)
	}
	switch {
	case again && c.seen > 0: // what arrives may be all that was sent
		return min(max(capacity, c.path.doubt()*c.seen), c.seen)
	case capacity <= 0 || capacity > most:
		return most
	case !again && c.path.losing():
		least := min(c.seen*unsure, most)
		c.still = capacity < least*below // as good as one
		return max(capacity, least)
	}
	return capacity
}

// fallsShort reports whether a fall was not enough: the queue grows all the same, is as long
// as before when it should be dry, or less arrives from it than is sent.
func (c *Controller) fallsShort(now time.Time) bool {
	q, took := c.path.queueing(), now.Sub(c.since)
	switch {
	case took < reaction, c.bitrate <= float64(c.o.Min):
		return false
	case took < dryUsual:
		return q >= c.waited+quiet
	case took < dryMost && c.path.last.Delivered > 0:
		return q > c.path.noise+high && (q > c.waited*3/4 || c.path.through(min(took, window)) < c.bitrate)
	case took < dryMost:
		return q >= c.waited-quiet && c.path.slope() > -0.05 // a full queue grows no further
	}
	return true
}

// excused reports whether a standstill is one of now and then. On a path on which little
// arrives at a time nothing does between, and it may be too narrow all the same.
func (c *Controller) excused(now time.Time) bool {
	if c.state == Fall {
		return now.Sub(c.fell) < standing
	}
	return c.stood.IsZero() || now.Sub(c.stood) > apart
}

// dry waits for the queue to run dry, then stays a little below the ceiling.
func (c *Controller) dry(now time.Time) []Reason {
	q := c.path.queueing()
	if q > c.path.noise+quiet && now.Sub(c.since) < dryMost {
		return nil
	}
	// What arrives while something waits is what the path takes.
	if took := now.Sub(c.since); c.path.last.Delivered > 0 && took > reaction/2 {
		if drained := min(c.path.through(min(took, window)), c.before); drained > c.seen {
			c.ceiling, c.seen = drained, drained
			c.stay = max(c.stay, drained*c.below())
		}
	}
	c.set(c.stay)
	c.enter(now, Hold)
	if c.still || c.rough() {
		c.still, c.since = false, now.Add(breath-c.rest)
	}
	return []Reason{reason(Drained, "queueing %d ms", q.Milliseconds())}
}

// look begins to rise after a rest.
func (c *Controller) look(now time.Time) []Reason {
	if c.bitrate >= float64(c.o.Max) || now.Sub(c.since) < c.rest && !c.path.silent() || c.path.queueing() > c.path.noise+high {
		return nil
	}
	why := reason(Room, "no queueing for %d s", int(min(c.rest, now.Sub(c.since)).Seconds()))
	c.enter(now, Rise)
	return []Reason{why}
}

// climb rises: slowly near the ceiling, faster and faster once it is passed, or where
// nothing waits any more as it did below it; never far above what is really sent, since
// only that is tried, or what the next step takes, which is how more is sent.
func (c *Controller) climb(now time.Time, step time.Duration) (why []Reason) {
	if c.path.queueing() > c.path.noise+quiet*3/2 {
		return nil // wait and see
	}
	speed := c.rise
	switch {
	case c.ceiling > 0 && c.bitrate > c.ceiling*near && c.path.sent(window) > c.ceiling:
		why = append(why, reason(Passed, "%.1f Mbit/s are taken, more than the %.1f before", c.path.sent(window)/1e6, c.ceiling/1e6))
		c.ceiling, c.rest = 0, rest
	case c.ceiling > 0 && c.bitrate > c.ceiling*below*0.98 && !c.rough() && !c.path.silent():
		speed = slowest
	default:
		c.rise = min(c.rise*(1+(gathering-1)*step.Seconds()), fastest)
	}
	next := c.bitrate * (1 + speed*step.Seconds())
	if sent := c.path.sent(window); sent > 0 {
		next = min(next, max(sent*ahead, c.bitrate, float64(c.path.last.Next)))
	}
	c.set(next)
	if c.bitrate >= float64(c.o.Max) {
		c.enter(now, Hold)
		why = append(why, reason(Bounded, "the highest rate asked for"))
	}
	return why
}

// rough reports whether the capacity seen is far from sure: it became much less where packets
// are lost.
func (c *Controller) rough() bool { return c.far && c.path.losing() }

// below is the part of the capacity seen to stay at.
func (c *Controller) below() float64 {
	if c.path.losing() {
		return closer
	}
	return below
}

func (c *Controller) set(bitrate float64) {
	c.bitrate = min(max(bitrate, float64(c.o.Min)), float64(c.o.Max))
}

func (c *Controller) enter(now time.Time, s State) { c.state, c.since = s, now }

func (c *Controller) decision(why []Reason) Decision {
	steady := c.bitrate
	if c.state == Fall {
		steady = max(c.stay, c.bitrate)
	}
	return Decision{
		Bitrate: int(c.bitrate), Steady: int(steady), State: c.state, Reasons: slices.Clone(why),
		Capacity: int(c.seen), Queueing: c.path.queueing(), Loss: c.path.loss,
	}
}
