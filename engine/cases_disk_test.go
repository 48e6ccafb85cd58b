package engine_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/rtspcam"
	"rtsprec/engine/vfs/crashfs"
)

// recording runs Record in the background; stop ends it in order and waits for it.
func recording(t *testing.T, d engine.Deps, o engine.RecordOptions) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := engine.Record(ctx, d, o)
		done <- err
	}()
	return func() error { cancel(); return <-done }
}

// flowing reports whether every camera has put media on disk since the last n progress
// reports.
func flowing(ev *events, n int) func() bool {
	return func() bool {
		list := all[engine.Progress](ev)
		if len(list) <= n {
			return false
		}
		for _, c := range list[len(list)-1].Cameras {
			if c.State != "recording" || c.Bytes == 0 {
				return false
			}
		}
		return true
	}
}

func TestCase30AFullDiskIsWaitedOut(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264+aac"}})
	d, ev := deps(t)
	disk := crashfs.New()
	d.FS = disk
	stop := recording(t, d, engine.RecordOptions{
		Dir: "/rec", Segment: time.Second, Cameras: []journal.Camera{camera("a", cam.URL("a"), "tcp")},
	})
	waitFor(t, "media", flowing(ev, 1))
	disk.SetSpace(disk.Used())
	waitFor(t, "the disk's trouble to be said", func() bool {
		list := all[engine.Disk](ev)
		return len(list) > 0 && list[len(list)-1].Err != ""
	})
	soon := len(all[engine.Progress](ev)) + 2
	waitFor(t, "seconds of it", func() bool { return len(all[engine.Progress](ev)) > soon })
	disk.SetSpace(1 << 40)
	waitFor(t, "its end to be said", func() bool {
		list := all[engine.Disk](ev)
		return list[len(list)-1].Err == ""
	})
	waitFor(t, "media behind it", flowing(ev, len(all[engine.Progress](ev))+1))
	if err := stop(); err != nil {
		t.Errorf("record: %v", err)
	}
	verified(t, d, "/rec", archive.Clean)
}

func TestCase30AMountThatVanishesAndReturnsCostsNothing(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264+aac"}})
	d, ev := deps(t)
	dir := filepath.Join(t.TempDir(), "rec")
	stop := recording(t, d, engine.RecordOptions{
		Dir: dir, Segment: time.Second, Cameras: []journal.Camera{camera("a", cam.URL("a"), "tcp")},
	})
	waitFor(t, "media", flowing(ev, 1))
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the loss to be said", func() bool { return len(all[engine.Disk](ev)) > 0 })
	soon := len(all[engine.Progress](ev)) + 2
	waitFor(t, "seconds of it", func() bool { return len(all[engine.Progress](ev)) > soon })
	if _, err := os.Stat(dir); err == nil {
		t.Error("something was made in the place of the recording")
	}
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "its end to be said", func() bool {
		list := all[engine.Disk](ev)
		return list[len(list)-1].Err == ""
	})
	if err := stop(); err != nil {
		t.Errorf("record: %v", err)
	}
	verified(t, d, dir, archive.Clean)
	noneMissing(t, "a", readMarks(t, dir))
	decodes(t, dir)
}

func TestCase30ADeletedDirectoryIsSaidAndEndsInTime(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264+aac"}})
	d, ev := deps(t)
	dir := filepath.Join(t.TempDir(), "rec")
	stop := recording(t, d, engine.RecordOptions{
		Dir: dir, Grace: 2 * time.Second, Cameras: []journal.Camera{camera("a", cam.URL("a"), "tcp")},
	})
	waitFor(t, "media", flowing(ev, 1))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the loss to be said", func() bool { return len(all[engine.Disk](ev)) > 0 })
	began := time.Now()
	if err := stop(); !fault.Is(err, fault.DiskFailed) {
		t.Errorf("record: %v, want a failed disk", err)
	}
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("stopping took %v", took)
	}
}

func TestCase32NamesOfAnyLanguageAndLength(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ж", 127) + "x" // 255 bytes
	play(t, 3*time.Second, []scene{
		{name: "Кафедра-301", stream: "h264", transport: "tcp"},
		{name: "講義室", stream: "h264+aac", transport: "udp"},
		{name: long, stream: "h264", transport: "tcp"},
	})
}

func TestCase33SixtyFourCamerasAtOnce(t *testing.T) {
	t.Parallel()
	var scenes []scene
	for i := range 64 {
		scenes = append(scenes, scene{
			name: fmt.Sprintf("cam-%02d", i), stream: "h264", transport: []string{"udp", "tcp"}[i%2],
		})
	}
	play(t, 4*time.Second, scenes)
}

// TestCase33NoFileDescriptorsLeft has a process of its own run out of descriptors while
// it records: what plays goes on, and what cannot is said.
func TestCase33NoFileDescriptorsLeft(t *testing.T) {
	t.Parallel()
	paths := map[string]rtspcam.Stream{}
	o := engine.RecordOptions{Dir: filepath.Join(t.TempDir(), "rec"), Length: 8 * time.Second, Segment: 2 * time.Second}
	for i := range 12 {
		paths[fmt.Sprintf("cam-%02d", i)] = "h264"
	}
	cam := rtspcam.Start(t, rtspcam.Options{Paths: paths})
	for i := range 12 {
		name := fmt.Sprintf("cam-%02d", i)
		o.Cameras = append(o.Cameras, camera(name, cam.URL(name), "udp"))
	}
	out, err := recorderProcess(t, o, descriptorsEnv+"=40").CombinedOutput()
	if strings.Contains(string(out), "panic") {
		t.Fatalf("%v %s", err, out)
	}
	d, _ := deps(t)
	report := verified(t, d, o.Dir, archive.Incomplete)
	if w := report.Window; w.To.Sub(w.From) < o.Length-40*time.Millisecond {
		t.Errorf("a window of %v", w.To.Sub(w.From))
	}
	whole := 0
	for _, c := range report.Cameras {
		begun, ended := c.Coverage.Share() > 0, false
		for _, g := range c.Gaps {
			if begun && !g.From.After(report.Window.From) {
				continue // on a busy machine it begins late
			}
			ended = true
			if !g.Causes.Has(media.Unreachable) || !strings.Contains(g.Note, "ulimit -n") {
				t.Errorf("%s: %s %s (%s), want too few descriptors and what to type", c.Name, span(g.From, g.To), g.Causes, g.Note)
			}
		}
		switch {
		case begun && ended:
			t.Errorf("%s was begun and not gone on with: %.2f", c.Name, c.Coverage.Share())
		case begun:
			whole++
		}
	}
	if whole == 0 || whole == len(report.Cameras) {
		t.Errorf("%d of %d cameras were recorded: %s", whole, len(report.Cameras), out)
	}
	decodes(t, o.Dir)
}

func TestCase34TwoProcessesOnOneDirectory(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264"}})
	d, ev := deps(t)
	o := engine.RecordOptions{Dir: filepath.Join(t.TempDir(), "rec"), Cameras: []journal.Camera{camera("a", cam.URL("a"), "tcp")}}
	stop := recording(t, d, o)
	waitFor(t, "media", flowing(ev, 1))
	out, err := recorderProcess(t, o).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "busy") {
		t.Errorf("the second recorder: %v %s", err, out)
	}
	if _, err := engine.Resume(t.Context(), d, o.Dir, engine.ResumeOptions{}); !fault.Is(err, fault.Busy) {
		t.Errorf("resume beside a recorder: %v", err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	verified(t, d, o.Dir, archive.Clean)
	noneMissing(t, "a", readMarks(t, o.Dir))
}
