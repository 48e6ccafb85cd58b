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
}

type dedupTrack struct {
	again  bool      // what comes may be known
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
	if t.takes(maphash.Bytes(d.seed, au.Data), au.Wall) {
		return true
	}
	if au.Wall.After(t.newest) {
		t.again = false // what comes now is new
	}
	d.learn(au, exactly)
	return false
}

// takes finds the nearest unit that is known by that hash and time and was not used.
func (t *dedupTrack) takes(hash uint64, at time.Time) bool {
	best := -1
	list := t.known[hash]
	for i, k := range list {
		off := k.at.Sub(at).Abs()
		if !k.used && off <= k.within && (best < 0 || off < list[best].at.Sub(at).Abs()) {
			best = i
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
