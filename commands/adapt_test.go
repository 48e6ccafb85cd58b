package commands

import (
	"context"
	"os"
	"strings"
	"testing"

	"rtsprec/engine"
)

func TestAReportThatCannotBeWrittenIsRefusedBeforeAnythingIsSent(t *testing.T) {
	relay := []string{"relay", "-i", "rtsp://cam/live", "-o", "rtsp://far/x"}
	compose := []string{"compose", "-i", "rtsp://cam/live", "-o", "rtsp://far/x"}
	for name, c := range map[string]struct {
		args   []string
		report string
		exit   int
		says   []string
	}{
		"a folder that is not there": {relay, "no such/way.png", 2, []string{"there is no folder no such", "hint: mkdir -p 'no such'"}},
		"of a composition":           {compose, "none/way.html", 2, []string{"there is no folder none", "hint: mkdir -p none"}},
		"below a file":               {relay, "file/way.png", 2, []string{"--report file/way.png", "not a directory"}},
		"a folder":                   {relay, "dir.html", 2, []string{"dir.html is no file"}},
		"another ending":             {relay, "way.pdf", 2, []string{"a report is .html or .png, not way.pdf"}},
		"as it should be":            {relay, "here/way.PNG", 0, nil},
		"one that is there":          {compose, "way.html", 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, append(c.args, "--adapt", "--report", c.report)...)
			f.env["XDG_RUNTIME_DIR"] = t.TempDir()
			mkdir(t, "here")
			mkdir(t, "dir.html")
			for _, name := range []string{"file", "way.html"} {
				if err := os.WriteFile(name, []byte("old"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			began := false
			f.Engine.Relay = func(context.Context, engine.Deps, engine.RelayOptions) (*engine.RelaySummary, error) {
				began = true
				return nil, nil
			}
			f.Engine.Compose = func(context.Context, engine.Deps, engine.ComposeOptions) (*engine.ComposeSummary, error) {
				began = true
				return nil, nil
			}
			f.run(t, c.exit)
			contains(t, f.err.String(), c.says...)
			if began != (c.exit == 0) {
				t.Errorf("begun: %v", began)
			}
			if old, _ := os.ReadFile("way.html"); string(old) != "old" {
				t.Error("looking replaced it")
			}
			if left, _ := os.ReadDir("here"); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestAReportWhoseFolderWentAwayIsNoMatterOfTheCamera(t *testing.T) {
	f := newFake(t, "relay", "-i", "rtsp://cam/live", "-o", "rtsp://far/x", "--adapt", "--report", "here/way.png")
	mkdir(t, "here")
	f.Engine.Relay = func(context.Context, engine.Deps, engine.RelayOptions) (*engine.RelaySummary, error) {
		return &engine.RelaySummary{Input: "a"}, os.Remove("here")
	}
	f.run(t, 9)
	contains(t, f.err.String(), "write the report here/way.png", "is its folder still there")
	if strings.Contains(f.err.String(), "URL") {
		t.Error(f.err.String())
	}
}
