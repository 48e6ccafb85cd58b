package web

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rtsprec/engine/media"
	"rtsprec/testdata/peers"
)

// shots is where screenshots go: a folder of the environment's, or one that is removed.
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
	before := frames(t, c)
	c.Until("time going on", "video.currentTime > "+jsonOf(at+1.5))
	if n := frames(t, c) - before; n < 25 {
		t.Errorf("%d pictures were decoded in 1.5 s of 25 fps", n)
	}
}

func frames(t testing.TB, c *peers.Chromium) (n int) {
	c.Eval("video.getVideoPlaybackQuality().totalVideoFrames", &n)
	return n
}

func TestABrowserPlaysRecordedAndLiveVideo(t *testing.T) {
	clock := media.SystemClock{}
	lib := &archive{film: makeFilm(t, "h264+aac"), clock: clock, live: clock.Wall()}
	hub := &board{}
	hub.set(State{At: clock.Wall(), Cameras: []CameraState{recording(clock.Wall())}})
	server := httptest.NewServer(New(Options{Library: lib, Hub: hub, Clock: clock, Version: "test", Stale: time.Hour}))
	defer server.Close()
	shot := shots(t)

	c := peers.StartChromium(t, 1100, 900)
	c.Open(server.URL)
	c.Until("a camera", "document.querySelectorAll('.camera').length === 2")
	c.Until("a timeline", "document.querySelector('canvas').getAttribute('aria-valuetext')?.includes('recorded')")
	c.Screenshot(shot("list"))

	c.Click(".camera canvas", 100)
	plays(t, c)
	c.Screenshot(shot("recorded"))
	var clock1 string
	c.Eval("document.getElementById('clock').textContent", &clock1)
	if clock1 == "" {
		t.Error("the page does not say what time is shown")
	}

	c.Click(".camera button.first", 0) // live
	c.Until("live", "!mode.hidden && video.currentTime > 0")
	plays(t, c)
	var late float64
	c.Eval("video.buffered.end(video.buffered.length-1) - video.currentTime", &late)
	if late > 3 {
		t.Errorf("the live picture is %.1f s behind what was received", late)
	}
	c.Screenshot(shot("live"))
	for _, line := range c.Console() {
		t.Error("the console says:", line)
	}
}
