package archive

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"rtsprec/testdata/peers"
)

// TestABrowserShowsAClipFromItsStartOn: what an edit list hides before it is decoded and not
// shown, and does not make the clip longer.
func TestABrowserShowsAClipFromItsStartOn(t *testing.T) {
	t.Parallel()
	peers.Need(t, "ffmpeg")
	m := studio(t, "a")
	m.shoot("a", nine, time.Minute, nil, picture25(t, 6, "320x240"), aac(t, 6))
	m.close(nine.Add(6 * time.Second))
	const from, to, rate = 2400 * time.Millisecond, 4400 * time.Millisecond, 25
	file := m.save(m.cut("a", ClipOptions{From: nine.Add(from), To: nine.Add(to)}), "clip.mp4")
	all, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", m.save(m.cut("a", ClipOptions{}), "all.mp4"),
		"-map", "0:v", "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/clip.mp4" {
			http.ServeFile(w, r, file)
			return
		}
		w.Write([]byte("<!doctype html><video id=video muted preload=auto src=clip.mp4></video>"))
	}))
	defer server.Close()
	c := peers.StartChromium(t, 400, 300)
	c.Open(server.URL)
	c.Until("the first picture", "video.readyState >= 2")
	var seen struct {
		Duration float64
		Gray     []int
	}
	c.Eval(`(() => {
		const canvas = document.createElement("canvas");
		canvas.width = 320; canvas.height = 240;
		const draw = canvas.getContext("2d");
		draw.drawImage(video, 0, 0);
		const rgba = draw.getImageData(0, 0, 320, 240).data, gray = [];
		for (let i = 0; i < rgba.length; i += 4) gray.push(Math.round(0.299*rgba[i] + 0.587*rgba[i+1] + 0.114*rgba[i+2]));
		return {Duration: video.duration, Gray: gray};
	})()`, &seen)
	if want := (to - from).Seconds(); !near(seen.Duration, want, 0.1) {
		t.Errorf("the clip lasts %v s, want %v", seen.Duration, want)
	}
	const size = 320 * 240
	if len(seen.Gray) != size || len(all) != 6*rate*size {
		t.Fatalf("%d points are shown, ffmpeg decodes %d bytes", len(seen.Gray), len(all))
	}
	best, least := -1, 0
	for n := range len(all) / size {
		off := 0
		for i, g := range seen.Gray {
			d := g - int(all[n*size+i])
			off += d * d
		}
		if best < 0 || off < least {
			best, least = n, off
		}
	}
	const reorder = 2 // pictures: the first is shown that much after it is decoded, at nine
	if want := int(from*rate/time.Second) - reorder; best != want {
		t.Errorf("picture %d is shown first, want %d", best, want)
	}
	c.Eval("video.play()", nil)
	c.Until("the end", "video.ended")
}

// TestABrowserNoticesNoSeamWhereAFileIsFilled: its media source has all of it buffered, also
// what follows a gap without a key frame.
func TestABrowserNoticesNoSeamWhereAFileIsFilled(t *testing.T) {
	t.Parallel()
	m, _, _ := woven(t, true)
	l := m.shelf()
	pieces, _, err := l.HLS(t.Context(), "a", "", time.Time{}, time.Time{})
	m.must(err)
	parts := [][]byte{fetch(t, l, pieces[0].Init)}
	for _, p := range pieces {
		parts = append(parts, fetch(t, l, &p))
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n, err := strconv.Atoi(r.URL.Path[1:]); err == nil && n < len(parts) {
			w.Write(parts[n])
			return
		}
		w.Write([]byte("<!doctype html><video id=video muted></video>"))
	}))
	defer server.Close()
	c := peers.StartChromium(t, 400, 300)
	c.Open(server.URL + "/page")
	var ranges [][2]float64
	c.Eval(fmt.Sprintf(`(async () => {
		const source = new MediaSource();
		video.src = URL.createObjectURL(source);
		await new Promise(done => source.onsourceopen = done);
		const buffer = source.addSourceBuffer('video/mp4; codecs="avc1.64001f,mp4a.40.2"');
		for (let n = 0; n < %d; n++) {
			const data = await (await fetch("/" + n)).arrayBuffer();
			await new Promise((done, failed) => { buffer.onupdateend = done; buffer.onerror = () => failed(new Error("piece " + n)); buffer.appendBuffer(data); });
		}
		source.endOfStream();
		return Array.from({length: buffer.buffered.length}, (_, i) => [buffer.buffered.start(i), buffer.buffered.end(i)]);
	})()`, len(parts)), &ranges)
	if len(ranges) != 1 || ranges[0][0] > 0.2 || !near(ranges[0][1], 9, 0.2) {
		t.Errorf("buffered: %v", ranges)
	}
	c.Eval("video.playbackRate = 4, video.play()", nil)
	c.Until("the end", "video.ended")
	var dropped int
	c.Eval("video.getVideoPlaybackQuality().corruptedVideoFrames || 0", &dropped)
	if dropped > 0 {
		t.Errorf("%d pictures are broken", dropped)
	}
}
