package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
)

// TempSuffix ends the names of files that are being written aside. After a crash they
// are rubbish.
const TempSuffix = ".tmp"

// ReadFile reads a whole file of at most limit bytes; a larger one is an error.
func ReadFile(fsys FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, fmt.Errorf("%s: %d bytes are more than the %d expected at most", name, size, limit)
	}
	data := make([]byte, size)
	n, err := f.ReadAt(data, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return data[:n], err
}

// Replace gives name the content data, atomically and durably: written beside it
// (name + TempSuffix), synced, renamed, the directory synced. After an error the old
// content or the new one is there, and no file beside it unless removing failed too.
func Replace(fsys FS, name string, data []byte, perm fs.FileMode) error {
	temp := name + TempSuffix
	if err := fsys.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeNew(fsys, temp, data, perm); err != nil {
		return errors.Join(err, ignoreAbsent(fsys.Remove(temp)))
	}
	if err := fsys.Rename(temp, name); err != nil {
		return errors.Join(err, ignoreAbsent(fsys.Remove(temp)))
	}
	return fsys.SyncDir(filepath.Dir(name))
}

func writeNew(fsys FS, name string, data []byte, perm fs.FileMode) error {
	f, err := fsys.Create(name, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
