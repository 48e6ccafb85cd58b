package segment

import (
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
)

// Writer writes one segment. It is not safe for concurrent use.
type Writer struct{}

// Storable says whether a track can be stored. The error is of kind fault.Unsupported
// and names the codec and what is missing.
func Storable(t media.Track) error { return nil }

// NewWriter writes the beginning of a segment into an empty file: one write, not synced.
// The error is of kind fault.Unsupported when a track cannot be stored (see Storable).
func NewWriter(f vfs.File, h Header) (*Writer, error) { return &Writer{}, nil }

// Add puts a unit into the open fragment, without touching the disk. s.Data is kept
// until the fragment has been flushed. Video fragments should begin with a key unit:
// Flush before adding one. What breaks a rule of Sample is refused (fault.Bug) and changes
// nothing; so is a unit that would make the fragment pass MaxFragment.
func (w *Writer) Add(s Sample) error { return nil }

// Pending returns what the open fragment holds: units, the longest span of a track, and
// bytes of media.
func (w *Writer) Pending() (units int, span time.Duration, bytes int) { return 0, 0, 0 }

// Flush closes the open fragment: exactly one write, nothing when it is empty. After an
// error nothing has changed and the fragment is still open: Flush again writes it at the
// same place.
func (w *Writer) Flush() error { return nil }

// Progress returns what has been flushed.
func (w *Writer) Progress() Progress { return Progress{} }

// TakeCommit returns the range flushed since the last TakeCommit and begins a new one.
func (w *Writer) TakeCommit() Commit { return Commit{} }

// Seal flushes, turns the file into an ordinary MP4 and syncs it (twice). Renaming is the
// caller's. After an error it may be tried again, except after a failed sync, which is
// final for the file.
func (w *Writer) Seal() (Sealed, error) { return Sealed{}, fault.New(fault.Bug, "not yet") }

// Resume returns a Writer that stands behind the last sound fragment of f, which Scan
// (with everything read) has found to be Open or Unfinished. What stands behind
// s.Sound is cut off; keep a copy before. A damaged first header is mended by Seal.
func Resume(f vfs.File, s *File) (*Writer, error) { return &Writer{}, nil }
