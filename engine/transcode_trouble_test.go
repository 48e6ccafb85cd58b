package engine_test

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/rtspcam"
)

// A recording that is re-encoded explains what is missing as any other does, follows the
// camera to another size, and carries lost packets on as damage.
func TestAReencodedRecordingKeepsTheGuaranteesInTrouble(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{
		"gap":  "h264b+pcma,drop@4s:1500ms",
		"size": "h264,parameters@4s",
		"loss": "h265+aac,loss@3s:2s=10%",
	}})
	d, _ := withCodecs(t)
	dir := filepath.Join(t.TempDir(), "rec")
	o := engine.RecordOptions{
		Dir: dir, Length: 9 * time.Second, Segment: 4 * time.Second,
		Transcode: engine.TranscodeOptions{Video: engine.ToH264, Audio: engine.ToAAC, Device: "none"},
	}
	for name, transport := range map[string]string{"gap": "tcp", "size": "tcp", "loss": "udp"} {
		o.Cameras = append(o.Cameras, camera(name, cam.URL(name), transport))
	}
	summary, err := engine.Record(t.Context(), d, o)
	if !fault.Is(err, fault.Incomplete) {
		t.Fatal(err)
	}
	of := func(name string) engine.CameraSummary {
		i := slices.IndexFunc(summary.Cameras, func(c engine.CameraSummary) bool { return c.Name == name })
		return summary.Cameras[i]
	}
	gap := of("gap")
	if len(gap.Gaps) == 0 || gap.Coverage > 0.95 || gap.Coverage < 0.3 {
		t.Errorf("gap: coverage %.2f, %+v", gap.Coverage, gap.Gaps)
	}
	for _, g := range gap.Gaps {
		if g.Causes&media.Because(media.StreamEnded, media.Refused, media.Unreachable) == 0 {
			t.Errorf("gap: %v to %v because of %v", g.From, g.To, g.Causes)
		}
	}
	if c := of("size"); c.Coverage < 0.99 || len(c.Gaps) > 0 {
		t.Errorf("size: coverage %.2f, %+v", c.Coverage, c.Gaps)
	}
	if c := of("loss"); len(c.Damage) == 0 {
		t.Errorf("loss: no damage is told of")
	}
	widths := map[int]bool{}
	for _, c := range summary.Cameras {
		for _, file := range c.Files {
			name := filepath.Join(dir, file)
			playsWhole(t, name)
			if c.Name == "size" {
				widths[streams(t, name)[0].Width] = true
			}
		}
	}
	if len(widths) != 2 {
		t.Errorf("size: pictures are %v wide", widths)
	}
	if report, err := archive.Verify(t.Context(), d.FS, dir, archive.VerifyOptions{}); err != nil || fault.Is(report.Err(), fault.Damaged) {
		t.Errorf("verify: %v %v", err, report.Err())
	}
	for _, r := range journaled[*journal.Run](t, dir) {
		if r.Tracks[0].Codec != media.H264 || r.Tracks[0].From == "" {
			t.Errorf("%s: %+v", r.Camera, r.Tracks)
		}
	}
}

func TestThePlanSaysHowARecordingIsReencodedForWhoResumesIt(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264+pcma"}})
	d, _ := withCodecs(t)
	dir := filepath.Join(t.TempDir(), "rec")
	o := engine.RecordOptions{
		Dir: dir, Length: 2 * time.Second, Cameras: []journal.Camera{camera("a", cam.URL("a"), "tcp")},
		Transcode: engine.TranscodeOptions{Video: engine.ToH265, Audio: engine.ToAAC, FPS: 12.5, Device: "none"},
	}
	if _, err := engine.Record(t.Context(), d, o); err != nil {
		t.Fatal(err)
	}
	plan, err := journal.LoadPlan(d.FS, dir)
	if err != nil {
		t.Fatal(err)
	}
	if c := plan.Coding; c == nil || c.Video != "h265" || c.Audio != "aac" || c.FPS != 12.5 || c.Encoder.Speed != "veryfast" {
		t.Errorf("the plan says %+v", c)
	}
}
