package engine_test

import (
	"path/filepath"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/rtspcam"
)

// TestTheSubStreamIsRecordedWhileTheMainOneIsRefused has a camera without a free session
// for its main stream at first: the smaller one is recorded meanwhile, on the same
// timeline, and the main one as soon as it is to be had.
func TestTheSubStreamIsRecordedWhileTheMainOneIsRefused(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{
		"main": "h265+aac,busy@0s:5s", "sub": "h264+aac",
	}})
	d, ev := deps(t)
	dir := filepath.Join(t.TempDir(), "rec")
	c := camera("a", cam.URL("main"), "tcp")
	c.SubURL = cam.URL("sub")
	summary, err := engine.Record(t.Context(), d, engine.RecordOptions{Dir: dir, Length: 14 * time.Second, Segment: wholeDay, Cameras: []journal.Camera{c}})
	if err != nil && !fault.Is(err, fault.Incomplete) {
		t.Fatal(err)
	}
	ups := all[engine.CameraUp](ev)
	if len(ups) != 2 || !ups[0].SubStream || ups[1].SubStream {
		t.Fatalf("sessions: %+v", ups)
	}
	// Between the two streams at most a GOP of the main one is waited for.
	if got := summary.Cameras[0]; len(got.Files) != 2 || got.Coverage < 0.9 {
		t.Errorf("%d files, coverage %v, gaps %+v", len(got.Files), got.Coverage, got.Gaps)
	}
	report, _ := engine.Verify(t.Context(), d, dir, archive.VerifyOptions{Deep: true})
	if report == nil || report.Status == archive.Damaged {
		t.Errorf("verify: %+v", report)
	}
	decodes(t, dir)
}
