package engine_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/media"
	"rtsprec/testdata/peers"
)

// publisher is ffmpeg publishing a test picture of that size for that many seconds.
func publisher(t testing.TB, url, size, seconds string) *exec.Cmd {
	return exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc=rate=25:size="+size,
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "12", "-t", seconds, "-f", "rtsp", "-rtsp_transport", "tcp", url)
}

func TestCase27PublishersThatDropChangeOrContend(t *testing.T) {
	t.Parallel()
	peers.Need(t, "ffmpeg", "ffprobe")
	dir := filepath.Join(t.TempDir(), "live")
	s := serve(t, engine.ServeOptions{Record: engine.RecordInto{Dir: dir}, Paths: []engine.ServePath{{Name: "stage", Record: true}}})
	first := publisher(t, s.rtsp+"stage", "320x240", "60")
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the first publisher", func() bool { return s.state("stage") == "recording" })
	v := s.watch(t, "stage")
	for range 30 {
		if _, err := v.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := publisher(t, s.rtsp+"stage", "320x240", "1").CombinedOutput(); err == nil {
		t.Errorf("a second publisher was let in: %s", out)
	}
	first.Process.Kill()
	first.Wait()
	waitFor(t, "the first one to be gone", func() bool { return s.state("stage") == "waiting" })
	if out, err := publisher(t, s.rtsp+"stage", "640x480", "3").CombinedOutput(); err != nil {
		t.Fatalf("coming back with another picture: %v %s", err, out)
	}
	v.Close()
	s.end(t)

	report := verified(t, s.Deps, dir, archive.Incomplete)
	c := report.Cameras[0]
	if c.Coverage.Unexplained > 0 || c.Segments < 2 {
		t.Errorf("%d segments, %v without a cause", c.Segments, c.Coverage.Unexplained)
	}
	if len(c.Gaps) == 0 || c.Gaps[0].Causes.Has(media.Overflow) || c.Gaps[0].Causes.Has(media.DiskError) {
		t.Errorf("gaps: %+v", c.Gaps)
	}
	sizes := map[string]bool{}
	for _, name := range mediaFiles(t, dir) {
		out, err := exec.Command("ffprobe", "-v", "error", "-show_entries", "stream=width", "-of", "csv=p=0", name).Output()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		sizes[strings.TrimSpace(string(out))] = true
	}
	if !sizes["320"] || !sizes["640"] {
		t.Errorf("widths recorded: %v", sizes)
	}
	decodes(t, dir)
}
