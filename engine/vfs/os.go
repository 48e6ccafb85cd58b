package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"

	"rtsprec/engine/fault"
)

// OS returns the host's file system.
func OS() FS { return host{} }

type host struct{}

func (host) Create(name string, perm fs.FileMode) (File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return nil, err
	}
	return &hostFile{f: f}, nil
}

func (host) Open(name string) (File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return &hostFile{f: f}, nil
}

func (host) OpenRW(name string) (File, error) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &hostFile{f: f, end: size}, nil
}

func (host) Rename(from, to string) error                 { return os.Rename(from, to) }
func (host) Remove(name string) error                     { return os.Remove(name) }
func (host) Mkdir(name string, perm fs.FileMode) error    { return os.Mkdir(name, perm) }
func (host) MkdirAll(name string, perm fs.FileMode) error { return os.MkdirAll(name, perm) }
func (host) ReadDir(name string) ([]fs.DirEntry, error)   { return os.ReadDir(name) }
func (host) Stat(name string) (fs.FileInfo, error)        { return os.Stat(name) }

func (host) SyncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Lock opens the file anew for each lock, so that two in one process exclude each
// other as two processes do (flock belongs to the open file description).
func (host) Lock(name string) (io.Closer, error) {
	l := flock.New(name, flock.SetPermissions(0o600))
	for pause := time.Millisecond; ; pause *= 2 {
		ok, err := l.TryLock()
		if err != nil {
			return nil, err
		}
		if ok {
			return l, nil
		}
		if pause > 32*time.Millisecond {
			return nil, fault.New(fault.Busy, "lock %s: somebody else holds it", name)
		}
		time.Sleep(pause) // it may be Locked, which lets go at once
	}
}

// Locked takes a shared lock for a moment: flock has no way to just ask.
func (host) Locked(name string) (bool, error) {
	l := flock.New(name, flock.SetFlag(os.O_RDONLY))
	free, err := l.TryRLock()
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return !free, l.Close()
}

func (host) Hold(name string) (File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f, unix.LOCK_SH); err != nil {
		f.Close()
		return nil, err
	}
	return &hostFile{f: f}, nil
}

// Seize opens for writing because network file systems want that for an exclusive lock.
func (host) Seize(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f, unix.LOCK_EX); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// lockFile takes a lock of the open file description, which goes with it.
func lockFile(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EWOULDBLOCK):
			return fault.New(fault.Busy, "%s is in use", f.Name())
		case errors.Is(err, unix.ENOTSUP), errors.Is(err, unix.ENOLCK), errors.Is(err, unix.ENOSYS):
			return nil
		case err != nil:
			return &fs.PathError{Op: "flock", Path: f.Name(), Err: err}
		}
		return nil
	}
}

func (host) Free(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil
}

// hostFile keeps the place of Write itself, so that a write that failed in the middle
// and a Truncate leave it where the interface says. The os.File is not embedded: io.Copy
// and io.WriteString would find its methods and write elsewhere.
type hostFile struct {
	f   *os.File
	mu  sync.Mutex
	end int64
}

func (f *hostFile) Name() string                                   { return f.f.Name() }
func (f *hostFile) ReadAt(p []byte, off int64) (n int, err error)  { return f.f.ReadAt(p, off) }
func (f *hostFile) WriteAt(p []byte, off int64) (n int, err error) { return f.f.WriteAt(p, off) }
func (f *hostFile) Sync() error                                    { return datasync(f.f) }
func (f *hostFile) Close() error                                   { return f.f.Close() }

func (f *hostFile) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.f.WriteAt(p, f.end)
	f.end += int64(n)
	return n, err
}

func (f *hostFile) Truncate(size int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.f.Truncate(size); err != nil {
		return err
	}
	f.end = size
	return nil
}

func (f *hostFile) Size() (int64, error) {
	info, err := f.f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
