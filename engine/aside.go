package engine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"rtsprec/engine/fault"
	"rtsprec/engine/vfs"
)

// vacant refuses a name that is taken, by a file that may not be replaced or by none.
func (d Deps) vacant(name string, overwrite bool) error {
	info, err := d.FS.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return vfs.Fault("look for "+name, err)
	case !info.Mode().IsRegular():
		return fault.New(fault.Usage, "%s is no file", name)
	case !overwrite:
		return fault.Wrap(fault.Usage, "write "+name, fs.ErrExist)
	}
	return nil
}

// beside creates a file of another name beside that of a file to be.
func (d Deps) beside(name string) (temp string, f vfs.File, err error) {
	for n := 1; ; n++ {
		temp = filepath.Join(filepath.Dir(name), fmt.Sprintf(".%s.%d.part", filepath.Base(name), n))
		if f, err = d.FS.Create(temp, 0o644); err == nil {
			return temp, f, nil
		}
		if !errors.Is(err, fs.ErrExist) || n == 100 {
			return "", nil, vfs.Fault("create "+name, err)
		}
	}
}

// writable fails where a file of that name could not be written now. It leaves nothing behind.
func (d Deps) writable(name string) error {
	if err := d.vacant(name, true); err != nil {
		return err
	}
	temp, f, err := d.beside(name)
	if err == nil {
		f.Close()
		d.FS.Remove(temp)
	}
	return err
}

// aside writes a file under another name beside its own, which it gets when it is complete.
func (d Deps) aside(name string, overwrite bool, fill func(io.Writer) error) error {
	temp, f, err := d.beside(name)
	if err != nil {
		return err
	}
	err = fill(f)
	if closed := f.Close(); err == nil {
		err = vfs.Fault("close "+name, closed)
	}
	if err == nil {
		err = d.vacant(name, overwrite)
	}
	if err == nil {
		err = vfs.Fault("name "+name, d.FS.Rename(temp, name))
	}
	if err != nil {
		d.FS.Remove(temp)
	}
	return err
}
