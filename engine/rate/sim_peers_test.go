package rate

import (
	"math"
	"time"
)

// gcc is Google's congestion control as its authors published it: a trendline over one-way
// delays with an adaptive threshold, additive and multiplicative increase, and a bound by
// loss (draft-ietf-rmcat-gcc-02, and the trendline that followed it).
type gcc struct {
	delay, loss float64 // the two rates, bit/s
	max         float64
	threshold   float64 // ms
	window      []struct{ x, y float64 }
	first       bool
	sum, smooth float64
	state       string
	over        time.Duration
	last        time.Duration
	acked       []struct {
		at    time.Duration
		bytes int64
	}
	average, variance float64 // of the rate at which it was full
	prev              group
	lost, heard       float64 // since the last report
}

func newGCC(start, most float64) *gcc {
	return &gcc{delay: start, loss: start, max: most, threshold: 12.5, state: "increase", first: true}
}

func (g *gcc) period() time.Duration { return 100 * time.Millisecond }

func (g *gcc) update(s seen) float64 {
	dt := (s.at - g.last).Seconds()
	g.last = s.at
	g.acked = append(g.acked, struct {
		at    time.Duration
		bytes int64
	}{s.at, s.acked})
	for len(g.acked) > 1 && s.at-g.acked[0].at > 500*time.Millisecond {
		g.acked = g.acked[1:]
	}
	var bytes int64
	for _, a := range g.acked {
		bytes += a.bytes
	}
	incoming := float64(bytes) * 8 / 0.5
	for i, v := range s.groups {
		if i > 0 && v.sent-g.prev.sent < 5*time.Millisecond {
			continue // groups of 5 ms
		}
		if !g.first {
			d := ((v.arrived - g.prev.arrived) - (v.sent - g.prev.sent)).Seconds() * 1000
			g.sum += d
			g.smooth = 0.9*g.smooth + 0.1*g.sum
			g.window = append(g.window, struct{ x, y float64 }{v.arrived.Seconds() * 1000, g.smooth})
			if len(g.window) > 20 {
				g.window = g.window[1:]
			}
		}
		g.first, g.prev = false, v
	}
	slope := 0.0
	if n := float64(len(g.window)); n >= 20 {
		var mx, my, num, den float64
		for _, w := range g.window {
			mx, my = mx+w.x/n, my+w.y/n
		}
		for _, w := range g.window {
			num += (w.x - mx) * (w.y - my)
			den += (w.x - mx) * (w.x - mx)
		}
		if den > 0 {
			slope = num / den
		}
	}
	m := slope * 20 * 4
	signal := "normal"
	switch {
	case m > g.threshold:
		g.over += time.Duration(dt * float64(time.Second))
		if g.over >= 10*time.Millisecond {
			signal = "over"
		}
	case m < -g.threshold:
		signal, g.over = "under", 0
	default:
		g.over = 0
	}
	if math.Abs(m) < g.threshold+15 {
		k := 0.0087
		if math.Abs(m) < g.threshold {
			k = 0.039
		}
		g.threshold = min(max(g.threshold+k*(math.Abs(m)-g.threshold)*min(dt*1000, 100), 6), 600)
	}
	switch signal {
	case "over":
		g.state = "decrease"
	case "under":
		g.state = "hold"
	default:
		if g.state == "hold" {
			g.state = "increase"
		} else if g.state == "decrease" {
			g.state = "hold"
		}
	}
	switch g.state {
	case "increase":
		if g.average > 0 && math.Abs(incoming-g.average) < 3*math.Sqrt(g.variance) {
			g.delay += max(1200*8/0.2*dt, 1000*dt)
		} else {
			g.delay *= math.Pow(1.08, min(dt, 1))
			if g.average > 0 && incoming > g.average {
				g.average = 0
			}
		}
		g.delay = min(g.delay, 1.5*incoming+10000)
	case "decrease":
		if incoming > 0 {
			g.delay = min(g.delay, 0.85*incoming)
			if g.average == 0 {
				g.average, g.variance = incoming, math.Pow(0.05*incoming, 2)
			}
			d := incoming - g.average
			g.average += 0.05 * d
			g.variance = 0.95*g.variance + 0.05*d*d
		}
	}
	if s.f.Reported {
		g.lost += s.f.Loss * dt
	}
	if g.heard += dt; g.heard >= 1 { // a report a second
		if loss := g.lost / g.heard; loss > 0.10 {
			g.loss *= 1 - 0.5*loss
		} else if loss < 0.02 {
			g.loss *= 1.05
		}
		g.lost, g.heard = 0, 0
	}
	g.delay = min(max(g.delay, 50_000), g.max)
	g.loss = min(max(g.loss, 50_000), g.max)
	return min(g.delay, g.loss)
}

// scream follows RFC 8298: a window that grows while the estimated queueing is under its
// target and yields in proportion above it; the media's rate is what the window lets go.
type scream struct {
	window, rate, max float64
	least             time.Duration
	rtt               time.Duration
	lossAt, last      time.Duration
	recent            []struct {
		at    time.Duration
		bytes int64
	}
}

func newScream(start, most float64) *scream {
	return &scream{window: start / 8 * 0.1, rate: start, max: most, rtt: 40 * time.Millisecond}
}

func (s *scream) period() time.Duration { return 50 * time.Millisecond }

func (s *scream) update(o seen) float64 {
	const target = 60 * time.Millisecond
	const mss = 1200.0
	queue := time.Duration(0)
	for _, g := range o.groups {
		d := g.arrived - g.sent
		if s.least == 0 || d < s.least {
			s.least = d
		}
		queue = d - s.least
	}
	dt := (o.at - s.last).Seconds()
	s.last = o.at
	s.rtt = s.least*2 + queue
	if o.lost && o.at-s.lossAt > s.rtt {
		s.window, s.lossAt = max(s.window*0.8, 2*mss), o.at
		s.rate *= 0.9
	} else if o.acked > 0 {
		off := float64(target-queue) / float64(target)
		if off > 0 {
			s.window += min(off, 1) * float64(o.acked) * mss / s.window
		} else {
			s.window += max(off, -1) * float64(o.acked) * mss / s.window * 2
		}
		s.window = max(s.window, 2*mss)
	}
	s.recent = append(s.recent, struct {
		at    time.Duration
		bytes int64
	}{o.at, o.acked})
	for len(s.recent) > 1 && o.at-s.recent[0].at > 500*time.Millisecond {
		s.recent = s.recent[1:]
	}
	var bytes int64
	for _, r := range s.recent {
		bytes += r.bytes
	}
	through := float64(bytes) * 8 / 0.5
	allowed := s.window * 8 / max(s.rtt.Seconds(), 0.01)
	switch {
	case float64(o.flight) > s.window*1.1 || queue > target:
		s.rate = min(s.rate, max(through, allowed*0.9)*0.95)
	case s.rate < allowed:
		s.rate += min(200_000*dt, s.rate*0.1*dt) + 100_000*dt // ramp-up speed is a setting of the RFC
	}
	s.window = min(s.window, s.rate/8*s.rtt.Seconds()*2+8*mss)
	s.rate = min(max(s.rate, 50_000), s.max)
	return s.rate
}
