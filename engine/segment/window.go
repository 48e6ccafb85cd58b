package segment

import (
	"errors"
	"io"

	"rtsprec/engine/vfs"
)

// window reads a file forward through one buffer, far ahead.
type window struct {
	r     io.ReaderAt
	size  int64 // of the file
	ahead int   // bytes to read at once
	buf   []byte
	off   int64 // of buf in the file
}

// at returns the n bytes at off, valid until the next call. ok is false when the file
// ends before them. The error has a kind of the disk.
func (w *window) at(off, n int64) (p []byte, ok bool, err error) {
	if off < 0 || n < 0 || off > w.size-n {
		return nil, false, nil
	}
	if off < w.off || off > w.off+int64(len(w.buf)) {
		w.buf, w.off = w.buf[:0], off
	}
	if have := w.off + int64(len(w.buf)) - off; have < n {
		if err := w.fill(off, max(n, int64(w.ahead))); err != nil {
			return nil, false, err
		}
	}
	start := off - w.off
	return w.buf[start : start+n : start+n], true, nil
}

// fill makes the buffer begin at off and hold want bytes, or all up to the end.
func (w *window) fill(off, want int64) error {
	want = min(want, w.size-off)
	kept := copy(w.buf, w.buf[off-w.off:])
	w.buf, w.off = w.buf[:kept], off
	if int64(cap(w.buf)) < want {
		w.buf = append(make([]byte, 0, want+want/4), w.buf...)
	}
	n, err := w.r.ReadAt(w.buf[kept:want], off+int64(kept))
	w.buf = w.buf[:kept+n]
	if int64(len(w.buf)) == want {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // the file is shorter than was said
	}
	return vfs.Fault("read a segment", err)
}
