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
const exportRounds = 9

// export compares the export of an hour with copying the file that it makes. What counts is
// the time until all of it is on the disk: before that, both are copies in memory, and how
// much of them the kernel holds back for writing differs from one to the next.
func (b *bench) export() error {
	hour, err := b.hour()
	if err != nil {
		return err
	}
	film, copied := filepath.Join(b.dir, "film.mp4"), filepath.Join(b.dir, "copied.mp4")
	var cpu usage
	export := func() error {
		cpu, err = b.run(nil, nil, "export", "-q", "-y", "-o", film, hour)
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
	var ours, theirs, ratios []float64
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
		ours, theirs, ratios = append(ours, speed(mine)), append(theirs, speed(cp)), append(ratios, cp.Seconds()/mine.Seconds())
	}
	b.info("export of 1 h of 1080p", median(ours), "MB/s", fmt.Sprintf("%.0f MB, %.2f s of a core", float64(info.Size())/1e6, cpu.CPU.Seconds()))
	b.info("cp of the same file", median(theirs), "MB/s", "")
	ratio := median(ratios)
	b.add("export of 1 h of 1080p against cp", ratio, "ratio", ">= 0.8", ratio >= 0.8,
		fmt.Sprintf("on the disk, median of %d pairs (%.2f to %.2f)", exportRounds, slices.Min(ratios), slices.Max(ratios)))
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

func median(list []float64) float64 {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}
