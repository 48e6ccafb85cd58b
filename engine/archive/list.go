package archive

import (
	"path/filepath"

	"rtsprec/engine/journal"
	"rtsprec/engine/vfs"
)

// searchDepth bounds how far below a root recordings are looked for.
const searchDepth = 4

// List finds the recordings in and below each root, in order of name, without reading
// media. A recording that cannot be read is listed with its Error. Folders that cannot be
// read are passed over, but for the roots. The error is of kind fault.NotFound where a
// root does not exist.
func List(fsys vfs.FS, roots ...string) ([]Summary, error) {
	list := []Summary{}
	for _, root := range roots {
		if _, err := fsys.ReadDir(root); err != nil {
			return list, vfs.Fault("list "+root, err)
		}
		list = search(fsys, root, searchDepth, list)
	}
	return list, nil
}

func search(fsys vfs.FS, dir string, depth int, list []Summary) []Summary {
	if isRecording(fsys, dir) {
		s, err := Summarize(fsys, dir)
		if err != nil {
			s = &Summary{Dir: dir, Cameras: []CameraSummary{}, State: Interrupted, Error: err.Error()}
		}
		return append(list, *s)
	}
	entries, err := fsys.ReadDir(dir)
	if err != nil || depth == 0 {
		return list
	}
	for _, e := range entries {
		if e.IsDir() && e.Name()[0] != '.' {
			list = search(fsys, filepath.Join(dir, e.Name()), depth-1, list)
		}
	}
	return list
}

// isRecording asks for what every recording has from its first moment on.
func isRecording(fsys vfs.FS, dir string) bool {
	if _, err := fsys.Stat(filepath.Join(dir, journal.PlanName)); err == nil {
		return true
	}
	_, err := fsys.Stat(filepath.Join(dir, journalDir, "index.jsonl"))
	return err == nil
}
