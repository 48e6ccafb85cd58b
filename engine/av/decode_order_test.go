//go:build cgo

package av

import (
	"bytes"
	"path/filepath"
	"testing"

	"rtsprec/engine/media"
)

// withoutVUI is an H.264 configuration that says nothing of reordering: the SPS ends where
// the video usability information would begin. The place is found by trying.
func withoutVUI(t *testing.T, config []byte) []byte {
	t.Helper()
	_, sps, pps := media.SplitConfig(media.H264, config)
	want, err := media.Inspect(media.Track{Codec: media.H264, Config: config})
	if err != nil {
		t.Fatal(err)
	}
	for bit := 8*len(sps[0]) - 1; bit > 40; bit-- {
		// Bit is the flag and becomes 0, behind it stands the bit that ends the payload.
		cut := bytes.Clone(sps[0][:bit/8+1])
		cut[bit/8] &= ^byte(0xff >> (bit % 8))
		if bit%8 == 7 {
			cut = append(cut, 0x80)
		} else {
			cut[bit/8] |= 0x40 >> (bit % 8)
		}
		if sps[0][bit/8]>>(7-bit%8)&1 == 0 {
			continue
		}
		shorter := media.JoinConfig(append([][]byte{cut}, pps...)...)
		got, err := media.Inspect(media.Track{Codec: media.H264, Config: shorter})
		if err == nil && got.Width == want.Width && got.Height == want.Height && got.FPS == 0 && got.Reorder <= 0 {
			return shorter
		}
	}
	t.Fatal("the SPS has no VUI")
	return nil
}

// Some cameras reorder and do not say so, by one picture or, with pyramids, by two.
func TestReorderingThatIsNotSaidLosesNoPicture(t *testing.T) {
	for _, x264 := range []string{"bframes=3:b-pyramid=normal:b-adapt=0", "bframes=7:b-pyramid=normal:b-adapt=0:ref=6"} {
		path := filepath.Join(t.TempDir(), "b.mp4")
		tool(t, nil, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x192:rate=25:duration=2", "-c:v", "libx264", "-x264-params", x264, path)
		coder := newCoder(t)
		f, err := coder.File(t.Context(), path, start)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		track, units := f.Run().Tracks[0], read(t, f)
		track.Config = withoutVUI(t, track.Config)
		d, err := coder.PictureDecoder(track, media.DecodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		out, broken := decodeAll(t, d, units)
		if broken > 0 || len(out) != len(units) {
			t.Errorf("%s: %d pictures of %d units, %d broken", x264, len(out), len(units), broken)
		}
		want := tool(t, nil, "ffmpeg", "-v", "error", "-i", path, "-fps_mode", "passthrough", "-f", "rawvideo", "-")
		for i, p := range out {
			if got := pixels(p); len(want) < len(got) || !bytes.Equal(got, want[:len(got)]) {
				t.Errorf("%s: picture %d is another", x264, i)
				break
			}
			want = want[len(pixels(p)):]
		}
	}
}

func TestStreamsWithoutReorderingThatDoNotSaySoAreNotHeldBack(t *testing.T) {
	coder := newCoder(t)
	track, units := clip(t, "h264", media.H264)
	track.Config = withoutVUI(t, track.Config)
	d, err := coder.PictureDecoder(track, media.DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for i, au := range units {
		au.Data, au.Config = withoutSets(media.H264, au.Data), nil
		out, err := d.Decode(au)
		if err != nil || len(out) != 1 || out[0].PTS() != au.PTS {
			t.Fatalf("unit %d gave %d pictures, %v", i, len(out), err)
		}
		out[0].Release()
	}
}

func TestInterlacedPicturesAreThoseThatFFmpegDecodes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "interlaced.mp4")
	tool(t, nil, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x192:rate=50:duration=1", "-vf", "interlace",
		"-c:v", "libx264", "-x264-params", "tff=1:bframes=2", path)
	coder := newCoder(t)
	f, err := coder.File(t.Context(), path, start)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d, err := coder.PictureDecoder(f.Run().Tracks[0], media.DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	out, broken := decodeAll(t, d, read(t, f))
	want := tool(t, nil, "ffmpeg", "-v", "error", "-i", path, "-fps_mode", "passthrough", "-f", "rawvideo", "-")
	for i, p := range out {
		got := pixels(p)
		if len(want) < len(got) || !bytes.Equal(got, want[:len(got)]) {
			t.Fatalf("picture %d is not ffmpeg's", i)
		}
		want = want[len(got):]
	}
	if len(out) != 25 || broken > 0 || len(want) > 0 {
		t.Errorf("%d pictures, %d broken, %d bytes of ffmpeg's are left", len(out), broken, len(want))
	}
}
