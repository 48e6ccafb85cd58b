package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/av"
	"rtsprec/engine/media"
	"rtsprec/engine/rtspcam"
	"rtsprec/presets"
	"rtsprec/testdata/netlab"
)

// narrow is a way to a server whose rate can be chosen: a link between two hosts where this
// machine lets a test have two, a proxy that lets through so much otherwise.
type narrow struct {
	url   string
	shape func(kbit int) // towards the server
	end   func()         // closes the server's recording
}

// narrowTo starts a server that records what is published, behind such a way.
func narrowTo(t *testing.T, dir string) narrow {
	t.Helper()
	port := freeTCP(t)
	host := netlab.New(t)
	if host == nil {
		k := newLink(t, fmt.Sprintf("127.0.0.1:%d", port))
		s := takes(t, port, dir)
		return narrow{fmt.Sprintf("rtsp://127.0.0.1:%d/x", k.port), func(kbit int) { k.slow.Store(int64(kbit) * 125) }, func() { s.end(t) }}
	}
	text, err := json.Marshal(map[string]any{
		"RTSP": []string{fmt.Sprintf("%s:%d", host.Far, port)}, "Record": map[string]string{"Dir": dir},
		"Paths": []map[string]any{{"Name": "**", "Record": true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := host.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serverEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	t.Cleanup(func() {
		if !ended {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	return narrow{fmt.Sprintf("rtsp://%s:%d/x", host.Far, port), host.Shape, func() {
		ended = true
		cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the far server: %v", err)
		}
	}}
}

func TestCase38TheLinkNarrowsAndWidens(t *testing.T) {
	alone(t)
	coder := av.New(av.Options{})
	if coder == nil {
		t.Skip("this build has no codecs")
	}
	ladder := presets.Ladder{Name: "cheap to encode", Rungs: []presets.Rung{
		{Width: 640, Height: 360, FPS: 15, Bitrate: 1_200_000}, {Width: 320, Height: 180, FPS: 10, Bitrate: 500_000}, {KeyFramesOnly: true, Bitrate: 100_000},
	}}
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "heavy+aac"}})
	far, near := filepath.Join(t.TempDir(), "far"), filepath.Join(t.TempDir(), "near")
	way := narrowTo(t, far)
	way.shape(20_000)
	d, ev := deps(t)
	d.Coder = coder
	r := relayWith(t, d, ev, engine.RelayOptions{
		Input: camera("a", cam.URL("a"), "tcp"), Targets: []engine.RelayTarget{{Name: "x", URL: way.url}},
		Record: engine.RecordInto{Dir: near}, Adapt: engine.RelayAdapt{Ladder: ladder},
	})
	step := func() int {
		if list := all[engine.AdaptChange](ev); len(list) > 0 {
			return list[len(list)-1].Step
		}
		return 0
	}
	within := func(limit time.Duration, what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(limit); !ok(); <-time.After(20 * time.Millisecond) {
			if time.Now().After(end) {
				r.end(t)
				t.Fatalf("%s: not within %v\n%s", what, limit, wayTold(r.summary.Targets[0]))
			}
		}
	}
	sent := func() float64 { // seconds of the source that were sent
		list := all[engine.Progress](ev)
		if len(list) == 0 || list[len(list)-1].From.IsZero() || len(all[engine.TargetUp](ev)) == 0 {
			return 0
		}
		return list[len(list)-1].At.Sub(list[len(list)-1].From).Seconds()
	}
	within(60*time.Second, "the source is sent for a while", func() bool { return sent() > 2 })
	way.shape(1_500)
	within(60*time.Second, "another picture, since the link is narrow", func() bool { return step() > 0 })
	began := sent()
	within(60*time.Second, "some time of the narrow link", func() bool { return sent() > began+5 })
	way.shape(20_000)
	within(120*time.Second, "the source again, since the link is wide", func() bool { return step() == 0 })
	began = sent()
	within(60*time.Second, "some time of the wide link", func() bool { return sent() > began+1 })
	r.end(t)
	if r.err != nil {
		t.Error(r.err)
	}
	if n := len(r.summary.Targets[0].Changes); n > 12 {
		t.Errorf("the picture changed %d times", n)
	}

	verified(t, d, near, archive.Clean)
	marks, err := rtspcam.Recorded(filepath.Join(near, "a"))
	if err != nil {
		t.Fatal(err)
	}
	noneMissing(t, "the recording beside", marks)
	way.end()
	decodes(t, filepath.Join(far, "x"))
	missesNothingButTime(t, d, far)
	for _, name := range []string{"way.html", "way.png"} {
		name = filepath.Join(t.TempDir(), name)
		if err := engine.WriteAdaptReport(d, name, "relay of a", r.summary.Targets); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(name)
		if err != nil || len(b) < 2000 || strings.HasSuffix(name, "html") && !strings.Contains(string(b), "too few for source") {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
	}
}

// missesNothingButTime holds that nothing is missing of what was sent but what this machine
// was too slow to encode.
func missesNothingButTime(t testing.TB, d engine.Deps, far string) {
	t.Helper()
	report, err := engine.Verify(t.Context(), d, far, archive.VerifyOptions{Deep: true})
	if report == nil || report.Status == archive.Damaged {
		t.Fatalf("verify: %+v %v", report, err)
	}
	for _, gap := range report.Cameras[0].Gaps {
		if !gap.Causes.Has(media.Overflow) {
			t.Errorf("the viewer misses %+v", gap)
		}
	}
}

// A composition that only one server gets is made at the rate that the way takes, and then
// smaller, and as it was again; what comes can be decoded, and nothing of it is missing.
func TestACompositionFollowsTheWayItIsPushed(t *testing.T) {
	alone(t)
	d := coding(t)
	ev := &events{}
	d.Observe = ev.add
	far := filepath.Join(t.TempDir(), "far")
	way := narrowTo(t, far)
	way.shape(20_000)
	o := composing(t, "grid", liveInput("a", "testsrc://640x360@25"))
	o.Bitrate = 1_500_000
	o.Out.Targets = []engine.RelayTarget{{Name: "x", URL: way.url}}
	o.Adapt.Ladder = presets.Ladder{Rungs: []presets.Rung{
		{Width: 640, Height: 360, FPS: 25, Bitrate: 1_500_000}, {Width: 320, Height: 180, FPS: 10, Bitrate: 500_000}, {KeyFramesOnly: true, Bitrate: 80_000},
	}}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var summary *engine.ComposeSummary
	done := make(chan error, 1)
	go func() {
		var err error
		summary, err = engine.Compose(ctx, d, o)
		done <- err
	}()
	step := func() int {
		if list := all[engine.AdaptChange](ev); len(list) > 0 {
			return list[len(list)-1].Step
		}
		return 0
	}
	sending := func() float64 { // bit/s
		if list := all[engine.Progress](ev); len(list) > 0 {
			return list[len(list)-1].Cameras[1].Bitrate
		}
		return 0
	}
	waitFor(t, "the composition to be pushed", func() bool { return sending() > 500_000 })
	way.shape(400)
	waitFor(t, "a smaller picture, since the link is narrow", func() bool { return step() > 0 && sending() > 0 && sending() < 400_000 })
	way.shape(20_000)
	for end := time.Now().Add(60 * time.Second); step() > 0; <-time.After(20 * time.Millisecond) {
		if time.Now().After(end) {
			stop()
			<-done
			t.Fatalf("the link is wide, and the composition does not return\n%s", wayTold(summary.Targets[0]))
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := len(summary.Targets[0].Points); n < 20 {
		t.Errorf("%d points are told of", n)
	}
	way.end()
	decodes(t, filepath.Join(far, "x"))
	missesNothingButTime(t, d, far)
	if t.Failed() {
		t.Log(wayTold(summary.Targets[0]))
	}
}

// wayTold is what was decided about the way to a target: the changes, and how it was twice a second.
func wayTold(target engine.RelayTargetSummary) string {
	var b strings.Builder
	changes := target.Changes
	for i, p := range target.Points {
		for ; len(changes) > 0 && !changes[0].At.After(p.At); changes = changes[1:] {
			fmt.Fprintf(&b, "%s: to %s: %s\n", changes[0].At.Format("04:05.0"), changes[0].Name, strings.Join(changes[0].Reasons, "; "))
		}
		if i%3 == 0 {
			fmt.Fprintf(&b, "%s: source %d, allowed %d (%s), sent %d, full at %d, queueing %v\n", p.At.Format("04:05.0"), p.Source, p.Target, p.State, p.Sent, p.Capacity, p.Queueing)
		}
	}
	return b.String()
}
