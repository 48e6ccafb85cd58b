package journal

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"rtsprec/engine/vfs"
)

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
	Indexed  bool // closed, and described by the index
}

// Log is what was read.
type Log struct {
	Lines    []Line     // in order, no seq twice; without compact lines and without commits of sealed segments
	Files    []FileInfo // all of the directory, in order; also those that were not read
	End      End        // Corrupt when any file is, or lines are missing; Torn when the last file is
	Problems []Problem  // the first few of each file that was read, and what is missing between files
	NextSeq  uint64     // for the next line
}

// Read reads the whole log in dir (RECORDING/journal). A missing or empty directory
// is an empty, clean log. Broken lines are no error: see Log.End and Problems. Errors:
// fault.Unsupported for a file of an unknown format, and what the disk reports.
func Read(fsys vfs.FS, dir string) (*Log, error) {
	c, err := load(fsys, dir)
	if err != nil {
		return nil, err
	}
	return c.read(func(*Indexed) bool { return true })
}

// ReadDays reads only those files that may hold lines about media between from and to,
// by the index, and those that begin or end what is in them.
func ReadDays(fsys vfs.FS, dir string, from, to time.Time) (*Log, error) {
	c, err := load(fsys, dir)
	if err != nil {
		return nil, err
	}
	chosen := map[string]bool{}
	linked := map[carried]bool{} // what goes on in, or comes from, another file
	link := func(x *Indexed) {
		x.eachOpen(func(id carried) { linked[id] = true })
		x.eachEnded(func(id carried) { linked[id] = true })
	}
	for i := range c.index.Files {
		if x := &c.index.Files[i]; x.touches(from, to) {
			chosen[x.File] = true
			link(x)
		}
	}
	recent, err := c.readAll(func(*Indexed) bool { return false })
	if err != nil {
		return nil, err
	}
	for _, f := range recent {
		x := summarize(f)
		link(&x)
	}
	return c.read(func(x *Indexed) bool {
		pick := chosen[x.File]
		x.eachOpen(func(id carried) { pick = pick || linked[id] })
		x.eachEnded(func(id carried) { pick = pick || linked[id] })
		return pick
	})
}

// Tail reads the last file, the files that the index does not know yet, those that hold
// segments or gaps that are still open, and those that protect: what is needed to go on writing. The index
// returned describes all closed files. How the last writer ended is known only before
// [OpenWriter], which repairs.
func Tail(fsys vfs.FS, dir string) (*Log, *Index, error) {
	c, err := load(fsys, dir)
	if err != nil {
		return nil, nil, err
	}
	last := ""
	if n := len(c.files); n > 0 {
		last = c.files[n-1].String()
	}
	recent, err := c.readAll(func(x *Indexed) bool { return x.File == last })
	if err != nil {
		return nil, nil, err
	}
	ended := map[carried]bool{}
	note := func(id carried) { ended[id] = true }
	for _, f := range recent {
		x := summarize(f)
		x.eachEnded(note)
	}
	for i := range c.index.Files {
		c.index.Files[i].eachEnded(note)
	}
	log, err := c.read(func(x *Indexed) bool {
		open := x.File == last || x.Protect > 0
		x.eachOpen(func(id carried) { open = open || !ended[id] })
		return open
	})
	return log, &c.index, err
}

// catalogue is a journal's directory and what of its index may be believed.
type catalogue struct {
	*reader
	files   []listed
	index   Index
	indexed map[string]*Indexed // by file
	stale   bool                // the index file should be written anew
	cache   map[string]*file    // what was read already
}

func load(fsys vfs.FS, dir string) (*catalogue, error) {
	files, index, err := list(fsys, dir)
	if err != nil {
		return nil, err
	}
	c := &catalogue{reader: newReader(fsys, dir), files: files, indexed: map[string]*Indexed{}, cache: map[string]*file{}}
	if index {
		c.loadIndex()
	}
	return c, nil
}

// readAll reads the files that are not indexed, and of the others those that want picks.
func (c *catalogue) readAll(want func(*Indexed) bool) ([]*file, error) {
	var read []*file
	for _, l := range c.files {
		name := l.String()
		if x := c.indexed[name]; x != nil && !want(x) {
			continue
		}
		f := c.cache[name]
		if f == nil {
			var err error
			if f, err = c.reader.read(name); err != nil {
				return nil, err
			}
			c.cache[name] = f
		}
		read = append(read, f)
	}
	return read, nil
}

// read makes a log of the files that are not indexed, and of the others those that
// want picks.
func (c *catalogue) read(want func(*Indexed) bool) (*Log, error) {
	files, err := c.readAll(want)
	if err != nil {
		return nil, err
	}
	log := &Log{End: Clean, NextSeq: 1}
	var lines []Line
	var have []seqs
	for _, l := range c.files {
		info := FileInfo{Name: l.String(), End: Clean}
		if x := c.indexed[info.Name]; x != nil {
			info = x.info()
		}
		if len(files) > 0 && files[0].Name == info.Name {
			f := files[0]
			files = files[1:]
			f.Indexed = info.Indexed
			info = f.FileInfo
			lines = append(lines, f.lines...)
			log.Problems = append(log.Problems, f.problems...)
			have = append(have, f.seqs()...)
		} else if info.To > 0 {
			have = append(have, seqs{info.From, info.To})
		}
		log.Files = append(log.Files, info)
		log.NextSeq = max(log.NextSeq, info.To+1)
		if info.End == Corrupt {
			log.End = Corrupt
		}
	}
	if n := len(log.Files); n > 0 && log.End == Clean {
		log.End = log.Files[n-1].End
	}
	log.missing(have)
	log.take(lines)
	return log, nil
}

// take puts the lines of all files in order, each seq once, and leaves dead commits
// out.
func (log *Log) take(lines []Line) {
	slices.SortStableFunc(lines, func(a, b Line) int { return cmp.Compare(a.Seq, b.Seq) })
	lines = slices.CompactFunc(lines, func(a, b Line) bool { return a.Seq == b.Seq })
	sealed := map[segmentID]bool{}
	for _, l := range lines {
		if s, ok := l.Entry.(*Seal); ok {
			sealed[segmentID{s.Camera, s.N}] = true
		}
	}
	log.Lines = lines[:0]
	for _, l := range lines {
		if l.Kind == KindCommit {
			if l.dead(func(id segmentID) bool { return sealed[id] }) {
				continue
			}
			if l.decode() != nil {
				log.End = Corrupt
				log.Problems = append(log.Problems, Problem{Why: fmt.Sprintf("line %d makes no sense", l.Seq)})
				continue
			}
		}
		log.Lines = append(log.Lines, l)
	}
}

// dead reports whether every segment that a commit line speaks of is sealed.
func (l *Line) dead(sealed func(segmentID) bool) bool {
	if l.Kind != KindCommit {
		return false
	}
	for _, id := range l.committed() {
		if !sealed(id) {
			return false
		}
	}
	return true
}

// seqs is a range of lines, both ends included.
type seqs struct{ from, to uint64 }

// seqs returns the lines that a file stands for.
func (f *file) seqs() []seqs {
	if f.Compact {
		return []seqs{{f.From, f.To}}
	}
	var runs []seqs
	for _, l := range f.lines {
		if n := len(runs); n > 0 && runs[n-1].to+1 == l.Seq {
			runs[n-1].to = l.Seq
		} else {
			runs = append(runs, seqs{l.Seq, l.Seq})
		}
	}
	return runs
}

// missing reports the lines that nothing stands for.
func (log *Log) missing(have []seqs) {
	slices.SortFunc(have, func(a, b seqs) int { return cmp.Compare(a.from, b.from) })
	next, told := uint64(1), 0
	for _, h := range have {
		if h.from > next {
			log.End = Corrupt
			if told++; told <= maxProblems {
				log.Problems = append(log.Problems, Problem{Why: fmt.Sprintf("lines %d to %d are missing", next, h.from-1)})
			}
		}
		next = max(next, h.to+1)
	}
}
