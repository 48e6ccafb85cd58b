package engine_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"image"
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
	"rtsprec/engine/av"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/rtspcam"
	"rtsprec/engine/vfs"
	"rtsprec/testdata/peers"
)

// withCodecs is deps with a codec engine, of which nothing may be left at the end.
func withCodecs(t testing.TB) (engine.Deps, *events) {
	t.Helper()
	coder := av.New(av.Options{})
	if coder == nil {
		t.Skip("this build has no codecs")
	}
	t.Cleanup(func() {
		if n := av.Live(coder); n != 0 && !t.Failed() {
			t.Errorf("%d objects of the codec engine are left", n)
		}
	})
	d, e := deps(t)
	d.Coder = coder
	return d, e
}

// stream is a track of a file as ffprobe finds it.
type stream struct {
	Codec      string `json:"codec_name"`
	Width      int    `json:"width"`
	Height     int    `json:"height"`
	SampleRate string `json:"sample_rate"`
	Units      string `json:"nb_read_packets"`
	Start      string `json:"start_time"`
	Duration   string `json:"duration"`
}

// end is when it ends in its file, in seconds.
func (s stream) end(t testing.TB) float64 {
	t.Helper()
	start, err1 := strconv.ParseFloat(s.Start, 64)
	length, err2 := strconv.ParseFloat(s.Duration, 64)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return start + length
}

func streams(t testing.TB, name string) []stream {
	t.Helper()
	peers.Need(t, "ffprobe")
	out, err := exec.Command("ffprobe", "-v", "error", "-count_packets", "-show_streams", "-of", "json", name).Output()
	var all struct{ Streams []stream }
	if err == nil {
		err = json.Unmarshal(out, &all)
	}
	if err != nil {
		t.Fatal(name, err)
	}
	return all.Streams
}

func TestARecordingThatIsReencodedIsAsGoodAsOneThatIsNot(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h265b+pcma", "b": "h264b+aac"}})
	d, ev := withCodecs(t)
	dir := filepath.Join(t.TempDir(), "rec")
	summary, err := engine.Record(t.Context(), d, engine.RecordOptions{
		Dir: dir, Length: 6 * time.Second, Segment: 2 * time.Second,
		Cameras:   []journal.Camera{camera("a", cam.URL("a"), "tcp"), camera("b", cam.URL("b"), "tcp")},
		Transcode: engine.TranscodeOptions{Video: engine.ToH264, Audio: engine.ToAAC, Size: image.Pt(0, 90), Device: "none"},
	})
	if err != nil {
		for _, n := range all[engine.Notice](ev) {
			t.Log(n.Text(time.UTC))
		}
		t.Fatal(err)
	}
	for _, c := range summary.Cameras {
		if len(c.Files) < 3 || c.Coverage < 0.99 || len(c.Gaps) > 0 {
			t.Errorf("%s: %d files, coverage %.2f, gaps %v", c.Name, len(c.Files), c.Coverage, c.Gaps)
		}
		for _, file := range c.Files {
			name := filepath.Join(dir, file)
			playsWhole(t, name)
			got := streams(t, name)
			if seconds, _ := strconv.ParseFloat(got[0].Duration, 64); seconds < 0.5 && len(got) == 1 {
				got = append(got, stream{Codec: "aac"}) // it began or ended right at a cut
			}
			if len(got) != 2 || got[0].Codec != "h264" || got[0].Width != 160 || got[0].Height != 90 || got[1].Codec != "aac" {
				t.Errorf("%s: %+v", file, got)
			}
		}
	}
	if report, err := archive.Verify(t.Context(), d.FS, dir, archive.VerifyOptions{}); err != nil || report.Err() != nil {
		t.Errorf("verify: %v %+v", err, report)
	}
	runs := journaled[*journal.Run](t, dir)
	if len(runs) != 2 {
		t.Fatalf("%d runs", len(runs))
	}
	for _, r := range runs {
		want := map[string][2]media.Codec{"a": {media.H265, media.PCMA}, "b": {media.H264, ""}}[r.Camera]
		if r.Tracks[0].From != want[0] || r.Tracks[1].From != want[1] {
			t.Errorf("%s: the journal says %+v", r.Camera, r.Tracks)
		}
	}
}

// journaled reads the entries of a kind of a recording's journal.
func journaled[T journal.Entry](t testing.TB, dir string) (list []T) {
	t.Helper()
	log, err := journal.Read(vfs.OS(), filepath.Join(dir, "journal"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range log.Lines {
		if e, ok := line.Entry.(T); ok {
			list = append(list, e)
		}
	}
	return list
}

func TestExportGivesPlayersSoundTheyPlayAndTSWhatItCarries(t *testing.T) {
	t.Parallel()
	dir := telephony(t)
	d, _ := withCodecs(t)
	out := t.TempDir()
	for _, c := range []struct {
		container engine.Container
		want      map[string]string
	}{
		{engine.MP4, map[string]string{"a": "h264+aac", "b": "mjpeg+aac", "c": "mpeg4+aac"}},
		{engine.TS, map[string]string{"a": "h264+aac", "b": "h264+aac", "c": "mpeg4+aac"}},
	} {
		before := listing(t, dir)
		report, err := engine.Export(t.Context(), d, engine.ExportOptions{
			Dir: dir, Output: filepath.Join(out, "{camera}."+string(c.container)),
			Transcode: engine.TranscodeOptions{Video: engine.Auto, Audio: engine.Auto},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range report.Files {
			playsWhole(t, f.File)
			got := streams(t, f.File)
			if is := got[0].Codec + "+" + got[1].Codec; is != c.want[f.Camera] {
				t.Errorf("%s: %s, not %s", f.File, is, c.want[f.Camera])
			}
			if !strings.Contains(strings.Join(f.Notes, "\n"), "is re-encoded to AAC: ") {
				t.Errorf("%s: nothing is said: %q", f.File, f.Notes)
			}
			if apart := got[0].end(t) - got[1].end(t); apart < -0.3 || apart > 0.3 {
				t.Errorf("%s: pictures end %.2f s after the sound", f.File, apart)
			}
		}
		if after := listing(t, dir); after != before {
			t.Error("the recording has changed")
		}
		if left, _ := filepath.Glob(filepath.Join(out, ".*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

// telephony is a recording of sound that players do not play and pictures that MPEG-TS
// does not carry.
func telephony(t testing.TB) string {
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264b+pcmu", "b": "mjpeg+g726", "c": "mpeg4+l16"}})
	d, _ := deps(t)
	dir := filepath.Join(t.TempDir(), "rec")
	_, err := engine.Record(t.Context(), d, engine.RecordOptions{Dir: dir, Length: 3 * time.Second, Segment: 2 * time.Second, Cameras: []journal.Camera{
		camera("a", cam.URL("a"), "tcp"), camera("b", cam.URL("b"), "tcp"), camera("c", cam.URL("c"), "tcp"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAnExactCutBeginsAndEndsWithItsPictureAndCopiesTheMiddle(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264b+aac", "b": "h265+pcma", "c": "h265b", "d": "mpeg4b", "e": "mjpeg"}})
	d, _ := withCodecs(t)
	dir := filepath.Join(t.TempDir(), "rec")
	o := engine.RecordOptions{Dir: dir, Length: 7 * time.Second, Segment: 2 * time.Second}
	codec := map[string]media.Codec{"a": media.H264, "b": media.H265, "c": media.H265, "d": media.MPEG4, "e": media.MJPEG}
	for name := range codec {
		o.Cameras = append(o.Cameras, camera(name, cam.URL(name), "tcp"))
	}
	summary, err := engine.Record(t.Context(), d, o)
	if err != nil {
		t.Fatal(err)
	}
	from := summary.From.Add(2370 * time.Millisecond)
	to := from.Add(3 * time.Second)
	out := t.TempDir()
	report, err := engine.Export(t.Context(), d, engine.ExportOptions{
		Dir: dir, Output: filepath.Join(out, "{camera}.mp4"), Exact: true,
		Range: func(archive.Window) (time.Time, time.Time, error) { return from, to, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Files {
		playsWhole(t, f.File)
		interval := 40 * time.Millisecond
		if codec[f.Camera] == media.MJPEG {
			interval = 100 * time.Millisecond
		}
		shown := presented(t, f.File)
		want := int(3 * time.Second / interval)
		if len(shown) < want-1 || len(shown) > want+1 || shown[0] > interval+time.Millisecond || shown[len(shown)-1] >= 3*time.Second {
			t.Errorf("%s: %d pictures from %v to %v, not %d", f.Camera, len(shown), shown[0], shown[len(shown)-1], want)
		}
		for i := 1; i < len(shown); i++ {
			if step := shown[i] - shown[i-1]; step < interval/2 || step > interval*3/2 {
				t.Errorf("%s: %v between two pictures at %v", f.Camera, step, shown[i])
			}
		}
		copied := copiedMarks(t, f.File, codec[f.Camera], filepath.Join(dir, f.Camera))
		least := 40 // whole groups lie within
		switch f.Camera {
		case "d":
			least = 0 // none can be copied
		case "e":
			least = want - 1
		}
		if len(copied) < least {
			t.Errorf("%s: %d pictures are copied, not %d at least", f.Camera, len(copied), least)
		}
		for i, m := range copied {
			if off := f.Start.Add(m.at).Sub(m.mark.Capture).Abs(); off > 60*time.Millisecond {
				t.Errorf("%s: unit %d is %v away from its capture", f.Camera, m.mark.Counter, off)
			}
			if i > 0 && codec[f.Camera] == media.H264 && m.mark.Counter != copied[i-1].mark.Counter+1 {
				t.Errorf("%s: unit %d after %d", f.Camera, m.mark.Counter, copied[i-1].mark.Counter)
			}
		}
	}
	playsInVLC(t, out)
}

// presented are the times at which ffmpeg shows the pictures of a file.
func presented(t testing.TB, name string) []time.Duration {
	t.Helper()
	peers.Need(t, "ffprobe")
	out, err := exec.Command("ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "frame=pts_time", "-of", "csv=p=0", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []time.Duration
	for line := range strings.Lines(string(out)) {
		word := strings.Trim(line, ",\n ")
		if word == "" { // side data
			continue
		}
		seconds, err := strconv.ParseFloat(word, 64)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, time.Duration(seconds*float64(time.Second)))
	}
	if len(list) == 0 {
		t.Fatal(name, "shows nothing")
	}
	return list
}

// copiedMarks are the pictures of a file that carry a mark, which those that were encoded
// anew do not. Each must be in the recording as it is, byte for byte.
func copiedMarks(t testing.TB, name string, codec media.Codec, recording string) (list []exported) {
	t.Helper()
	var recorded []byte
	err := filepath.WalkDir(recording, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			var b []byte
			b, err = os.ReadFile(path)
			recorded = append(recorded, b...)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=pts_time,size,pos", "-of", "csv=p=0", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		words := strings.Split(strings.Trim(line, ",\n "), ",")
		if len(words) < 3 { // side data
			continue
		}
		pts, _ := strconv.ParseFloat(words[0], 64)
		size, _ := strconv.Atoi(words[1])
		pos, _ := strconv.Atoi(words[2])
		unit := data[pos : pos+size]
		if mark, ok := rtspcam.ReadMark(codec, unit); ok {
			if !bytes.Contains(recorded, unit) {
				t.Errorf("%s: unit %d is not as it was recorded", name, mark.Counter)
			}
			list = append(list, exported{mark, time.Duration(pts * float64(time.Second))})
		}
	}
	return list
}
