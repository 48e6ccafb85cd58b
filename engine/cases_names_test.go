package engine_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/journal"
	"rtsprec/engine/rtspcam"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
)

// intruder is a disk on which somebody is quicker: where the second segment's file is to be
// made, there is one already, under the name that it has while it is written or under that
// which it is to get.
type intruder struct {
	vfs.FS
	final bool

	mu      sync.Mutex
	parts   int
	planted string
}

var strange = []byte("somebody else's recording")

func (i *intruder) Create(name string, perm os.FileMode) (vfs.File, error) {
	i.mu.Lock()
	if strings.HasSuffix(name, segment.Part) {
		i.parts++
		if i.parts == 2 {
			i.planted = name
			if i.final {
				i.planted = strings.TrimSuffix(name, segment.Part)
			}
			if err := os.WriteFile(i.planted, strange, 0o644); err != nil {
				i.planted = err.Error()
			}
		}
	}
	i.mu.Unlock()
	return i.FS.Create(name, perm)
}

func TestCase32FilesThatExistAlreadyAreNotOverwritten(t *testing.T) {
	t.Parallel()
	for name, final := range map[string]bool{"while it is written": false, "when it is sealed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264+aac"}})
			d, _ := deps(t)
			disk := &intruder{FS: d.FS, final: final}
			d.FS = disk
			o := engine.RecordOptions{
				Dir: filepath.Join(t.TempDir(), "rec"), Length: 5 * time.Second, Segment: time.Second,
				Cameras: []journal.Camera{camera("a", cam.URL("a"), "tcp")},
			}
			if _, err := engine.Record(t.Context(), d, o); err != nil {
				t.Errorf("record: %v", err)
			}
			found := false
			filepath.WalkDir(o.Dir, func(name string, e os.DirEntry, err error) error {
				if err == nil && e.Type().IsRegular() {
					data, _ := os.ReadFile(name)
					found = found || bytes.Equal(data, strange)
				}
				return err
			})
			if !found {
				t.Errorf("what was at %s is nowhere", disk.planted)
			}
			// It is no part of the recording: whoever opens that next puts it aside.
			if _, err := engine.Resume(t.Context(), d, o.Dir, engine.ResumeOptions{Repair: true}); err != nil {
				t.Errorf("resume: %v", err)
			}
			verified(t, d, o.Dir, archive.Clean)
			noneMissing(t, "a", readMarks(t, filepath.Join(o.Dir, "a")))
			if left, _ := filepath.Glob(filepath.Join(o.Dir, "quarantine", "*")); len(left) == 0 {
				t.Error("the strange file is not in quarantine")
			}
		})
	}
}
