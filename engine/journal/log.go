package journal

import (
	"time"

	"rtsprec/engine/vfs"
)

// Line is one line of the log.
type Line struct {
	Seq    uint64    // rises over the whole recording
	At     time.Time // when it was written, by the host's clock, UTC
	Kind   Kind
	Format int    // non-zero in the first line of a file
	Entry  Entry  // a pointer to one of the types of this package; nil for an unknown kind
	Raw    []byte // the whole line without its newline; only where Entry is nil
}

// End says how a log or a file of it ended.
type End string

// The ends. A torn end is normal after a crash.
const (
	Clean   End = "clean"   // every byte is part of a good line
	Torn    End = "torn"    // the last bytes are a broken line
	Corrupt End = "corrupt" // something is broken or missing that has good lines behind it
)

// Problem is something that is not as it was written.
type Problem struct {
	File   string // name in the journal's directory; empty when it is between files
	Offset int64  // of the first byte concerned
	Why    string
}

// FileInfo is one journal file.
type FileInfo struct {
	Name     string
	From, To uint64 // the lines it stands for; zero when it has none
	Size     int64
	End      End
	Compact  bool // commits of sealed segments were left out
	Indexed  bool // closed and described by the index
}

// Log is what was read.
type Log struct {
	Lines    []Line     // in order, no seq twice; without compact lines and without commits of sealed segments
	Files    []FileInfo // all of the directory, in order; also those that were not read
	End      End        // Corrupt when any file read is; Torn when the last one is
	Problems []Problem  // bounded: the first few of each file
	NextSeq  uint64     // for the next line
}

// Read reads the whole log in dir (RECORDING/journal). A missing or empty directory
// is an empty, clean log. Broken lines are no error: see Log.End and Problems. Errors:
// fault.Unsupported for a file of an unknown format, and what the disk reports.
func Read(fsys vfs.FS, dir string) (*Log, error) { return nil, nil }

// ReadDays reads only those files that may hold lines about media between from and to,
// by the index; and those that begin or end what is in them.
func ReadDays(fsys vfs.FS, dir string, from, to time.Time) (*Log, error) { return nil, nil }

// Tail reads the index, the last file, the files that the index does not know yet, and
// those that hold segments or gaps that are still open: what is needed to go on
// writing. The index returned describes all closed files.
func Tail(fsys vfs.FS, dir string) (*Log, *Index, error) { return nil, nil, nil }

// Index describes the closed files of a journal, in order. It is a cache: whatever is
// missing or stale in it is read from the files themselves.
type Index struct{ Files []Indexed }

// Indexed is one line of index.jsonl.
type Indexed struct{}
