package engine_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"testing"

	"rtsprec/engine"
	"rtsprec/engine/rtspcam"
	"rtsprec/engine/web"
)

// fetch decodes what the server answers.
func (s *served) fetch(t testing.TB, path string, into any) int {
	t.Helper()
	r, err := http.Get(s.http + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return r.StatusCode
}

func TestTheStateTellsHowRecordingStandsWhereverItLies(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264+aac"}})
	root := t.TempDir()
	a, idle := pulled("a", cam.URL("a")), pulled("idle", cam.URL("a"))
	a.Record, idle.OnDemand = true, true
	s := serve(t, engine.ServeOptions{
		Archives: []string{root}, Record: engine.RecordInto{Dir: filepath.Join(root, "deep", "live")}, Paths: []engine.ServePath{a, idle},
	})
	v := s.watch(t, "a")
	sees(t, v, 30)
	var state web.State
	waitFor(t, "media on the disk", func() bool { // a file is there before its first commit
		state = web.State{}
		s.fetch(t, "api/v1/live", &state)
		return len(state.Cameras) == 2 && state.Cameras[0].Recorded != nil && state.Cameras[0].Recorded.Coverage > 0
	})
	c := state.Cameras[0]
	if c.Path != "a" || c.State != "recording" || c.Readers != 1 || c.FPS < 10 || c.Packets == 0 || c.Lost != 0 || c.Recorded.Camera != "live/a" {
		t.Errorf("%+v", c)
	}
	if r := c.Recorded; r.Expected.IsZero() || state.At.Sub(r.OnDisk) > engine.DefaultGrace || r.Coverage < 0.9 || r.Forecast == nil || *r.Forecast <= 0 {
		t.Errorf("%+v", r)
	}
	if c := state.Cameras[1]; c.State != "idle" || c.Recorded != nil {
		t.Errorf("%+v", c)
	}
	if n := state.Server; n.Readers != 1 || n.Sessions != 1 || n.Received == 0 || n.Sent == 0 {
		t.Errorf("%+v", n)
	}
	var health struct{ Status string }
	if code := s.fetch(t, "healthz", &health); code != http.StatusOK || health.Status != "ok" {
		t.Errorf("%d %+v", code, health)
	}
	var timeline web.Timeline
	if s.fetch(t, "api/v1/timeline?camera=live/a", &timeline); len(timeline.Spans) == 0 {
		t.Error("the recording has no timeline")
	}
	s.end(t)
}
