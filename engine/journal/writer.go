package journal

import (
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
)

// Format is the version of the plan, the journal and its index that this package
// writes. Others are refused.
const Format = 1

// Options of a Writer.
type Options struct {
	FS     vfs.FS
	Dir    string      // RECORDING/journal; created when absent
	Clock  media.Clock // Wall dates the lines and the files
	Next   uint64      // lowest seq of the first line; 0: what the log says
	Limit  int64       // bytes after which a file is closed and compacted; 0: 8 MiB
	Report func(error) // optional: what went wrong with compaction or the index; neither loses anything
}

// Writer appends to a journal. It is safe for concurrent use. The caller holds the
// recording's lock.
type Writer struct{}

// OpenWriter settles what earlier writers left (syncs, compacts and indexes their files) and
// returns a Writer that begins a new file with its first line.
func OpenWriter(o Options) (*Writer, error) { return nil, nil }

// Append adds a line and returns its seq. It is in the file when Append returns, and
// durable after the next Sync that succeeds. After an error nothing of it is in the log.
func (w *Writer) Append(e Entry) (seq uint64, err error) { return 0, nil }

// Sync makes every line appended before it durable. After an error the file is final:
// the next Append or Sync begins a new one and writes the lines that are not yet
// durable again, with the same seq.
func (w *Writer) Sync() error { return nil }

// Rotate makes everything durable and closes the file; the next line begins a new one.
func (w *Writer) Rotate() error { return nil }

// Close makes everything durable, compacts and indexes.
func (w *Writer) Close() error { return nil }
