package engine_test

import (
	"errors"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/rtspcam"
)

func TestATimelineIsDrawnWithoutCodecs(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264", "b": "h264"}})
	d, _ := deps(t)
	d.Coder = nil
	dir := filepath.Join(t.TempDir(), "rec")
	if _, err := engine.Record(t.Context(), d, engine.RecordOptions{Dir: dir, Length: 2 * time.Second, Cameras: []journal.Camera{
		camera("a", cam.URL("a"), "tcp"), camera("b", cam.URL("b"), "tcp"),
	}}); err != nil && !fault.Is(err, fault.Incomplete) { // on a busy machine something may be missing
		t.Fatal(err)
	}
	out := filepath.Join(filepath.Dir(dir), "{recording}.png")
	r, err := engine.Strip(d, engine.StripOptions{Dir: dir, Output: out, Width: 900})
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Base(r.File) != "rec.png" || !slices.Equal(r.Cameras, []string{"a", "b"}) || r.Width != 900 || !r.From.Before(r.To) {
		t.Errorf("%+v", r)
	}
	f, err := os.Open(r.File)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil || img.Bounds().Dx() != 900 || img.Bounds().Dy() != r.Height {
		t.Errorf("%v, %v", err, r)
	}
	if _, err := engine.Strip(d, engine.StripOptions{Dir: dir, Output: out}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file that is there: %v", err)
	}
	half := func(w archive.Window) (time.Time, time.Time, error) { return w.From.Add(time.Second), w.To, nil }
	r, err = engine.Strip(d, engine.StripOptions{Dir: dir, Output: out, Overwrite: true, Cameras: []string{"b"}, Range: half})
	if err != nil || !slices.Equal(r.Cameras, []string{"b"}) || r.To.Sub(r.From) > 2*time.Second {
		t.Errorf("%+v, %v", r, err)
	}
	for what, o := range map[string]engine.StripOptions{
		"no picture": {Dir: dir, Output: "x.mp4"}, "an unknown camera": {Dir: dir, Output: out, Overwrite: true, Cameras: []string{"c"}},
		"inside the recording": {Dir: dir, Output: filepath.Join(dir, "x.png")},
		"no time":              {Dir: dir, Output: out, Overwrite: true, Range: func(w archive.Window) (time.Time, time.Time, error) { return w.To, w.From, nil }},
	} {
		if _, err := engine.Strip(d, o); !fault.Is(err, fault.Usage) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
