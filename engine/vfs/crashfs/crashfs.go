// Package crashfs is a file system in memory that behaves as a disk does when things go
// wrong. It is for tests.
//
// A power cut is [FS.Clone]: it makes a second file system as the cut would leave this
// one, at any instant, in one of several [Mode]s, while this one goes on. Clones share
// pages until one side writes, so a test can cut at every operation.
//
// What survives a cut follows POSIX and not what one file system happens to do: bytes
// of a file once Sync returned nil after they were written, a name once SyncDir on
// its directory returned nil after it was made, changed or removed. The name of
// a file is not made durable by syncing the file; a rename between two directories
// is two changes, each durable with its own directory.
//
// A failed Sync loses, as on Linux: the pages written since the last success are
// still read back by this file system, but they are clean, and a second Sync that returns
// nil has not written them.
//
// Faults are injected by number ([FS.Fail]), by what is done ([FS.SetError]), by lack of
// space ([FS.SetSpace]) or by blocking in the hook ([FS.OnOp]), which makes an operation
// as slow as the test likes.
package crashfs

import (
	"io/fs"
	"sync"
	"syscall"

	"rtsprec/engine/vfs"
)

// FS implements vfs.FS. It is safe for concurrent use.
type FS struct {
	mu    sync.Mutex
	root  *node
	epoch *epoch // owner of the pages that may be written in place
	ops   int
	fail  map[int]error
	match func(Op) error
	hook  func(Op)
	space int64 // bytes that fit; negative: no limit
	used  int64
}

var _ vfs.FS = (*FS)(nil)

// epoch is the time between two clones; pages of an earlier one are shared and
// therefore copied before they are written. Not empty, so that each has its address.
type epoch struct{ _ byte }

// New returns an empty file system that holds the root directory, and everything any
// relative name is below.
func New() *FS {
	return &FS{root: newDir(0o755), epoch: new(epoch), fail: map[int]error{}, space: -1}
}

// OpKind is what an operation does.
type OpKind string

// The operations that change something. They are numbered.
const (
	Create   OpKind = "create"
	Write    OpKind = "write" // File.Write and File.WriteAt
	Truncate OpKind = "truncate"
	Sync     OpKind = "sync"
	SyncDir  OpKind = "syncdir"
	Rename   OpKind = "rename"
	Remove   OpKind = "remove"
	Mkdir    OpKind = "mkdir" // once for each directory that MkdirAll makes
	Lock     OpKind = "lock"
)

// The operations that only look. They have no number; only SetError reaches them.
const (
	Open    OpKind = "open" // FS.Open and FS.OpenRW
	Read    OpKind = "read"
	ReadDir OpKind = "readdir"
	Stat    OpKind = "stat" // FS.Stat and File.Size
	Free    OpKind = "free"
	Close   OpKind = "close"
)

// Op is one operation.
type Op struct {
	N      int // 1 for the first operation that changes something; 0 for one that only looks
	Kind   OpKind
	Name   string // clean and absolute
	To     string // of a rename
	Offset int64  // of a read or write
	Size   int    // bytes of a read or write; the new size for a truncate
	Done   bool   // for the hook: false before the operation, true after it
	Err    error  // for the hook, after the operation
}

// Short, given as an error to Fail or returned by the match of SetError, lets a write
// write its first N bytes and then fail with Err.
type Short struct {
	N   int
	Err error
}

// Error is that of Err.
func (s *Short) Error() string { return s.Err.Error() }

// Unwrap returns Err.
func (s *Short) Unwrap() error { return s.Err }

// Ops returns the number of operations so far that change something.
func (f *FS) Ops() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ops
}

// Fail makes the operation with number n (from 1) fail with err, once. What fails
// changes nothing, but a failed Sync loses what it should have written.
func (f *FS) Fail(n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail[n] = err
}

// SetError makes every operation fail for which match returns an error, until it is
// set again. Nil ends that. Match must not use the file system.
func (f *FS) SetError(match func(Op) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.match = match
}

// OnOp calls hook before and after each operation that changes something, on the
// goroutine that does it and without a lock held: hook may clone, look, or block.
func (f *FS) OnOp(hook func(Op)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hook = hook
}

// SetSpace limits the sum of all file sizes to bytes; negative: no limit. A write that
// does not fit writes what does and fails with ENOSPC, and nothing can be created
// while there is no space.
func (f *FS) SetSpace(bytes int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.space = bytes
}

// Used returns the sum of all file sizes, of removed files that are still open too.
func (f *FS) Used() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.used
}

// do runs act, which is called with the lock held, as one operation. When a fault is injected
// act is not called, but failed is, where it is not nil.
func (f *FS) do(op Op, act func() error, failed func(error)) error {
	f.mu.Lock()
	if op.changes() {
		f.ops++
		op.N = f.ops
	}
	hook, match, err := f.hook, f.match, f.fail[op.N]
	delete(f.fail, op.N)
	f.mu.Unlock()

	if hook != nil && op.N > 0 {
		hook(op)
	}
	if err == nil && match != nil {
		err = match(op)
	}
	f.mu.Lock()
	switch {
	case err == nil:
		err = act()
	case failed != nil:
		failed(err)
	}
	f.mu.Unlock()
	if err != nil {
		err = &fs.PathError{Op: string(op.Kind), Path: op.Name, Err: err}
	}
	if hook != nil && op.N > 0 {
		op.Done, op.Err = true, err
		hook(op)
	}
	return err
}

func (o Op) changes() bool {
	switch o.Kind {
	case Open, Read, ReadDir, Stat, Free, Close:
		return false
	}
	return true
}

// room fails when nothing more can be created.
func (f *FS) room() error {
	if f.space >= 0 && f.used >= f.space {
		return syscall.ENOSPC
	}
	return nil
}
