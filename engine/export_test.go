package engine_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
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
	"rtsprec/engine/media"
	"rtsprec/engine/rtspcam"
	"rtsprec/testdata/peers"
)

// exported is one picture of an exported file, as ffprobe finds it.
type exported struct {
	mark rtspcam.Mark
	at   time.Duration // of presentation, in the file
}

// marksOf reads the marks of a file's pictures.
func marksOf(t testing.TB, name string, codec media.Codec) []exported {
	t.Helper()
	peers.Need(t, "ffprobe")
	out, err := exec.Command("ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=pts_time,size,pos", "-of", "csv=p=0", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var list []exported
	for line := range strings.Lines(string(out)) {
		words := strings.Split(strings.TrimSpace(line), ",")
		pts, err1 := strconv.ParseFloat(words[0], 64)
		size, err2 := strconv.Atoi(words[1])
		pos, err3 := strconv.Atoi(words[2])
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		mark, ok := rtspcam.ReadMark(codec, data[pos:pos+size])
		if !ok {
			t.Fatalf("%s: a picture at byte %d without a mark", name, pos)
		}
		list = append(list, exported{mark, time.Duration(pts * float64(time.Second))})
	}
	return list
}

// playsWhole decodes a whole file; any complaint is a failure.
func playsWhole(t testing.TB, name string) {
	t.Helper()
	peers.Need(t, "ffmpeg")
	out, err := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", name, "-map", "0", "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-").CombinedOutput()
	if err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Errorf("ffmpeg on %s: %v %s", filepath.Base(name), err, out)
	}
}

// films records two cameras of one clock for some seconds in short segments.
func films(t testing.TB) (engine.Deps, string) {
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264b+aac", "b": "h265+pcma"}})
	d, _ := deps(t)
	dir := filepath.Join(t.TempDir(), "rec")
	_, err := engine.Record(t.Context(), d, engine.RecordOptions{Dir: dir, Length: 7 * time.Second, Segment: 2 * time.Second, Cameras: []journal.Camera{
		camera("a", cam.URL("a"), "tcp"), camera("b", cam.URL("b"), "tcp"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return d, dir
}

func TestExportedFilesHoldEveryUnitAndCamerasAreInSync(t *testing.T) {
	t.Parallel()
	d, dir := films(t)
	out := t.TempDir()
	before := listing(t, dir)
	report, err := engine.Export(t.Context(), d, engine.ExportOptions{Dir: dir, Output: filepath.Join(out, "{camera}.mp4")})
	if err != nil {
		t.Fatal(err)
	}
	for i, codec := range []media.Codec{media.H264, media.H265} {
		file := report.Files[i]
		playsWhole(t, file.File)
		pictures := marksOf(t, file.File, codec)
		var marks []rtspcam.Mark
		for _, p := range pictures {
			marks = append(marks, p.mark)
			// A picture stands in the file where it was captured: to a frame.
			if off := file.Start.Add(p.at).Sub(p.mark.Capture).Abs(); off > 60*time.Millisecond {
				t.Errorf("%s: unit %d is %v away from its capture", file.Camera, p.mark.Counter, off)
			}
		}
		noneMissing(t, file.Camera, marks)
		if recorded := readMarks(t, filepath.Join(dir, file.Camera)); len(recorded) != len(marks) {
			t.Errorf("%s: %d units exported, %d recorded", file.Camera, len(marks), len(recorded))
		}
		if !file.Start.Equal(report.Files[0].Start) {
			t.Errorf("%s begins at %v, %s at %v", file.Camera, file.Start, report.Files[0].Camera, report.Files[0].Start)
		}
	}
	if after := listing(t, dir); after != before {
		t.Errorf("the recording has changed:\n%s\n%s", before, after)
	}
}

// listing names every file of a directory with its size and time.
func listing(t testing.TB, dir string) string {
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		b.WriteString(path + " " + strconv.FormatInt(info.Size(), 10) + " " + info.ModTime().String() + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAFileIsThereWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	d, dir := films(t)
	out := t.TempDir()
	name := filepath.Join(out, "x.mp4")
	o := engine.ExportOptions{Dir: dir, Cameras: []string{"a"}, Output: name}
	if err := os.WriteFile(name, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused := func(o engine.ExportOptions, kind fault.Kind, why string) {
		t.Helper()
		_, err := engine.Export(t.Context(), d, o)
		if !fault.Is(err, kind) || !strings.Contains(err.Error(), why) {
			t.Errorf("%v, want %s about %q", err, kind, why)
		}
		if data, err := os.ReadFile(name); err != nil || string(data) != "precious" {
			t.Errorf("the file that was there: %.20q, %v", data, err)
		}
	}
	refused(o, fault.Usage, "exists")
	inside := o
	inside.Output = filepath.Join(dir, "a", "x.mp4")
	refused(inside, fault.Usage, "inside the recording")
	many := o
	many.Cameras, many.Output = nil, filepath.Join(out, "all.mp4")
	refused(many, fault.Usage, "one file")
	unknown := o
	unknown.Cameras = []string{"c"}
	refused(unknown, fault.Usage, "no camera")
	empty := o
	empty.Overwrite = true
	empty.Range = func(w archive.Window) (time.Time, time.Time, error) {
		return w.To.Add(time.Hour), w.To.Add(2 * time.Hour), nil
	}
	refused(empty, fault.NotFound, "the last ends at")
	nowhere := o
	nowhere.Output = filepath.Join(out, "no", "x.mp4")
	refused(nowhere, fault.NotFound, "create")
	left, err := os.ReadDir(out)
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	o.Overwrite = true
	if _, err := engine.Export(t.Context(), d, o); err != nil {
		t.Fatal(err)
	}
	playsWhole(t, name)
}

func TestExportToStandardOutputPlaysFromAPipe(t *testing.T) {
	t.Parallel()
	d, dir := films(t)
	for _, container := range engine.Containers {
		var out bytes.Buffer
		o := engine.ExportOptions{Dir: dir, Cameras: []string{"a"}, Output: "-", Stdout: &out, Container: container}
		report, err := engine.Export(t.Context(), d, o)
		if err != nil {
			t.Fatal(err)
		}
		if report.Files[0].Bytes != int64(out.Len()) {
			t.Errorf("%s: %d bytes, %d said", container, out.Len(), report.Files[0].Bytes)
		}
		cmd := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-xerror", "-f", map[engine.Container]string{engine.MP4: "mp4", engine.TS: "mpegts"}[container], "-i", "-",
			"-map", "0", "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-")
		cmd.Stdin = &out
		if said, err := cmd.CombinedOutput(); err != nil || len(said) > 0 {
			t.Errorf("%s: ffmpeg: %v %s", container, err, said)
		}
	}
}
