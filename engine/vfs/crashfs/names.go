package crashfs

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/vfs"
)

// Create implements vfs.FS.
func (f *FS) Create(name string, perm fs.FileMode) (vfs.File, error) {
	n := &node{perm: perm.Perm()}
	err := f.do(Op{Kind: Create, Name: clean(name)}, func() error { return f.add(clean(name), n) }, nil)
	if err != nil {
		return nil, err
	}
	return f.handle(n, name, true), nil
}

// Open implements vfs.FS.
func (f *FS) Open(name string) (vfs.File, error) { return f.open(name, false) }

// OpenRW implements vfs.FS.
func (f *FS) OpenRW(name string) (vfs.File, error) { return f.open(name, true) }

func (f *FS) open(name string, write bool) (vfs.File, error) {
	var n *node
	err := f.do(Op{Kind: Open, Name: clean(name)}, func() (err error) {
		if n, err = f.find(clean(name)); err == nil && n.isDir() {
			err = syscall.EISDIR
		}
		return err
	}, nil)
	if err != nil {
		return nil, err
	}
	return f.handle(n, name, write), nil
}

// Rename implements vfs.FS.
func (f *FS) Rename(from, to string) error {
	from, to = clean(from), clean(to)
	return f.do(Op{Kind: Rename, Name: from, To: to}, func() error {
		src, a, err := f.parent(from)
		if err != nil {
			return err
		}
		dst, b, err := f.parent(to)
		if err != nil {
			return err
		}
		n, old := src.live[a], dst.live[b]
		switch {
		case n == nil:
			return syscall.ENOENT
		case old != nil && old.isDir():
			return syscall.EEXIST // as package os: never replaces a directory
		case n == old:
			return nil
		case n.isDir() && strings.HasPrefix(to, from+"/"):
			return syscall.EINVAL
		case old != nil && n.isDir():
			return syscall.ENOTDIR
		}
		if src == dst {
			src.apply(change{{a, nil}, {b, n}})
		} else {
			src.apply(change{{a, nil}})
			dst.apply(change{{b, n}})
		}
		if old != nil {
			old.linked = false
			f.release(old)
		}
		return nil
	}, nil)
}

// Remove implements vfs.FS.
func (f *FS) Remove(name string) error {
	name = clean(name)
	return f.do(Op{Kind: Remove, Name: name}, func() error {
		dir, base, err := f.parent(name)
		if err != nil {
			return err
		}
		n := dir.live[base]
		switch {
		case n == nil:
			return syscall.ENOENT
		case len(n.live) > 0:
			return syscall.ENOTEMPTY
		}
		dir.apply(change{{base, nil}})
		n.linked = false
		f.release(n)
		return nil
	}, nil)
}

// RemoveAll removes a name and everything below it, durably and at once, as somebody else
// on the machine may. It is not an operation: it has no number and does not fail.
func (f *FS) RemoveAll(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir, base, err := f.parent(clean(name))
	if err != nil || dir.live[base] == nil {
		return
	}
	f.unlink(dir.live[base])
	gone := change{{base, nil}}
	dir.apply(gone)
	put(dir.durable, gone)
}

func (f *FS) unlink(n *node) {
	for _, child := range n.live {
		f.unlink(child)
	}
	n.linked = false
	f.release(n)
	clear(n.live)
	clear(n.durable)
	n.pending = nil
}

// Mkdir implements vfs.FS.
func (f *FS) Mkdir(name string, perm fs.FileMode) error {
	name = clean(name)
	return f.do(Op{Kind: Mkdir, Name: name}, func() error {
		if name == "/" {
			return syscall.EEXIST
		}
		return f.add(name, newDir(perm.Perm()))
	}, nil)
}

// MkdirAll implements vfs.FS.
func (f *FS) MkdirAll(name string, perm fs.FileMode) error {
	name = clean(name)
	f.mu.Lock()
	n, err := f.find(name)
	f.mu.Unlock()
	switch {
	case err == nil && n.isDir():
		return nil
	case err == nil:
		return &fs.PathError{Op: "mkdir", Path: name, Err: syscall.ENOTDIR}
	case !errors.Is(err, fs.ErrNotExist):
		return &fs.PathError{Op: "mkdir", Path: name, Err: err}
	}
	if err := f.MkdirAll(path.Dir(name), perm); err != nil {
		return err
	}
	if err := f.Mkdir(name, perm); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// ReadDir implements vfs.FS.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	var list []fs.DirEntry
	err := f.do(Op{Kind: ReadDir, Name: clean(name)}, func() error {
		n, err := f.find(clean(name))
		if err != nil {
			return err
		}
		if !n.isDir() {
			return syscall.ENOTDIR
		}
		for _, base := range slices.Sorted(maps.Keys(n.live)) {
			list = append(list, fs.FileInfoToDirEntry(n.live[base].info(base)))
		}
		return nil
	}, nil)
	return list, err
}

// Stat implements vfs.FS.
func (f *FS) Stat(name string) (fs.FileInfo, error) {
	var got fs.FileInfo
	err := f.do(Op{Kind: Stat, Name: clean(name)}, func() error {
		n, err := f.find(clean(name))
		if err == nil {
			got = n.info(path.Base(clean(name)))
		}
		return err
	}, nil)
	return got, err
}

// SyncDir implements vfs.FS. When it fails the names stay as durable as they were.
func (f *FS) SyncDir(name string) error {
	return f.do(Op{Kind: SyncDir, Name: clean(name)}, func() error {
		n, err := f.find(clean(name))
		if err != nil {
			return err
		}
		if !n.isDir() {
			return syscall.ENOTDIR
		}
		n.durable, n.pending = maps.Clone(n.live), nil
		return nil
	}, nil)
}

// Lock implements vfs.FS. A clone starts without locks: the process that held them is
// gone.
func (f *FS) Lock(name string) (io.Closer, error) {
	var n *node
	err := f.do(Op{Kind: Lock, Name: clean(name)}, func() (err error) {
		if n, err = f.find(clean(name)); errors.Is(err, fs.ErrNotExist) {
			n = &node{perm: 0o600}
			err = f.add(clean(name), n)
		}
		switch {
		case err != nil:
			return err
		case n.isDir():
			return syscall.EISDIR
		case n.locked:
			return fault.New(fault.Busy, "somebody else holds it")
		}
		n.locked = true
		return nil
	}, nil)
	if err != nil {
		return nil, err
	}
	return &lock{fs: f, node: n}, nil
}

// Locked implements vfs.FS.
func (f *FS) Locked(name string) (locked bool, err error) {
	err = f.do(Op{Kind: Stat, Name: clean(name)}, func() error {
		n, err := f.find(clean(name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		locked = err == nil && n.locked
		return err
	}, nil)
	return locked, err
}

// Hold implements vfs.FS.
func (f *FS) Hold(name string) (vfs.File, error) {
	h, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	held := h.(*file)
	f.mu.Lock()
	defer f.mu.Unlock()
	if held.node.locked {
		held.node.opens--
		return nil, fault.New(fault.Busy, "%s is in use", name)
	}
	held.node.holds++
	held.holds = true
	return held, nil
}

// Seize implements vfs.FS.
func (f *FS) Seize(name string) (io.Closer, error) {
	var n *node
	err := f.do(Op{Kind: Lock, Name: clean(name)}, func() (err error) {
		n, err = f.find(clean(name))
		switch {
		case err != nil:
			return err
		case n.locked || n.holds > 0:
			return fault.New(fault.Busy, "%s is in use", name)
		}
		n.locked = true
		return nil
	}, nil)
	if err != nil {
		return nil, err
	}
	return &lock{fs: f, node: n}, nil
}

type lock struct {
	fs   *FS
	node *node
}

// Close releases the lock; again does nothing.
func (l *lock) Close() error {
	l.fs.mu.Lock()
	defer l.fs.mu.Unlock()
	if l.node != nil {
		l.node.locked, l.node = false, nil
	}
	return nil
}

// Free implements vfs.FS: a terabyte without a limit.
func (f *FS) Free(dir string) (uint64, error) {
	free := uint64(1) << 40
	err := f.do(Op{Kind: Free, Name: clean(dir)}, func() error {
		if f.space >= 0 {
			free = uint64(max(f.space-f.used, 0))
		}
		_, err := f.find(clean(dir))
		return err
	}, nil)
	return free, err
}

// info describes a node; there are no time stamps.
func (n *node) info(base string) fs.FileInfo { return info{base, n.perm, n.content.size} }

type info struct {
	name string
	mode fs.FileMode
	size int64
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return i.mode }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.mode.IsDir() }
func (i info) Sys() any           { return nil }
