package rate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func constant(r float64) func(time.Duration) float64 {
	return func(time.Duration) float64 { return r }
}

func narrowing(t time.Duration) float64 {
	if t >= 20*time.Second && t < 60*time.Second {
		return 2e6
	}
	return 20e6
}

// mobile is a trace like those of a phone on the move: a walk of the rate's logarithm
// between 0.5 and 12 Mbit/s, with a hole of a second now and then.
func mobile(seed uint64) func(time.Duration) float64 {
	r := rand.New(rand.NewPCG(seed, 7))
	var rates []float64
	at := math.Log(5e6)
	hole := 0
	for range 1200 { // of 100 ms
		at += 0.08 * r.NormFloat64()
		at = min(max(at, math.Log(5e5)), math.Log(12e6))
		if hole--; hole < 0 && r.IntN(300) == 0 {
			hole = 10
		}
		if hole >= 0 {
			rates = append(rates, 1e5)
		} else {
			rates = append(rates, math.Exp(at))
		}
	}
	return func(t time.Duration) float64 { return rates[min(int(t/(100*time.Millisecond)), len(rates)-1)] }
}

// stalling is what is seen of TCP on a link that loses packets: every few seconds one of them
// is lost twice, or is the last for a while, and nothing arrives until a timer sends it again.
func stalling(rate float64, seed uint64) func(time.Duration) float64 {
	r := rand.New(rand.NewPCG(seed, 9))
	var stalls [][2]time.Duration
	for at := time.Duration(0); at < 130*time.Second; {
		at += 3*time.Second + time.Duration(r.Int64N(int64(9*time.Second)))
		stalls = append(stalls, [2]time.Duration{at, at + 250*time.Millisecond + time.Duration(r.Int64N(int64(500*time.Millisecond)))})
	}
	return func(t time.Duration) float64 {
		for _, s := range stalls {
			if t >= s[0] && t < s[1] {
				return 0
			}
		}
		return rate
	}
}

func bursts(t time.Duration, r *rand.Rand) bool {
	return t%(10*time.Second) < 300*time.Millisecond && r.IntN(4) == 0
}

func even(part float64) func(time.Duration, *rand.Rand) bool {
	return func(_ time.Duration, r *rand.Rand) bool { return r.Float64() < part }
}

type scene struct {
	name     string
	link     link
	from, to time.Duration // of the stretch that is measured
}

func scenes() []scene {
	const s = time.Second
	queue, delay := 100*time.Millisecond, 20*time.Millisecond
	return []scene{
		{"step 20-2-20, narrow part", link{rate: narrowing, queue: queue, delay: delay}, 23 * s, 60 * s},
		{"ramp 8 to 1 and back", link{rate: func(t time.Duration) float64 { return 1e6 + 7e6*math.Abs(60-t.Seconds())/60 }, queue: queue, delay: delay}, 10 * s, 110 * s},
		{"sawtooth 1 to 4 each 20 s", link{rate: func(t time.Duration) float64 { return 1e6 + 3e6*float64(t%(20*s))/float64(20*s) }, queue: queue, delay: delay}, 20 * s, 120 * s},
		{"3 Mbit/s, bursts of loss", link{rate: constant(3e6), queue: queue, delay: delay, loss: bursts}, 20 * s, 120 * s},
		{"1 Mbit/s, 3 % loss", link{rate: constant(1e6), queue: queue, delay: delay, loss: even(0.03)}, 20 * s, 120 * s},
		{"mobile", link{rate: mobile(3), queue: 300 * time.Millisecond, delay: 30 * time.Millisecond}, 10 * s, 120 * s},
		{"5 Mbit/s, 2 taken for a minute", link{rate: constant(5e6), queue: queue, delay: delay, compete: func(t time.Duration) float64 {
			if t > 40*s && t < 100*s {
				return 2e6
			}
			return 0
		}}, 20 * s, 120 * s},
		{"1 Mbit/s over TCP, stalls", link{rate: stalling(1e6, 5), queue: queue, delay: delay, tcp: true}, 20 * s, 120 * s},
		{"step 20-2-20 over TCP", link{rate: narrowing, queue: queue, delay: delay, tcp: true}, 23 * s, 60 * s},
	}
}

// The numbers of the published controllers are shown beside ours, from the same links.
func TestAgainstPublishedControllers(t *testing.T) {
	var table strings.Builder
	fmt.Fprintf(&table, "\n%-32s %-8s %6s %8s %6s %6s\n", "link", "by", "used", "p95 ms", "swing", "lost")
	const start, most = 4e6, 6e6
	for _, sc := range scenes() {
		subjects := []struct {
			name string
			s    subject
		}{{"rtsprec", &ours{c: New(Options{Start: start, Max: most})}}, {"gcc", newGCC(start, most)}, {"scream", newScream(start, most)}}
		for _, x := range subjects {
			if sc.link.tcp && x.name != "rtsprec" {
				continue // they have no form for it
			}
			f := measure(sc.link.run(x.s, start, 120*time.Second, 11), sc.from, sc.to)
			fmt.Fprintf(&table, "%-32s %-8s %5.0f%% %8d %6.2f %6d\n", sc.name, x.name, 100*f.used, f.p95.Milliseconds(), f.swing, f.lost)
		}
	}
	t.Log(table.String())
}

// ladder is the one that relay uses for a source of 4 Mbit/s.
var ladder = []Step{
	{Name: "source", Min: 4_200_000, Max: 6_000_000}, {Name: "1080p30", Min: 2_500_000, Max: 4_100_000}, {Name: "720p25", Min: 1_200_000, Max: 2_500_000},
	{Name: "540p20", Min: 600_000, Max: 1_200_000}, {Name: "360p15", Min: 275_000, Max: 600_000}, {Name: "key frames", Max: 150_000, Last: true},
}

// stepped is a controller with a ladder.
type stepped struct {
	ours
	steps   *Steps
	changes []change
}

type change struct {
	at   time.Duration
	step int
	why  string
}

func newStepped(t testing.TB, o Options) *stepped {
	s, err := NewSteps(ladder)
	if err != nil {
		t.Fatal(err)
	}
	return &stepped{ours: ours{c: New(o)}, steps: s}
}

func (s *stepped) update(o seen) float64 {
	o.f.Next = s.steps.Next()
	d := s.c.Update(epoch.Add(o.at), o.f)
	step, why := s.steps.Choose(epoch.Add(o.at), d)
	if len(why) > 0 {
		s.changes = append(s.changes, change{o.at, step, why[0].String()})
	}
	return float64(s.steps.Bitrate(d))
}

// What is asked of the product over a link of 20, 2 and 20 Mbit/s, on the controller alone.
func TestALinkThatNarrowsAndWidens(t *testing.T) {
	for _, tcp := range []bool{false, true} {
		for seed := range uint64(8) {
			t.Run(fmt.Sprintf("tcp=%v/%d", tcp, seed), func(t *testing.T) {
				s := newStepped(t, Options{Max: 6e6})
				l := link{rate: narrowing, queue: 100 * time.Millisecond, delay: 20 * time.Millisecond, tcp: tcp}
				ticks := l.run(s, 6e6, 100*time.Second, seed)
				told := fmt.Sprint(s.changes)
				step := func(at time.Duration) (now int) {
					for _, c := range s.changes {
						if c.at <= at {
							now = c.step
						}
					}
					return now
				}
				var first time.Duration
				for _, k := range ticks {
					if k.t >= 20*time.Second && k.target < 5e6 {
						first = k.t - 20*time.Second
						break
					}
				}
				if first == 0 || first > 1500*time.Millisecond {
					t.Errorf("the first step down came after %v", first)
				}
				if step(70*time.Second) > 2 {
					t.Errorf("not 720p 10 s after the link widened: %s", told)
				}
				if step(80*time.Second) != 0 {
					t.Errorf("not the source 20 s after the link widened: %s", told)
				}
				narrow := 0
				for _, c := range s.changes {
					if c.at > 25*time.Second && c.at < 60*time.Second {
						narrow++
					}
				}
				if narrow > 1 {
					t.Errorf("%d changes of the step while nothing changed: %s", narrow, told)
				}
				f := measure(ticks, 23*time.Second, 60*time.Second)
				if f.used < 0.8 {
					t.Errorf("%.0f %% of the narrow link used", 100*f.used)
				}
				if limit := map[bool]time.Duration{false: 400, true: 800}[tcp] * time.Millisecond; f.p95 > limit {
					t.Errorf("delay of the narrow part: p95 %v", f.p95)
				}
			})
		}
	}
}

// Whenever a link widens, the source is back soon: it is noticed that nothing waits any more.
func TestALinkThatWidensIsNoticed(t *testing.T) {
	for _, tcp := range []bool{false, true} {
		for wide := 60 * time.Second; wide < 72*time.Second; wide += 1500 * time.Millisecond {
			s := newStepped(t, Options{Max: 6e6})
			l := link{rate: func(t time.Duration) float64 {
				if t >= 20*time.Second && t < wide {
					return 2e6
				}
				return 20e6
			}, queue: 100 * time.Millisecond, delay: time.Millisecond, tcp: tcp}
			l.run(s, 6e6, wide+13*time.Second, uint64(wide))
			if s.steps.At() != 0 {
				t.Errorf("tcp=%v: at step %d 13 s after the link widened at %v: %v", tcp, s.steps.At(), wide, s.changes)
			}
		}
	}
}

// That nothing waits is believed only where round trips say so. A key frame on its way out
// of a wide link is nothing, and so is an acknowledgement that is late.
func TestASilentPath(t *testing.T) {
	measured := Feedback{RTT: 20 * time.Millisecond}
	for _, c := range []struct {
		name   string
		at     func(i int) Feedback
		silent bool
	}{
		{"nothing waits", func(int) Feedback { return measured }, true},
		{"round trips are seldom", func(i int) Feedback {
			if i%25 == 0 {
				return measured
			}
			return Feedback{}
		}, false},
		{"key frames drain fast", func(i int) Feedback {
			f := measured
			if i%5 == 0 {
				f.Backlog, f.Drain = 50_000, 20_000_000
			}
			return f
		}, true},
		{"and slowly", func(i int) Feedback {
			f := measured
			if i%5 == 0 {
				f.Backlog, f.Drain = 50_000, 2_000_000
			}
			return f
		}, false},
		{"late acknowledgements", func(i int) Feedback {
			f := measured
			f.Waiting = time.Duration(i%3) * 40 * time.Millisecond
			return f
		}, true},
		{"every fifth round trip is long", func(i int) Feedback {
			f := measured
			if i%5 == 0 {
				f.RTT *= 4
			}
			return f
		}, false},
	} {
		var p path
		for i := range 40 {
			f := c.at(i)
			f.Sent = int64(i) * 50_000
			f.Delivered = f.Sent
			p.observe(epoch.Add(time.Duration(i)*200*time.Millisecond), f)
		}
		if p.silent() != c.silent {
			t.Errorf("%s: silent %v", c.name, p.silent())
		}
	}
}

// A session begins with what its source had in store: that it waits for a moment is no
// reason to send less.
func TestABeginningIsNoQueue(t *testing.T) {
	c := New(Options{Start: 6e6})
	var d Decision
	for i, f := range []Feedback{
		{Sent: 2_000, Delivered: 2_000, RTT: time.Millisecond},
		{Sent: 18_000, Delivered: 7_000, RTT: 17 * time.Millisecond, Backlog: 16_000},
		{Sent: 90_000, Delivered: 90_000, RTT: 3 * time.Millisecond},
		{Sent: 190_000, Delivered: 190_000, RTT: 2 * time.Millisecond},
	} {
		d = c.Update(epoch.Add(time.Duration(i)*200*time.Millisecond), f)
	}
	if d.Bitrate != 6e6 || d.State != Hold {
		t.Errorf("%+v", d)
	}
}

// On the last step too little is sent to see that there is room for the next better one:
// it is tried, and returns where there is none.
func TestTheLastStepIsLeft(t *testing.T) {
	for _, wide := range []float64{20e6, 200e3} {
		for seed := range uint64(8) {
			s := newStepped(t, Options{Max: 6e6})
			l := link{rate: func(t time.Duration) float64 {
				if t >= 20*time.Second && t < 60*time.Second {
					return 180e3
				}
				return wide
			}, queue: 400 * time.Millisecond, delay: 20 * time.Millisecond, tcp: true}
			l.run(s, 6e6, 120*time.Second, seed)
			if s.steps.At() > 0 == (wide > 1e6) {
				t.Errorf("seed %d: at step %d a minute after there were %.0f bit/s: %v", seed, s.steps.At(), wide, s.changes)
			}
			if tries := len(s.changes); wide < 1e6 && tries > 12 {
				t.Errorf("seed %d: %d changes: %v", seed, tries, s.changes)
			}
		}
	}
}

// A connection that loses packets stands still now and then. That is no narrower link.
func TestStallsOfLostPacketsAreNoReasonToYieldFor(t *testing.T) {
	for seed := range uint64(8) {
		s := newStepped(t, Options{Max: 6e6})
		l := link{rate: stalling(1e6, seed), queue: 100 * time.Millisecond, delay: 20 * time.Millisecond, tcp: true}
		f := measure(l.run(s, 6e6, 120*time.Second, seed), 20*time.Second, 120*time.Second)
		steady := 0
		for _, c := range s.changes {
			if c.at > 20*time.Second {
				steady++
			}
		}
		if f.used < 0.7 || f.p95 > 800*time.Millisecond || steady > 5 {
			t.Errorf("seed %d: %.0f %% used, delay p95 %v, %d changes: %v", seed, 100*f.used, f.p95, steady, s.changes)
		}
	}
}

// A connection is what a controller is told of TCP, a look each 200 ms.
type connection struct {
	*Controller
	now time.Time
	f   Feedback
	d   Decision
}

func newConnection(o Options) *connection { return &connection{Controller: New(o), now: epoch} }

// look passes 200 ms, in which so many bit/s were sent and arrived.
func (c *connection) look(sent, arrived int, rtt time.Duration) {
	c.now = c.now.Add(200 * time.Millisecond)
	c.f.Sent += int64(sent / 8 / 5)
	c.f.Delivered = min(c.f.Delivered+int64(arrived/8/5), c.f.Sent)
	c.f.RTT = rtt
	c.d = c.Update(c.now, c.f)
}

// overrun sends more than the path takes, until that is noticed.
func (c *connection) overrun(t *testing.T, sent, arrived int) {
	t.Helper()
	for i := range 10 {
		if c.look(sent, arrived, time.Duration(60+50*i)*time.Millisecond); c.d.State == Fall {
			return
		}
	}
	t.Fatalf("sent %d, arrived %d bit/s: %+v", sent, arrived, c.d)
}

// While a connection sends again what was lost, less arrives than the path takes. Where nothing
// is sent again, what arrives is what it takes.
func TestWhatArrivesBetweenLossesIsDoubted(t *testing.T) {
	for _, resends := range []bool{true, false} {
		c := newConnection(Options{Start: 2_000_000, Max: 2_000_000})
		for range 10 {
			c.look(950_000, 950_000, 5*time.Millisecond)
		}
		for range 2 {
			c.overrun(t, 1_200_000, 1_000_000)
			for range 8 {
				c.look(c.d.Bitrate, 1_000_000, 5*time.Millisecond)
			}
		}
		seen := c.d.Capacity
		if c.d.State != Hold || seen < 900_000 || seen > 1_050_000 {
			t.Fatalf("full: %+v", c.d)
		}
		if resends {
			c.f.Resent += 2
		}
		c.overrun(t, c.d.Bitrate, 500_000)
		if (c.d.Capacity > seen*4/5) != resends {
			t.Errorf("resends %v: the path took %d bit/s, then %+v", resends, seen, c.d)
		}
	}
}

// What arrived before a path became narrow is not what it takes.
func TestAPathThatBecomesNarrowIsMeasuredAtOnce(t *testing.T) {
	c := newConnection(Options{})
	for range 10 {
		c.look(4_000_000, 4_000_000, 5*time.Millisecond)
	}
	for rtt := 120 * time.Millisecond; rtt < 400*time.Millisecond && c.d.State != Fall; rtt += 150 * time.Millisecond {
		c.look(4_000_000, 1_000_000, rtt)
	}
	if c.d.State != Fall || c.d.Capacity < 900_000 || c.d.Capacity > 1_100_000 {
		t.Errorf("1 Mbit/s: %+v", c.d)
	}
}

// A queue that is nearly as long as it was is not left alone until it is dry one day.
func TestAQueueThatDoesNotRunDryIsAnswered(t *testing.T) {
	c := newConnection(Options{})
	for range 10 {
		c.look(4_000_000, 4_000_000, 5*time.Millisecond)
	}
	c.overrun(t, 4_000_000, 2_000_000)
	first := c.d.Bitrate
	for range 7 { // it has become narrower still; nothing grows, as pictures are left out
		c.look(1_000_000, 1_000_000, 150*time.Millisecond)
	}
	if c.d.Bitrate > 1_000_000 {
		t.Errorf("%d bit/s, and 1.4 s later: %+v", first, c.d)
	}
}

// A connection that stood still and then takes little is narrow.
func TestAStandstillBeforeANarrowPathIsShort(t *testing.T) {
	c := newConnection(Options{})
	for range 10 {
		c.look(4_000_000, 4_000_000, 5*time.Millisecond)
	}
	c.f.Backlog = 60_000
	c.look(4_000_000, 3_000_000, 90*time.Millisecond)
	c.f.Backlog = 150_000
	c.look(0, 0, 100*time.Millisecond)
	c.f.Backlog = 250_000
	c.look(0, 0, 100*time.Millisecond)
	for range 2 {
		c.f.Backlog += 100_000
		c.look(0, 900_000, 100*time.Millisecond)
	}
	if c.d.Capacity == 0 || c.d.Capacity > 1_500_000 {
		t.Errorf("400 ms after it goes on: %+v", c.d)
	}
}

func TestLightLossIsNoReasonToYield(t *testing.T) {
	for seed := range uint64(8) {
		s := newStepped(t, Options{Max: 6e6})
		l := link{rate: constant(1e6), queue: 100 * time.Millisecond, delay: 20 * time.Millisecond, loss: even(0.03)}
		f := measure(l.run(s, 6e6, 120*time.Second, seed), 20*time.Second, 120*time.Second)
		if f.used < 0.8 {
			t.Errorf("seed %d: %.0f %% used", seed, 100*f.used)
		}
		steady := 0
		for _, c := range s.changes {
			if c.at > 20*time.Second {
				steady++
			}
		}
		if steady > 2 {
			t.Errorf("seed %d: the step changed %d times in 100 s: %v", seed, steady, s.changes)
		}
	}
}

// Whatever a peer reports: the rate stays within its bounds, and nothing overflows.
func FuzzFeedback(f *testing.F) {
	f.Add(int64(1e6), int64(1e6), int64(0), int64(0), int64(40e6), int64(0), 0.0, true)
	f.Add(int64(-5), int64(math.MaxInt64), int64(math.MaxInt64), int64(-1), int64(-40e6), int64(math.MaxInt64), 255.0/256, true)
	f.Add(int64(math.MaxInt64), int64(7), int64(-9), int64(math.MaxInt64), int64(math.MaxInt64), int64(-1), math.NaN(), true)
	f.Fuzz(func(t *testing.T, sent, delivered, backlog, stall, rtt, waiting int64, loss float64, reported bool) {
		c := New(Options{Min: 200_000, Max: 8_000_000})
		s, _ := NewSteps(ladder)
		for i := range 100 {
			fb := Feedback{Sent: sent, Delivered: delivered, Backlog: backlog, Stalled: time.Duration(stall), Resent: sent / 7 * waiting, RTT: time.Duration(rtt), Waiting: time.Duration(waiting), Loss: loss, Reported: reported}
			if i%2 == 0 {
				fb = Feedback{Sent: int64(i) * 100_000, RTT: 40 * time.Millisecond}
			}
			d := c.Update(epoch.Add(time.Duration(i)*200*time.Millisecond), fb)
			if d.Bitrate < 200_000 || d.Bitrate > 8_000_000 || d.Steady < d.Bitrate || d.Queueing < 0 || d.Queueing > 2*longest || !(d.Loss >= 0 && d.Loss <= 1) {
				t.Fatalf("%+v from %+v", d, fb)
			}
			if at, _ := s.Choose(epoch.Add(time.Duration(i)*200*time.Millisecond), d); at < 0 || at >= len(ladder) {
				t.Fatal(at)
			}
		}
	})
}

// A receiver that says for ever that everything is lost ends at the least rate, no lower,
// and the rate returns once it says otherwise.
func TestAReporterThatLiesIsBounded(t *testing.T) {
	c := New(Options{Min: 300_000, Max: 4e6})
	now := epoch
	var sent int64
	send := func(loss float64, n int) (d Decision) {
		for range n {
			d = c.Update(now, Feedback{Sent: sent, RTT: 40 * time.Millisecond, Loss: loss, Reported: true})
			now = now.Add(200 * time.Millisecond)
			sent += int64(d.Bitrate / 8 / 5)
		}
		return d
	}
	if d := send(255.0/256, 600); d.Bitrate < 300_000 || d.Bitrate > 1_000_000 {
		t.Errorf("%+v", d)
	}
	if d := send(0, 300); d.Bitrate != 4e6 {
		t.Errorf("a minute later: %+v", d)
	}
}

func TestStepsThatDoNotFallAreRefused(t *testing.T) {
	for _, bad := range [][]Step{nil, {{Name: "a", Min: 5, Max: 4}}, {{Name: "a", Min: -1, Max: 4}}, {{Name: "a", Min: 10, Max: 20}, {Name: "b", Min: 10, Max: 15}}, {{Name: "a", Min: 10, Max: 20}, {Name: "b", Min: 12, Max: 30}}, {{Name: "a", Min: 10, Max: 20}, {Name: "b", Min: 5, Max: 20}}} {
		if _, err := NewSteps(bad); err == nil {
			t.Errorf("%v", bad)
		}
	}
}

// A fall may believe too little for a moment: key frames alone are only for a rate that stays.
func TestTheLastStepIsForARateThatStays(t *testing.T) {
	ladder := []Step{{Name: "a", Min: 4000, Max: 9000}, {Name: "b", Min: 2000, Max: 3000}, {Name: "keys", Max: 500, Last: true}}
	for _, c := range []struct {
		low  time.Duration
		want int
	}{{time.Second, 1}, {2 * time.Second, 2}} {
		s, err := NewSteps(ladder)
		if err != nil {
			t.Fatal(err)
		}
		now, at := time.Unix(0, 0), 0
		for range c.low / (200 * time.Millisecond) {
			at, _ = s.Choose(now, Decision{Steady: 1000, State: Fall})
			now = now.Add(200 * time.Millisecond)
		}
		if at != c.want {
			t.Errorf("too low for %v: at %d", c.low, at)
		}
		if at, _ = s.Choose(now, Decision{Steady: 2100, State: Hold}); at != c.want {
			t.Errorf("then at %d", at)
		}
		if at, _ = s.Choose(now.Add(200*time.Millisecond), Decision{Steady: 1000, State: Fall}); at != c.want {
			t.Errorf("too low again, just now: at %d", at)
		}
	}
}

func TestStepsSettleBelowTheFirst(t *testing.T) {
	for _, c := range []struct{ rate, steps, want int }{{9_000_000, 3, 1}, {700_000, 3, 1}, {400_000, 3, 2}, {0, 3, 2}, {9_000_000, 1, 0}} {
		s, err := NewSteps([]Step{{Name: "source", Min: 2_000_000, Max: 8_000_000}, {Name: "half", Min: 500_000, Max: 1_000_000}, {Name: "least", Min: 0, Max: 300_000}}[:c.steps])
		if err != nil {
			t.Fatal(err)
		}
		if s.Settle(Decision{Steady: c.rate}); s.At() != c.want {
			t.Errorf("%d bit/s: step %d, not %d", c.rate, s.At(), c.want)
		}
	}
}

func TestStepsThatLeapGoUpAsFarAsTheRateIsEnoughFor(t *testing.T) {
	ladder := []Step{{Name: "a", Min: 4000, Max: 9000}, {Name: "b", Min: 3000, Max: 3000}, {Name: "c", Min: 2000, Max: 2000}, {Name: "d", Min: 0, Max: 1000}}
	for _, leap := range []bool{false, true} {
		s, err := NewSteps(ladder)
		if err != nil {
			t.Fatal(err)
		}
		if leap {
			s.Leap()
		}
		now := time.Unix(0, 0)
		if at, _ := s.Choose(now, Decision{Steady: 1500}); at != 3 {
			t.Fatalf("at %d", at)
		}
		at := 3
		for range 12 { // 2.4 s
			now = now.Add(200 * time.Millisecond)
			at, _ = s.Choose(now, Decision{Steady: 3500, State: Rise})
		}
		if want := map[bool]int{false: 2, true: 1}[leap]; at != want {
			t.Errorf("leap %v: at %d instead of %d", leap, at, want)
		}
	}
}
