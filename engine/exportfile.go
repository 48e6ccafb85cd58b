package engine

import (
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
		if err := outside(inside, name); err != nil {
			return nil, err
		}
		if err := x.vacant(name, x.Overwrite); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// outside refuses a name inside a recording, whose absolute path is given.
func outside(recording, name string) error {
	path, err := filepath.Abs(name)
	if err != nil {
		return vfs.Fault("find "+name, err)
	}
	if rel, err := filepath.Rel(recording, path); err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return fault.New(fault.Usage, "%s is inside the recording, where nothing is written but by recording", name)
	}
	return nil
}

func (x *export) recordingPath() (string, error) {
	path, err := filepath.Abs(x.Dir)
	return path, vfs.Fault("find "+x.Dir, err)
}
