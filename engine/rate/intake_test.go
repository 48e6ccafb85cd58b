package rate

import (
	"math/rand/v2"
	"testing"
	"time"
)

// camera sends pictures over a way of a given rate, as over TCP: what does not fit waits at
// the camera, which leaves pictures out once more than store waits.
type camera struct {
	bitrate, store float64 // bit/s, bits
	way            func(at time.Duration) float64
	fps            int

	waits float64 // bits
}

// watch gives an Intake what arrives in that time and returns when it first found the way
// narrow, and whether it ended calm.
func (c *camera) watch(i *Intake, from, length time.Duration) (narrow time.Duration, why []Reason, calm bool) {
	start := time.Unix(1_700_000_000, 0)
	narrow = -1
	gap := time.Second / time.Duration(c.fps)
	for n := 0; time.Duration(n)*gap < length; n++ {
		at := from + time.Duration(n)*gap
		rate := c.way(at)
		c.waits = max(c.waits-rate*gap.Seconds(), 0)
		size := c.bitrate / float64(c.fps) * 0.8
		if n%c.fps == 0 {
			size = c.bitrate / float64(c.fps) * (1 + 0.2*float64(c.fps-1)) // a fifth of all is the key frame's
		}
		if c.waits+size > c.store {
			continue
		}
		arrival := c.through(at, c.waits)
		c.waits += size
		i.Picture(start.Add(arrival), at)
		if w := i.Narrow(); len(w) > 0 && narrow < 0 {
			narrow, why = arrival-from, w
		}
	}
	return narrow, why, i.Calm()
}

// through is when so many bits have gone away that wait at that time.
func (c *camera) through(at time.Duration, bits float64) time.Duration {
	const slice = 5 * time.Millisecond
	for ; bits > 0; at += slice {
		bits -= c.way(at) * slice.Seconds()
	}
	return at
}

func TestAWayThatIsTooNarrowIsFoundSoon(t *testing.T) {
	for _, c := range []struct {
		name   string
		camera camera
		within time.Duration // of the narrowing at 20 s
	}{
		{"half of what it takes", camera{bitrate: 4e6, store: 40e6, fps: 25, way: narrowing}, 6 * time.Second},
		{"a camera that stores little", camera{bitrate: 4e6, store: 1.6e6, fps: 25, way: narrowing}, 8 * time.Second},
		{"a quarter", camera{bitrate: 8e6, store: 80e6, fps: 30, way: narrowing}, 5 * time.Second},
		{"five pictures a second", camera{bitrate: 4e6, store: 40e6, fps: 5, way: narrowing}, 6 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			var i Intake
			at, why, _ := c.camera.watch(&i, 0, 40*time.Second)
			if at < 20*time.Second || at > 20*time.Second+c.within || len(why) == 0 {
				t.Errorf("found at %v: %v", at, why)
			}
		})
	}
}

func TestWhatFitsOrWasOnlyHeldUpIsNoReason(t *testing.T) {
	for _, c := range []struct {
		name string
		way  func(time.Duration) float64
	}{
		{"wide", constant(20e6)},
		{"just wide enough", constant(4.4e6)},
		{"two seconds of nothing now and then", func(at time.Duration) float64 {
			if at%(20*time.Second) < 2*time.Second {
				return 1
			}
			return 20e6
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var i Intake
			cam := camera{bitrate: 4e6, store: 40e6, fps: 25, way: c.way}
			if at, why, _ := cam.watch(&i, time.Second*3, time.Minute); at >= 0 {
				t.Errorf("narrow at %v: %v", at, why)
			}
		})
	}
}

// A camera that shows less when nothing moves, one whose clock is off, and one that sends at
// first what it had in store, send over a way that is wide.
func TestWhatACameraDoesByItselfIsNoReason(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	random := rand.New(rand.NewPCG(3, 4))
	for name, arrives := range map[string]func(n int) (at, stamp time.Duration, ok bool){
		"half the pictures at night": func(n int) (time.Duration, time.Duration, bool) {
			at := time.Duration(n) * 40 * time.Millisecond
			return at, at, n < 500 || n%2 == 0
		},
		"a clock that is 500 ppm slow": func(n int) (time.Duration, time.Duration, bool) {
			at := time.Duration(n) * 40 * time.Millisecond
			return at, time.Duration(float64(at) * (1 - 5e-4)), true
		},
		"five seconds at once": func(n int) (time.Duration, time.Duration, bool) {
			at := time.Duration(n) * 40 * time.Millisecond
			return max(at, 5*time.Second), at, true
		},
		"jitter of 600 ms": func(n int) (time.Duration, time.Duration, bool) {
			at := time.Duration(n) * 40 * time.Millisecond
			return at + time.Duration(random.IntN(600))*time.Millisecond, at, true
		},
		"time that stands still, and falls": func(n int) (time.Duration, time.Duration, bool) {
			at := time.Duration(n) * 40 * time.Millisecond
			return at, at - time.Duration(n%2)*time.Second/2, true
		},
	} {
		t.Run(name, func(t *testing.T) {
			var i Intake
			for n := range 5000 {
				at, stamp, ok := arrives(n)
				if !ok {
					continue
				}
				i.Picture(start.Add(at), stamp)
				if why := i.Narrow(); len(why) > 0 {
					t.Fatalf("picture %d: %v", n, why)
				}
			}
		})
	}
}

func TestLossForSecondsIsAReasonAndABurstIsNone(t *testing.T) {
	for _, c := range []struct {
		name   string
		lost   func(second int) uint64 // of 100 packets
		narrow bool
		calm   bool
	}{
		{"none", func(int) uint64 { return 0 }, false, true},
		{"one of a hundred, a radio link", func(int) uint64 { return 1 }, false, false},
		{"five of a hundred", func(int) uint64 { return 5 }, true, false},
		{"a burst", func(s int) uint64 { return map[bool]uint64{true: 10}[s == 5] }, false, true},
		{"a third", func(int) uint64 { return 33 }, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var i Intake
			var received, lost uint64
			narrow := false
			for s := range 12 {
				at := time.Unix(int64(s), 0)
				for n := range 25 {
					d := time.Duration(n) * 40 * time.Millisecond
					i.Picture(at.Add(d), time.Duration(s)*time.Second+d)
				}
				n := c.lost(s)
				received, lost = received+100-n, lost+n
				i.Packets(at, received, lost)
				narrow = narrow || len(i.Narrow()) > 0
			}
			if narrow != c.narrow || i.Calm() != c.calm {
				t.Errorf("narrow %v, calm %v", narrow, i.Calm())
			}
			i.Packets(time.Unix(12, 0), 1, 0) // a session that counts anew
			if i.loss(lossSpan) != 0 {
				t.Error("loss of another session")
			}
		})
	}
}

// Over a way that is wide for a while and narrow for a while the picture changes less and
// less often; over one that stays wide the main stream is back after the first try.
func TestAWayThatFlapsIsTriedMoreAndMoreSeldom(t *testing.T) {
	flaps := func(at time.Duration) float64 {
		if at%(50*time.Second) < 25*time.Second {
			return 20e6
		}
		return 2e6
	}
	changes := func(way func(time.Duration) float64, length time.Duration) (n int) {
		start := time.Unix(1_700_000_000, 0)
		var r Retry
		sub := false
		for at := time.Duration(0); at < length; {
			now := start.Add(at)
			var i Intake
			main := &camera{bitrate: 4e6, store: 40e6, fps: 25, way: way}
			if !sub {
				narrow, _, _ := main.watch(&i, at, length-at)
				if narrow < 0 {
					break
				}
				at += narrow
				r.Lost(start.Add(at))
				sub = true
				n++
				continue
			}
			if !r.Due(now) {
				at += 100 * time.Millisecond
				continue
			}
			_, _, calm := main.watch(&i, at, 5*time.Second)
			at += 5 * time.Second
			if calm {
				r.Found(start.Add(at))
				sub = false
				n++
			} else {
				r.Failed(start.Add(at))
			}
		}
		return n
	}
	if n := changes(flaps, 20*time.Minute); n < 2 || n > 20 { // it flaps 48 times
		t.Errorf("%d changes in 20 minutes", n)
	}
	once := func(at time.Duration) float64 {
		if at > 20*time.Second && at < 25*time.Second {
			return 1e6
		}
		return 20e6
	}
	if n := changes(once, 5*time.Minute); n != 2 {
		t.Errorf("%d changes for one weak moment", n)
	}
}

func TestARetryWaitsTwiceAsLongAndForgets(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	var r Retry
	due := func(at, after time.Duration) {
		t.Helper()
		if r.Due(start.Add(at+after-time.Millisecond)) || !r.Due(start.Add(at+after)) {
			t.Errorf("at %v: not due after %v", at, after)
		}
	}
	if !r.Due(start) {
		t.Error("the first try has to wait")
	}
	r.Lost(start)
	due(0, 10*time.Second)
	r.Failed(start.Add(15 * time.Second))
	due(15*time.Second, 20*time.Second)
	r.Found(start.Add(40 * time.Second))
	r.Lost(start.Add(60 * time.Second))
	due(60*time.Second, 40*time.Second)
	for range 10 {
		r.Failed(start.Add(2 * time.Minute))
	}
	due(2*time.Minute, 5*time.Minute)
	r.Found(start.Add(10 * time.Minute))
	r.Lost(start.Add(time.Hour))
	due(time.Hour, 10*time.Second)
}
