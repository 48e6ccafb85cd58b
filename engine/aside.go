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

// aside writes a file under another name beside its own, which it gets when it is complete.
func (d Deps) aside(name string, overwrite bool, fill func(io.Writer) error) error {
	temp := ""
	var f vfs.File
	for n := 1; ; n++ {
		temp = filepath.Join(filepath.Dir(name), fmt.Sprintf(".%s.%d.part", filepath.Base(name), n))
		var err error
		if f, err = d.FS.Create(temp, 0o644); err == nil {
			break
		}
		if !errors.Is(err, fs.ErrExist) || n == 100 {
			return vfs.Fault("create "+name, err)
		}
	}
	err := fill(f)
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
