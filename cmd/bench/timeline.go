package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
)

// watched counts the files that are opened.
type watched struct {
	vfs.FS
	opened atomic.Int64
}

func (w *watched) Open(name string) (vfs.File, error) {
	w.opened.Add(1)
	return w.FS.Open(name)
}

func (w *watched) Hold(name string) (vfs.File, error) {
	w.opened.Add(1)
	return w.FS.Hold(name)
}

// timeline measures how long the library takes to say what each instant of 30 days of 8
// cameras is. Reading the journal for the first time is told apart: serve does it at its
// start.
func (b *bench) timeline() error {
	const cameras, days = 8, 30
	dir := filepath.Join(b.dir, "month")
	plan, err := writeDays(dir, cameras, 10*time.Minute, days)
	if err != nil {
		return err
	}
	if err := journal.SavePlan(vfs.OS(), dir, plan); err != nil {
		return err
	}
	fs := &watched{FS: vfs.OS()}
	library := archive.NewLibrary(fs, media.SystemClock{}, dir)
	began := time.Now()
	library.Recordings()
	b.info("30 days of 8 cameras, read for the first time", time.Since(began).Seconds(), "s", "")
	const rounds = 9
	var took []time.Duration
	spans := 0
	fs.opened.Store(0)
	for range rounds {
		began := time.Now()
		spans = 0
		for _, r := range library.Recordings() {
			for _, c := range r.Cameras {
				spans += len(r.Timeline(c))
			}
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	ms := float64(took[rounds/2]) / float64(time.Millisecond)
	b.add("timeline of 30 days of 8 cameras", ms, "ms", "<= 50", ms <= 50 && spans >= cameras, fmt.Sprintf("median of %d, at most %v", rounds, took[rounds-1].Round(time.Millisecond)))
	n := float64(fs.opened.Load())
	b.add("files opened for it", n, "", "= 0", n == 0, "")
	return nil
}
