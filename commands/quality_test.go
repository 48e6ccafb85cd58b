package commands

import (
	"context"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/media"
)

func TestVerifyTellsWhatIsOfTheSubStreamAndIsContent(t *testing.T) {
	f := newFake(t, "verify", "out")
	mkdir(t, "out")
	f.Engine.Verify = func(_ context.Context, _ engine.Deps, dir string, _ archive.VerifyOptions) (*archive.Report, error) {
		return &archive.Report{Dir: dir, Status: archive.Clean, Cameras: []archive.CameraReport{{
			Name: "yard", Quality: []archive.Quality{{From: noon, To: noon.Add(time.Minute), Stream: media.SubStream, Width: 640, Height: 360, Why: "the way is too narrow"},
				{From: noon.Add(2 * time.Minute), To: noon.Add(3 * time.Minute), Stream: media.MainStream, Limit: 800_000, Why: "pictures come late"}},
			Beside: []archive.Beside{{From: noon, To: noon.Add(time.Minute), File: "yard/x.mp4"}},
		}}}, nil
	}
	f.run(t, 0)
	contains(t, f.out.String(), "yard  smaller  2026-11-22 12:02:00 to 12:03:00, 1:00: its encoder at 800 kbit/s; pictures come late\n",
		"yard  smaller  2026-11-22 12:00:00 to 12:01:00, 1:00: the sub-stream (640x360); the way is too narrow\n",
		"yard  beside   2026-11-22 12:00:00 to 12:01:00: the main stream, got afterwards: yard/x.mp4\n")
}

func TestListTellsHowMuchIsOfTheSubStream(t *testing.T) {
	same(t, coverageText(archive.Coverage{Window: 60, Media: 60}), "100 %")
	same(t, coverageText(archive.Coverage{Window: archive.Seconds(time.Minute), Media: archive.Seconds(time.Minute), Sub: archive.Seconds(30 * time.Second)}), "100 %, 30 s sub")
	same(t, coverageText(archive.Coverage{Window: archive.Seconds(time.Minute), Media: archive.Seconds(time.Minute), Limited: archive.Seconds(20 * time.Second)}), "100 %, 20 s low")
}

func TestLiveTableSaysWhyItIsTheSubStream(t *testing.T) {
	f, v := newLive(t, 80, 24)
	v.progress(engine.Progress{At: noon, From: noon, Cameras: []engine.CameraProgress{{Name: "yard", State: "recording", Stream: media.SubStream, Why: "the way is too narrow"}}})
	contains(t, onScreen(t, f), "    the sub-stream: the way is too narrow")
}

func TestASubStreamThatIsTheMainStreamIsAMistakeOfTheFile(t *testing.T) {
	_, err := parseCameras("cameras.yaml", []byte("cameras:\n  - name: a\n    url: rtsp://cam/1\n    sub_url: rtsp://cam/1\n"))
	if err == nil {
		t.Fatal("nothing is wrong?")
	}
	contains(t, err.Error(), "camera a has the same address for url and sub_url")
}
