package segment

import (
	"io"
	"iter"
	"time"
)

// State says how far a file has come.
type State int

// The states of a file.
const (
	Open       State = iota // fragments, no end
	Unfinished              // the end is there, but the first header does not say so yet
	Complete                // sealed: an ordinary MP4
)

// ScanOptions says how thoroughly to read.
type ScanOptions struct {
	Quick bool       // boxes only: no payload, no checksum, no final tables; Resume is not possible then
	Each  func(Unit) // called for each unit of each sound fragment, in order; Data is valid during the call only; not with Quick
}

// Fragment is one moof and mdat.
type Fragment struct {
	Offset int64     // of its first byte (prft)
	Size   int64     // up to the next fragment
	Time   time.Time // presentation of its first unit of the leading track
	Span   time.Duration
	Key    bool // decoding may start here
}

// TrackInfo sums up a track.
type TrackInfo struct {
	Units      int64
	Start, End time.Time // of presentation; zero when there is no unit
}

// File is what Scan found.
type File struct {
	State     State
	Header    Header
	Fragments []Fragment
	Tracks    []TrackInfo
	Size      int64
	Sound     int64  // offset behind the last sound fragment
	SHA256    string // of the body [BodyOffset, Size), lower-case hex; empty with Quick
	Problem   error  // what is wrong at Sound or in the end of the file; kind fault.Damaged
}

// Scan reads a segment. The error is of kind fault.Damaged when the beginning of the
// file is not that of a segment, and fault.DiskFailed when reading fails.
func Scan(r io.ReaderAt, size int64, o ScanOptions) (*File, error) { return &File{}, nil }

// InitRange returns where the init segment (ftyp and moov) stands: offset and length.
func (f *File) InitRange() (offset, length int64) { return BodyOffset, 0 }

// Unit is a stored unit with its times.
type Unit struct {
	Sample
	PTS  int64     // ticks from Header.Start
	Time time.Time // media time of PTS
}

// Samples reads the units of fragments[from:to], by fragment in order of DTS over all
// tracks. Data is the caller's. The sequence ends after an error.
func (f *File) Samples(from, to int) iter.Seq2[Unit, error] { return nil }
