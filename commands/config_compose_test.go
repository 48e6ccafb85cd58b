package commands

import (
	"image"
	"os"
	"strings"
	"testing"
	"time"

	"rtsprec/engine/fault"
)

func TestAComposedPathIsMadeOfPathsCamerasAndAddresses(t *testing.T) {
	f := newFake(t)
	if err := os.WriteFile("known.yaml", []byte("cameras:\n  - {name: door, url: rtsp://cam7/live, sub_url: rtsp://cam7/small}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := f.config(t, `
cameras: known.yaml
record: {dir: live}
paths:
  gate: {source: rtsp://cam/live}
  "class-*": {}
  wall:
    transport: tcp
    compose:
      inputs: [gate, front=class-1, door, rtsp://cam9/x, {name: yard, source: rtsp://cam8/x, sub: rtsp://cam8/y}]
      layout: speaker-strip
      cells: {strip-1: yard}
      speaker: door
      preset: low-latency
      size: 720p
      fps: 25
      bitrate: 2.5M
      audio: follow
      label: time
      device: none
      latency: 100ms
  kept: {record: true, compose: {inputs: [gate]}}
  always: {pull: always, record: false, compose: {inputs: gate}}
`)
	if err != nil {
		t.Fatal(err)
	}
	wall := o.Paths[2]
	c := wall.Compose
	if c == nil || !wall.OnDemand || wall.Record {
		t.Fatalf("%+v", wall)
	}
	var said []string
	for _, in := range c.Inputs {
		text := in.Name + " path " + in.Path
		if in.Camera != nil {
			text = in.Name + " " + in.Camera.URL + " " + in.Camera.SubURL + " " + in.Camera.Transport
		}
		said = append(said, strings.TrimSpace(text))
	}
	const want = "gate path gate; front path class-1; door rtsp://cam7/live rtsp://cam7/small tcp; camera-4 rtsp://cam9/x  tcp; yard rtsp://cam8/x rtsp://cam8/y tcp"
	if got := strings.Join(said, "; "); got != want {
		t.Errorf("inputs:\n%s\nwant\n%s", got, want)
	}
	if c.Layout.Name != "speaker-strip" || len(c.Layouts) < 5 || c.Assign["strip-1"] != "yard" || c.Speaker != "door" || c.Encoder.Name != "low-latency" ||
		c.Size != image.Pt(1280, 720) || c.FPS != 25 || c.Bitrate != 2_500_000 || c.Audio != "follow" || c.Label != "time" || c.Device != "none" || c.Latency != 100*time.Millisecond {
		t.Errorf("%+v", c)
	}
	if kept := o.Paths[3]; kept.OnDemand || !kept.Record {
		t.Errorf("what is recorded is always composed: %+v", kept)
	}
	if always := o.Paths[4]; always.OnDemand || always.Record || always.Compose.Layout.Name != "grid" {
		t.Errorf("%+v", always)
	}
	f.readsBack(t, o)
}

func TestMistakesOfAComposedPathAreToldWithTheirLines(t *testing.T) {
	f := newFake(t)
	for wrong, words := range map[string]string{
		"{inputs: [gate], layuot: pip}":                      `is it "layout"?`,
		"{inputs: [gate], layout: pipp}":                     "there is no layout",
		"{inputs: [gate], preset: x}":                        "there is no preset",
		"{inputs: [gatee]}":                                  "gatee",
		"{inputs: []}":                                       "composed of nothing",
		"{inputs: [gate, gate]}":                             "names of their own",
		"{inputs: [wall]}":                                   "composed of itself",
		"{inputs: [mirror]}":                                 "composed of itself",
		"{inputs: [gate], cells: {nowhere: gate}}":           "no cell",
		"{inputs: [gate], cells: {main: yard}, layout: pip}": "no input",
		"{inputs: [gate], speaker: yard}":                    "no input",
		"{inputs: [gate], audio: yard}":                      "no input",
		"{inputs: [gate], size: big}":                        "no size",
		"{inputs: [gate], fps: 200}":                         "pictures a second",
		"{inputs: [{name: x}]}":                              "no source",
		"{inputs: [{source: gate, sub: rtsp://x/y}]}":        "no smaller stream",
		"{inputs: ['testsrc://640x360/vp8']}":                "vp8",
		"x":                                                  "wants keys",
	} {
		_, err := f.config(t, "paths:\n  gate: {source: rtsp://cam/live}\n  mirror: {compose: {inputs: [wall]}}\n  wall:\n    compose: "+wrong+"\n")
		if !fault.Is(err, fault.Usage) || !strings.Contains(err.Error(), words) || !(strings.Contains(err.Error(), "serve.yaml:5: ") || strings.Contains(err.Error(), "serve.yaml:4: ")) {
			t.Errorf("%s: %v", wrong, err)
		}
	}
	if _, err := f.config(t, "paths:\n  wall: {source: rtsp://cam/live, compose: {inputs: [rtsp://cam/x]}}\n"); !fault.Is(err, fault.Usage) {
		t.Errorf("a source and a composition: %v", err)
	}
	if _, err := f.config(t, "paths:\n  'wall-*': {compose: {inputs: [rtsp://cam/x]}}\n"); !fault.Is(err, fault.Usage) {
		t.Errorf("a pattern that is composed: %v", err)
	}
}
