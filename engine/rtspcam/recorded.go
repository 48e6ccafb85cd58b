package rtspcam

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"rtsprec/engine/segment"
)

// Recorded reads the marks of all video units in a camera's folder of a recording, file
// by file in order of name, units in order of decoding: what was recorded, to be held
// against what was [Camera.Sent]. Files still open count as far as they are sound.
func Recorded(dir string) ([]Mark, error) {
	var marks []Mark
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		if base := strings.TrimSuffix(name, segment.Part); filepath.Ext(base) != ".mp4" {
			return nil
		}
		more, err := recordedIn(name)
		marks = append(marks, more...)
		return err
	})
	return marks, err
}

func recordedIn(name string) ([]Mark, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	s, err := segment.Scan(f, info.Size(), segment.ScanOptions{})
	if err != nil {
		return nil, err
	}
	var marks []Mark
	for u, err := range s.Samples(0, len(s.Fragments)) {
		if err != nil {
			return marks, err
		}
		codec := s.Header.Tracks[u.Track].Codec
		if m, ok := ReadMark(codec, u.Data); ok && codec.Video() {
			marks = append(marks, m)
		}
	}
	return marks, nil
}
