package journal

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
	"rtsprec/engine/vfs/crashfs"
)

const dir = "/rec/journal"

var day1 = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// clock is set by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: day1} }

func (c *clock) Now() time.Time { return c.Wall() }

func (c *clock) Wall() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newFS has the recording's directory, durable.
func newFS(t testing.TB) *crashfs.FS {
	f := crashfs.New()
	must(t, f.Mkdir("/rec", 0o755))
	must(t, f.SyncDir("/"))
	return f
}

func open(t testing.TB, f vfs.FS, c media.Clock) *Writer {
	t.Helper()
	w, err := OpenWriter(Options{FS: f, Dir: dir, Clock: c, Report: func(err error) { t.Errorf("reported: %v", err) }})
	must(t, err)
	return w
}

func add(t testing.TB, w *Writer, entries ...Entry) {
	t.Helper()
	for _, e := range entries {
		_, err := w.Append(e)
		must(t, err)
	}
}

func readLog(t testing.TB, f vfs.FS) *Log {
	t.Helper()
	log, err := Read(f, dir)
	must(t, err)
	return log
}

func fileNames(log *Log) []string {
	var list []string
	for _, f := range log.Files {
		list = append(list, f.Name)
	}
	return list
}

func segment(camera string, n uint64, start time.Time) *Segment {
	return &Segment{Camera: camera, N: n, File: fmt.Sprintf("%s/%06d.mp4", camera, n), Run: 1, Start: start,
		Tracks: []Track{{Codec: media.H264, Clock: 90000}, {Codec: media.AAC, Clock: 48000, Channels: 2}}}
}

func seal(camera string, n uint64, start time.Time, length time.Duration) *Seal {
	end := start.Add(length)
	return &Seal{Camera: camera, N: n, Size: 1000, SHA256: "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
		Start: start, End: end, Starts: []time.Time{start, start}, Ends: []time.Time{end, end}, Units: []int64{18000, 28000}}
}

func commit(n uint64, end time.Time, cameras ...string) *Commit {
	c := new(Commit)
	for _, name := range cameras {
		c.Files = append(c.Files, Committed{Camera: name, N: n, From: 16, Size: 500_016, Sum: 0x1c291ca3, Ends: []time.Time{end, end}, Units: []int64{25, 47}})
	}
	return c
}

func gap(camera string, id uint64, from, to time.Time) *Gap {
	return &Gap{ID: id, Camera: camera, From: from, To: to, Causes: media.Because(media.Timeout)}
}
