package journal

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/vfs"
)

const (
	indexName = "index.jsonl"
	suffix    = ".jsonl"
	// maxProblems bounds what is said about one file: the first few tell it all.
	maxProblems = 8
)

// fileName is the name of a journal file: the UTC day and the seq of its first
// line. Take is 1, or higher when that name is taken already.
type fileName struct {
	day   string // "2006-01-02"
	first uint64
	take  int
}

func dayOf(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func (n fileName) String() string {
	if n.take > 1 {
		return fmt.Sprintf("%s-%09d-%d%s", n.day, n.first, n.take, suffix)
	}
	return fmt.Sprintf("%s-%09d%s", n.day, n.first, suffix)
}

func parseFileName(name string) (n fileName, ok bool) {
	rest, ok := strings.CutSuffix(name, suffix)
	if !ok || len(rest) < len("2006-01-02-000000001") {
		return n, false
	}
	n.day, n.take = rest[:10], 1
	first, take, more := strings.Cut(rest[11:], "-")
	var err error
	if n.first, err = strconv.ParseUint(first, 10, 63); err != nil {
		return n, false
	}
	if more {
		if n.take, err = strconv.Atoi(take); err != nil {
			return n, false
		}
	}
	// Only the canonical form is ours.
	return n, n.String() == name
}

// listed is a file as the directory shows it.
type listed struct {
	fileName
	size int64
	at   time.Time // when it was changed last
}

// list returns the journal files of a directory in the order of their lines, and
// whether there is an index. A missing directory has none.
func list(fsys vfs.FS, dir string) (files []listed, index bool, err error) {
	entries, err := fsys.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, vfs.Fault("list the journal", err)
	}
	for _, e := range entries {
		index = index || e.Name() == indexName
		name, ours := parseFileName(e.Name())
		if !ours || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, false, vfs.Fault("list the journal", err)
		}
		files = append(files, listed{name, info.Size(), info.ModTime()})
	}
	slices.SortFunc(files, func(a, b listed) int {
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.take, b.take), cmp.Compare(a.day, b.day))
	})
	return files, index, nil
}

// file is a journal file as it was read.
type file struct {
	FileInfo
	sum      uint32
	whole    int64         // where the last whole line ends
	head     [headLen]byte // its first bytes
	lines    []Line
	problems []Problem
}

func (f *file) problem(offset int64, why string) {
	f.End = Corrupt
	if len(f.problems) < maxProblems {
		f.problems = append(f.problems, Problem{File: f.Name, Offset: offset, Why: why})
	}
}

// reader reads files of one journal, one after the other, with the same buffers.
type reader struct {
	fs  vfs.FS
	dir string
	buf *bufio.Reader
	// long is for lines that buf does not hold.
	long []byte
}

func newReader(fsys vfs.FS, dir string) *reader {
	return &reader{fs: fsys, dir: dir, buf: bufio.NewReaderSize(nil, 64<<10)}
}

// read reads one journal file. Broken lines are no error.
func (r *reader) read(name string) (*file, error) {
	f := &file{FileInfo: FileInfo{Name: name, End: Clean}}
	broken := int64(-1) // where broken bytes began that had no good line behind them so far
	err := r.each(name, f, func(offset int64, raw []byte) error {
		var l Line
		err := errBroken
		if raw != nil {
			l, err = parseLine(raw)
		}
		if err == nil && l.Format > Format {
			return fault.New(fault.Unsupported, "read the journal: %s has format %d, of a later version", name, l.Format)
		}
		if err == nil && !f.fits(&l) {
			err = errBroken
		}
		if err != nil {
			if broken < 0 {
				broken = offset
			}
			return nil
		}
		if broken >= 0 {
			f.problem(broken, "a broken line")
			broken = -1
		}
		if l.Kind != KindCompact {
			l.Raw = slices.Clone(l.Raw)
			f.lines = append(f.lines, l)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if broken >= 0 && f.End == Clean {
		f.End = Torn
	}
	return f, nil
}

// fits reports whether a sound line may follow those that were read, and counts it.
func (f *file) fits(l *Line) bool {
	if c, ok := l.Entry.(*Compact); ok {
		if f.From != 0 || c.From == 0 || c.To < c.From || c.To > math.MaxInt64 {
			return false
		}
		f.Compact, f.From, f.To = true, c.From, c.To
		return true
	}
	if n := len(f.lines); l.Seq == 0 || n > 0 && l.Seq <= f.lines[n-1].Seq {
		return false
	}
	if f.Compact {
		return l.Seq >= f.From && l.Seq <= f.To
	}
	if f.From == 0 {
		f.From = l.Seq
		if l.Format == 0 {
			f.problem(0, "the first line is missing")
		}
	}
	f.To = l.Seq
	return true
}

// each calls visit with every line of a file and its offset; with nil for bytes that are too long
// for a line or have no newline. The slice is valid during the call. It fills in
// f's size and checksum.
func (r *reader) each(name string, f *file, visit func(offset int64, line []byte) error) error {
	return r.eachFrom(name, 0, f, visit)
}

// eachFrom does that from the byte from on, where a line begins.
func (r *reader) eachFrom(name string, from int64, f *file, visit func(offset int64, line []byte) error) error {
	const op = "read the journal"
	h, err := r.fs.Open(filepath.Join(r.dir, name))
	if err != nil {
		return vfs.Fault(op, err)
	}
	defer h.Close()
	size, err := h.Size()
	if err != nil {
		return vfs.Fault(op, err)
	}
	if n, err := h.ReadAt(f.head[:], 0); n == 0 && err != nil && !errors.Is(err, io.EOF) {
		return vfs.Fault(op, err)
	}
	// Not beyond the size: a writer may be appending.
	r.buf.Reset(io.NewSectionReader(h, from, max(0, size-from)))
	f.Size, f.whole = from, from
	for {
		start := f.Size
		line, err := r.line(f)
		switch {
		case err != nil && !errors.Is(err, io.EOF):
			return vfs.Fault(op, err)
		case f.Size == start:
			return nil
		}
		if line != nil {
			f.whole = f.Size
		}
		if err := visit(start, line); err != nil {
			return err
		}
	}
}

// line returns the next line without its newline, valid until the next call; nil when
// it is too long or the file ends in it.
func (r *reader) line(f *file) ([]byte, error) {
	r.long = r.long[:0]
	for size := 0; ; {
		chunk, err := r.buf.ReadSlice('\n')
		f.Size += int64(len(chunk))
		f.sum = crc32.Update(f.sum, castagnoli, chunk)
		size += len(chunk)
		switch {
		case err == nil && size == len(chunk):
			return chunk[:size-1], nil
		case size <= MaxLine:
			r.long = append(r.long, chunk...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil || size > MaxLine:
			return nil, err
		}
		return r.long[:size-1], nil
	}
}
