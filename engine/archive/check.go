package archive

import (
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
)

// file is a media file and what reading it proved.
type file struct {
	segment *Segment // nil: the journal does not know it
	camera  string
	name    string // relative, forward slashes
	size    int64

	findings []Finding
	tracks   []*gauge // of what is sound; nil when nothing is
	open     bool     // it is not sealed
	doubt    span     // the time it should have media for, where something was found broken
}

// tell adds a finding about the file.
func (f *file) tell(kind Kind, severity Severity, invariant int, format string, args ...any) *Finding {
	f.findings = append(f.findings, Finding{Kind: kind, Severity: severity, Invariant: invariant,
		Camera: f.camera, File: f.name, Text: fmt.Sprintf(format, args...)})
	return &f.findings[len(f.findings)-1]
}

// broken is tell for what makes the file's media doubtful.
func (f *file) broken(kind Kind, invariant int, offset int64, format string, args ...any) {
	found := f.tell(kind, Broken, invariant, format, args...)
	found.Offset = offset
	if s := f.segment; s != nil {
		found.From, found.To = s.Start, s.End
		f.doubt = span{s.Start, s.End}
	}
}

// check reads one file.
func (v *verifier) check(ctx context.Context, f *file) {
	again := v.attempt(ctx, f)
	if again && v.rec.State == Live {
		// It may have been sealed while it was read.
		if now := v.again(f.segment); now != nil {
			f.segment = now
			f.findings, f.tracks, f.open, f.doubt = nil, nil, false, span{}
			if at := v.locate(now); at != nil {
				f.name, f.size = at.name, at.size
			}
			v.attempt(ctx, f)
		}
	}
}

// again returns the segment as the journal knows it by now, when it was open and is sealed.
func (v *verifier) again(s *Segment) *Segment {
	if s == nil || s.Sealed {
		return nil
	}
	rec, err := Load(v.fs, v.dir)
	if err != nil {
		return nil
	}
	if c := rec.Camera(s.Camera); c != nil {
		for _, now := range slices.Concat(c.Segments, c.Beside) {
			if now.N == s.N && now.Sealed {
				return now
			}
		}
	}
	return nil
}

// attempt reads one file and reports whether a writer may be the reason for what was found.
func (v *verifier) attempt(ctx context.Context, f *file) (doubtful bool) {
	h, err := v.fs.Open(v.path(f.name))
	if err != nil {
		f.unreadable(err)
		return true
	}
	defer h.Close()
	if f.size, err = h.Size(); err != nil {
		f.unreadable(err)
		return true
	}
	r := &reader{ctx: ctx, file: h, count: v.advance}
	switch s := f.segment; {
	case s == nil:
		v.checkStranger(f, r)
	case s.Sealed:
		v.checkSealed(f, r)
	default:
		v.checkOpen(f, r)
	}
	return len(f.findings) > 0
}

func (f *file) unreadable(err error) {
	err = vfs.Fault("open", err)
	f.broken(Unreadable, 2, 0, "the file cannot be read: %v", err)
}

// checkSealed holds a file against its seal line.
func (v *verifier) checkSealed(f *file, r *reader) {
	seal := f.segment.seal
	if f.name != f.segment.File {
		f.broken(NotSealed, 1, 0, "the file is journaled as sealed and still has the name of an open one")
	}
	scan, err := v.scan(f, r, f.size)
	switch {
	case f.size != seal.Size:
		f.broken(SizeWrong, 1, min(f.size, seal.Size), "the file has %d bytes, %d were sealed", f.size, seal.Size)
	case err != nil:
		f.unscannable(err)
	case scan.SHA256 != seal.SHA256 && scan.Problem != nil:
		f.broken(ChecksumWrong, 1, scan.Sound, "the bytes are not those that were sealed: %v", scan.Problem)
	case scan.SHA256 != seal.SHA256:
		f.broken(ChecksumWrong, 1, 0, "the bytes are not those that were sealed")
	case scan.Problem != nil:
		f.broken(StructureWrong, 1, scan.Sound, "%v", scan.Problem)
	case scan.State != segment.Sealed:
		f.broken(StructureWrong, 1, 0, "the first bytes of the file are not those of a sealed segment")
	default:
		f.compare(scan)
	}
}

// compare holds the times and counts of a sound file against its seal line.
func (f *file) compare(scan *segment.File) {
	seal := f.segment.seal
	for i, t := range scan.Tracks {
		switch {
		case i >= len(seal.Units) || i >= len(seal.Starts) || i >= len(seal.Ends):
			f.tell(TimeWrong, Broken, 4, "track %d is not in the seal line", i)
		case t.Units != seal.Units[i]:
			f.tell(TimeWrong, Broken, 4, "track %d has %d units, %d were sealed", i, t.Units, seal.Units[i])
		case differ(t.Start, seal.Starts[i]), differ(t.End, seal.Ends[i]):
			f.tell(TimeWrong, Broken, 4, "track %d is from %s to %s, journaled as %s to %s", i,
				clock(t.Start), clock(t.End), clock(seal.Starts[i]), clock(seal.Ends[i]))
		}
	}
}

// differ allows for the rounding of ticks.
func differ(a, b time.Time) bool {
	const close = time.Millisecond
	return a.IsZero() != b.IsZero() || a.Sub(b) > close || b.Sub(a) > close
}

// checkOpen holds a file that is not sealed against its commit lines.
func (v *verifier) checkOpen(f *file, r *reader) {
	s := f.segment
	f.open = true
	renamed := f.name == s.File
	live := v.rec.State == Live
	switch {
	case renamed && !live:
		f.tell(SealUnrecorded, Missing, 1, "the file has its final name, and no seal line")
	case !renamed && !live:
		f.tell(LeftOpen, Missing, 7, "the file was not sealed, and nobody writes to it")
	}
	if f.size < s.Size {
		f.broken(SizeWrong, 2, f.size, "the file has %d bytes, %d were committed", f.size, s.Size)
		return
	}
	for _, c := range s.commits {
		if s.cut > 0 && c.Size > s.cut {
			break
		}
		if sum, err := checksum(r, c.From, c.Size); err != nil {
			f.unreadable(err)
			return
		} else if sum != uint32(c.Sum) {
			f.broken(ChecksumWrong, 2, c.From, "bytes %d to %d are not those that were committed", c.From, c.Size)
			break
		}
	}
	if s.Size == 0 && !renamed {
		return // nothing of it was committed yet
	}
	size := s.Size
	if renamed {
		size = f.size
	} else if tail := f.size - size; tail > 0 && !live {
		f.tell(UncommittedTail, Note, 0, "%s behind the last commit", bytesText(tail)).Offset = size
	}
	scan, err := v.scan(f, r, size)
	if err == nil && scan.State == segment.Sealed && size < f.size {
		scan, err = v.scan(f, r, f.size) // it was about to get its final name
	}
	switch {
	case !f.doubt.empty():
	case err != nil:
		f.unscannable(err)
	case renamed && scan.State != segment.Sealed:
		f.broken(NotSealed, 1, 0, "the file has its final name, and is not sealed")
	case scan.Problem != nil:
		f.broken(StructureWrong, 2, scan.Sound, "%v", scan.Problem)
	}
}

// checkStranger looks into a segment that the journal does not know. Of an open one
// nothing was ever acknowledged, so whatever a crash made of it is no damage.
func (v *verifier) checkStranger(f *file, r *reader) {
	scan, err := v.scan(f, r, f.size)
	f.open = strings.HasSuffix(f.name, part)
	switch {
	case f.open:
	case err != nil:
		f.unscannable(err)
	case scan.State != segment.Sealed:
		f.broken(NotSealed, 1, 0, "the file has its final name, and is not sealed")
	case scan.Problem != nil:
		f.broken(StructureWrong, 1, scan.Sound, "%v", scan.Problem)
	}
}

// scan reads a file from end to end and measures its tracks. The errors are those of
// segment.Scan.
func (v *verifier) scan(f *file, r io.ReaderAt, size int64) (*segment.File, error) {
	m := &measure{file: f}
	if v.Deep { // the header is needed before the first unit
		head, err := segment.Scan(r, size, segment.ScanOptions{Quick: true})
		if err != nil {
			return nil, err
		}
		m.tracks = head.Header.Tracks
	}
	scan, err := segment.Scan(r, size, segment.ScanOptions{Each: m.unit})
	if err != nil {
		return nil, err
	}
	f.tracks = m.finish(scan)
	return scan, nil
}

// unscannable says why nothing could be read.
func (f *file) unscannable(err error) {
	if fault.Is(err, fault.Damaged) {
		f.broken(StructureWrong, 1, 0, "%v", err)
		return
	}
	f.broken(Unreadable, 2, 0, "the file cannot be read: %v", err)
}

// checksum is the CRC-32C of the bytes from..to.
func checksum(r io.ReaderAt, from, to int64) (uint32, error) {
	h := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	_, err := io.CopyBuffer(struct{ io.Writer }{h}, io.NewSectionReader(r, from, to-from), make([]byte, 256<<10))
	return h.Sum32(), err
}

// reader counts what is read, and fails once the context is done.
type reader struct {
	ctx   context.Context
	file  io.ReaderAt
	count func(int64)
	far   int64 // what is before was counted
}

func (r *reader) ReadAt(p []byte, off int64) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.file.ReadAt(p, off)
	if end := off + int64(n); end > r.far {
		r.count(end - r.far)
		r.far = end
	}
	return n, err
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000Z") }
