// Package vfs is every contact rtsprec has with the disk.
//
// Two implementations: [OS], and the in-memory one of package crashfs, which loses
// what was not synced, fails on request and can be cloned at any instant as a power
// cut would leave it. Code above vfs cannot tell them apart.
//
// Durability is explicit and nothing else is promised: bytes of a file survive a power
// cut once File.Sync returned nil after them; a name (created, renamed or removed)
// survives once FS.SyncDir on its directory returned nil after it.
package vfs

import (
	"io"
	"io/fs"
)

// FS is a file system. Names are absolute or relative to the working directory, as in
// package os. Errors are those of package os (errors.Is with fs.ErrNotExist,
// fs.ErrExist, syscall.ENOSPC and so on works on both implementations).
type FS interface {
	// Create makes a new file for reading and writing, mode perm. It fails with
	// fs.ErrExist when the name is taken (O_EXCL).
	Create(name string, perm fs.FileMode) (File, error)
	// Open opens an existing file for reading.
	Open(name string) (File, error)
	// OpenRW opens an existing file for reading and writing, never truncating it.
	OpenRW(name string) (File, error)
	Rename(from, to string) error
	Remove(name string) error
	// Mkdir makes one directory; MkdirAll also its parents. Neither syncs anything.
	Mkdir(name string, perm fs.FileMode) error
	MkdirAll(name string, perm fs.FileMode) error
	// ReadDir lists a directory in order of name.
	ReadDir(name string) ([]fs.DirEntry, error)
	Stat(name string) (fs.FileInfo, error)
	// SyncDir makes the names in a directory durable.
	SyncDir(name string) error
	// Lock takes an exclusive advisory lock (flock) on the file, which is created with
	// mode 0600 when absent, without waiting. It fails with a fault.Busy when another
	// process or another Lock of this one holds it. Closing releases it.
	Lock(name string) (io.Closer, error)
	// Locked reports whether somebody holds the lock, without making the file: an
	// absent one is not locked. It never makes a Lock fail that comes at the same time.
	Locked(name string) (bool, error)
	// Hold is Open for a reader that others shall not take the file away from: until it is
	// closed, Seize fails. It fails with a fault.Busy while somebody has seized it.
	// Where the file system has no locks it is Open.
	Hold(name string) (File, error)
	// Seize takes an exclusive advisory lock on an existing file itself, without waiting: a
	// fault.Busy while somebody holds it. Closing releases it.
	Seize(name string) (io.Closer, error)
	// Free returns the bytes an unprivileged writer may still add below the directory.
	Free(dir string) (uint64, error)
}

// File is an open file. Write appends at the end of what was written through this
// handle (for OpenRW: at the end of the file as opened, or where Truncate left it).
type File interface {
	io.Writer
	io.WriterAt
	io.ReaderAt
	io.Closer
	Name() string
	Size() (int64, error)
	// Truncate changes the size; the position of Write becomes the new size.
	Truncate(size int64) error
	// Sync makes the file's bytes durable (fdatasync). After an error nothing may be
	// assumed about bytes written since the last success, whatever a second call says.
	Sync() error
}
