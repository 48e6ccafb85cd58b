package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"rtsprec/engine/access"
	"rtsprec/engine/media"
)

// still is a clock that stands.
type still struct{ at time.Time }

func (c *still) Now() time.Time  { return c.at }
func (c *still) Wall() time.Time { return c.at.Round(0) }

// waitFor polls until ok, or fails after a generous time.
func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		if ok() {
			return
		}
		<-time.After(5 * time.Millisecond)
	}
	t.Fatalf("waited in vain for %s", what)
}

// TestTheJSONOnlyGrows holds the names that scripts rely on: members may be added here,
// and none may go.
func TestTheJSONOnlyGrows(t *testing.T) {
	hub := &board{}
	clock := &still{day.Add(50 * time.Second)}
	hub.set(State{At: clock.at, Cameras: []CameraState{recording(clock.at)}})
	s := serve(t, Options{Library: &archive{film: makeFilm(t, "h264+aac")}, Hub: hub, Clock: clock})
	for path, members := range map[string]string{
		"recordings":                      "recordings.0:name,state,from,to,bytes,cameras",
		"cameras":                         "cameras.0:path,name,recording,state,from,to,bytes,segments,coverage,gaps,missing_s,tracks",
		"cameras?":                        "cameras.0.tracks.0:kind,codec,title,codecs,width,height,browser",
		"cameras?x":                       "cameras.1.tracks.0:browser,why",
		"timeline?camera=class/teacher":   "camera,from,to,spans,damage,protected",
		"timeline?camera=class/teacher&":  "spans.1:use,from,to,causes,note",
		"timeline?camera=class/teacher&a": "damage.0:from,to,units,lost",
		"timeline?camera=class/teacher&b": "protected.0:from,to,why",
		"live":                            "at,cameras,server",
		"live?":                           "cameras.0:path,state,since,transport,readers,fps,bitrate,loss,packets,lost,sessions,recorded",
		"live?x":                          "cameras.0.recorded:camera,expected,on_disk,bytes,coverage,disk_days,gaps_s",
		"live?y":                          "server:sessions,readers,sent_bytes,received_bytes,refused_logins",
	} {
		status, header, text := fetch(t, s.URL+"/api/v1/"+path)
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil || status != 200 || header.Get("Content-Type") != "application/json" || header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%s: %d %v %v %s", path, status, err, header, text)
		}
		where, names, found := strings.Cut(members, ":")
		if !found {
			where, names = "", members
		}
		for step := range strings.SplitSeq(where, ".") {
			switch x := v.(type) {
			case map[string]any:
				if step != "" {
					v = x[step]
				}
			case []any:
				var i int
				fmt.Sscan(step, &i)
				v = x[i]
			}
		}
		object, _ := v.(map[string]any)
		for name := range strings.SplitSeq(names, ",") {
			if _, ok := object[name]; !ok {
				t.Errorf("%s: no %s in %v", path, name, object)
			}
		}
	}
}

func TestALIstWithoutAnythingIsEmptyAndNotNull(t *testing.T) {
	s := serve(t, Options{Library: nothing{}})
	for path, want := range map[string]string{
		"/api/v1/recordings":        `{"recordings":[]}`,
		"/api/v1/cameras":           `{"cameras":[]}`,
		"/api/v1/timeline?camera=x": `"spans":[],"damage":[],"protected":[]}`,
		"/api/v1/live":              `"cameras":[]`,
		"/healthz":                  `{"status":"ok","recording":0,"failing":0,"missing":[]}`,
	} {
		if status, _, text := fetch(t, s.URL+path); status != 200 || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
}

func TestHealthIsAboutRecording(t *testing.T) {
	clock := &still{day}
	hub := &board{}
	s := serve(t, Options{Library: nothing{}, Hub: hub, Clock: clock, Stale: 10 * time.Second})
	ask := func() (int, string) {
		status, _, text := fetch(t, s.URL+"/healthz")
		return status, text
	}
	well := recording(day)
	hub.set(State{Cameras: []CameraState{well}})
	if status, text := ask(); status != 200 || !strings.Contains(text, `"recording":1`) {
		t.Errorf("a camera that is recorded: %d %s", status, text)
	}
	// The process lives, but bytes stopped 71.5 s ago.
	stuck := recording(day)
	stuck.State, stuck.Reason = "retrying", "no route to host"
	stuck.Recorded.OnDisk = day.Add(-71500 * time.Millisecond)
	hub.set(State{Cameras: []CameraState{well, stuck}})
	want := `{"status":"failing","recording":2,"failing":1,"missing":[{"camera":"teacher","since":"2026-11-22T08:58:48.5Z","for_s":71.5,"state":"retrying","reason":"no route to host"}]}`
	if status, text := ask(); status != 503 || strings.TrimSpace(text) != want {
		t.Errorf("a camera that is not: %d %s\nwant %s", status, text, want)
	}
	// A camera that has just been added gets the time that it needs; one that never came does not.
	stuck.Recorded.OnDisk = time.Time{}
	stuck.Recorded.Expected = day.Add(-5 * time.Second)
	hub.set(State{Cameras: []CameraState{stuck}})
	if status, text := ask(); status != 200 {
		t.Errorf("after 5 s: %d %s", status, text)
	}
	stuck.Recorded.Expected = day.Add(-11 * time.Second)
	hub.set(State{Cameras: []CameraState{stuck}})
	if status, text := ask(); status != 503 || !strings.Contains(text, `"for_s":11`) {
		t.Errorf("after 11 s: %d %s", status, text)
	}
	// Nobody wants it recorded now.
	stuck.Recorded.Expected = time.Time{}
	hub.set(State{Cameras: []CameraState{stuck, {Path: "live only", State: "live"}}})
	if status, text := ask(); status != 200 {
		t.Errorf("not to be recorded: %d %s", status, text)
	}
}

// people are a teacher, who may see the one camera of the archive by the path on which it
// is live, a guest who may see nothing, and an auditor who may see what was recorded.
func people(t testing.TB) *access.List {
	return must[*access.List](t)(access.New([]access.User{
		{Name: "teacher", Password: "pw", Grants: []access.Grant{{Paths: []string{"teacher"}, Rights: []access.Right{access.Read, access.Replay}}}},
		{Name: "watcher", Password: "pw", Grants: []access.Grant{{Paths: []string{"class/teacher"}, Rights: []access.Right{access.Read}}}},
		{Name: "auditor", Hash: access.Hash("pw"), Grants: []access.Grant{{Paths: []string{"**"}, Rights: []access.Right{access.Replay}}}},
		{Name: "guest", Password: "pw"},
	}))
}

func TestEverybodySeesWhatTheyMay(t *testing.T) {
	clock := media.SystemClock{}
	hub := &board{}
	hub.set(State{Cameras: []CameraState{recording(clock.Wall()), {Path: "secret", State: "live"}}})
	s := serve(t, Options{Library: &archive{film: makeFilm(t, "h264+aac"), clock: clock, live: clock.Wall()}, Hub: hub, Access: people(t), Clock: clock})
	const span = "&from=1795338000&to=1795338005"
	for _, c := range []struct {
		path                                     string
		nobody, guest, watcher, teacher, auditor int
	}{
		{"/", 401, 200, 200, 200, 200},
		{"/page/page.js", 200, 200, 200, 200, 200},
		{"/login", 401, 200, 200, 200, 200},
		{"/healthz", 200, 200, 200, 200, 200},
		{"/metrics", 401, 200, 200, 200, 200},
		{"/api/v1/recordings", 401, 200, 200, 200, 200},
		{"/api/v1/cameras", 401, 200, 200, 200, 200},
		{"/api/v1/live", 401, 200, 200, 200, 200},
		{"/api/v1/timeline?camera=class/teacher", 401, 403, 403, 200, 200},
		{"/clip?camera=class/teacher" + span, 401, 403, 403, 200, 200},
		{"/clip?camera=class/teacher&audio=class/other" + span, 401, 403, 403, 403, 200},
		{"/still.jpg?camera=class/teacher", 401, 403, 404, 404, 404},
		{"/still.jpg?camera=class/teacher&at=1795338000", 401, 403, 403, 404, 404},
		{"/hls/index.m3u8?camera=class/teacher" + span, 401, 403, 403, 200, 200},
		{"/hls/media.m3u8?camera=class/teacher" + span, 401, 403, 403, 200, 200},
		{"/hls/piece.mp4?camera=class/teacher&uri=class/teacher/1.mp4", 401, 403, 403, 200, 200},
		{"/hls/index.m3u8?camera=class/teacher", 401, 403, 200, 200, 403},
		{"/hls/live.m3u8?camera=class/teacher", 401, 403, 200, 200, 403},
		{"/hls/init.mp4?camera=class/teacher&uri=class/teacher/1.mp4", 401, 403, 200, 200, 403},
		{"/hls/segment.mp4?camera=class/teacher&n=1", 401, 403, 200, 200, 403},
	} {
		for user, want := range map[string]int{"": c.nobody, "guest": c.guest, "watcher": c.watcher, "teacher": c.teacher, "auditor": c.auditor} {
			req := must[*http.Request](t)(http.NewRequest(http.MethodGet, s.URL+c.path, nil))
			if user != "" {
				req.SetBasicAuth(user, "pw")
			}
			client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}
			res := must[*http.Response](t)(client.Do(req))
			res.Body.Close()
			if res.StatusCode != want {
				t.Errorf("%s as %q: %d, want %d", c.path, user, res.StatusCode, want)
			}
			if asks := res.Header.Get("WWW-Authenticate") != ""; asks != (res.StatusCode == 401) {
				t.Errorf("%s as %q: asked for a password: %v", c.path, user, asks)
			}
		}
	}
	// Lists hold what their reader may see.
	for user, want := range map[string][]string{"guest": nil, "watcher": {"class/teacher"}, "teacher": {"class/teacher"}, "auditor": {"class/teacher", "class/écran 2"}} {
		var got struct{ Cameras []Camera }
		_, _, text := fetch(t, s.URL+"/api/v1/cameras", "Authorization", basic(user, "pw"))
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		var paths []string
		for _, c := range got.Cameras {
			paths = append(paths, c.Path)
		}
		if !reflect.DeepEqual(paths, want) {
			t.Errorf("%s sees %q, want %q", user, paths, want)
		}
		_, _, metrics := fetch(t, s.URL+"/metrics", "Authorization", basic(user, "pw"))
		if strings.Contains(metrics, "secret") != (user == "auditor") {
			t.Errorf("%s sees the metrics of others", user)
		}
	}
}

func basic(user, password string) string {
	req, _ := http.NewRequest(http.MethodGet, "http://x", nil)
	req.SetBasicAuth(user, password)
	return req.Header.Get("Authorization")
}

func TestGuessingPasswordsIsSlowedDown(t *testing.T) {
	clock := &still{day}
	log := &strings.Builder{}
	s := serve(t, Options{Library: nothing{}, Access: people(t), Guard: access.NewGuard(3, time.Minute), Clock: clock, Log: logTo(log)})
	ask := func(password string) (int, http.Header) {
		status, header, _ := fetch(t, s.URL+"/api/v1/cameras", "Authorization", basic("teacher", password))
		return status, header
	}
	for i := range 3 {
		if status, _ := ask("s3cret-guess"); status != 401 {
			t.Fatalf("try %d: %d", i, status)
		}
	}
	if status, header := ask("pw"); status != 429 || header.Get("Retry-After") != "60" {
		t.Errorf("after three guesses even the right password waits: %d %v", status, header)
	}
	if !strings.Contains(log.String(), "127.0.0.1") || strings.Contains(log.String(), "s3cret-guess") {
		t.Errorf("the log says %q", log)
	}
	clock.at = clock.at.Add(61 * time.Second)
	if status, _ := ask("pw"); status != 200 {
		t.Errorf("a minute later: %d", status)
	}
	if _, _, text := fetch(t, s.URL+"/metrics", "Authorization", basic("teacher", "pw")); !strings.Contains(text, "rtsprec_refused_logins_total 3\n") {
		t.Errorf("metrics do not count refused logins:\n%s", text)
	}
}

func TestWhatAnybodyMaySeeNeedsNoPassword(t *testing.T) {
	users := must[*access.List](t)(access.New([]access.User{
		{Name: "", Grants: []access.Grant{{Paths: []string{"class/teacher"}, Rights: []access.Right{access.Replay}}}},
		{Name: "teacher", Password: "pw", Grants: []access.Grant{{Paths: []string{"**"}, Rights: access.Rights()}}},
	}))
	s := serve(t, Options{Library: &archive{film: makeFilm(t, "h264+aac")}, Access: users})
	if status, _, text := fetch(t, s.URL+"/"); status != 200 || !strings.Contains(text, `href="/login"`) {
		t.Errorf("the page for anybody: %d\n%s", status, text)
	}
	if _, _, text := fetch(t, s.URL+"/api/v1/cameras"); !strings.Contains(text, "class/teacher") || strings.Contains(text, "cran 2") {
		t.Errorf("anybody sees %s", text)
	}
	if status, _, _ := fetch(t, s.URL+"/api/v1/timeline?camera=class/other"); status != 401 {
		t.Errorf("what is not for anybody asks for a password: %d", status)
	}
}
