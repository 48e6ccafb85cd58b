package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"

	"rtsprec/engine/journal"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
)

const part = segment.Part

// inventory is what stands in a recording's directories.
type inventory struct {
	files            []stranger // under the cameras' folders; the journal decides who is one
	quarantined      int
	quarantinedBytes int64
}

// stranger is a file that the journal may not know.
type stranger struct {
	camera string // the folder it stands in
	name   string // relative to the recording, forward slashes
	size   int64
	media  bool // it has the name of a segment
	part   bool // of an open one
	odd    bool // no regular file
}

func (s stranger) finding() Finding {
	f := Finding{Kind: Stranger, Severity: Missing, Invariant: 3, Camera: s.camera, File: s.name, Text: "the journal does not know this file"}
	switch {
	case s.odd:
		f.Text = "this is no ordinary file, and the journal does not know it"
	case s.media && s.part:
		f.Text = "the journal does not know this file: it was begun, and nothing of it was committed"
	case s.media:
		f.Severity, f.Text = Broken, "the journal does not know this segment: lines are lost, or it is from elsewhere"
	}
	return f
}

// isGone reports whether the journal says that retention removed the file.
func (r *Recording) isGone(s stranger) bool {
	c := r.Camera(s.camera)
	_, n, ok := segment.ParseName(s.name)
	return c != nil && ok && !s.part && !s.odd && c.isGone(n)
}

// left is the finding of a pruned file that is still there.
func (s stranger) left(live bool) Finding {
	f := Finding{Kind: PrunedLeft, Severity: Missing, Invariant: 3, Camera: s.camera, File: s.name,
		Text: "the journal says that this file was removed, and it is there: the next to open the recording removes it"}
	if live {
		f.Severity, f.Text = Note, "this file is being removed"
	}
	return f
}

// depth bounds how far below a camera's folder is looked; segments are one folder deep.
const depth = 8

// survey lists the files below every folder that is or may be a camera's.
func survey(fsys vfs.FS, dir string) (*inventory, error) {
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return nil, vfs.Fault("list the recording", err)
	}
	found := &inventory{}
	for _, e := range entries {
		switch name := e.Name(); {
		case name == quarantineDir:
			err = walk(fsys, dir, name, depth, func(_ string, size int64, _ bool) {
				found.quarantined++
				found.quarantinedBytes += size
			})
		case journal.ValidCameraName(name) == nil && isFolder(fsys, filepath.Join(dir, name), e):
			err = walk(fsys, dir, name, depth, func(file string, size int64, odd bool) {
				_, _, media := segment.ParseName(file)
				found.files = append(found.files, stranger{camera: name, name: file, size: size,
					media: media && !odd, part: path.Ext(file) == part, odd: odd})
			})
		}
		if err != nil {
			return nil, vfs.Fault("list the recording", err)
		}
	}
	return found, nil
}

// isFolder follows links: a camera's folder may lie on another disk.
func isFolder(fsys vfs.FS, name string, e fs.DirEntry) bool {
	if e.IsDir() {
		return true
	}
	info, err := fsys.Stat(name)
	return err == nil && info.IsDir()
}

// walk calls visit for everything below name that is no directory. What goes away
// meanwhile is left out.
func walk(fsys vfs.FS, dir, name string, depth int, visit func(name string, size int64, odd bool)) error {
	entries, err := fsys.ReadDir(filepath.Join(dir, filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		below := name + "/" + e.Name()
		if e.IsDir() {
			if depth > 0 {
				if err := walk(fsys, dir, below, depth-1, visit); err != nil {
					return err
				}
			}
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		visit(below, info.Size(), !info.Mode().IsRegular())
	}
	return nil
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// bytesText is a size for people.
func bytesText(n int64) string {
	switch {
	case n < 10_000:
		return fmt.Sprintf("%d bytes", n)
	case n < 10_000_000:
		return fmt.Sprintf("%d kB", n/1000)
	}
	return fmt.Sprintf("%d MB", n/1_000_000)
}
