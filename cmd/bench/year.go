package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
)

// year makes the journal of a year of 24-hour recording of 8 cameras in segments of
// ten minutes, and measures how long it takes to say what is in it.
func (b *bench) year() error {
	const cameras, length = 8, 10 * time.Minute
	dir := filepath.Join(b.dir, "year")
	plan, err := writeDays(dir, cameras, length, 365)
	if err != nil {
		return err
	}
	if err := journal.SavePlan(vfs.OS(), dir, plan); err != nil {
		return err
	}
	var out bytes.Buffer
	began := time.Now()
	if _, err := b.run(&out, nil, "ls", "--json", dir); err != nil {
		return err
	}
	took := time.Since(began)
	b.add("ls of a year of 8 cameras", took.Seconds(), "s", "< 1", took < time.Second,
		fmt.Sprintf("%d segments", 365*24*6*cameras))
	return nil
}

// clock is a clock that is set by hand.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time  { return c.now }
func (c *clock) Wall() time.Time { return c.now }

// writeDays makes the journal of so many days from 2025 on.
func writeDays(dir string, cameras int, length time.Duration, days int) (journal.Plan, error) {
	c := &clock{time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)}
	plan := journal.Plan{Format: 1, Created: c.now, Segment: journal.Duration(length), Commit: journal.Duration(time.Second), Fragment: journal.Duration(250 * time.Millisecond)}
	for i := range cameras {
		plan.Cameras = append(plan.Cameras, journal.Camera{Name: fmt.Sprintf("cam%d", i), URL: "rtsp://192.0.2.1/live"})
	}
	fs := vfs.OS()
	if err := fs.MkdirAll(filepath.Join(dir, "journal"), 0o755); err != nil {
		return plan, err
	}
	w, err := journal.OpenWriter(journal.Options{FS: fs, Dir: filepath.Join(dir, "journal"), Clock: c, Next: 1})
	if err != nil {
		return plan, err
	}
	if _, err := w.Append(&journal.Open{Version: "bench", Why: "create", Wall: c.now}); err != nil {
		return plan, err
	}
	tracks := []journal.Track{{Codec: media.H264, Clock: 90000}, {Codec: media.AAC, Clock: 48000, Channels: 2}}
	sum := strings.Repeat("0123456789abcdef", 4)
	until := c.now.AddDate(0, 0, days)
	for n := uint64(1); c.now.Before(until); n++ {
		start, end := c.now, c.now.Add(length)
		for i := range cameras {
			name := fmt.Sprintf("cam%d", i)
			file := name + "/" + segment.FileName(start, n)
			lines := []journal.Entry{
				&journal.Segment{Camera: name, N: n, File: file, Run: uint64(i + 1), Start: start, Tracks: tracks},
				&journal.Seal{
					Camera: name, N: n, Size: 3e8, SHA256: sum, Start: start, End: end,
					Starts: []time.Time{start, start}, Ends: []time.Time{end, end}, Units: []int64{18000, 28125},
				},
			}
			for _, line := range lines {
				if _, err := w.Append(line); err != nil {
					return plan, err
				}
			}
		}
		c.now = end
		if err := w.Sync(); err != nil {
			return plan, err
		}
	}
	return plan, w.Close()
}
