package segment

import (
	"fmt"
	"io"

	"rtsprec/engine/fault"
)

// State says how far a file has come.
type State int

// The states of a file.
const (
	Open       State = iota // fragments and no end, or a broken one
	Unfinished              // the end is there and sound, but the first bytes do not say so
	Sealed                  // the first bytes say that this is an ordinary MP4
)

// String returns the state in lower case.
func (s State) String() string {
	return [...]string{"open", "unfinished", "sealed"}[s]
}

// ScanOptions says how thoroughly to read.
type ScanOptions struct {
	// Quick reads boxes only, and of a sealed file only the index: no media, no
	// checksums, no tables. What it finds is what was written, if nothing was damaged.
	Quick bool
	// Each is called, unless nil or Quick, for each unit of each sound fragment in the
	// order of File.Samples. Data is valid during the call only.
	Each func(Unit)
}

// File is what Scan found. It reads from the file given to Scan, which stays the caller's.
type File struct {
	State     State
	Header    Header
	Fragments []Fragment // the sound ones from the beginning of the file on
	Tracks    []TrackInfo
	Size      int64
	Sound     int64  // where the last of Fragments ends
	SHA256    string // of the bytes from BodyOffset to Size, lower-case hex; empty with Quick
	Problem   error  // what is wrong at Sound or behind it, kind fault.Damaged; nil: nothing

	r    io.ReaderAt
	init int64
	body *body // nil with Quick
}

// InitRange returns where the init segment stands: ftyp and the moov without samples,
// what a browser's media source wants before the first fragment.
func (f *File) InitRange() (offset, length int64) { return BodyOffset, f.init - BodyOffset }

// Summary says of a sealed file what Seal said when it was sealed; without the checksum
// after a Quick reading.
func (f *File) Summary() Summary { return summarize(f.Header, f.Tracks, f.Size, f.SHA256) }

// scanner is one reading of a file.
type scanner struct {
	ScanOptions
	win    window
	file   *File
	body   *body
	first  string // the bytes before BodyOffset
	runs   []run  // of the fragment at hand
	cursor []cursor
}

// Scan reads the first size bytes of a segment from r, in whatever state it is and
// whatever became of it: a prefix, zeros behind what was synced, bits that turned.
//
// The error is of kind fault.Damaged when the file does not begin as a segment does
// (nothing can be read from it then), fault.Unsupported when its format is of the
// future, and fault.DiskFailed when reading fails. All else is File.Problem.
// Memory is bounded by MaxFragment and by some 16 bytes for each unit in the file.
func Scan(r io.ReaderAt, size int64, o ScanOptions) (*File, error) {
	s := &scanner{ScanOptions: o, win: window{r: r, size: size, ahead: 1 << 20}}
	if o.Quick {
		s.win.ahead = 4 << 10
	}
	s.file = &File{Size: size, r: r}
	if err := s.begin(); err != nil {
		return nil, err
	}
	if o.Quick {
		if done, err := s.fromIndex(); err != nil {
			return nil, err
		} else if done {
			return s.file, nil
		}
	}
	if err := s.fragments(); err != nil {
		return nil, err
	}
	if err := s.finish(); err != nil {
		return nil, err
	}
	return s.file, nil
}

// begin reads up to the first fragment.
func (s *scanner) begin() error {
	broken := fault.New(fault.Damaged, "not the beginning of a segment")
	p, ok, err := s.win.at(BodyOffset, int64(len(fileType))+8)
	if err != nil {
		return err
	}
	if !ok || string(p[:len(fileType)]) != fileType {
		return broken
	}
	kind, length, sane := boxAt(p[len(fileType):])
	if !sane || kind != "moov" || length > maxInit {
		return broken
	}
	s.file.init = BodyOffset + int64(len(fileType)) + length
	p, ok, err = s.win.at(0, s.file.init)
	if err != nil {
		return err
	}
	if !ok {
		return broken
	}
	if s.file.Header, err = readHeader(p[s.file.init-length+8:]); err != nil {
		return err
	}
	s.body = newBody(s.file.Header, p)
	s.first = string(p[:BodyOffset])
	if s.first[headerOffset+4:headerOffset+8] == "mdat" {
		s.file.State = Sealed
	}
	return nil
}

// fragments walks over the sound ones.
func (s *scanner) fragments() error {
	for s.body.size < s.win.size {
		stop, err := s.fragment()
		if stop || err != nil {
			return err
		}
	}
	return nil
}

// fragment reads the one at the end of the body; stop when there is none.
func (s *scanner) fragment() (stop bool, err error) {
	at := s.body.size
	p, ok, err := s.win.at(at, prftSize+8)
	if err != nil {
		return true, err
	}
	if kind, _, _ := boxAt(p); ok && kind == "free" {
		return true, nil // the end of a sealed file
	}
	head, sane := headSize(p)
	if ok && !sane {
		return s.broken("not a fragment")
	}
	if ok {
		p, ok, err = s.win.at(at, head)
	}
	if err != nil {
		return true, err
	}
	if !ok {
		return s.broken("cut short after %d bytes", s.win.size-at)
	}
	runs, size, problem := s.body.header.parseHead(p, uint32(len(s.body.fragments)+1), s.runs)
	if problem != nil {
		return s.problem(problem)
	}
	s.runs = runs
	return s.whole(runs, size)
}

// whole checks the fragment's data, or with Quick only that its last box is there, and
// takes it in.
func (s *scanner) whole(runs []run, size int64) (stop bool, err error) {
	at := s.body.size
	for i := range runs {
		if err := s.body.tables[runs[i].track].check(&runs[i]); err != nil {
			return s.problem(err)
		}
	}
	from, length := at, size
	if s.Quick {
		from, length = at+size-checkSize, checkSize
	}
	p, ok, err := s.win.at(from, length)
	switch {
	case err != nil:
		return true, err
	case !ok:
		return s.broken("%d bytes, cut short after %d", size, s.win.size-at)
	case s.Quick && !isCheck(p) || !s.Quick && !checked(p):
		return s.broken("wrong checksum")
	}
	if !s.Quick {
		for i := range runs {
			if err := s.body.header.sound(&runs[i], p); err != nil {
				return s.problem(err)
			}
			s.body.picture(runs[i].track, p[runs[i].at:runs[i].at+int64(runs[i].units[0].size)])
		}
		s.body.sha.Write(p)
	}
	if s.Each != nil && !s.Quick {
		s.cursor = s.body.header.units(runs, p, s.cursor, func(u Unit) bool { s.Each(u); return true })
	}
	s.body.add(runs, size)
	return false, nil
}

func (s *scanner) broken(format string, args ...any) (stop bool, err error) {
	return s.problem(fault.New(fault.Damaged, format, args...))
}

// problem notes what ends the sound part of the file.
func (s *scanner) problem(err error) (stop bool, _ error) {
	s.file.Problem = fault.Wrap(fault.Damaged, fmt.Sprintf("read the fragment at byte %d", s.body.size), err)
	return true, nil
}
