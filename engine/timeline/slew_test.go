package timeline

import (
	"math/rand/v2"
	"testing"
	"time"

	"rtsprec/engine/media"
)

var origin = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func TestSlewKeepsDurationsWhileWallAgrees(t *testing.T) {
	s := NewSlew(90000)
	s.Cut(origin)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range 10000 {
		noise := time.Duration(rng.Int64N(int64(8*ms))) - 4*ms
		if i == 0 {
			noise = 0
		}
		place := s.Place(media.Ticks(1000+i*3600), origin.Add(time.Duration(i)*40*ms+noise))
		if place != int64(i*3600) {
			t.Fatalf("unit %d is at %d", i, place)
		}
	}
}

// A late first sender report, a camera's clock step: at most 1 ms a second inside a
// segment, the rest at the next cut.
func TestSlewLeavesLargeCorrectionsToTheNextCut(t *testing.T) {
	for _, correction := range []time.Duration{-3 * time.Second, -300 * ms, 300 * ms, 3 * time.Second} {
		s := NewSlew(90000)
		s.Cut(origin)
		wall := func(i int) time.Time {
			at := origin.Add(time.Duration(i) * 40 * ms)
			if i >= 250 { // after 10 s
				at = at.Add(correction)
			}
			return at
		}
		last := int64(-1)
		for i := range 1500 { // a minute
			place := s.Place(media.Ticks(i*3600), wall(i))
			if d := place - last - 3600; i > 0 && (d > 5 || d < -5) {
				t.Fatalf("%v: unit %d lasts %d ticks", correction, i-1, place-last)
			}
			last = place
		}
		made := media.ToDuration(last, 90000) - 1499*40*ms
		if want := 50 * ms; made.Abs() < want-ms || made.Abs() > want+ms {
			t.Errorf("%v: %v of it in 50 s", correction, made)
		}
		if p := s.Pending() - (correction - made); p.Abs() > ms {
			t.Errorf("%v: pending is %v after %v", correction, s.Pending(), made)
		}
		s.Cut(wall(1500))
		if place := s.Place(1500*3600, wall(1500)); place != 0 || s.Pending() != 0 {
			t.Errorf("%v: after the cut at %d, pending %v", correction, place, s.Pending())
		}
	}
}

func TestSlewFollowsADriftingClock(t *testing.T) {
	for _, ppm := range []int{-500, 500} {
		s := NewSlew(48000)
		s.Cut(origin)
		for i := range 100_000 { // 33 minutes of 20 ms
			wall := origin.Add(time.Duration(i) * (20*ms + 20*ms*time.Duration(ppm)/1e6))
			place := s.Place(media.Ticks(i)*960, wall)
			if off := media.ToDuration(place, 48000) - wall.Sub(origin); off.Abs() > slewFrom+ms {
				t.Fatalf("%d ppm: unit %d is off by %v", ppm, i, off)
			}
		}
	}
}

func FuzzSlewRises(f *testing.F) {
	f.Add([]byte{1, 2, 3, 200, 0, 255})
	f.Fuzz(func(t *testing.T, steps []byte) {
		s := NewSlew(8000)
		rng := rand.New(rand.NewPCG(uint64(len(steps)), 9))
		last, ticks, wall := int64(-1), media.Ticks(0), origin
		for _, b := range steps {
			switch b & 3 {
			case 0:
				ticks += rng.Int64N(1 << 20)
			case 1:
				ticks -= rng.Int64N(1 << 16)
			case 2:
				wall = wall.Add(time.Duration(rng.Int64N(1<<40) - 1<<39))
			}
			if b == 255 {
				s.Cut(wall.Add(-time.Second))
				last = -1
			}
			ticks += media.Ticks(b)
			place := s.Place(ticks, wall)
			if place < 0 || place <= last {
				t.Fatalf("placed at %d after %d", place, last)
			}
			last = place
		}
	})
}
