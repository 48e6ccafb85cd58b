package rate

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// A link is a bottleneck between two hosts, as tc tbf makes one: a rate, a queue that drops
// at its end, a delay on either side.
type link struct {
	rate    func(t time.Duration) float64 // bit/s
	queue   time.Duration                 // of the queue, at the rate of the moment
	delay   time.Duration                 // one way
	loss    func(t time.Duration, r *rand.Rand) bool
	compete func(t time.Duration) float64 // bit/s of somebody else's, who does not yield
	tcp     bool
}

// seen is what a sender can know of a link at an instant: what controllers of all kinds are
// told. Groups are delays of what was received of late, one way, above an unknown constant.
type seen struct {
	at     time.Duration
	f      Feedback
	groups []group
	acked  int64 // bytes received since the last time
	lost   bool  // anything was lost since the last time
	flight int64 // bytes sent and not acknowledged
}

type group struct{ sent, arrived time.Duration }

// A subject is a controller under test. It is asked every period.
type subject interface {
	period() time.Duration
	update(s seen) (bitrate float64)
}

// A tick of a simulation's result.
type tick struct {
	t        time.Duration
	target   float64
	capacity float64
	received int64         // bytes in all
	delay    time.Duration // of the newest picture that arrived whole; what waits counts
	dropped  int
}

type packet struct {
	size    int
	sent    time.Duration // entered the network
	made    time.Duration // its picture was taken
	last    bool          // of its picture
	probe   bool
	foreign bool
}

// run simulates a sender of pictures at 30 a second, with a key frame every other second
// and pictures of unequal size, over a link: a millisecond at a time.
func (l link) run(s subject, start float64, length time.Duration, seed uint64) []tick {
	const ms = time.Millisecond
	r := rand.New(rand.NewPCG(seed, 1))
	var (
		ticks            []tick
		target           = start
		backlog, network []packet
		inNetwork        int
		credit, foreign  float64
		arrived          []struct {
			p  packet
			at time.Duration
		}
		o                         seen
		sent, received, delivered int64
		lostNow, gotNow           int
		rtt, newest               time.Duration
		again                     time.Duration
		probing                   time.Duration = -1
		nextPicture               time.Duration
		picture, dropped          int
		debt, pace                float64
	)
	enter := func(p packet, t time.Duration) bool {
		limit := max(int(l.rate(t)/8*l.queue.Seconds()), 3000)
		if inNetwork+p.size > limit {
			return false
		}
		if !p.foreign {
			p.sent = t
		}
		network, inNetwork = append(network, p), inNetwork+p.size
		return true
	}
	for t := time.Duration(0); t < length; t += ms {
		for t >= nextPicture {
			mean := target / 8 / 30
			size := mean * 0.933 * math.Exp(0.2*r.NormFloat64()-0.02)
			if picture%60 == 0 {
				size = mean * 5
			}
			// A rate control answers for what it spent too much.
			size = max(size-debt*0.1, 200)
			debt += size - mean
			for n := int(size); n > 0; n -= 1200 {
				backlog = append(backlog, packet{size: min(n, 1200), made: t, last: n <= 1200})
			}
			picture++
			nextPicture += time.Second / 30
		}
		if l.compete != nil {
			for foreign += l.compete(t) / 8 / 1000; foreign >= 1200; foreign -= 1200 {
				enter(packet{size: 1200, foreign: true}, t)
			}
		}
		// UDP is paced at two and a half times the mean rate, else key frames overrun the queue.
		for pace = min(pace+2.5*target/8/1000, 3000); len(backlog) > 0 && (l.tcp || pace > 0); {
			p := backlog[0]
			pace -= float64(p.size)
			if !enter(p, t) && l.tcp {
				break // the window is full: the kernel waits
			} else if !l.tcp && (len(network) == 0 || network[len(network)-1].sent != t || network[len(network)-1].made != p.made) {
				lostNow++
				dropped++
			}
			backlog = backlog[1:]
			sent += int64(p.size)
		}
		if !l.tcp && probing < 0 && t%(200*ms) == 0 {
			probing, again = t, t+300*ms
			enter(packet{size: 150, probe: true, made: t}, t)
		} else if probing >= 0 && t >= again { // a lost segment is sent again
			enter(packet{size: 150, probe: true, made: probing}, t)
			again = t + 300*ms
		}
		for credit += l.rate(t) / 8 / 1000; len(network) > 0 && credit >= float64(network[0].size); {
			p := network[0]
			network, inNetwork, credit = network[1:], inNetwork-p.size, credit-float64(p.size)
			if p.foreign {
				continue
			}
			if !p.probe && l.loss != nil && l.loss(t, r) {
				lostNow++
				if l.tcp { // sent again
					backlog = append([]packet{p}, backlog...)
					sent -= int64(p.size)
				}
				continue
			}
			arrived = append(arrived, struct {
				p  packet
				at time.Duration
			}{p, t + l.delay})
		}
		if len(network) == 0 {
			credit = min(credit, 1500)
		}
		for len(arrived) > 0 && arrived[0].at <= t {
			a := arrived[0]
			arrived = arrived[1:]
			if a.p.probe {
				if probing == a.p.made {
					rtt, probing = t+l.delay-probing, -1
				}
				continue
			}
			received += int64(a.p.size)
			o.acked += int64(a.p.size)
			gotNow++
			o.groups = append(o.groups, group{a.p.sent, a.at})
			if a.p.last {
				newest = a.at - a.p.made
			}
			if l.tcp {
				delivered = received
				rtt = a.at + l.delay - a.p.sent
			}
		}
		if t%s.period() == 0 {
			waits := 0
			for _, p := range backlog {
				waits += p.size
			}
			o.at, o.lost = t, lostNow > 0
			o.flight = sent - received - int64(lostNow)
			o.f = Feedback{Sent: sent, Delivered: delivered, RTT: rtt, Backlog: int64(waits)}
			if probing >= 0 {
				o.f.Waiting = t - probing
			}
			if !l.tcp {
				o.f.Backlog = 0
				if lostNow+gotNow > 0 {
					o.f.Loss, o.f.Reported = float64(lostNow)/float64(lostNow+gotNow), true
				}
			} else if len(backlog) > 0 {
				o.f.Stalled = min(t-backlog[0].made, t)
			}
			target = s.update(o)
			rtt, lostNow, gotNow = 0, 0, 0
			o = seen{groups: o.groups[:0]}
			capacity := l.rate(t)
			if l.compete != nil {
				capacity = max(capacity-l.compete(t), capacity/10)
			}
			delay := newest
			if len(backlog) > 0 {
				delay = max(delay, t-backlog[0].made)
			}
			ticks = append(ticks, tick{t, target, capacity, received, delay, dropped})
		}
	}
	return ticks
}

// figures are what a stretch of a run comes to.
type figures struct {
	used  float64 // part of the capacity
	p95   time.Duration
	swing float64 // deviation of the target by its mean
	lost  int
}

func measure(ticks []tick, from, to time.Duration) figures {
	var part []tick
	for _, k := range ticks {
		if k.t >= from && k.t < to {
			part = append(part, k)
		}
	}
	var capacity, sum, squares float64
	var delays []time.Duration
	for i, k := range part {
		if i > 0 {
			capacity += k.capacity / 8 * (k.t - part[i-1].t).Seconds()
		}
		sum += k.target
		squares += k.target * k.target
		delays = append(delays, k.delay)
	}
	n := float64(len(part))
	mean := sum / n
	slices.Sort(delays)
	first, last := part[0], part[len(part)-1]
	return figures{
		used:  float64(last.received-first.received) / capacity,
		p95:   delays[len(delays)*95/100],
		swing: math.Sqrt(max(squares/n-mean*mean, 0)) / mean,
		lost:  last.dropped - first.dropped,
	}
}

// ours is the controller itself.
type ours struct {
	c   *Controller
	log []string
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (o *ours) period() time.Duration { return 200 * time.Millisecond }

func (o *ours) update(s seen) float64 {
	d := o.c.Update(epoch.Add(s.at), s.f)
	for _, r := range d.Reasons {
		o.log = append(o.log, s.at.String()+" "+string(d.State)+" "+r.String())
	}
	return float64(d.Bitrate)
}
