package engine

import (
	"context"
	"errors"
	"hash/maphash"
	"io"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// dedup knows which units of a path there are already. A publisher that is not sure what
// arrived before it was cut off sends it again; units that are the same, byte for byte, and
// were captured at the same time are then told apart from new ones. It belongs to one
// goroutine at a time.
//
// A unit is looked for only until its track has brought something new, and each one that
// is known stands for one that comes again: silence is many units with the same bytes.
type dedup struct {
	seed   maphash.Seed
	tracks []dedupTrack
	skew   time.Duration // how much later than it is told to be a unit stands on the disk
}

type dedupTrack struct {
	again  bool      // what comes may be known
	others bool      // it has units that are no key frames: it is a picture
	newest time.Time // capture time of all that is known
	known  map[uint64][]knownUnit
	order  []agedUnit // by when they were learned
}

// knownUnit is one unit that there is.
type knownUnit struct {
	at     time.Time
	within time.Duration // how exact at is
	used   bool          // it came again
}

type agedUnit struct {
	hash uint64
	at   time.Time
}

const (
	// dedupSpan is how far back units are known: more than anybody sends again.
	dedupSpan = 2 * time.Minute
	dedupMost = 1 << 16 // units of a track

	exactly = 2 * time.Millisecond   // capture times of one publisher: their rounding
	nearly  = 250 * time.Millisecond // those on the disk, which follow a clock slowly
	// A clock that was corrected is followed on the disk when the next file begins: until
	// then times there are off by more. A key frame that there is once tells by how much.
	skewMost = 10 * time.Second
)

func newDedup() *dedup { return &dedup{seed: maphash.MakeSeed()} }

// prime tells of a unit as a recording has it.
func (d *dedup) prime(au *media.AccessUnit) { d.learn(au, nearly) }

// primed reports whether anything is known.
func (d *dedup) primed() bool { return len(d.tracks) > 0 }

// newest is the capture time of the newest unit; zero: none is known.
func (d *dedup) newest() (at time.Time) {
	for i := range d.tracks {
		at = later(at, d.tracks[i].newest)
	}
	return at
}

// again says that a publisher begins: what it sends first may be known.
func (d *dedup) again() {
	for i := range d.tracks {
		t := &d.tracks[i]
		t.again = !t.newest.IsZero()
		for _, list := range t.known {
			for j := range list {
				list[j].used = false
			}
		}
	}
}

// seen reports whether there is such a unit already, and remembers it otherwise.
func (d *dedup) seen(au *media.AccessUnit) bool {
	t := d.track(au.Track)
	if !t.again {
		d.learn(au, exactly)
		return false
	}
	hash := maphash.Bytes(d.seed, au.Data)
	if au.Key && t.others {
		d.align(t.known[hash], au.Wall)
	}
	if t.takes(hash, au.Wall, d.skew) {
		return true
	}
	if au.Wall.After(t.newest) {
		t.again = false // what comes now is new
	}
	d.learn(au, exactly)
	return false
}

// align takes the skew from a key frame.
func (d *dedup) align(list []knownUnit, at time.Time) {
	var found []time.Duration
	for _, k := range list {
		if off := k.at.Sub(at); k.within == nearly && off.Abs() <= skewMost {
			found = append(found, off)
		}
	}
	if len(found) == 1 {
		d.skew = found[0]
	}
}

// takes finds the nearest unit that is known by that hash and time and was not used.
func (t *dedupTrack) takes(hash uint64, at time.Time, skew time.Duration) bool {
	best, least := -1, time.Duration(0)
	list := t.known[hash]
	for i, k := range list {
		off := k.at.Sub(at).Abs()
		if k.within == nearly {
			off = (k.at.Sub(at) - skew).Abs()
		}
		if !k.used && off <= k.within && (best < 0 || off < least) {
			best, least = i, off
		}
	}
	if best < 0 {
		return false
	}
	list[best].used = true
	return true
}

// learn remembers a unit and forgets those that are too old.
func (d *dedup) learn(au *media.AccessUnit, within time.Duration) {
	t := d.track(au.Track)
	t.others = t.others || !au.Key
	hash := maphash.Bytes(d.seed, au.Data)
	t.known[hash] = append(t.known[hash], knownUnit{at: au.Wall, within: within})
	t.order = append(t.order, agedUnit{hash, au.Wall})
	if au.Wall.After(t.newest) {
		t.newest = au.Wall
	}
	for len(t.order) > dedupMost || t.newest.Sub(t.order[0].at) > dedupSpan {
		old := t.order[0]
		t.order = t.order[1:]
		if list := t.known[old.hash]; len(list) > 1 {
			t.known[old.hash] = list[1:]
		} else {
			delete(t.known, old.hash)
		}
	}
}

func (d *dedup) track(id media.TrackID) *dedupTrack {
	for len(d.tracks) <= int(id) {
		d.tracks = append(d.tracks, dedupTrack{known: map[uint64][]knownUnit{}})
	}
	return &d.tracks[id]
}

// primeRecorded tells d of the last minute that is recorded under a path. No recording is
// no error.
func primeRecorded(ctx context.Context, d *dedup, deps Deps, dir, path string) error {
	const span = time.Minute
	library := archive.NewLibrary(deps.FS, deps.Clock, dir)
	_, to, _, err := library.Describe(path)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	source, err := library.Play(ctx, path, to.Add(-span), time.Time{}, false, false)
	if err != nil {
		return err
	}
	defer source.Close()
	for {
		au, err := source.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		d.prime(&au)
	}
}
