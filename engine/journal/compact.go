package journal

import (
	"bytes"
	"path/filepath"

	"rtsprec/engine/vfs"
)

// maxCompact bounds the files that are compacted, in memory: a larger one is not ours.
const maxCompact = 256 << 20

// compact writes a closed file anew, if that leaves anything out, and adds it to the
// index.
func (w *Writer) compact(c *closedFile) error {
	const op = "compact a journal file"
	r := newReader(w.o.FS, w.o.Dir)
	f, err := r.read(c.name)
	if err != nil {
		return err
	}
	anew, err := w.rewritten(r, f, c)
	if err != nil {
		return vfs.Fault(op, err)
	}
	if anew != nil {
		if err := vfs.Replace(w.o.FS, w.path(c.name), anew, 0o644); err != nil {
			return vfs.Fault(op, err)
		}
		if f, err = r.read(c.name); err != nil {
			return err
		}
	}
	return vfs.Fault("write the index of the journal", appendIndex(w.o.FS, w.o.Dir, summarize(f)))
}

// rewritten returns what a file becomes, or nil when it stays as it is: without broken
// lines, without lines that are written again elsewhere, and without commits of sealed
// segments.
func (w *Writer) rewritten(r *reader, f *file, c *closedFile) ([]byte, error) {
	if f.Size > maxCompact || c.to < f.From {
		return nil, nil
	}
	if f.End == Corrupt {
		if w.o.Aside == "" {
			return nil, nil
		}
		if err := w.copyAside(f); err != nil {
			return nil, err
		}
	}
	drop := map[uint64]bool{}
	for i := range f.lines {
		l := &f.lines[i]
		if l.Seq > c.to || l.dead(func(id segmentID) bool { return !c.open[id] }) {
			drop[l.Seq] = true
		}
	}
	if len(drop) == 0 && f.End == Clean {
		return nil, nil
	}
	first, err := body(0, w.o.Clock.Wall(), &Compact{From: f.From, To: min(f.To, c.to)})
	if err != nil {
		return nil, err
	}
	anew := appendLine(nil, first, true)
	keep := map[uint64]bool{}
	for _, l := range f.lines {
		keep[l.Seq] = !drop[l.Seq]
	}
	var again file
	err = r.each(f.Name, &again, func(_ int64, line []byte) error {
		if line == nil {
			return nil
		}
		if l, err := parseLine(line); err == nil && keep[l.Seq] {
			delete(keep, l.Seq)
			anew = append(append(anew, line...), '\n')
		}
		return nil
	})
	return anew, err
}

// copyAside keeps a corrupt file as it is, durably, before it is repaired.
func (w *Writer) copyAside(f *file) error {
	if err := w.o.FS.MkdirAll(w.o.Aside, 0o755); err != nil {
		return err
	}
	if err := w.o.FS.SyncDir(filepath.Dir(w.o.Aside)); err != nil {
		return err
	}
	data, err := vfs.ReadFile(w.o.FS, w.path(f.Name), maxCompact)
	if err != nil {
		return err
	}
	aside := filepath.Join(w.o.Aside, f.Name)
	if old, err := vfs.ReadFile(w.o.FS, aside, maxCompact); err == nil && bytes.Equal(old, data) {
		return nil
	}
	return vfs.Replace(w.o.FS, aside, data, 0o644)
}
