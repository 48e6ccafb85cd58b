package engine

import (
	"crypto/sha256"
	"time"

	"rtsprec/engine/media"
)

// mark is what is compared of a unit.
type mark struct {
	sum [sha256.Size]byte
	at  time.Time // when it is decoded, in capture time
}

// markOf makes the mark of a unit of a track with that clock rate.
func markOf(au media.AccessUnit, rate int) mark {
	return mark{sha256.Sum256(au.Data), au.Wall.Add(-media.ToDuration(au.PTS-au.DTS, rate))}
}

// Three units in a row that are the same prove that two recordings are of the same stream,
// where they are found once in each: the pictures of a scene that stands still repeat.
const proof = 3

// sameWithin is how far the two recordings' ideas of a unit's capture time may differ.
const sameWithin = time.Second

// match is a place where two lists are the same.
type match struct {
	mine, theirs int           // index of the first of the three
	delta        time.Duration // to be added to their time
}

// matches finds all places where three units in a row are the same, unique in each list,
// and captured within a second of each other, in order.
func matches(mine, theirs []mark) []match {
	type three [proof][sha256.Size]byte
	places := func(list []mark) map[three][]int {
		found := map[three][]int{}
		for i := 0; i+proof <= len(list); i++ {
			key := three{list[i].sum, list[i+1].sum, list[i+2].sum}
			found[key] = append(found[key], i)
		}
		return found
	}
	a, b := places(mine), places(theirs)
	var list []match
	for i := 0; i+proof <= len(mine); i++ {
		key := three{mine[i].sum, mine[i+1].sum, mine[i+2].sum}
		if len(a[key]) != 1 || len(b[key]) != 1 {
			continue
		}
		j := b[key][0]
		if delta := mine[i].at.Sub(theirs[j].at); delta.Abs() <= sameWithin {
			list = append(list, match{i, j, delta})
		}
	}
	return list
}

// seam is where two recordings are joined.
type seam struct {
	at    int           // index in theirs
	delta time.Duration // to be added to their time
	exact bool          // found by identity
}

// headSeam finds the unit of theirs that follows the last of mine.
func headSeam(mine, theirs []mark) seam {
	if len(mine) == 0 {
		return seam{}
	}
	found := matches(mine, theirs)
	if len(found) == 0 {
		last := mine[len(mine)-1]
		i := after(theirs, last.at.Add(intervalOf(mine)/2))
		return seam{at: i}
	}
	m := found[len(found)-1]
	i, j := m.mine+proof, m.theirs+proof
	for i < len(mine) && j < len(theirs) && mine[i].sum == theirs[j].sum {
		i, j = i+1, j+1
	}
	if i < len(mine) { // what we have last was damaged on its way: time tells which of theirs it was
		j = max(j, after(theirs, mine[len(mine)-1].at.Add(-m.delta+intervalOf(mine)/2)))
	}
	return seam{j, m.delta, true}
}

// tailSeam finds the unit of theirs that is the first of mine. theirs begins behind the
// head's seam.
func tailSeam(mine, theirs []mark, delta time.Duration) seam {
	if len(mine) == 0 {
		return seam{at: len(theirs), delta: delta}
	}
	if found := matches(mine, theirs); len(found) > 0 {
		m := found[0]
		if at := m.theirs - m.mine; at >= 0 {
			return seam{at, m.delta, true}
		}
		return seam{0, m.delta, true} // all of it is there already
	}
	return seam{at: after(theirs, mine[0].at.Add(-delta-intervalOf(mine)/2)), delta: delta}
}

// after is the index of the first unit that is decoded after a time.
func after(list []mark, at time.Time) int {
	for i := range list {
		if list[i].at.After(at) {
			return i
		}
	}
	return len(list)
}

// intervalOf is the usual distance of units.
func intervalOf(list []mark) time.Duration {
	if n := len(list); n > 1 {
		return list[n-1].at.Sub(list[0].at) / time.Duration(n-1)
	}
	return 20 * time.Millisecond
}
