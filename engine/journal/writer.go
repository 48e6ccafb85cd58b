package journal

import (
	"errors"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
)

const (
	// defaultLimit is the size after which a file is closed, so that it is compacted.
	defaultLimit = 8 << 20
	// maxPending bounds the lines that are kept to be written again after a failed sync.
	maxPending = 16 << 20
)

// Options of a Writer. FS, Dir and Clock are needed.
type Options struct {
	FS     vfs.FS
	Dir    string      // RECORDING/journal; created when absent, but not its parent
	Clock  media.Clock // Wall dates lines and files
	Next   uint64      // lowest seq of the first line; 0: what the log says
	Limit  int64       // bytes after which a file is closed and compacted; 0: 8 MiB
	Aside  string      // a directory: corrupt files are copied there before they are compacted; "": they stay as they are
	Report func(error) // optional: what went wrong with compaction or the index; neither loses anything
}

// Writer appends to a journal. It is safe for concurrent use: Append waits for the disk
// only to write, not for a Sync under way. The caller holds the recording's lock.
type Writer struct {
	o       Options
	syncing sync.Mutex // held by Sync, Rotate and Close; taken before mu

	mu           sync.Mutex
	cur          *openFile // nil: the next line begins a file
	pending      []pending // lines that are not durable, in order
	pendingBytes int
	next         uint64
	closed       []*closedFile // not yet compacted
	done         bool
}

// pending is a line that is not durable yet.
type pending struct {
	seq   uint64
	body  []byte
	entry Entry
}

// openFile is the file being written.
type openFile struct {
	vfs.File
	closedFile
	day  string
	size int64 // of the good lines
	// broken: there may be part of a line behind them, so nothing more can be added
	broken bool
}

// closedFile is a file that will not grow.
type closedFile struct {
	name string
	to   uint64             // the last durable line: what follows is written again elsewhere; 0: none
	open map[segmentID]bool // segments it speaks of that are not durably sealed
	// failed: compaction did; it is tried again when the next file is closed.
	failed bool
}

// OpenWriter makes durable what earlier writers left, compacts and indexes their files, removes
// what an interrupted compaction left, and returns a Writer whose first line begins a
// new file.
func OpenWriter(o Options) (*Writer, error) {
	if o.Limit <= 0 {
		o.Limit = defaultLimit
	}
	if o.Report == nil {
		o.Report = func(error) {}
	}
	w := &Writer{o: o, next: max(o.Next, 1)}
	if err := w.settle(); err != nil {
		return nil, err
	}
	return w, nil
}

// Append adds a line and returns its seq. The line is in the file when Append returns, and
// durable after the next Sync that succeeds. After an error nothing of it is in the log,
// and lines appended before are as they were. E must not be changed afterwards; its
// times are written as they are, so they have to be UTC.
func (w *Writer) Append(e Entry) (seq uint64, err error) {
	const op = "write the journal"
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.o.Clock.Wall()
	b, err := body(w.next, now, e)
	switch {
	case err != nil:
		return 0, err
	case w.done:
		return 0, fault.New(fault.Bug, "%s: it is closed", op)
	case w.pendingBytes+len(b) > maxPending:
		return 0, fault.New(fault.DiskFailed, "%s: no line could be made durable for too long", op)
	}
	if w.cur != nil && w.cur.day != dayOf(now) && len(w.pending) == 0 {
		w.retire()
	}
	if w.cur == nil {
		if err := w.begin(now); err != nil {
			return 0, vfs.Fault("begin a journal file", err)
		}
	}
	if err := w.cur.put(appendLine(nil, b, w.cur.size == 0)); err != nil {
		if w.cur.broken {
			w.retire()
		}
		return 0, vfs.Fault(op, err)
	}
	w.pending = append(w.pending, pending{w.next, b, e})
	w.pendingBytes += len(b)
	w.next++
	return w.next - 1, nil
}

// Sync makes every line appended before it durable. After an error the file is final:
// the next Append or Sync begins a new one and writes the lines that are not yet
// durable again, with the same seq.
func (w *Writer) Sync() error {
	w.syncing.Lock()
	defer w.syncing.Unlock()
	if err := w.flush(); err != nil {
		return err
	}
	w.mu.Lock()
	if w.cur != nil && len(w.pending) == 0 && (w.cur.size >= w.o.Limit || w.cur.day != dayOf(w.o.Clock.Wall())) {
		w.retire()
	}
	w.mu.Unlock()
	w.compactReady(false)
	return nil
}

// Rotate makes everything durable and closes the file: the next line begins a new one.
// It is for a step of the clock.
func (w *Writer) Rotate() error {
	w.syncing.Lock()
	defer w.syncing.Unlock()
	return w.rotate()
}

func (w *Writer) rotate() error {
	for {
		if err := w.flush(); err != nil {
			return err
		}
		w.mu.Lock()
		clean := len(w.pending) == 0
		if clean && w.cur != nil {
			w.retire()
		}
		w.mu.Unlock()
		if clean {
			return nil
		}
	}
}

// Close makes everything durable, compacts and indexes. After an error it may be called
// again, as Sync may; nothing else may be called after it succeeded.
func (w *Writer) Close() error {
	w.syncing.Lock()
	defer w.syncing.Unlock()
	if err := w.rotate(); err != nil {
		return err
	}
	w.mu.Lock()
	w.done = true
	w.mu.Unlock()
	w.compactReady(true)
	return nil
}

// flush makes the lines durable that were appended before it.
func (w *Writer) flush() error {
	for {
		w.mu.Lock()
		n := len(w.pending)
		if n > 0 && w.cur == nil {
			if err := w.begin(w.o.Clock.Wall()); err != nil {
				w.mu.Unlock()
				return vfs.Fault("begin a journal file", err)
			}
		}
		cur := w.cur
		w.mu.Unlock()
		if n == 0 {
			return nil
		}
		err := cur.Sync()
		w.mu.Lock()
		same := w.cur == cur // else an Append could not go on in it meanwhile
		switch {
		case same && err != nil:
			w.retire()
		case same:
			w.durable(n)
		}
		w.mu.Unlock()
		if same {
			return vfs.Fault("sync the journal", err)
		}
	}
}

// durable notes that the first n pending lines are.
func (w *Writer) durable(n int) {
	for _, p := range w.pending[:n] {
		w.note(&w.cur.closedFile, p.entry)
		w.cur.to = p.seq
		w.pendingBytes -= len(p.body)
	}
	w.pending = append([]pending(nil), w.pending[n:]...)
}

// note keeps count of the segments that a file speaks of and that are not sealed.
func (w *Writer) note(f *closedFile, e Entry) {
	switch e := e.(type) {
	case *Segment:
		f.open[segmentID{e.Camera, e.N}] = true
	case *Commit:
		for _, id := range committedBy(e) {
			f.open[id] = true
		}
	case *Seal:
		id := segmentID{e.Camera, e.N}
		delete(f.open, id)
		for _, c := range w.closed {
			delete(c.open, id)
		}
	}
}

// begin creates a file, durable in its directory, and writes to it what is pending.
func (w *Writer) begin(now time.Time) error {
	name := fileName{day: dayOf(now), first: w.next, take: 1}
	if len(w.pending) > 0 {
		name.first = w.pending[0].seq
	}
	f, err := w.create(&name)
	if err != nil {
		return err
	}
	cur := &openFile{File: f, day: name.day, closedFile: closedFile{name: name.String(), open: map[segmentID]bool{}}}
	var lines []byte
	for i, p := range w.pending {
		lines = appendLine(lines, p.body, i == 0)
	}
	if len(lines) > 0 {
		err = cur.put(lines)
	}
	if err == nil {
		err = w.o.FS.SyncDir(w.o.Dir)
	}
	if err != nil {
		f.Close()
		// What stays if this fails too is a file without a durable line.
		return errors.Join(err, w.o.FS.Remove(w.path(cur.name)))
	}
	w.cur = cur
	return nil
}

// create makes the file, under the first take that is free.
func (w *Writer) create(name *fileName) (vfs.File, error) {
	for ; ; name.take++ {
		f, err := w.o.FS.Create(w.path(name.String()), 0o644)
		if err == nil || !errors.Is(err, fs.ErrExist) || name.take > 1000 {
			return f, err
		}
	}
}

func (w *Writer) path(name string) string { return filepath.Join(w.o.Dir, name) }

// put appends to the file, or leaves it as it was.
func (f *openFile) put(lines []byte) error {
	_, err := f.Write(lines)
	if err == nil {
		f.size += int64(len(lines))
		return nil
	}
	if cut := f.Truncate(f.size); cut != nil {
		f.broken = true
		return errors.Join(err, cut)
	}
	return err
}

// retire closes the current file. Lines of it that are not durable are pending, and
// written again to the next one.
func (w *Writer) retire() {
	c := w.cur
	w.cur = nil
	if err := c.Close(); err != nil {
		w.o.Report(vfs.Fault("close a journal file", err))
	}
	if c.to == 0 {
		w.discard(c.name)
		return
	}
	for _, other := range w.closed {
		other.failed = false
	}
	w.closed = append(w.closed, &c.closedFile)
}

// discard removes a file none of whose lines was ever promised to anybody.
func (w *Writer) discard(name string) {
	if err := w.o.FS.Remove(w.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.o.Report(vfs.Fault("remove a journal file", err))
	}
}
