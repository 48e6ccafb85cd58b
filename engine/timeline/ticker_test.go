package timeline

import (
	"math/rand/v2"
	"testing"
	"time"

	"rtsprec/engine/media"
)

// stamps runs units of a camera with a perfect clock through a track, with an RTP time
// of the test's choosing, and returns them.
func stamps(t *testing.T, n int, rtp func(i int) uint32, between func(track *Track, i int)) []Stamp {
	t.Helper()
	start := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	track := New(start, Options{}).Track(90000)
	var all []Stamp
	for i := range n {
		if between != nil {
			between(track, i)
		}
		s := track.Stamp(rtp(i), start.Add(time.Duration(i)*40*ms+100*ms))
		if i > 0 && (s.Ticks <= all[i-1].Ticks || s.Wall.Before(all[i-1].Wall)) {
			t.Fatalf("unit %d: %+v after %+v", i, s, all[i-1])
		}
		all = append(all, s)
	}
	return all
}

// even asserts that ticks advance by one frame a unit, but for slack.
func even(t *testing.T, all []Stamp, slack media.Ticks) {
	t.Helper()
	for i, s := range all {
		if want := all[0].Ticks + media.Ticks(i)*3600; s.Ticks < want-slack || s.Ticks > want+slack {
			t.Fatalf("unit %d: ticks %d, want %d", i, s.Ticks, want)
		}
	}
}

func resets(all []Stamp) (at []int) {
	for i, s := range all {
		if s.Reset {
			at = append(at, i)
		}
	}
	return at
}

// Case 11: the timestamp wraps.
func TestTicksSurviveTheWrap(t *testing.T) {
	all := stamps(t, 100, func(i int) uint32 { return 0xffffffff - 50*3600 + uint32(i)*3600 }, nil)
	even(t, all, 0)
	if r := resets(all); len(r) > 0 {
		t.Errorf("resets at %v", r)
	}
}

// Case 11: the units around the wrap are lost; the silence may last longer than a wrap.
func TestTicksSurviveALostWrap(t *testing.T) {
	for _, silence := range []time.Duration{time.Second, time.Hour, 10 * time.Hour, 30 * time.Hour} {
		start := time.Now()
		track := New(start, Options{}).Track(90000)
		first := uint32(0xffffffff - 45000)
		a := track.Stamp(first, start)
		passed := media.FromDuration(silence, 90000)
		b := track.Stamp(first+uint32(passed), start.Add(silence+20*ms))
		if b.Ticks-a.Ticks != passed || b.Reset {
			t.Errorf("after %v: %d ticks, want %d", silence, b.Ticks-a.Ticks, passed)
		}
	}
}

// Case 13: jumps of 2 hours.
func TestTicksSurviveJumps(t *testing.T) {
	const hours = 2 * 3600 * 90000
	all := stamps(t, 300, func(i int) uint32 {
		rtp := uint32(i) * 3600
		if i >= 100 && i < 200 {
			rtp += hours
		}
		return rtp
	}, nil)
	even(t, all, 900)
	if r := resets(all); len(r) != 2 || r[0] != 100 || r[1] != 200 {
		t.Errorf("resets at %v", r)
	}
}

// Case 13: another SSRC with another random offset.
func TestTicksSurviveAnSSRCChange(t *testing.T) {
	for _, offset := range []uint32{1, 3600 * 5, 90000 * 3, 1 << 31, 0xfffff000} {
		all := stamps(t, 200, func(i int) uint32 {
			if i >= 100 {
				return uint32(i)*3600 + offset
			}
			return uint32(i) * 3600
		}, func(track *Track, i int) {
			if i == 100 {
				track.Restart()
			}
		})
		even(t, all, 900)
		if r := resets(all); len(r) != 1 || r[0] != 100 {
			t.Errorf("offset %d: resets at %v", offset, r)
		}
	}
}

// Many changes of SSRC under jitter do not add up.
func TestTicksDoNotGainByRestarts(t *testing.T) {
	start := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	track := New(start, Options{}).Track(90000)
	rng := rand.New(rand.NewPCG(8, 8))
	var s Stamp
	const units = 50 * 250
	arrival := start
	for i := range units {
		if i%250 == 0 {
			track.Restart()
		}
		at := start.Add(time.Duration(i)*40*ms + time.Duration(rng.ExpFloat64()*float64(60*ms)))
		if at.After(arrival) {
			arrival = at
		}
		s = track.Stamp(uint32(i*3600+i/250*1e6), arrival)
	}
	if off := media.ToDuration(s.Ticks-(units-1)*3600, 90000); off.Abs() > 600*ms {
		t.Errorf("after 50 restarts ticks are off by %v", off)
	}
}

// Case 13: a jump back by less than reordering at a low rate could explain.
func TestTicksSurviveASmallJumpBack(t *testing.T) {
	start := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	track := New(start, Options{}).Track(90000)
	top, low, reset := media.Ticks(-1), 0, 0
	for i := range 500 {
		rtp := uint32(i * 3600)
		if i >= 200 {
			rtp -= 3 * 90000
		}
		s := track.Stamp(rtp, start.Add(time.Duration(i)*40*ms))
		if s.Ticks <= top {
			low++
		}
		if s.Reset {
			reset++
		}
		top = max(top, s.Ticks)
	}
	if low > maxBelow || reset != 1 {
		t.Errorf("%d units below others, %d resets", low, reset)
	}
}

// Case 13: timestamps that never change, or stop to.
func TestTicksSurviveAClockThatStandsStill(t *testing.T) {
	even(t, stamps(t, 2000, func(int) uint32 { return 7 }, nil), 10)
	all := stamps(t, 2000, func(i int) uint32 {
		if i > 200 && i < 1000 {
			return 200 * 3600
		}
		return uint32(i) * 3600
	}, nil)
	even(t, all, 3600)
	// Two fields of a frame that share a timestamp are no clock that stands still.
	if r := resets(stamps(t, 1000, func(i int) uint32 { return uint32(i/2) * 7200 }, nil)); len(r) > 0 {
		t.Errorf("field pairs: resets at %v", r)
	}
}

// Case 14: an RTP clock that counts frames of a rate the camera does not keep. It takes
// 20 s to be sure; from then on ticks go by arrival, and back when the clock is true.
func TestTicksSurviveAClockOfAnotherRate(t *testing.T) {
	for _, step := range []uint32{1800, 7200, 40, 90} {
		rtp := uint32(0)
		all := stamps(t, 4000, func(i int) uint32 {
			if i < 2000 {
				rtp += step
			} else {
				rtp += 3600
			}
			return rtp
		}, nil)
		for i := 600; i < len(all)-1; i++ {
			if d := all[i+1].Ticks - all[i].Ticks; d != 3600 {
				t.Fatalf("step %d: unit %d lasts %d ticks", step, i, d)
			}
		}
		if r := resets(all); len(r) > 3 {
			t.Errorf("step %d: resets at %v", step, r)
		}
	}
}

// Case 13: the timestamp stands still for a while, and then is where it would have been, or
// goes on from where it stood.
func TestTimeThatStoodStillGoesOnWithoutAHole(t *testing.T) {
	for name, lost := range map[string]uint32{"caught up": 0, "went on": 50} {
		for _, stood := range []int{10, 50, 500} {
			all := stamps(t, 1000, func(i int) uint32 {
				switch {
				case i < 100:
					return uint32(i) * 3600
				case i < 100+stood:
					return 100 * 3600
				case lost > 0:
					return uint32(i-stood) * 3600
				}
				return uint32(i) * 3600
			}, nil)
			for i := range all[1:] {
				if d := all[i+1].Ticks - all[i].Ticks; d > 3*3600 {
					t.Errorf("%s after %d units: a hole of %d units at %d", name, stood, d/3600, i)
				}
				if d := all[i+1].Wall.Sub(all[i].Wall); d > 120*ms {
					t.Errorf("%s after %d units: a hole of %v at %d", name, stood, d, i)
				}
			}
		}
	}
}
