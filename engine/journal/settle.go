package journal

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"rtsprec/engine/vfs"
)

// settle takes over what earlier writers left in the directory.
func (w *Writer) settle() error {
	const op = "open the journal"
	fsys, dir := w.o.FS, w.o.Dir
	if err := fsys.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return vfs.Fault(op, err)
	}
	if err := fsys.SyncDir(filepath.Dir(dir)); err != nil {
		return vfs.Fault(op, err)
	}
	if err := w.sweep(); err != nil {
		return vfs.Fault(op, err)
	}
	c, err := load(fsys, dir)
	if err != nil {
		return err
	}
	if c.stale {
		if err := writeIndex(fsys, dir, c.index.Files); err != nil {
			w.o.Report(vfs.Fault("write the index of the journal", err))
		}
	}
	for _, x := range c.index.Files {
		w.next = max(w.next, x.To+1)
	}
	for _, l := range c.files {
		if c.indexed[l.String()] == nil {
			if err := w.adopt(c.reader, l); err != nil {
				return err
			}
		}
	}
	// Only now is it known which of their segments were sealed later.
	w.compactReady(false)
	return nil
}

// sweep removes files that were being written aside.
func (w *Writer) sweep() error {
	entries, err := w.o.FS.ReadDir(w.o.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), suffix+vfs.TempSuffix) {
			if err := w.o.FS.Remove(w.path(e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// adopt makes a file durable that the index does not know: after a kill its last lines
// may be only in the host's memory, and what is written next builds on them.
func (w *Writer) adopt(r *reader, l listed) error {
	const op = "open the journal"
	name := l.String()
	if l.size == 0 {
		w.discard(name)
		return nil
	}
	h, err := w.o.FS.Open(w.path(name))
	if err != nil {
		return vfs.Fault(op, err)
	}
	err = h.Sync()
	h.Close()
	if err != nil {
		return vfs.Fault(op, err)
	}
	f, err := r.read(name)
	if err != nil {
		return err
	}
	closed := &closedFile{name: name, to: f.To, open: map[segmentID]bool{}}
	for i := range f.lines {
		if l := &f.lines[i]; l.Kind == KindCommit {
			for _, id := range l.committed() {
				closed.open[id] = true
			}
		} else if l.Entry != nil {
			w.note(closed, l.Entry)
		}
	}
	w.closed = append(w.closed, closed)
	w.next = max(w.next, f.To+1)
	return nil
}

// maxClosed bounds the files that wait for their segments to be sealed.
const maxClosed = 16

// compactReady compacts and indexes the closed files whose segments are all sealed, or
// all of them.
func (w *Writer) compactReady(all bool) {
	w.mu.Lock()
	var ready []*closedFile
	for i, c := range w.closed {
		due := len(c.open) == 0 || i < len(w.closed)-maxClosed
		if all || due && !c.failed {
			ready = append(ready, c)
		}
	}
	w.mu.Unlock()
	for _, c := range ready {
		if err := w.compact(c); err != nil {
			w.o.Report(err)
			c.failed = true
			continue
		}
		w.mu.Lock()
		w.closed = slices.DeleteFunc(w.closed, func(o *closedFile) bool { return o == c })
		w.mu.Unlock()
	}
}
