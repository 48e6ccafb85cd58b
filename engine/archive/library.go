package archive

import (
	"context"
	"time"

	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
)

// Library is the recordings below some roots, kept in memory: a catalogue is read once and
// then follows its journal, of which only what was added is read. Nothing in it opens a
// media file but Describe and Replay. It is safe for concurrent use; what it returns is a
// picture of one moment that nobody changes any more.
type Library struct {
	fs    vfs.FS
	clock media.Clock
	roots []string
}

// Holding is one camera of one recording.
type Holding struct {
	Recording *Recording
	Camera    *Camera
}

// PlayOptions says what [Library.Replay] plays.
type PlayOptions struct {
	// From is where it begins: at the key frame at or before it. Zero: at the beginning.
	// To is where it ends; zero: at the end. With Reverse From is the later one.
	From, To time.Time
	Keys     bool          // only key frames, and of the picture only
	Reverse  bool          // key frames in falling order of capture; implies Keys
	Follow   bool          // at the end of a recording that grows wait for more
	Tracks   []media.Track // those that were described; nil: what Describe says now
}

// NewLibrary returns the library of what is below roots: each is a recording, or a directory
// of recordings. It reads nothing yet.
func NewLibrary(fsys vfs.FS, clock media.Clock, roots ...string) *Library {
	return &Library{fs: fsys, clock: clock, roots: roots}
}

// Recordings returns all recordings, by name.
func (l *Library) Recordings() []*Recording { return nil }

// Recording returns the one of that name: its directory relative to its root, or the
// directory's own name where the root is the recording. fault.NotFound without one.
func (l *Library) Recording(name string) (*Recording, error) { return nil, nil }

// Resolve finds the cameras that a path names: "CAMERA" in every recording that has it, by
// time, or "RECORDING/CAMERA". It fails with fault.NotFound where there is none; a
// name never reaches the disk.
func (l *Library) Resolve(path string) ([]Holding, error) { return nil, nil }

// Describe says what is recorded under a path now: from when to when there is media, and
// the tracks of the newest. fault.NotFound: nothing.
func (l *Library) Describe(path string) (from, to time.Time, tracks []media.Track, err error) {
	return time.Time{}, time.Time{}, nil, nil
}

// Play is Replay with the most common options.
func (l *Library) Play(ctx context.Context, path string, from, to time.Time, keys, reverse bool) (media.Source, error) {
	return l.Replay(ctx, path, PlayOptions{From: from, To: to, Keys: keys, Reverse: reverse})
}

// Replay plays what was recorded under a path, gap after gap jumped over.
func (l *Library) Replay(ctx context.Context, path string, o PlayOptions) (media.Source, error) {
	return nil, nil
}
