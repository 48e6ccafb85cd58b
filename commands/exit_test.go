package commands

import (
	"context"
	"errors"
	"strings"
	"testing"

	"rtsprec/engine"
	"rtsprec/engine/fault"
)

func TestEveryKindOfFailureHasAnExitCodeThatHelpLists(t *testing.T) {
	listed := map[int]bool{}
	for _, e := range Exits() {
		listed[e.Code] = true
	}
	table := outcomes()
	for kind := fault.Bug; kind <= fault.Canceled; kind++ {
		out, ok := table[kind]
		if !ok {
			t.Errorf("%v has no row in the table", kind)
			continue
		}
		if !listed[out.code] || out.code == exitDone {
			t.Errorf("%v exits with %d, which is no failure that help lists", kind, out.code)
		}
		if strings.HasSuffix(out.hint, ".") {
			t.Errorf("%v: the hint ends with a full stop: %q", kind, out.hint)
		}
	}
	if next := fault.Kind(fault.Canceled + 1); next.String() != "bug" {
		t.Errorf("there is a kind %v behind Canceled: look at it here too", next)
	}
}

func TestFailureIsOneLineThenAHintAndNeverAPassword(t *testing.T) {
	f := newFake(t, "probe", "rtsp://admin:secret@cam/live")
	f.Engine.Probe = func(context.Context, engine.Deps, engine.ProbeOptions) ([]*engine.ProbeReport, error) {
		return nil, fault.Wrap(fault.Denied, "describe rtsp://admin:secret@cam/live", errors.New("two\nlines\x1b[31m"))
	}
	f.run(t, 5)
	lines := strings.Split(strings.TrimSpace(f.err.String()), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "rtsprec: describe rtsp://admin:***@cam/live: two lines") || !strings.HasPrefix(lines[1], "hint: ") {
		t.Errorf("got %q", lines)
	}
	if strings.ContainsAny(f.err.String(), "\x1b") {
		t.Error("a peer's escape sequence reaches the terminal")
	}
	if f.out.String() != "" {
		t.Errorf("on standard output: %q", f.out.String())
	}
}

func TestFailureIsAlsoAJSONLine(t *testing.T) {
	f := newFake(t, "--json", "probe", "http://cam")
	f.run(t, 2)
	contains(t, f.out.String(), `{"type":"error","time":"2026-11-22T11:00:00Z","kind":"usage"`, `"exit":2`, `"hint":"cameras are rtsp:// or rtsps://"`)
}

func TestUnclassifiedErrorIsABug(t *testing.T) {
	f := newFake(t, "probe", "rtsp://cam")
	f.Engine.Probe = func(context.Context, engine.Deps, engine.ProbeOptions) ([]*engine.ProbeReport, error) {
		return nil, errors.New("odd")
	}
	f.run(t, 1)
	contains(t, f.err.String(), "rtsprec: odd\n", "rtsprec version")
}

func TestWordsOfFfmpegAreExplained(t *testing.T) {
	for _, c := range []struct{ args, says, hint string }{
		{"record -rtsp_transport tcp -i rtsp://cam", "does not know -rtsp_transport", "--transport tcp"},
		{"record -i rtsp://cam -to 20", "does not know -to", "-t 45m"},
		{"record -i rtsp://cam -c copy", "does not know -c", "media is copied"},
		{"record -i rtsp://cam --frobnicate", "does not know --frobnicate", "rtsprec record -h"},
		{"record -i rtsp://cam -t", "-t needs a value", "rtsprec record -h"},
		{"record -i rtsp://cam -t 0", "-t: 0 is too short: it must be more than 0", "rtsprec record -h"},
		{"record -i rtsp://cam -t -5", "-t: -5 is too short", "rtsprec record -h"},
		{"record -i rtsp://cam --segment 0.1", "--segment: 0.1 is too short: at least 1s", "rtsprec record -h"},
		{"record -i rtsp://cam --commit 1h", "--commit: 1h is too long: at most 1m", "rtsprec record -h"},
		{"record -i rtsp://cam --transport carrier-pigeon", `"carrier-pigeon" is none of auto, udp, tcp or multicast`, "rtsprec record -h"},
		{"record -i rtsp://cam --until noon", "--until: ", "rtsprec record -h"},
		{"record", "no camera was given", "rtsprec record -i rtsp://"},
		{"recrod", `there is no command "recrod"`, "rtsprec record"},
		{"rtsp://u:secret@cam/live", `there is no command "rtsp://u:***@cam/live"`, "rtsprec probe rtsp://u:***@cam/live"},
		{"probe --quick --soak 60 rtsp://cam", "--quick plays nothing", "leave one"},
		{"version x", "takes no argument", "rtsprec version -h"},
		{"completion tcsh", "bash, fish or zsh", "rtsprec completion bash"},
		{"help xyzzy", `there is no command "xyzzy"`, "rtsprec -h"},
		{"verify", "verify takes one directory", "rtsprec verify DIR"},
		{"resume a b", "resume takes one directory, and got 2", "rtsprec resume DIR"},
		{"verify nowhere", "there is no directory nowhere", "rtsprec ls"},
	} {
		t.Run(c.args, func(t *testing.T) {
			f := newFake(t, strings.Fields(c.args)...)
			f.run(t, 2)
			says, hint, _ := strings.Cut(f.err.String(), "\nhint: ")
			contains(t, says, c.says)
			contains(t, hint, c.hint)
			if len(f.record)+len(f.probe)+len(f.verify)+len(f.resume)+len(f.list) > 0 {
				t.Error("the engine was asked all the same")
			}
		})
	}
}
