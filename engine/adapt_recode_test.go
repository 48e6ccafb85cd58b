package engine

import (
	"context"
	"image"
	"image/color"
	"testing"
	"time"

	"rtsprec/engine/av"
	"rtsprec/engine/media"
	"rtsprec/presets"
)

// What was sent as it came is not shown again, and what follows it begins with a key frame.
func TestReencodingBeginsBehindWhatWasSentWithAKeyFrame(t *testing.T) {
	coder := av.New(av.Options{})
	if coder == nil {
		t.Skip("this build has no codecs")
	}
	canvas, err := coder.Canvas(media.CanvasOptions{Width: 320, Height: 180})
	if err != nil {
		t.Fatal(err)
	}
	defer canvas.Close()
	encoder, err := coder.PictureEncoder(media.EncodeOptions{Codec: media.H264, Width: 320, Height: 180, FPS: 25, Bitrate: 500_000, GOP: time.Minute, LowLatency: true})
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	var source []media.AccessUnit
	for n := range media.Ticks(20) {
		canvas.Fill(image.Rect(0, 0, 320, 180), color.NRGBA{uint8(10 * n), 80, 120, 255})
		p, err := canvas.Picture(n*3600, time.Unix(0, 0))
		if err != nil {
			t.Fatal(err)
		}
		units, err := encoder.Encode(p, n == 0)
		p.Release()
		if err != nil {
			t.Fatal(err)
		}
		source = append(source, units...)
	}
	track := encoder.Track()
	for _, sent := range []int{0, 4, 9} { // the last of the group that was sent; 9 is the newest
		c, err := newRecoder(coder, track, track.Config, "none", 2*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		c.after = source[sent].PTS
		c.aim(presets.Rung{Width: 160, Height: 90, Bitrate: 200_000}, false, false)
		for i, au := range source[:10] {
			c.wind(au, i == 9)
		}
		var out []media.AccessUnit
		c.start(context.Background(), func(au media.AccessUnit) { out = append(out, au) })
		for _, au := range source[10:15] { // more would be too many at once
			c.put(au)
		}
		c.end()
		if len(out) == 0 || !out[0].Key || out[0].PTS <= source[sent].PTS {
			t.Fatalf("sent up to %d: %d units, the first: %+v", sent, len(out), out[:min(1, len(out))])
		}
		first := media.Ticks(9)
		if sent == 9 {
			first = 10
		}
		if out[0].PTS != first*3600 {
			t.Errorf("sent up to %d: goes on at %d", sent, out[0].PTS/3600)
		}
		if media.ConfigOf(track.Codec, out[0].Data, nil) == nil {
			t.Error("the key frame has no parameter sets")
		}
	}
}
