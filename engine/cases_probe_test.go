package engine_test

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/rtspcam"
)

func TestASoakTellsASteadyStreamFromABadOne(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{
		"steady": "h264+aac", "lossy": "h264+aac,loss=3%", "breaks": "h264,rst@6s", "pauses": "h264,stall@5s:1200ms",
	}})
	d, _ := deps(t)
	var cameras []journal.Camera
	for _, name := range []string{"steady", "lossy", "breaks", "pauses"} {
		cameras = append(cameras, camera(name, cam.URL(name), "udp"))
	}
	stop := stalls()
	reports, err := engine.Probe(t.Context(), d, engine.ProbeOptions{Cameras: cameras, Soak: 7 * time.Second})
	busy := stop() > 200*time.Millisecond // this machine made the breaks itself
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct{ verdict, why string }{
		{"steady", ""}, {"bad", "packets lost"}, {"bad", "session broke"}, {"usable", "longest silence"},
	} {
		s := reports[i].Soak
		if s == nil {
			t.Fatalf("%s: no soak", reports[i].Name)
		}
		if why := strings.Join(s.Why, "; "); !(busy && want.verdict == "steady") && s.Verdict != want.verdict || !strings.Contains(why, want.why) {
			t.Errorf("%s: %s (%s), want %s (%s)", reports[i].Name, s.Verdict, why, want.verdict, want.why)
		}
		if s.Seconds < 7 || s.Seconds > 8.5 {
			t.Errorf("%s: watched for %.1f s", reports[i].Name, s.Seconds)
		}
	}
	if s := reports[0].Soak; s.GOPMin != 25 || s.GOPMax != 25 || s.Lost != 0 || s.Sessions != 1 || s.MaxFPS < 24 {
		t.Errorf("steady: %+v", s)
	}
	if s := reports[1].Soak; s.Lost == 0 {
		t.Errorf("lossy: %+v", s)
	}
	if s := reports[2].Soak; s.Sessions < 2 {
		t.Errorf("breaks: %+v", s)
	}
}

func TestAQuickProbeReadsTheDescriptionAlone(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264+aac,busy"}, User: "u", Password: "p"})
	d, _ := deps(t)
	began := time.Now()
	reports, err := engine.Probe(t.Context(), d, engine.ProbeOptions{Quick: true, Cameras: []journal.Camera{camera("a", cam.URL("a"), "")}})
	if err != nil {
		t.Fatal(err)
	}
	r := reports[0]
	if len(r.Tracks) != 2 || r.Tracks[0].Width != 320 || r.Tracks[1].SampleRate != 48000 || len(r.Unseen) == 0 || r.Tracks[0].FPS != 0 {
		t.Errorf("%+v", r)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestCase24AProbeSaysHowToEnlargeSocketBuffers(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264"}})
	d, _ := deps(t)
	reports, err := engine.Probe(t.Context(), d, engine.ProbeOptions{Cameras: []journal.Camera{camera("a", cam.URL("a"), "udp")}})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("/proc/sys/net/core/rmem_max")
	if err != nil {
		return // only Linux has that limit
	}
	limit, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	notes := strings.Join(reports[0].Notes, "; ")
	if small := limit < 512<<10; small != strings.Contains(notes, "sysctl -w net.core.rmem_max=") {
		t.Errorf("with a limit of %d bytes: %q", limit, notes)
	}
}

func TestCase25AProbeNamesTheCertificate(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264"}, TLS: true})
	d, _ := deps(t)
	c := camera("a", cam.URL("a"), "tcp")
	reports, err := engine.Probe(t.Context(), d, engine.ProbeOptions{Cameras: []journal.Camera{c}})
	if !fault.Is(err, fault.Denied) || !strings.Contains(reports[0].Error, cam.Fingerprint()) {
		t.Errorf("%v, %q", err, reports[0].Error)
	}
	c.Fingerprint = cam.Fingerprint()
	if _, err := engine.Probe(t.Context(), d, engine.ProbeOptions{Cameras: []journal.Camera{c}}); err != nil {
		t.Error(err)
	}
}
