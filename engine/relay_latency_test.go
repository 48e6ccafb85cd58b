package engine_test

import (
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/media"
	"rtsprec/engine/rtsp"
	"rtsprec/engine/rtspcam"
)

// fetched is what a relay's own address answers.
func fetched(t testing.TB, url string) (status int, text string) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(b)
}

// metric is a number out of Prometheus' text form.
func metric(text, name string) (float64, bool) {
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	v, err := strconv.ParseFloat(m[1], 64)
	return v, err == nil
}

// Over a link that takes half of what comes a viewer stays near what happens, whatever it
// misses; who asks the relay is told how it stands.
func TestARelayWithALatencySendsNothingThatIsLate(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "heavy"}})
	far, address := collect(t)
	way := newLink(t, address)
	d, ev := deps(t)
	r := relayWith(t, d, ev, engine.RelayOptions{
		Input:   camera("a", cam.URL("a"), "tcp"),
		Targets: []engine.RelayTarget{{Name: "x", URL: "rtsp://127.0.0.1:" + strconv.Itoa(way.port) + "/x"}},
		Latency: 300 * time.Millisecond, Metrics: "127.0.0.1:0",
	})
	far.until(t, time.Now())
	status := all[engine.Relaying](ev)[0].Metrics
	if code, text := fetched(t, strings.TrimSuffix(status, "metrics")+"healthz"); code != 200 {
		t.Errorf("healthz: %d %s", code, text)
	}
	way.slow.Store(2_000_000 / 8)
	narrow := time.Now()
	far.until(t, narrow.Add(5*time.Second)) // without a bound that would be sent 5 s later
	late := time.Since(narrow) - 5*time.Second
	_, text := fetched(t, status)
	r.end(t)
	if late > 2*time.Second { // a key frame and what the link itself holds take their time
		t.Errorf("what was captured 5 s after the link became narrow comes %v later", late)
	}
	dropped, ok := metric(text, `rtsprec_target_dropped_units_total{target="x"}`)
	if !ok || dropped == 0 {
		t.Errorf("nothing was dropped: %s", text)
	}
	for _, name := range []string{
		`rtsprec_target_up{target="x"}`, `rtsprec_target_state{state="sending",target="x"}`, `rtsprec_target_sent_bytes_total{target="x"}`,
		`rtsprec_target_delay_seconds{target="x",quantile="0.95"}`, `rtsprec_camera_delay_seconds{camera="a",hop="received",quantile="0.5"}`,
	} {
		if v, ok := metric(text, name); !ok || v <= 0 {
			t.Errorf("%s: %v in\n%s", name, v, text)
		}
	}
	progress := all[engine.Progress](ev)
	if last := progress[len(progress)-1].Cameras; len(last) != 2 || last[1].Delays["sent"].Count == 0 || !strings.Contains(last[1].DelayText(), "sent ") {
		t.Errorf("%+v", last)
	}
	far.mu.Lock()
	defer far.mu.Unlock()
	holes := 0
	for i := 1; i < len(far.marks); i++ {
		if far.marks[i].Counter == far.marks[i-1].Counter+1 {
			continue
		}
		if holes++; !far.keys[i] {
			t.Errorf("picture %d follows %d, and it is no key frame", far.marks[i].Counter, far.marks[i-1].Counter)
		}
	}
	if holes == 0 {
		t.Error("nothing is missing")
	}
}

// A reader over a link that takes half of what comes stays near what happens; the recording
// has all of it.
func TestAServedReaderStaysNearTheCaptureAndTheRecordingIsWhole(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "heavy"}})
	pulled := camera("a", cam.URL("a"), "tcp")
	dir := filepath.Join(t.TempDir(), "rec")
	s := serve(t, engine.ServeOptions{
		Paths: []engine.ServePath{{Name: "a", Camera: &pulled, Record: true}}, Record: engine.RecordInto{Dir: dir}, Latency: 300 * time.Millisecond,
	})
	waitFor(t, "a run", func() bool { _, ok := newest(dir, "a"); return ok })
	way := newLink(t, strings.TrimSuffix(strings.TrimPrefix(s.rtsp, "rtsp://"), "/"))
	way.slack.Store(2_000_000 / 8)
	reader, err := engine.DialRTSP(t.Context(), rtsp.Options{URL: "rtsp://127.0.0.1:" + strconv.Itoa(way.port) + "/a", Transport: rtsp.TCP, Clock: media.SystemClock{}})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	began, late, last, holes := time.Now(), time.Duration(0), rtspcam.Mark{}, 0
	for time.Since(began) < 6*time.Second {
		au, err := reader.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		m, ok := rtspcam.ReadMark(media.H264, au.Data)
		if !ok {
			t.Fatal("a picture without a mark")
		}
		late = max(late, time.Since(m.Capture))
		if !last.Capture.IsZero() && m.Counter != last.Counter+1 {
			if holes++; !au.Key {
				t.Errorf("picture %d follows %d, and it is no key frame", m.Counter, last.Counter)
			}
		}
		last = m
	}
	if late > 2500*time.Millisecond || holes == 0 { // the first group and a key frame take their time; without a bound it would be 3 s
		t.Errorf("a picture came %v after its capture; %d times some are missing", late, holes)
	}
	_, text := fetched(t, s.http+"metrics")
	if v, ok := metric(text, `rtsprec_camera_delay_seconds{camera="a",hop="tcp",quantile="0.95"}`); !ok || v <= 0 {
		t.Errorf("the delay is not told: %s", text)
	}
	s.end(t)
	marks, err := rtspcam.Recorded(filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	noneMissing(t, "the recording", marks)
}
