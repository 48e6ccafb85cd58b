package engine

import (
	"math/rand/v2"
	"testing"
	"time"

	"rtsprec/engine/media"
)

var dedupStart = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// sound makes n units of 20 ms from the i-th on, all of which hold the same bytes where
// silent.
func sound(i, n int, silent bool, off time.Duration) (list []media.AccessUnit) {
	for ; n > 0; n-- {
		data := []byte{0xd5, 0xd5}
		if !silent {
			data = []byte{byte(i), byte(i >> 8)}
		}
		list = append(list, media.AccessUnit{Wall: dedupStart.Add(time.Duration(i)*20*time.Millisecond + off), Data: data})
		i++
	}
	return list
}

// fresh is how many of list are new to d.
func fresh(d *dedup, list []media.AccessUnit) (n int) {
	for i := range list {
		if !d.seen(&list[i]) {
			n++
		}
	}
	return n
}

func TestDedupDropsWhatComesAgainAndNothingElse(t *testing.T) {
	for _, silent := range []bool{false, true} {
		d := newDedup()
		if n := fresh(d, sound(0, 500, silent, 0)); n != 500 {
			t.Fatalf("silent %v: %d of 500 units that come for the first time", silent, n)
		}
		d.again()
		if n := fresh(d, sound(300, 300, silent, time.Microsecond)); n != 100 {
			t.Errorf("silent %v: %d of 100 new units behind 200 that come again", silent, n)
		}
		d.again() // without an overlap
		if n := fresh(d, sound(600, 100, silent, 0)); n != 100 {
			t.Errorf("silent %v: %d of 100 new units", silent, n)
		}
	}
}

// What is on the disk has times that follow a clock slowly.
func TestDedupKnowsWhatARecordingHasBySlowerTimes(t *testing.T) {
	for _, off := range []time.Duration{-60 * time.Millisecond, 60 * time.Millisecond} {
		for _, silent := range []bool{false, true} {
			d := newDedup()
			for _, au := range sound(0, 500, silent, off) {
				d.prime(&au)
			}
			d.again()
			if n := fresh(d, sound(200, 400, silent, 0)); n < 97 || n > 103 || !silent && n != 100 {
				t.Errorf("off %v, silent %v: %d of 100 new units", off, silent, n)
			}
		}
	}
}

// A clock that was corrected by more than that is followed on the disk when the next file
// begins: a key frame tells of it, for the sound too.
func TestDedupKnowsWhatARecordingHasBeforeItsTimesAreCorrected(t *testing.T) {
	for _, off := range []time.Duration{-2 * time.Second, -400 * time.Millisecond, 400 * time.Millisecond, 2 * time.Second} {
		d := newDedup()
		film := func(i, n int, off time.Duration) (list []media.AccessUnit) {
			picture, beside := sound(i, n, false, off), sound(i, n, true, off)
			for j := range picture {
				picture[j].Key = (i+j)%50 == 0
				beside[j].Key, beside[j].Track = true, 1
				list = append(list, picture[j], beside[j])
			}
			return list
		}
		for _, au := range film(0, 500, off) {
			d.prime(&au)
		}
		d.again()
		if n := fresh(d, film(200, 400, 0)); n < 200 || n > 203 {
			t.Errorf("off %v: %d of 200 new units", off, n)
		}
	}
}

// What was lost in the middle and comes again is new, and what follows it is not.
func TestDedupFillsHoles(t *testing.T) {
	d := newDedup()
	all := sound(0, 500, false, 0)
	fresh(d, all[:200])
	fresh(d, all[210:300])
	d.again()
	if n := fresh(d, all[100:400]); n != 110 {
		t.Errorf("%d of 110 new units", n)
	}
}

func TestDedupForgetsAndStaysSmall(t *testing.T) {
	d := newDedup()
	fresh(d, sound(0, 50*60*10, true, 0)) // ten minutes
	if n := len(d.tracks[0].order); n > 50*121 {
		t.Errorf("%d units are remembered", n)
	}
	units := 0
	for _, list := range d.tracks[0].known {
		units += len(list)
	}
	if units != len(d.tracks[0].order) {
		t.Errorf("%d units are known, %d in order", units, len(d.tracks[0].order))
	}
}

// Whatever is sent again from wherever, each unit is taken once.
func FuzzDedupTakesEachUnitOnce(f *testing.F) {
	f.Add(uint64(1), uint8(3))
	f.Fuzz(func(t *testing.T, seed uint64, cuts uint8) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		d := newDedup()
		taken := map[time.Time]int{}
		at, silent := 0, seed%2 == 0
		for range int(cuts)%6 + 1 {
			from := max(0, at-rnd.IntN(1000))
			n := at - from + rnd.IntN(1000)
			d.again()
			for _, au := range sound(from, n, silent, 0) {
				if !d.seen(&au) {
					taken[au.Wall]++
				}
			}
			at = max(at, from+n)
		}
		for wall, n := range taken {
			if n != 1 {
				t.Fatalf("%v was taken %d times", wall, n)
			}
		}
		if len(taken) != at {
			t.Errorf("%d of %d units were taken", len(taken), at)
		}
	})
}
