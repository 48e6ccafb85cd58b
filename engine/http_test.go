package engine_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/rtspcam"
	"rtsprec/engine/web"
	"rtsprec/testdata/peers"
)

// filmed is a server that pulls and records scripted cameras, and what it is reached by.
type filmed struct {
	*served
	cam *rtspcam.Camera
}

// film records cameras, named by their paths, into a recording "class" until the test ends.
func film(t testing.TB, streams map[string]rtspcam.Stream) *filmed {
	t.Helper()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: streams})
	o := engine.ServeOptions{Record: engine.RecordInto{Dir: filepath.Join(t.TempDir(), "class"), Segment: 3 * time.Second}}
	for name := range streams {
		p := pulled(name, cam.URL(name))
		p.Record = true
		o.Paths = append(o.Paths, p)
	}
	return &filmed{serve(t, o), cam}
}

// get answers a path of the server, or fails.
func (f *filmed) get(t testing.TB, path string, v any) []byte {
	t.Helper()
	res, err := http.Get(strings.TrimSuffix(f.http, "/") + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v %s", path, res.Status, err, body)
	}
	if v != nil {
		if err := json.Unmarshal(body, v); err != nil {
			t.Fatalf("%s: %v in %s", path, err, body)
		}
	}
	return body
}

// camera is one camera as the API tells it.
func (f *filmed) camera(t testing.TB, path string) (c web.Camera) {
	t.Helper()
	var list struct{ Cameras []web.Camera }
	f.get(t, "/api/v1/cameras", &list)
	for _, c := range list.Cameras {
		if c.Path == path {
			return c
		}
	}
	return c
}

// lasts waits until so much of a camera is recorded.
func (f *filmed) lasts(t testing.TB, path string, d time.Duration) web.Camera {
	t.Helper()
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end); {
		if c := f.camera(t, path); c.To.Sub(c.From) >= d {
			return c
		}
		<-time.After(100 * time.Millisecond)
	}
	t.Fatalf("%s is not recorded for %v", path, d)
	return web.Camera{}
}

func query(camera string, from, to time.Time) string {
	return url.Values{"camera": {camera}, "from": {from.Format(time.RFC3339Nano)}, "to": {to.Format(time.RFC3339Nano)}}.Encode()
}

// TestABrowserWatchesWhatIsRecorded plays live and recorded video of real recordings over
// several files, with sound that is stored as browsers play it and sound that becomes FLAC.
func TestABrowserWatchesWhatIsRecorded(t *testing.T) {
	peers.Need(t, "chromium")
	t.Parallel()
	f := film(t, map[string]rtspcam.Stream{"front": "h264+aac", "side": "h264b+pcma", "still": "mjpeg+pcmu", "new": "h265+aac", "mic": "l16", "old": "h264+g726", "gate": "h264+g722"})
	for _, name := range []string{"front", "side", "still", "new", "mic", "old", "gate"} {
		f.lasts(t, "class/"+name, 6*time.Second)
	}
	shot := func(c *peers.Chromium, name string) {
		if dir := os.Getenv("RTSPREC_SCREENSHOTS"); dir != "" {
			c.Screenshot(filepath.Join(dir, name+".png"))
		}
	}
	c := peers.StartChromium(t, 1100, 1000)
	c.Open(f.http)
	c.Until("cameras", "document.querySelectorAll('.camera').length === 7")
	row := func(name string) string {
		c.Eval(fmt.Sprintf(`[...document.querySelectorAll(".camera")].forEach(r => { if (r.querySelector(".name").textContent === %q) r.id = "row-%s"; })`, name, name), nil)
		return "#row-" + name
	}
	goesOn := func(what string, seconds float64) {
		t.Helper()
		c.Until(what+" playing", "video.readyState >= 3 && !video.paused && video.currentTime > 0")
		var at float64
		c.Eval("video.currentTime", &at)
		c.Until(what+" going on", fmt.Sprintf("video.currentTime > %f", at+seconds))
	}
	var decoded struct{ Frames, Picture, Sound int }
	measure := func() {
		c.Eval(`({Frames: video.getVideoPlaybackQuality().totalVideoFrames, Picture: video.webkitVideoDecodedByteCount, Sound: video.webkitAudioDecodedByteCount})`, &decoded)
	}

	for _, name := range []string{"front", "side"} {
		// Live: the newest picture is a few seconds old at most.
		c.Click(row(name)+" button.first", 0)
		goesOn(name+" live", 2)
		measure()
		if decoded.Frames < 30 || decoded.Sound == 0 {
			t.Errorf("%s live: %+v were decoded", name, decoded)
		}
		var late float64
		c.Eval(`(Date.now() - Date.parse(clock.textContent)) / 1000`, &late)
		if late > 6 {
			t.Errorf("%s live is %.1f s behind", name, late)
		}
		shot(c, "real live "+name)
		// From the beginning, over the borders of files.
		c.Click(row(name)+" .buttons button:last-child", 0)
		c.Until("the recording", "mode.hidden")
		goesOn(name, 4)
		measure()
		if decoded.Frames < 85 || decoded.Sound == 0 {
			t.Errorf("%s: %+v were decoded in 4 s", name, decoded)
		}
		shot(c, "real recorded "+name)
	}
	for name, want := range map[string]struct{ picture, sound bool }{"mic": {false, true}, "old": {true, true}, "gate": {true, false}} {
		c.Click(row(name)+" .buttons button:last-child", 0)
		c.Until(name+"'s title", fmt.Sprintf("title.textContent.startsWith(%q)", name))
		goesOn(name, 1)
		if measure(); (decoded.Picture > 0) != want.picture || (decoded.Sound > 0) != want.sound {
			t.Errorf("%s: %+v was decoded", name, decoded)
		}
	}
	// What no browser plays, or not this one, is said.
	for name, why := range map[string]string{"still": "No browser plays MJPEG", "new": "This browser has no decoder for H.265"} {
		c.Click(row(name)+" canvas", 0)
		c.Until("why not "+name, fmt.Sprintf("!message.hidden && message.textContent.startsWith(%q)", why))
	}
	shot(c, "real all")
	if said := c.Console(); len(said) > 0 {
		t.Error("the console says:", said)
	}
}

func TestOthersPlayHLSAndClipsOfARecording(t *testing.T) {
	peers.Need(t, "ffmpeg", "ffprobe")
	t.Parallel()
	f := film(t, map[string]rtspcam.Stream{"front": "h264+aac", "side": "h265+pcmu", "still": "mjpeg"})
	f.lasts(t, "class/side", 12*time.Second)
	front := f.lasts(t, "class/front", 12*time.Second)
	base := strings.TrimSuffix(f.http, "/")
	for _, camera := range []string{"class/front", "class/side"} {
		from := f.camera(t, camera).From
		// 8 s of pictures, over the border of two files; ffmpeg counts those that it reads.
		read := probed(t, base+"/hls/index.m3u8?"+query(camera, from, from.Add(8*time.Second)))
		if read.pictures < 195 || read.pictures > 330 || read.sounds < 300 {
			t.Errorf("HLS of %s: %+v", camera, read)
		}
		body := f.get(t, "/clip?"+query(camera, from.Add(time.Second), from.Add(7*time.Second)), nil)
		file := filepath.Join(t.TempDir(), "clip.mp4")
		if err := os.WriteFile(file, body, 0o600); err != nil {
			t.Fatal(err)
		}
		read = probed(t, file)
		if read.pictures < 150 || read.pictures > 185 {
			t.Errorf("a clip of %s: %+v", camera, read)
		}
		if out, err := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", file, "-f", "null", "-").CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("a clip of %s does not decode: %v %s", camera, err, out)
		}
		// What is being recorded now.
		out, err := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-t", "3", "-i", base+"/hls/index.m3u8?"+url.Values{"camera": {camera}}.Encode(), "-f", "null", "-").CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("live HLS of %s: %v %s", camera, err, out)
		}
	}
	// What no browser plays is downloaded as it was recorded.
	still := f.lasts(t, "class/still", 6*time.Second)
	whole := filepath.Join(t.TempDir(), "still.mp4")
	if err := os.WriteFile(whole, f.get(t, "/clip?"+query(still.Path, still.From, still.From.Add(5*time.Second)), nil), 0o600); err != nil {
		t.Fatal(err)
	}
	if read := probed(t, whole); read.pictures < 45 || read.pictures > 60 {
		t.Errorf("a clip of MJPEG: %+v", read)
	}
	// The sound of another camera beside the picture.
	body := f.get(t, "/clip?"+query("class/front", front.From.Add(time.Second), front.From.Add(5*time.Second))+"&audio=class/side", nil)
	file := filepath.Join(t.TempDir(), "both.mp4")
	if err := os.WriteFile(file, body, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", file).Output(); err != nil || strings.Fields(string(out))[0] != "h264" || strings.Fields(string(out))[1] != "flac" {
		t.Errorf("the clip with another sound holds %s %v", out, err)
	}
	heard := base + "/hls/index.m3u8?" + query("class/front", front.From.Add(time.Second), front.From.Add(5*time.Second)) + "&audio=class/side"
	if out, err := exec.Command("ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", heard).Output(); err != nil || !strings.Contains(string(out), "h264") || !strings.Contains(string(out), "flac") {
		t.Errorf("HLS with another sound holds %s %v", out, err)
	}
	// One camera's pieces are not another's.
	list := string(f.get(t, "/hls/media.m3u8?"+query("class/side", front.From, front.From.Add(4*time.Second)), nil))
	i := strings.Index(list, "piece.mp4?")
	theirs, _, _ := strings.Cut(list[i:], "\n")
	res, err := http.Get(base + "/hls/" + strings.Replace(strings.Trim(theirs, `"`), "side", "front", 1))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusNotFound {
		t.Errorf("a piece of side as one of front: %s", res.Status)
	}
}

// reading is what ffprobe reads of something.
type reading struct{ pictures, sounds int }

func probed(t testing.TB, what string) (r reading) {
	t.Helper()
	out, err := exec.Command("ffprobe", "-v", "error", "-count_packets", "-show_entries", "stream=codec_type,nb_read_packets", "-of", "csv=p=0", what).CombinedOutput()
	if err != nil {
		t.Fatalf("ffprobe %s: %v %s", what, err, out)
	}
	for line := range strings.Lines(string(out)) {
		kind, count, _ := strings.Cut(strings.TrimSpace(line), ",")
		n, _ := strconv.Atoi(count)
		switch kind {
		case "video":
			r.pictures = max(r.pictures, n)
		case "audio":
			r.sounds = max(r.sounds, n)
		}
	}
	return r
}

// TestHealthAndMetricsFollowACameraThatGoes asks while a camera is away and after it came back.
func TestHealthAndMetricsFollowACameraThatGoes(t *testing.T) {
	t.Parallel()
	f := film(t, map[string]rtspcam.Stream{"front": "h264"})
	f.lasts(t, "class/front", 3*time.Second)
	f.get(t, "/healthz", nil)
	text := string(f.get(t, "/metrics", nil))
	for _, want := range []string{`rtsprec_camera_up{camera="front"} 1`, `rtsprec_camera_disk_age_seconds{camera="front"}`, `rtsprec_camera_coverage_ratio{camera="front"}`, "rtsprec_recording_healthy 1"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	// Somebody watches meanwhile, and does not have to do anything about it.
	c := peers.StartChromium(t, 800, 700)
	c.Open(f.http)
	c.Click(".camera button.first", 0)
	c.Until("live", "!video.paused && video.currentTime > 1")
	f.cam.Drop(15 * time.Second)
	var health struct {
		Status  string
		Missing []struct {
			Camera string
			For    float64 `json:"for_s"`
		}
	}
	waitFor(t, "the camera to be missed", func() bool {
		res, err := http.Get(f.http + "healthz")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode == http.StatusServiceUnavailable && json.NewDecoder(res.Body).Decode(&health) == nil
	})
	if len(health.Missing) != 1 || health.Missing[0].Camera != "front" || health.Missing[0].For < 9 {
		t.Errorf("%+v", health)
	}
	waitFor(t, "the camera to be back", func() bool {
		res, err := http.Get(f.http + "healthz")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	var at float64
	c.Eval("video.currentTime", &at)
	c.Until("live again", fmt.Sprintf("Date.now() - Date.parse(clock.textContent) < 5000 && Math.abs(video.currentTime - %f) > 2", at))
	waitFor(t, "the gap", func() bool {
		var line web.Timeline
		f.get(t, "/api/v1/timeline?camera=class/front", &line)
		for _, s := range line.Spans {
			if s.Use == "gap" && s.To.Sub(s.From) > 9*time.Second && len(s.Causes.List()) > 0 {
				return strings.Contains(string(f.get(t, "/metrics", nil)), "rtsprec_camera_gap_seconds_total{camera=\"front\",cause=\""+s.Causes.List()[0].String())
			}
		}
		return false
	})
}
