package engine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"rtsprec/engine/fault"
	"rtsprec/engine/vfs"
)

// names decides where each camera's file goes, and refuses what cannot be.
func (x *export) names(cameras []string) ([]string, error) {
	if x.Output == "-" {
		if len(cameras) > 1 {
			return nil, fault.New(fault.Usage, "standard output takes one camera, and %s has %s", x.Dir, strings.Join(cameras, ", "))
		}
		return []string{"-"}, nil
	}
	inside, err := x.recordingPath()
	if err != nil {
		return nil, err
	}
	pattern := x.Output
	if info, err := x.FS.Stat(pattern); strings.HasSuffix(pattern, string(filepath.Separator)) || err == nil && info.IsDir() {
		pattern = filepath.Join(pattern, "{recording}-{camera}."+string(x.container("")))
	}
	if len(cameras) > 1 && !strings.Contains(pattern, "{camera}") {
		return nil, fault.New(fault.Usage, "%s are %d cameras and %s is one file", strings.Join(cameras, ", "), len(cameras), pattern)
	}
	var names []string
	for _, camera := range cameras {
		name := strings.NewReplacer("{camera}", camera, "{recording}", filepath.Base(inside)).Replace(pattern)
		path, err := filepath.Abs(name)
		if err != nil {
			return nil, vfs.Fault("find "+name, err)
		}
		if rel, err := filepath.Rel(inside, path); err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
			return nil, fault.New(fault.Usage, "%s is inside the recording, where nothing is written but by recording", name)
		}
		if err := x.vacant(name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

func (x *export) recordingPath() (string, error) {
	path, err := filepath.Abs(x.Dir)
	return path, vfs.Fault("find "+x.Dir, err)
}

// vacant refuses a name that is taken.
func (x *export) vacant(name string) error {
	info, err := x.FS.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return vfs.Fault("look for "+name, err)
	case !info.Mode().IsRegular():
		return fault.New(fault.Usage, "%s is no file", name)
	case !x.Overwrite:
		return fault.Wrap(fault.Usage, "write "+name, fs.ErrExist)
	}
	return nil
}

// aside writes a file under another name beside its own, which it gets when it is complete.
func (x *export) aside(name string, fill func(io.Writer) error) error {
	temp := ""
	var f vfs.File
	for n := 1; ; n++ {
		temp = filepath.Join(filepath.Dir(name), fmt.Sprintf(".%s.%d.part", filepath.Base(name), n))
		var err error
		if f, err = x.FS.Create(temp, 0o644); err == nil {
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
		err = x.vacant(name)
	}
	if err == nil {
		err = vfs.Fault("name "+name, x.FS.Rename(temp, name))
	}
	if err != nil {
		x.FS.Remove(temp)
	}
	return err
}
