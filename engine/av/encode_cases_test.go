//go:build cgo

package av

import (
	"testing"
	"time"

	"rtsprec/engine/media"
)

func TestTheFirstPictureSaysTheColours(t *testing.T) {
	coder := newCoder(t)
	in := pictures(t, coder, "heavy", media.H264)[:5]
	for _, codec := range []media.Codec{media.H264, media.H265} {
		e, err := coder.PictureEncoder(media.EncodeOptions{Codec: codec, Width: 640, Height: 360, FPS: 30, Preset: "ultrafast"})
		if err != nil {
			t.Fatal(err)
		}
		before := e.Track().Config
		units := encodeAll(t, e, in, nil)
		after := e.Track().Config
		if media.SameConfig(codec, before, after) || units[0].Config == nil || !media.SameConfig(codec, units[0].Config, after) {
			t.Errorf("%s: the configuration is not told anew", codec)
		}
		for i, au := range units[1:] {
			if au.Config != nil {
				t.Errorf("%s: unit %d has a configuration", codec, i+1)
			}
		}
		if s := probed(t, e, units); s["color_space"] != "bt709" || s["width"] != 640.0 {
			t.Errorf("%s: colours %v, width %v", codec, s["color_space"], s["width"])
		}
		e.Close()
	}
}

func TestKeyFramesComeByTime(t *testing.T) {
	for _, codec := range []media.Codec{media.H264, media.H265, media.MPEG4} {
		coder := newCoder(t)
		in := pictures(t, coder, "h264", media.H264)
		// Told 25 a second, every fifth picture comes: 5 a second.
		e, err := coder.PictureEncoder(media.EncodeOptions{Codec: codec, Width: 160, Height: 90, FPS: 25, GOP: time.Second, Preset: "ultrafast"})
		if err != nil {
			t.Fatal(err)
		}
		var few []media.Picture
		for i := 0; i < len(in); i += 5 {
			few = append(few, in[i])
		}
		for i, au := range encodeAll(t, e, few, nil) {
			if want := i%5 == 0; au.Key != want {
				t.Errorf("%s: unit %d at %d: key is %v", codec, i, au.PTS, au.Key)
			}
		}
		e.Close()
	}
}

func TestAnEncoderGoesOnAfterAFlush(t *testing.T) {
	for _, codec := range []media.Codec{media.H264, media.H265, media.MPEG4, media.MJPEG} {
		coder := newCoder(t)
		in := pictures(t, coder, "h264", media.H264)[:20]
		e, err := coder.PictureEncoder(media.EncodeOptions{Codec: codec, Width: 320, Height: 180, FPS: 25, Preset: "ultrafast", BFrames: 2})
		if err != nil {
			t.Fatal(err)
		}
		units := encodeAll(t, e, in[:10], nil)
		more := encodeAll(t, e, in[10:], nil)
		if len(units) != 10 || len(more) != 10 || !more[0].Key {
			t.Errorf("%s: %d units and then %d", codec, len(units), len(more))
		}
		last := units[0].DTS
		for _, au := range append(units, more...) {
			if au.DTS < last || au.DTS > au.PTS {
				t.Errorf("%s: DTS %d after %d, PTS %d", codec, au.DTS, last, au.PTS)
			}
			last = au.DTS
		}
		e.Close()
	}
}
