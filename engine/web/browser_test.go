package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rtsprec/engine/media"
	"rtsprec/testdata/peers"
)

// shots is where screenshots go: a folder of the environment's, for people to look at, or
// one that is removed.
func shots(t testing.TB) func(name string) string {
	dir := os.Getenv("RTSPREC_SCREENSHOTS")
	if dir == "" {
		dir = t.TempDir()
	}
	return func(name string) string { return filepath.Join(dir, name+".png") }
}

// plays waits until pictures are decoded and time goes on.
func plays(t testing.TB, c *peers.Chromium) {
	t.Helper()
	c.Until("playing", "video.readyState >= 3 && !video.paused && video.currentTime > 0")
	var at float64
	c.Eval("video.currentTime", &at)
	before := frames(c)
	c.Until("time going on", fmt.Sprintf("video.currentTime > %f", at+1.5))
	if n := frames(c) - before; n < 25 {
		t.Errorf("%d pictures were decoded in 1.5 s of 25 fps", n)
	}
}

func frames(c *peers.Chromium) (n int) {
	c.Eval("video.getVideoPlaybackQuality().totalVideoFrames", &n)
	return n
}

// seconds is the time of day that the page shows, from 09:00:00 on.
func shown(c *peers.Chromium) (seconds int) {
	var text string
	c.Eval("clock.textContent", &text)
	var h, m int
	if i := strings.LastIndexByte(text, ' '); i >= 0 {
		fmt.Sscanf(text[i+1:], "%d:%d:%d", &h, &m, &seconds)
	}
	return seconds + 60*m
}

// quiet fails when the browser complained of anything.
func quiet(t testing.TB, c *peers.Chromium) {
	t.Helper()
	for _, line := range c.Console() {
		if strings.Contains(line, "/healthz") && strings.Contains(line, "503") {
			continue // bad health is what it is there to say
		}
		t.Error("the console says:", line)
	}
}

func TestABrowserPlaysRecordedAndLiveVideo(t *testing.T) {
	t.Parallel()
	clock := media.SystemClock{}
	lib := &archive{film: makeFilm(t, "h264+aac"), clock: clock, live: clock.Wall()}
	hub := &board{}
	hub.set(State{At: clock.Wall(), Cameras: []CameraState{recording(clock.Wall()), {Path: "lobby", State: "live", FPS: 25, Bitrate: 2e6}}})
	h := New(Options{Library: lib, Hub: hub, Clock: clock, Version: "test", Stale: time.Hour})
	var away atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if away.Load() {
			panic(http.ErrAbortHandler)
		}
		h.ServeHTTP(w, r)
	}))
	defer server.Close()
	shot := shots(t)

	c := peers.StartChromium(t, 1100, 900)
	c.Open(server.URL)
	c.Until("cameras", "document.querySelectorAll('.camera').length === 2")
	c.Until("what is not recorded", "!live.hidden && live.textContent.includes('lobby25.0 fps, 2.0 Mbit/s')")
	c.Until("a timeline", "document.querySelector('canvas').getAttribute('aria-valuetext')?.includes('· recorded')")
	var width float64
	c.Eval("document.querySelector('canvas').clientWidth", &width)
	c.Hover(".camera canvas", width/2)
	c.Until("the cause of a gap", "tip.classList.contains('shown') && tip.textContent.includes('camera unreachable (no route to host)')")
	c.Screenshot(shot("list"))

	// A click is a moment: 5 s are a tenth of the 50 s that are shown.
	c.Click(".camera canvas", width/10)
	plays(t, c)
	if at := shown(c); at < 5 || at > 12 {
		t.Errorf("the page shows 09:00:%02d", at)
	}
	c.Screenshot(shot("recorded"))

	// Over the gap: 18.5 s, 19 s, 19.5 s, 30 s, ...
	c.Click(".camera canvas", width*18.5/50)
	c.Until("the other side of the gap", "Number(/(\\d+)$/.exec(clock.textContent)?.[1]) >= 31")
	plays(t, c)

	c.Click(".camera button.first", 0) // live
	c.Until("live", "!mode.hidden && video.currentTime > 0")
	plays(t, c)
	var late float64
	c.Eval("video.buffered.end(video.buffered.length-1) - video.currentTime", &late)
	if late > edge {
		t.Errorf("the live picture is %.1f s behind what was received", late)
	}
	c.Screenshot(shot("live"))
	quiet(t, c)

	// The server goes away for a while, and nobody has to do anything about it.
	away.Store(true)
	c.Until("the reason", "!message.hidden && message.textContent.startsWith('The server does not answer')")
	away.Store(false)
	c.Until("live again", "message.hidden")
	plays(t, c)
	c.Click("#close", 0)
	c.Until("the end of it", "player.hidden && video.src === ''")
}

// edge is how far the page lets a live picture fall behind, in seconds.
const edge = 3

func TestThePageIsUsedByKeyboardAndPhone(t *testing.T) {
	t.Parallel()
	lib := &archive{film: makeFilm(t, "h264+aac"), clock: media.SystemClock{}}
	hub := &board{}
	lost := recording(day)
	lost.State, lost.Reason = "retrying", "no route to host"
	hub.set(State{Cameras: []CameraState{lost}})
	server := httptest.NewServer(New(Options{Library: lib, Hub: hub, Clock: &still{day.Add(time.Hour)}, Access: people(t), Version: "test"}))
	defer server.Close()
	shot := shots(t)

	c := peers.StartChromium(t, 390, 844)
	c.Authorize("auditor", "pw")
	c.Dark(true)
	c.Open(server.URL)
	c.Until("a timeline", "document.querySelector('canvas').getAttribute('aria-valuetext')?.includes('· recorded')")
	c.Until("health", "health.className === 'bad' && health.textContent.includes('teacher (no route to host)')")
	for range 20 {
		c.Key("Tab")
		var at string
		c.Eval("document.activeElement.tagName", &at)
		if at == "CANVAS" {
			break
		}
	}
	c.Until("the timeline in focus", "document.activeElement.tagName === 'CANVAS'")
	c.Key("g") // to the gap
	c.Until("the gap", "document.activeElement.getAttribute('aria-valuetext').includes('camera unreachable')")
	c.Key("+")
	c.Until("half of it", "document.querySelector('.range').textContent.endsWith('09:00:35')")
	c.Key("0")
	c.Key("Home")
	c.Key("Enter")
	plays(t, c)
	c.Screenshot(shot("phone dark"))
	var over int
	c.Eval("document.documentElement.scrollWidth - document.documentElement.clientWidth", &over)
	if over > 0 {
		t.Errorf("the page is %d px wider than a phone", over)
	}
	// A camera that no browser plays says so, and what does.
	c.Eval("window.scrollTo(0, 0)", nil)
	c.Click(".camera:nth-of-type(3) canvas", 0)
	c.Until("the reason", "!message.hidden && message.textContent.startsWith('No browser plays MJPEG')")
	c.Dark(false)
	c.Screenshot(shot("phone light"))
	var href string
	c.Eval("cutget.getAttribute('href')", &href)
	if !strings.HasPrefix(href, "/clip?camera=class%2F%C3%A9cran+2&from=") {
		t.Errorf("the clip is at %q", href)
	}
	quiet(t, c)
}

// TestWhatBrowsersPlay measures the column of browsers in README's table, by what Debian's
// Chromium does: without a video accelerator it has no decoder for H.265.
func TestWhatBrowsersPlay(t *testing.T) {
	t.Parallel()
	c := peers.StartChromium(t, 800, 600)
	for _, film := range []struct {
		name  string
		plays bool
	}{
		{"h264+aac", true}, {"h264+opus", true}, {"h264+flac", true}, {"opus", true}, {"flac", true}, {"aac", true}, {"h265", false},
	} {
		f := makeFilm(t, film.name)
		track := Track{Kind: "video", Codec: "x", Title: film.name, Codecs: f.codecs, Browser: AsRecorded}
		lib := &archive{film: f, track: track, clock: media.SystemClock{}}
		server := httptest.NewServer(New(Options{Library: lib, Clock: media.SystemClock{}}))
		c.Open(server.URL)
		c.Until("cameras", "document.querySelectorAll('.camera').length === 2")
		c.Click(".camera .buttons button", 0)
		if film.plays {
			c.Until(film.name+" playing", "video.readyState >= 3 && !video.paused && video.currentTime > 1")
			var bytes struct{ Video, Audio int }
			c.Eval("({Video: video.webkitVideoDecodedByteCount, Audio: video.webkitAudioDecodedByteCount})", &bytes)
			if (bytes.Video > 0) != strings.HasPrefix(film.name, "h26") || (bytes.Audio > 0) != (film.name != "h264") {
				t.Errorf("%s: %+v bytes were decoded", film.name, bytes)
			}
		} else {
			c.Until(film.name+" explained", "!message.hidden && message.textContent.includes('no decoder for H.265')")
		}
		server.Close()
	}
}

// TestABrowsersOwnHLSPlaysOurLists plays without our page: Chromium reads playlists itself.
func TestABrowsersOwnHLSPlaysOurLists(t *testing.T) {
	t.Parallel()
	clock := media.SystemClock{}
	lib := &archive{film: makeFilm(t, "h264+aac"), clock: clock, live: clock.Wall().Add(-8 * time.Second)}
	server := httptest.NewServer(New(Options{Library: lib, Clock: clock}))
	defer server.Close()
	c := peers.StartChromium(t, 640, 480)
	c.Open(server.URL + "/api/v1/cameras") // any document from there
	c.Until("the document", "document.body.textContent.includes('class/teacher')")
	for query, until := range map[string]float64{
		"":                                  3,   // live
		"&from=1795338000&to=1795338010":    3,   // recorded
		"&from=1795338016&to=1795338034.50": 5.5, // 4 s, a gap, and more behind it
	} {
		c.Eval(fmt.Sprintf(`(() => { const v = document.createElement("video"); v.id = "video"; v.muted = true; v.src = "/hls/index.m3u8?camera=class/teacher%s";
			document.body.replaceChildren(v); v.play().catch(() => {}); })()`, query), nil)
		plays(t, c)
		c.Until("playing "+query, fmt.Sprintf("video.currentTime > %f", until))
	}
}
