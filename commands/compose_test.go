package commands

import (
	"context"
	"image"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
)

// composed runs compose and returns what the engine was asked, nil where it was not.
func composed(t *testing.T, exit int, line string) (*fake, *engine.ComposeOptions) {
	t.Helper()
	f := newFake(t, append([]string{"compose"}, strings.Fields(line)...)...)
	for _, name := range []string{"a.mp4", "b.mkv"} {
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f.env["XDG_RUNTIME_DIR"] = t.TempDir()
	var asked *engine.ComposeOptions
	f.Engine.Compose = func(_ context.Context, _ engine.Deps, o engine.ComposeOptions) (*engine.ComposeSummary, error) {
		asked = &o
		return &engine.ComposeSummary{Pictures: 90, From: noon, To: noon.Add(3 * time.Second)}, nil
	}
	f.run(t, exit)
	return f, asked
}

func TestComposeReadsWhatWasTyped(t *testing.T) {
	f, o := composed(t, 0, `-i teacher=rtsp://cam/a -i a.mp4 -i x=./b.mkv --layout PIP --cell inset=a --speaker teacher --label time
		--audio follow --size 720p --fps 12.5 --bitrate 3M --preset meeting --device none --latency 80ms -o dir -o out.mp4 -o rtsp://u:p@far/x
		--listen :8554 --isolate -t 45m`)
	if o == nil {
		t.Fatal(f.err.String())
	}
	var names []string
	for _, in := range o.Inputs {
		names = append(names, in.Name+" "+in.File)
	}
	if !slices.Equal(names, []string{"teacher ", "a a.mp4", "x ./b.mkv"}) || o.Inputs[0].Camera.URL != "rtsp://cam/a" {
		t.Errorf("inputs %v", names)
	}
	if o.Layout.Name != "pip" || o.Assign["inset"] != "a" || o.Speaker != "teacher" || o.Label != "time" || o.Audio != "follow" {
		t.Errorf("%s %v %s %s %s", o.Layout.Name, o.Assign, o.Speaker, o.Label, o.Audio)
	}
	if o.Size != image.Pt(1280, 720) || o.FPS != 12.5 || o.Bitrate != 3_000_000 || o.Encoder.Name != "meeting" || o.Device != "none" || o.Latency != 80*time.Millisecond {
		t.Errorf("%v %v %v %v %v %v", o.Size, o.FPS, o.Bitrate, o.Encoder.Name, o.Device, o.Latency)
	}
	if o.Out.Dir != "dir" || o.Out.File != "out.mp4" || o.Out.Targets[0].URL != "rtsp://u:p@far/x" || strings.Contains(o.Out.Targets[0].Name, "p@") || o.Out.Listen[0] != ":8554" {
		t.Errorf("%+v", o.Out)
	}
	if !o.Isolate || o.Length != 45*time.Minute || o.Control == nil || len(o.Layouts) < 10 {
		t.Errorf("%v %v %v", o.Isolate, o.Length, len(o.Layouts))
	}
	contains(t, f.out.String(), "90 pictures in 3 s")
}

func TestComposeTakesARangeOfWhatIsPlayed(t *testing.T) {
	_, o := composed(t, 0, "-i a.mp4 -ss 10 -to 20 -o out.mp4")
	from, to, err := o.Range(archive.Window{From: noon})
	if err != nil || !from.Equal(noon.Add(10*time.Second)) || !to.Equal(noon.Add(20*time.Second)) {
		t.Errorf("%v %v %v", from, to, err)
	}
	_, o = composed(t, 0, "-i a.mp4 -t 20 -o out.mp4")
	if _, to, _ = o.Range(archive.Window{From: noon}); !to.Equal(noon.Add(20*time.Second)) || o.Length != 0 {
		t.Errorf("%v %v", to, o.Length)
	}
}

func TestComposeRefusesWhatMakesNoSense(t *testing.T) {
	for line, words := range map[string]string{
		"-o x":                                    "nothing to compose",
		"-i a.mp4":                                "nowhere to put",
		"-i a.mp4 -o x.ts":                        "as MP4",
		"-i a.mp4 -o x -o y":                      "one directory",
		"-i a.mp4 -o x.mp4 -o y.mp4":              "one file",
		"-i a.mp4 -o x --layout none":             "no layout",
		"-i a.mp4 -o x --preset none":             "no preset",
		"-i a.mp4 -o x --cell main":               "CELL=INPUT",
		"-i a.mp4 -o x --cell m=a --cell m=b":     "twice",
		"-i a.mp4 -o x --at 09:00":                "for cameras",
		"-i rtsp://h/p -o x -ss 1":                "--ss",
		"-i a.mp4 -o x -t 1 -to 2":                "both say",
		"-i a.mp4 -o x --camera c":                "of a recording",
		"-i a.mp4 --from nowhere -o x":            "no directory",
		"-i a.mp4 -o x --sub a=rtsp://h/p":        "--sub",
		"-i n=rtsp://h/p -i n=a.mp4 -o x":         "two inputs",
		"-i a.mp4 -o x --label loud":              "none of",
		"-i rtsp://h/p -o x --size 5":             "no size",
		"-i rtsp://h/p -o x extra":                "no argument",
		"-i rtsp://h/p -o x --latency 1m":         "too long",
		"-i nobody -o x --cameras none.yaml":      "none.yaml",
		"-i rtsp://h/p -o x --ctl /nowhere/at/it": "listen for commands",
	} {
		f, o := composed(t, 2, line)
		if o != nil {
			t.Errorf("%s: done", line)
		}
		if !strings.Contains(f.err.String(), words) || !strings.Contains(f.err.String(), "hint: ") {
			t.Errorf("%s: said %s", line, f.err.String())
		}
	}
}

func TestKeysSteerAComposition(t *testing.T) {
	f := newFake(t, "compose", "-i", "rtsp://h/p", "-o", "x")
	f.env["XDG_RUNTIME_DIR"] = t.TempDir()
	f.Edge.Screen = func() (int, int, bool) { return 80, 24, true }
	keys, restored := make(chan byte), make(chan struct{})
	f.Keys = func() (<-chan byte, func(), bool) { return keys, func() { close(restored) }, true }
	f.Engine.Compose = func(ctx context.Context, _ engine.Deps, o engine.ComposeOptions) (*engine.ComposeSummary, error) {
		state := make(chan error, 1)
		go func() { // nobody answers: this composition is no composition
			asking, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
			defer cancel()
			_, err := o.Control.Do(asking, engine.Command{Do: "state"})
			state <- err
		}()
		if err := <-state; !fault.Is(err, fault.Canceled) && !fault.Is(err, fault.Timeout) {
			t.Errorf("asked: %v", err)
		}
		keys <- '?'
		keys <- 'q'
		<-ctx.Done()
		return &engine.ComposeSummary{}, nil
	}
	f.run(t, 0)
	<-restored
	for key, want := range map[byte]engine.Command{'1': {Do: "speaker", Name: "1"}, '9': {Do: "speaker", Name: "9"}, 'l': {Do: "next"}} {
		if got, known := keyCommand(key); !known || got != want {
			t.Errorf("%c: %v", key, got)
		}
	}
	if _, known := keyCommand('0'); known {
		t.Error("0 is no key")
	}
}

func TestCtlSaysWhatItKnowsAndThatNobodyRuns(t *testing.T) {
	for line, words := range map[string]string{
		"ctl": "say what", "ctl dance": "does not know", "ctl layout": "one name", "ctl state now": "no name",
	} {
		f := newFake(t, strings.Fields(line)...)
		f.run(t, 2)
		contains(t, f.err.String(), words, "hint: rtsprec ctl layout NAME")
	}
	f := newFake(t, "ctl", "state")
	f.env["XDG_RUNTIME_DIR"] = t.TempDir()
	f.run(t, 4)
	contains(t, f.err.String(), "no composition", "--ctl")
	f = newFake(t, "ctl", "--socket", "absent", "state")
	f.run(t, 4)
	contains(t, f.err.String(), "nobody listens on absent")
}
