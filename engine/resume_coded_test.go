package engine_test

import (
	"image"
	"os"
	"os/exec"
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
)

// A recording that is encoded anew and whose process is killed goes on as it was planned.
func TestResumeGoesOnEncodingAnewAsPlanned(t *testing.T) {
	t.Parallel()
	d := coding(t)
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h265+pcma"}})
	dir := filepath.Join(t.TempDir(), "rec")
	began := time.Now()
	o := engine.RecordOptions{Dir: dir, Length: 8 * time.Second, Cameras: []journal.Camera{camera("a", cam.URL("a"), "tcp")}}
	o.Transcode = engine.TranscodeOptions{Video: engine.ToH264, Audio: engine.ToAAC, Size: image.Pt(0, 90), Device: "none"}
	cmd := recorderProcess(t, o)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	before := 0 // files: more than one where the machine was too slow for a while
	waitFor(t, "something to be kept", func() bool {
		rec, err := archive.Load(d.FS, dir)
		if err != nil || len(rec.Cameras) != 1 {
			return false
		}
		before = len(rec.Cameras[0].Segments)
		return before > 0 && rec.Cameras[0].Segments[before-1].Units() > 40
	})
	cmd.Process.Kill()
	cmd.Wait()
	killed := time.Since(began)

	if s, err := engine.Resume(t.Context(), d, dir, engine.ResumeOptions{}); !fault.Is(err, fault.Incomplete) {
		t.Fatalf("resume: %+v %v", s, err)
	}
	report := verified(t, d, dir, archive.Incomplete)
	for _, g := range report.Cameras[0].Gaps {
		if !g.Causes.Has(media.ProcessDown) {
			t.Errorf("a gap because of %v", g.Causes)
		}
	}
	if got, want := report.Window.To.Sub(report.Window.From), o.Length; (got - want).Abs() > 200*time.Millisecond {
		t.Errorf("it is %v long, planned were %v (killed after %v)", got, want, killed)
	}
	rec, err := archive.Load(d.FS, dir)
	if err != nil {
		t.Fatal(err)
	}
	if files := rec.Cameras[0].Segments; len(files) <= before {
		t.Errorf("%d files: nothing was recorded after the kill", len(files))
	}
	decodes(t, dir)
	for _, file := range mediaFiles(t, dir) {
		out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-show_entries", "stream=codec_name,height", "-of", "csv=p=0", file).Output()
		if streams := string(out); err != nil || !strings.Contains(streams, "h264,90") || !strings.Contains(streams, "aac") {
			t.Errorf("%s: %s", filepath.Base(file), streams)
		}
	}
}
