package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
)

// A composition that is to be a file is recorded first, beside it in a hidden folder, with
// all that a recording outlives, and copied out of that at the end. What a crash leaves is
// a recording like any other.

// hideRecording gives a composition that is to be a file a folder for its recording.
func (c *composer) hideRecording() error {
	o := &c.o.Out
	if o.File == "" {
		return nil
	}
	if err := c.deps.vacant(o.File, o.Overwrite); err != nil {
		return err
	}
	if o.Dir != "" {
		return nil
	}
	for n := 1; ; n++ {
		dir := filepath.Join(filepath.Dir(o.File), fmt.Sprintf(".%s.%d.part", filepath.Base(o.File), n))
		_, err := c.deps.FS.Stat(dir)
		if errors.Is(err, fs.ErrNotExist) {
			o.Dir, c.hidden = dir, dir
			return nil
		}
		if n == 100 {
			return fault.New(fault.Busy, "write %s: %s and 99 others are there, of compositions that did not end", o.File, dir)
		}
	}
}

// writeFile copies the composition out of its recording. Where that fails the recording is
// kept, and named.
func (c *composer) writeFile(ctx context.Context) (*ExportedFile, error) {
	o := c.o.Out
	if o.File == "" || c.pictured.Load() == 0 {
		c.dropHidden()
		return nil, nil
	}
	d := c.deps
	d.Observe = nil
	report, err := Export(ctx, d, ExportOptions{
		Dir: o.Dir, Cameras: []string{o.Name}, Gaps: archive.GapsKeep, Output: o.File, Overwrite: o.Overwrite,
	})
	if err != nil && !fault.Is(err, fault.Incomplete) {
		return nil, fault.Because("write "+o.File+"; what was composed is the recording "+o.Dir, err)
	}
	c.dropHidden()
	return &report.Files[0], nil
}

// dropHidden removes the folder that the composition was recorded in, unless it was asked
// for.
func (c *composer) dropHidden() {
	if c.hidden == "" {
		return
	}
	if err := removeTree(c.deps, c.hidden); err != nil {
		c.deps.observe(Notice{Message: "not removed: " + c.hidden + ": " + err.Error()})
	}
}

// removeTree removes a folder and what is in it.
func removeTree(d Deps, dir string) error {
	entries, err := d.FS.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		if e.IsDir() {
			err = removeTree(d, name)
		} else {
			err = d.FS.Remove(name)
		}
		if err != nil {
			return err
		}
	}
	return d.FS.Remove(dir)
}
