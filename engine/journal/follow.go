package journal

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/vfs"
)

// Follower reads a journal that may grow, each time only what was added. It is for one
// goroutine at a time.
type Follower struct {
	fs     vfs.FS
	dir    string
	known  map[string]followed // by file
	newest string              // the last file of the listing before
	last   uint64              // seq of the last line that was handed out
	begun  bool
}

// followed says how far a file was read.
type followed struct {
	whole int64     // bytes of whole lines
	size  int64     // of the file, then
	at    time.Time // when it was changed last, then
	head  [headLen]byte
}

// headLen is how many bytes tell a file from what compaction makes of it: the first line
// has its seq and time there.
const headLen = 64

// Update is what a journal says that it did not say before.
type Update struct {
	Lines    []Line // in order; without commits of segments that are sealed in Lines
	Reset    bool   // what was said before is void: it is another journal
	Problems []Problem
	End      End // of the files read just now
}

// Follow returns a Follower of the journal in dir (RECORDING/journal). It reads nothing yet.
func Follow(fsys vfs.FS, dir string) *Follower { return &Follower{fs: fsys, dir: dir} }

// Next returns what was added since the last call; at first everything. Where nothing was
// added it lists the directory and opens no file. Errors are those of [Read]; after
// one the next call takes up where this one stood.
func (f *Follower) Next() (Update, error) {
	if !f.begun {
		return f.first(false)
	}
	files, _, err := list(f.fs, f.dir)
	if err != nil {
		return Update{}, err
	}
	now := map[string]bool{}
	news := false
	for _, l := range files {
		now[l.String()] = true
		_, known := f.known[l.String()]
		news = news || !known
	}
	for name, k := range f.known {
		if k.whole > 0 && !now[name] {
			return f.first(true)
		}
	}
	return f.more(files, news)
}

// first reads all.
func (f *Follower) first(reset bool) (Update, error) {
	c, err := load(f.fs, f.dir)
	if err != nil {
		return Update{}, err
	}
	log, err := c.read(func(*Indexed) bool { return true })
	if err != nil {
		return Update{}, err
	}
	f.known, f.newest, f.last, f.begun = map[string]followed{}, "", log.NextSeq-1, true
	for _, l := range c.files {
		name := l.String()
		read := c.cache[name]
		f.known[name] = followed{whole: read.whole, size: read.Size, at: l.at, head: read.head}
		f.newest = name
	}
	return Update{Lines: log.Lines, Reset: reset, Problems: log.Problems, End: log.End}, nil
}

// more reads what was added to files, each of which is there still.
func (f *Follower) more(files []listed, news bool) (Update, error) {
	up := Update{End: Clean}
	r := newReader(f.fs, f.dir)
	seen := map[string]followed{}
	for _, l := range files {
		name := l.String()
		k, known := f.known[name]
		// The listing may be older than the last lines of a file that was followed by another.
		if known && k.size == l.size && k.at.Equal(l.at) && !(news && name == f.newest) {
			continue
		}
		lines, k, err := f.added(r, name, k, &up)
		if errors.Is(err, errGone) {
			continue
		}
		if err != nil {
			return Update{}, err
		}
		up.Lines = append(up.Lines, lines...)
		k.at = l.at
		seen[name] = k
	}
	for name, k := range seen {
		f.known[name] = k
	}
	if n := len(files); n > 0 {
		f.newest = files[n-1].String()
	}
	slices.SortStableFunc(up.Lines, func(a, b Line) int { return cmp.Compare(a.Seq, b.Seq) })
	up.Lines = slices.CompactFunc(up.Lines, func(a, b Line) bool { return a.Seq == b.Seq })
	for _, l := range up.Lines {
		f.last = max(f.last, l.Seq)
	}
	return up, nil
}

var errGone = errors.New("the file is gone")

// added reads the lines of a file that were not handed out yet. A file that was compacted
// meanwhile is read from its beginning: it says the same, in other places.
func (f *Follower) added(r *reader, name string, k followed, up *Update) ([]Line, followed, error) {
	if k.whole > 0 {
		if lines, now, ok, err := f.goOn(r, name, k); ok || err != nil {
			return lines, now, err
		}
	}
	whole, err := r.read(name)
	if fault.Is(err, fault.NotFound) {
		return nil, k, errGone
	}
	if err != nil {
		return nil, k, err
	}
	var lines []Line
	for _, l := range whole.lines {
		if l.Seq > f.last && (l.Kind != KindCommit || l.decode() == nil) {
			lines = append(lines, l)
		}
	}
	up.Problems = append(up.Problems, whole.problems...)
	up.End = whole.End
	return lines, followed{whole: whole.whole, size: whole.Size, head: whole.head}, nil
}

// goOn reads on from where the last reading stopped. ok is false where what stands there
// is not the next line.
func (f *Follower) goOn(r *reader, name string, k followed) (lines []Line, now followed, ok bool, err error) {
	var at file
	ok = true
	err = r.eachFrom(name, k.whole, &at, func(_ int64, raw []byte) error {
		if raw == nil {
			return nil
		}
		l, err := parseLine(raw)
		if err != nil || l.Format > 0 || l.Kind == KindCompact {
			ok = false
			return nil
		}
		if l.Seq <= f.last {
			return nil
		}
		if l.Kind == KindCommit && l.decode() != nil {
			ok = false
			return nil
		}
		l.Raw = slices.Clone(l.Raw)
		lines = append(lines, l)
		return nil
	})
	if fault.Is(err, fault.NotFound) {
		return nil, k, true, errGone
	}
	ok = ok && at.Size >= k.size && at.head == k.head // else it was written anew
	return lines, followed{whole: at.whole, size: at.Size, head: at.head}, ok, err
}
