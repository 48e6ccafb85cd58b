package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// exportRounds is how often an export and a copy are measured side by side.
const exportRounds = 8

// export compares the export of an hour with copying the file that it makes. What counts is
// the time until all of it is on the disk, and the best of some rounds of each: in a virtual
// machine memory that has been idle costs four times as much to write to, whoever does it.
func (b *bench) export() error {
	hour, err := b.hour()
	if err != nil {
		return err
	}
	film, copied := filepath.Join(b.dir, "film.mp4"), filepath.Join(b.dir, "copied.mp4")
	export := func() error {
		_, err := b.run(nil, nil, "export", "-q", "-y", "-o", film, hour)
		return err
	}
	plain := func() error {
		out, err := exec.Command("cp", filepath.Join(b.dir, "model.mp4"), copied).CombinedOutput()
		if err != nil {
			return fmt.Errorf("cp: %w: %s", err, bytes.TrimSpace(out))
		}
		return nil
	}
	if err := export(); err != nil { // the model; and what both read is in memory from now on
		return err
	}
	if err := os.Rename(film, filepath.Join(b.dir, "model.mp4")); err != nil {
		return err
	}
	info, err := os.Stat(filepath.Join(b.dir, "model.mp4"))
	if err != nil {
		return err
	}
	var ours, theirs []float64
	for n := range exportRounds {
		var mine, cp time.Duration
		measure := []func() error{
			func() (err error) { mine, err = timed(film, export); return err },
			func() (err error) { cp, err = timed(copied, plain); return err },
		}
		if n%2 > 0 { // who is second finds memory and disk in another state
			slices.Reverse(measure)
		}
		for _, next := range measure {
			if err := next(); err != nil {
				return err
			}
		}
		speed := func(d time.Duration) float64 { return float64(info.Size()) / 1e6 / d.Seconds() }
		ours, theirs = append(ours, speed(mine)), append(theirs, speed(cp))
	}
	spread := func(list []float64) string {
		return fmt.Sprintf("best of %d, from %.0f on", len(list), slices.Min(list))
	}
	b.info("export of 1 h of 1080p", slices.Max(ours), "MB/s", fmt.Sprintf("%.0f MB; %s", float64(info.Size())/1e6, spread(ours)))
	b.info("cp of the same file", slices.Max(theirs), "MB/s", spread(theirs))
	ratio := slices.Max(ours) / slices.Max(theirs)
	b.add("export of 1 h of 1080p against cp", ratio, "ratio", ">= 0.8", ratio >= 0.8, "on the disk")
	return nil
}

// hour makes the recording of an hour.
func (b *bench) hour() (dir string, err error) {
	const length = 10 * time.Minute
	opened := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	s, err := newStudio(filepath.Join(b.dir, "hour"), opened, "cam")
	if err != nil {
		return "", err
	}
	if err := s.load("heavy", 3000); err != nil {
		return "", err
	}
	for n := uint64(1); n <= 6; n++ {
		if err := s.segment("cam", n, opened.Add(time.Duration(n-1)*length), length, true); err != nil {
			return "", err
		}
	}
	return s.dir, s.close(opened.Add(time.Hour))
}

// timed measures how long it takes to make a file and have it on the disk, which has
// nothing else to write. The file is removed before and after.
func timed(name string, make func() error) (time.Duration, error) {
	if err := os.RemoveAll(name); err != nil {
		return 0, err
	}
	unix.Sync()
	began := time.Now()
	if err := make(); err != nil {
		return 0, err
	}
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return 0, err
	}
	took := time.Since(began)
	return took, os.Remove(name)
}
