package engine_test

import (
	"context"
	"image"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/rtspcam"
	"rtsprec/engine/testcard"
	"rtsprec/presets"
	"rtsprec/testdata/peers"
)

// composing is what the tests of compositions begin with: a small picture that costs
// little.
func composing(t testing.TB, layout string, inputs ...engine.ComposeInput) engine.ComposeOptions {
	t.Helper()
	set, err := presets.Load()
	if err != nil {
		t.Fatal(err)
	}
	o := engine.ComposeOptions{Inputs: inputs, Layouts: set.Layouts(), Size: image.Pt(640, 360), FPS: 25, Label: "off", Segment: wholeDay}
	if o.Layout, err = set.Layout(layout); err != nil {
		t.Fatal(err)
	}
	if o.Encoder, err = set.Encoder("low-latency"); err != nil {
		t.Fatal(err)
	}
	return o
}

func liveInput(name, url string) engine.ComposeInput {
	c := camera(name, url, "tcp")
	return engine.ComposeInput{Name: name, Camera: &c}
}

// shownPicture is a picture of a composition as a player sees it.
type shownPicture struct {
	pts  float64 // s
	luma *image.Gray
}

// shownPictures decodes the only file below a folder, or a file, with ffmpeg.
func shownPictures(t testing.TB, where string, size image.Point) []shownPicture {
	t.Helper()
	peers.Need(t, "ffmpeg")
	peers.Need(t, "ffprobe")
	if files := mediaFiles(t, where); len(files) == 1 {
		where = files[0]
	} else {
		t.Fatalf("%d files in %s", len(files), where)
	}
	cmd := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", where, "-map", "0:v", "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray", "-")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	list := timesOf(t, where)
	for i := range list {
		list[i].luma = image.NewGray(image.Rectangle{Max: size})
		if _, err := io.ReadFull(out, list[i].luma.Pix); err != nil {
			t.Fatalf("%d of %d pictures can be decoded: %v", i, len(list), err)
		}
	}
	rest, _ := io.ReadAll(out)
	if err := cmd.Wait(); err != nil || len(rest) > 0 {
		t.Errorf("ffmpeg: %v, %d bytes more than were expected", err, len(rest))
	}
	return list
}

// timesOf are the pictures of a file, without what they show.
func timesOf(t testing.TB, file string) []shownPicture {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=pts_time", "-of", "csv=p=0", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []shownPicture
	for _, text := range strings.Fields(string(out)) {
		pts, err := strconv.ParseFloat(strings.TrimRight(text, ","), 64)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, shownPicture{pts: pts})
	}
	return list
}

// everyPicture fails where a picture of the output's grid is missing.
func everyPicture(t testing.TB, list []shownPicture, fps float64, dropped uint64) {
	t.Helper()
	missing := 0
	for i := 1; i < len(list); i++ {
		steps := (list[i].pts - list[i-1].pts) * fps
		n := int(steps + 0.5)
		if n < 1 || steps-float64(n) > 0.1 || steps-float64(n) < -0.1 {
			t.Fatalf("picture %d is %.4f s after the one before", i, list[i].pts-list[i-1].pts)
		}
		missing += n - 1
	}
	if uint64(missing) != dropped {
		t.Errorf("%d pictures are missing of the output, %d were said to be left out", missing, dropped)
	}
}

// wholeButSlow holds that nothing is missing of what was composed but what this machine was
// too slow for, and returns how much that was.
func wholeButSlow(t testing.TB, d engine.Deps, dir string) (left time.Duration) {
	t.Helper()
	report, err := engine.Verify(t.Context(), d, dir, archive.VerifyOptions{Deep: true})
	if report == nil || report.Status == archive.Damaged {
		t.Fatalf("verify: %+v %v", report, err)
	}
	for _, c := range report.Cameras {
		for _, g := range c.Gaps {
			if !strings.Contains(g.Note, "too slow for the composition") {
				t.Errorf("%s: a gap because of %v: %s", c.Name, g.Causes, g.Note)
			}
			left += g.To.Sub(g.From)
		}
	}
	return left
}

// The cells of layouts in a picture of 640x360.
var (
	leftHalf  = image.Rect(0, 90, 320, 270)
	rightHalf = image.Rect(320, 90, 640, 270)
	whole     = image.Rect(0, 0, 640, 360)
)

func TestACompositionKeepsItsPaceAndShowsWhatWasCapturedByThen(t *testing.T) {
	t.Parallel()
	d := coding(t)
	o := composing(t, "side-by-side", liveInput("a", "testsrc://320x180@25?bitrate=2M"), liveInput("b", "testsrc://320x180@12?bitrate=2M&audio=none"))
	o.Length, o.Out.Dir = 3*time.Second, filepath.Join(t.TempDir(), "rec")
	s, err := engine.Compose(t.Context(), d, o)
	if err != nil {
		t.Fatalf("compose: %v", err)
	}
	if s.Pictures+s.Dropped != 75 {
		t.Errorf("%d pictures and %d left out, not 75 together", s.Pictures, s.Dropped)
	}
	verified(t, d, o.Out.Dir, archive.Clean)
	decodes(t, o.Out.Dir)
	list := shownPictures(t, o.Out.Dir, o.Size)
	everyPicture(t, list, 25, s.Dropped)
	read := 0
	for name, cell := range map[string]image.Rectangle{"a": leftHalf, "b": rightHalf} {
		var last time.Time
		for i, p := range list {
			at, ok := testcard.Read(p.luma, cell)
			if !ok {
				continue // before its first picture
			}
			read++
			due := s.From.Add(time.Duration(p.pts * float64(time.Second)))
			if at.After(due.Add(11*time.Millisecond)) || at.Before(last) {
				t.Errorf("%s: picture %d of %v shows %v, after %v", name, i, due, at, last)
			}
			last = at
		}
	}
	if read < len(list) {
		t.Errorf("only %d cells of %d pictures could be read", read, len(list))
	}
}

// recordedPair records two test sources for a while.
func recordedPair(t *testing.T, d engine.Deps) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "pair")
	_, err := engine.Record(t.Context(), d, engine.RecordOptions{Dir: dir, Length: 3 * time.Second, Cameras: []journal.Camera{
		camera("a", "testsrc://320x180@25?bitrate=2M", ""), camera("b", "testsrc://320x180@10?bitrate=2M&audio=none", ""),
	}})
	if err != nil {
		t.Fatalf("record: %v", err)
	}
	return dir
}

func TestARecordingIsComposedToThePicture(t *testing.T) {
	t.Parallel()
	d := coding(t)
	dir := recordedPair(t, d)
	o := composing(t, "side-by-side", engine.ComposeInput{Name: "a", Dir: dir}, engine.ComposeInput{Name: "b", Dir: dir})
	o.Out.File = filepath.Join(t.TempDir(), "out.mp4")
	s, err := engine.Compose(t.Context(), d, o)
	if err != nil {
		t.Fatalf("compose: %v", err)
	}
	if s.Dropped != 0 || s.Inputs[0].Dropped+s.Inputs[1].Dropped != 0 {
		t.Errorf("something was left out: %+v", s)
	}
	list := shownPictures(t, o.Out.File, o.Size)
	everyPicture(t, list, 25, 0)
	if uint64(len(list)) != s.Pictures || len(list) < 74 || len(list) > 80 {
		t.Errorf("%d pictures in the file, %d were made; the recording has 75 of a", len(list), s.Pictures)
	}
	// Both are captured on grids of their own clocks' whole steps.
	for name, c := range map[string]struct {
		cell image.Rectangle
		step time.Duration
	}{"a": {leftHalf, 40 * time.Millisecond}, "b": {rightHalf, 100 * time.Millisecond}} {
		for i, p := range list {
			due := s.From.Add(time.Duration(p.pts * float64(time.Second)))
			at, ok := testcard.Read(p.luma, c.cell)
			// Behind its end the last one stands; before its begin there is none.
			if late := due.Sub(at); ok && i < 70 && (late < -11*time.Millisecond || late >= c.step) || !ok && i > 10 {
				t.Errorf("%s: picture %d of %v shows %v (%v)", name, i, due, at, ok)
			}
		}
	}
	entries, err := filepath.Glob(filepath.Join(filepath.Dir(o.Out.File), "*"))
	hidden, _ := filepath.Glob(filepath.Join(filepath.Dir(o.Out.File), ".*"))
	if len(entries)+len(hidden) != 1 {
		t.Errorf("left beside the file: %v %v %v", entries, hidden, err)
	}
}

func TestAPartOfARecordingIsComposed(t *testing.T) {
	t.Parallel()
	d := coding(t)
	dir := recordedPair(t, d)
	o := composing(t, "single", engine.ComposeInput{Name: "a", Dir: dir})
	var from time.Time
	o.Range = func(w archive.Window) (time.Time, time.Time, error) {
		from = w.From.Add(time.Second)
		return from, from.Add(time.Second), nil
	}
	o.Out.Dir = filepath.Join(t.TempDir(), "part")
	s, err := engine.Compose(t.Context(), d, o)
	if err != nil {
		t.Fatalf("compose: %v", err)
	}
	verified(t, d, o.Out.Dir, archive.Clean)
	list := shownPictures(t, o.Out.Dir, o.Size)
	if len(list) != 25 || s.Pictures != 25 {
		t.Fatalf("%d pictures of a second at 25 a second", len(list))
	}
	for i, at := range []int{0, 24} {
		got, ok := testcard.Read(list[at].luma, whole)
		due := from.Add(time.Duration(at) * 40 * time.Millisecond)
		if late := due.Sub(got); !ok || late < -11*time.Millisecond || late >= 40*time.Millisecond {
			t.Errorf("end %d: shows %v of %v", i, got, due)
		}
	}
}

func TestFilesAreComposedToThePicture(t *testing.T) {
	t.Parallel()
	d := coding(t)
	peers.Need(t, "ffmpeg")
	dir := t.TempDir()
	white, black := filepath.Join(dir, "white.mp4"), filepath.Join(dir, "black.mkv")
	// The first is white but for its picture 30, which is black.
	run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=white:s=320x180:r=25:d=2", "-f", "lavfi", "-i", "sine=d=2",
		"-vf", "drawbox=t=fill:c=black:enable='eq(n,30)'", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-pix_fmt", "yuv420p", "-c:a", "aac", white)
	run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=black:s=64x64:r=10:d=1", "-c:v", "libx264", "-pix_fmt", "yuv420p", black)
	o := composing(t, "side-by-side", engine.ComposeInput{Name: "w", File: white}, engine.ComposeInput{Name: "b", File: black})
	o.Out.File = filepath.Join(dir, "out.mp4")
	s, err := engine.Compose(t.Context(), d, o)
	if err != nil {
		t.Fatalf("compose: %v", err)
	}
	list := shownPictures(t, o.Out.File, o.Size)
	if len(list) != 50 || s.Pictures != 50 {
		t.Fatalf("%d pictures of 50", len(list))
	}
	everyPicture(t, list, 25, 0)
	for i, p := range list {
		left, right := p.luma.GrayAt(160, 180).Y, p.luma.GrayAt(480, 180).Y
		if (left < 60) != (i == 30) || right > 60 {
			t.Errorf("picture %d: %d and %d", i, left, right)
		}
	}
	if _, err := engine.Compose(t.Context(), d, o); !fault.Is(err, fault.Usage) {
		t.Errorf("a file that is there was written over, or: %v", err)
	}
}

func run(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v %s", name, args, err, out)
	}
}

func TestLayoutAndSpeakerAreSwitchedWithoutAPictureLost(t *testing.T) {
	t.Parallel()
	d := coding(t)
	seen := &events{}
	d.Observe = seen.add
	o := composing(t, "side-by-side", liveInput("a", "testsrc://320x180@25?bitrate=2M"), liveInput("b", "testsrc://320x180@25?bitrate=2M"))
	o.Out.Dir, o.Control, o.Audio = filepath.Join(t.TempDir(), "rec"), engine.NewController(), "follow"
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var s *engine.ComposeSummary
	done := make(chan error, 1)
	go func() {
		var err error
		s, err = engine.Compose(ctx, d, o)
		done <- err
	}()
	do := func(command engine.Command) engine.ComposeState {
		state, err := o.Control.Do(ctx, command)
		if err != nil {
			t.Errorf("%v: %v", command, err)
		}
		return state
	}
	live := func() bool {
		for _, in := range do(engine.Command{Do: "state"}).Inputs {
			if in.State != "live" {
				return false
			}
		}
		return true
	}
	waitFor(t, "both inputs", live)
	moment := func() { // half a second of the output
		from := len(all[engine.Progress](seen))
		waitFor(t, "some pictures", func() bool { return len(all[engine.Progress](seen)) > from })
	}
	moment()
	if state := do(engine.Command{Do: "layout", Name: "Single"}); state.Layout != "single" || state.Inputs[1].Cell != "" || !state.Inputs[0].Sound || state.Inputs[1].Sound {
		t.Errorf("the state is %+v", state)
	}
	moment()
	if state := do(engine.Command{Do: "speaker", Name: "2"}); state.Speaker != "b" || state.Inputs[1].Cell == "" || !state.Inputs[1].Sound {
		t.Errorf("the state is %+v", state)
	}
	for _, wrong := range []engine.Command{{Do: "layout", Name: "none"}, {Do: "speaker", Name: "3"}, {Do: "dance"}} {
		if _, err := o.Control.Do(ctx, wrong); !fault.Is(err, fault.Usage) {
			t.Errorf("%v: %v", wrong, err)
		}
	}
	moment()
	stop()
	if err := <-done; err != nil {
		t.Fatalf("compose: %v", err)
	}
	verified(t, d, o.Out.Dir, archive.Clean)
	list := shownPictures(t, o.Out.Dir, o.Size)
	everyPicture(t, list, 25, s.Dropped)
	halves, wholes := 0, 0
	for _, p := range list {
		if _, ok := testcard.Read(p.luma, leftHalf); ok && wholes == 0 {
			halves++
		}
		if _, ok := testcard.Read(p.luma, whole); ok {
			wholes++
		}
	}
	if halves < 10 || wholes < 10 || len(list)-halves-wholes > 80 {
		t.Errorf("of %d pictures %d were side by side and then %d single", len(list), halves, wholes)
	}
}

func TestIsolatedCamerasAreRecordedWhole(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264+aac", "b": "h265b+aac"}})
	d := coding(t)
	o := composing(t, "grid", liveInput("a", cam.URL("a")), liveInput("b", cam.URL("b")))
	o.Isolate, o.Length, o.Out.Dir, o.Segment = true, 4*time.Second, filepath.Join(t.TempDir(), "rec"), 2*time.Second
	s, err := engine.Compose(t.Context(), d, o)
	if err != nil {
		t.Fatalf("compose: %v", err)
	}
	report := verified(t, d, o.Out.Dir, archive.Clean)
	if len(report.Cameras) != 3 || len(s.Recording.Cameras) != 3 {
		t.Fatalf("%d cameras in the recording, not 3", len(report.Cameras))
	}
	for _, name := range []string{"a", "b"} {
		noneMissing(t, name, readMarks(t, filepath.Join(o.Out.Dir, name)))
	}
	decodes(t, o.Out.Dir)
	for _, in := range s.Inputs {
		if in.Broken > 0 || in.Pictures < 50 {
			t.Errorf("%+v", in)
		}
	}
}
