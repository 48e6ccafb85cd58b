package engine_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/rtspcam"
	"rtsprec/engine/vfs"
)

// TestALibraryPlaysARecordingWhileItIsMade: it appears, grows and ends, and what is played
// on the way is every unit that is on the disk afterwards, once and in order.
func TestALibraryPlaysARecordingWhileItIsMade(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264b+aac"}})
	d, _ := deps(t)
	root := t.TempDir()
	library := archive.NewLibrary(vfs.OS(), media.SystemClock{}, root)
	if n := len(library.Recordings()); n > 0 {
		t.Fatalf("%d recordings", n)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := engine.Record(t.Context(), d, engine.RecordOptions{
			Dir: filepath.Join(root, "lesson"), Length: 6 * time.Second, Segment: 2 * time.Second,
			Cameras: []journal.Camera{camera("gate", cam.URL("a"), "tcp")},
		})
		ended <- err
	}()
	waitFor(t, "the recording", func() bool {
		_, _, _, err := library.Describe("gate")
		return err == nil
	})
	src, err := library.Replay(t.Context(), "lesson/gate", archive.PlayOptions{Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if rec, err := library.Recording("lesson"); err != nil || rec.State != archive.Live {
		t.Fatalf("%+v, %v", rec, err)
	}
	played, lag := playAll(t, src)
	if err := <-ended; err != nil {
		t.Fatalf("record: %v", err)
	}
	stored := readMarks(t, filepath.Join(root, "lesson", "gate"))
	if len(played) != len(stored) {
		t.Errorf("%d pictures were played, %d are stored", len(played), len(stored))
	}
	noneMissing(t, "played", played)
	slices.Sort(lag)
	t.Logf("%d pictures, played %v after their capture (median), %v at most", len(played), lag[len(lag)/2], lag[len(lag)-1])
	waitFor(t, "the end", func() bool {
		rec, err := library.Recording("lesson")
		return err == nil && rec.State == archive.Closed
	})
	again, err := library.Play(t.Context(), "gate", time.Time{}, time.Time{}, false, false)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if later, _ := playAll(t, again); len(later) != len(stored) {
		t.Errorf("%d pictures were played afterwards, %d are stored", len(later), len(stored))
	}
}

// playAll returns the marks of the pictures that a source gives, and how long after their
// capture they came.
func playAll(t *testing.T, src media.Source) (marks []rtspcam.Mark, lag []time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tracks := src.Run().Tracks
	for {
		au, err := src.Next(ctx)
		if errors.Is(err, io.EOF) {
			return marks, lag
		}
		if err != nil {
			t.Fatal(err)
		}
		codec := tracks[au.Track].Codec
		if m, ok := rtspcam.ReadMark(codec, au.Data); ok && codec.Video() {
			marks = append(marks, m)
			lag = append(lag, time.Since(au.Wall))
		}
	}
}
