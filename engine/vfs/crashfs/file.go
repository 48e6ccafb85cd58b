package crashfs

import (
	"errors"
	"io"
	"io/fs"
	"sync/atomic"
	"syscall"

	"rtsprec/engine/vfs"
)

// file is an open file.
type file struct {
	fs     *FS
	node   *node
	name   string
	end    int64 // where Write goes on
	write  bool
	holds  bool // see FS.Hold
	closed atomic.Bool
}

func (f *FS) handle(n *node, name string, write bool) vfs.File {
	f.mu.Lock()
	defer f.mu.Unlock()
	n.opens++
	return &file{fs: f, node: n, name: name, end: n.content.size, write: write}
}

func (f *file) op(kind OpKind) Op { return Op{Kind: kind, Name: clean(f.name)} }

// usable fails on a handle that is closed or, for writing, read-only.
func (f *file) usable(write bool) error {
	switch {
	case f.closed.Load():
		return fs.ErrClosed
	case write && !f.write:
		return syscall.EBADF
	}
	return nil
}

// Name implements vfs.File.
func (f *file) Name() string { return f.name }

// Write implements io.Writer.
func (f *file) Write(p []byte) (int, error) {
	f.fs.mu.Lock()
	off := f.end
	f.fs.mu.Unlock()
	n, err := f.put(p, off)
	f.fs.mu.Lock()
	f.end = off + int64(n)
	f.fs.mu.Unlock()
	return n, err
}

// WriteAt implements io.WriterAt.
func (f *file) WriteAt(p []byte, off int64) (int, error) { return f.put(p, off) }

func (f *file) put(p []byte, off int64) (n int, err error) {
	op := f.op(Write)
	op.Offset, op.Size = off, len(p)
	err = f.fs.do(op, func() error {
		if err := f.usable(true); err != nil {
			return err
		}
		if off < 0 {
			return syscall.EINVAL
		}
		n = f.store(p, off)
		if n < len(p) {
			return syscall.ENOSPC
		}
		return nil
	}, func(err error) {
		if s, ok := errors.AsType[*Short](err); ok && f.usable(true) == nil {
			n = f.store(p[:min(max(s.N, 0), len(p))], off)
		}
	})
	return n, err
}

// store writes as much of p as there is space for.
func (f *file) store(p []byte, off int64) int {
	c := &f.node.content
	if f.fs.space >= 0 {
		end := c.size + max(f.fs.space-f.fs.used, 0)
		p = p[:min(int64(len(p)), max(end-off, 0))]
	}
	if len(p) == 0 {
		return 0
	}
	before := c.size
	c.write(p, off, f.fs.epoch)
	f.fs.used += c.size - before
	return len(p)
}

// ReadAt implements io.ReaderAt.
func (f *file) ReadAt(p []byte, off int64) (n int, err error) {
	op := f.op(Read)
	op.Offset, op.Size = off, len(p)
	err = f.fs.do(op, func() error {
		if err := f.usable(false); err != nil {
			return err
		}
		if off < 0 {
			return syscall.EINVAL
		}
		n = f.node.content.read(p, off)
		return nil
	}, nil)
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// Size implements vfs.File.
func (f *file) Size() (size int64, err error) {
	err = f.fs.do(f.op(Stat), func() error {
		size = f.node.content.size
		return f.usable(false)
	}, nil)
	return size, err
}

// Truncate implements vfs.File.
func (f *file) Truncate(size int64) error {
	op := f.op(Truncate)
	op.Size = int(size)
	return f.fs.do(op, func() error {
		if err := f.usable(true); err != nil {
			return err
		}
		if size < 0 {
			return syscall.EINVAL
		}
		c := &f.node.content
		f.fs.used -= c.size
		c.truncate(size, f.fs.epoch)
		f.fs.used += c.size
		f.end = size
		return nil
	}, nil)
}

// Sync implements vfs.File.
func (f *file) Sync() error {
	return f.fs.do(f.op(Sync), func() error {
		if err := f.usable(false); err != nil {
			return err
		}
		f.node.content.sync()
		return nil
	}, func(error) { f.node.content.lose() })
}

// Close implements io.Closer. The handle is closed even when a fault is injected.
func (f *file) Close() error {
	if f.closed.Swap(true) {
		return &fs.PathError{Op: string(Close), Path: f.name, Err: fs.ErrClosed}
	}
	release := func() {
		f.node.opens--
		if f.holds {
			f.node.holds--
		}
		f.fs.release(f.node)
	}
	return f.fs.do(f.op(Close), func() error { release(); return nil }, func(error) { release() })
}
