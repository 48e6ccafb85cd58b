package crashfs

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// Mode is what a cut does with what was not synced.
type Mode uint8

// The modes of [FS.Clone].
const (
	// Kept keeps unsynced bytes and names: kill -9, or a disk that was quicker than
	// it promised. What a failed Sync lost is lost.
	Kept Mode = iota
	// Dropped loses unsynced bytes, sizes and names.
	Dropped
	// Zeroed keeps names and sizes, but the bytes did not follow: what extends a file
	// reads as zeros, what was overwritten is as before.
	Zeroed
	mixed
)

// Modes lists them.
var Modes = []Mode{Kept, Dropped, Zeroed}

// String returns the mode's name.
func (m Mode) String() string { return [...]string{"kept", "dropped", "zeroed", "mixed"}[m] }

// Clone returns the file system as a power cut at this instant leaves it. It has no locks,
// faults, hooks or limit of its own, its operations count from 1, and everything
// in it is durable.
func (f *FS) Clone(mode Mode) *FS { return f.clone(mode, nil) }

// CloneMixed is Clone with a mode drawn anew for each file: one of the three, or sector
// by sector, with any size between the synced one and the last. The names of each directory
// are as after some of the operations on it, in their order. The same seed gives the
// same draw.
func (f *FS) CloneMixed(seed uint64) *FS { return f.clone(mixed, rand.New(rand.NewPCG(seed, seed))) }

func (f *FS) clone(mode Mode, rng *rand.Rand) *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.epoch = new(epoch) // what both share now is copied before it is written
	out := New()
	out.root = out.copyOf(f.root, mode, rng)
	return out
}

// copyOf copies what a cut leaves of n and everything below it.
func (f *FS) copyOf(n *node, mode Mode, rng *rand.Rand) *node {
	if !n.isDir() {
		if mode == mixed {
			mode = Mode(rng.IntN(int(mixed) + 1))
		}
		out := &node{perm: n.perm, linked: true, content: n.content.after(mode, rng, f.epoch)}
		f.used += out.content.size
		return out
	}
	names := n.live
	switch mode {
	case Dropped:
		names = n.durable
	case mixed:
		names = maps.Clone(n.durable)
		for _, c := range n.pending[:rng.IntN(len(n.pending)+1)] {
			put(names, c)
		}
	}
	out := newDir(n.perm)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		out.live[name] = f.copyOf(names[name], mode, rng)
	}
	out.durable = maps.Clone(out.live)
	return out
}
