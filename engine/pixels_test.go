package engine_test

import (
	"image"
	"math"
	"os/exec"
	"path/filepath"
	"testing"

	"rtsprec/engine"
	"rtsprec/engine/media"
	"rtsprec/testdata/peers"
)

// anamorphic makes a white film of 320x360 pixels that is to be shown twice as wide: the
// stream says so, or, where container is set, only the file around it.
func anamorphic(t *testing.T, encoder string, container bool) string {
	t.Helper()
	peers.Need(t, "ffmpeg", "ffprobe")
	dir := t.TempDir()
	shape := "2"
	if container {
		shape = "1"
	}
	film := filepath.Join(dir, "film.mp4")
	commands := [][]string{{"-f", "lavfi", "-i", "color=white:s=320x360:r=10:d=1,setsar=" + shape, "-c:v", encoder, "-pix_fmt", "yuv420p", film}}
	if container {
		commands = append(commands, []string{"-i", film, "-c", "copy", "-aspect", "16:9", filepath.Join(dir, "wide.mp4")})
		film = filepath.Join(dir, "wide.mp4")
	}
	for _, args := range commands {
		if out, err := exec.CommandContext(t.Context(), "ffmpeg", append([]string{"-nostdin", "-v", "error"}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("ffmpeg: %v %s", err, out)
		}
	}
	return film
}

func TestPicturesWhosePixelsAreNotSquareAreShownAsTheyShouldBe(t *testing.T) {
	t.Parallel()
	d := coding(t)
	for name, film := range map[string]string{
		"H.264":     anamorphic(t, "libx264", false),
		"H.265":     anamorphic(t, "libx265", false),
		"MPEG-4":    anamorphic(t, "mpeg4", false),
		"container": anamorphic(t, "libx264", true),
	} {
		o := composing(t, "single", engine.ComposeInput{Name: "film", File: film})
		o.Audio, o.Out.File = "none", filepath.Join(t.TempDir(), "out.mp4")
		if _, err := engine.Compose(t.Context(), d, o); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		p := shownPictures(t, o.Out.File, o.Size)[0]
		for _, at := range []image.Point{{4, 4}, {635, 4}, {4, 355}, {635, 355}, {320, 180}} {
			if v := p.luma.GrayAt(at.X, at.Y).Y; v < 200 {
				t.Errorf("%s: %v is %d, not white: the picture does not fill its cell", name, at, v)
			}
		}
	}
}

func TestPicturesThatAreEncodedAnewKeepTheShapeOfTheirPixels(t *testing.T) {
	t.Parallel()
	d := coding(t)
	for _, codec := range []media.Codec{media.H264, media.H265} {
		e, err := d.Coder.PictureEncoder(media.EncodeOptions{Codec: codec, Width: 320, Height: 360, FPS: 25, Bitrate: 1e6, Pixel: 64.0 / 45})
		if err != nil {
			t.Fatal(err)
		}
		if info, err := media.Inspect(e.Track()); err != nil || math.Abs(info.Pixel-64.0/45) > 1e-6 {
			t.Errorf("%s: a pixel is %v, %v", codec, info.Pixel, err)
		}
		e.Close()
	}
	for name, container := range map[string]bool{"stream": false, "container": true} {
		source, err := d.Coder.File(t.Context(), anamorphic(t, "libx264", container), d.Clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		track := source.Run().Tracks[0]
		if info, _ := media.Inspect(track); track.Pixel != 2 || !container && info.Pixel != 2 {
			t.Errorf("%s: a pixel is %v and %v", name, track.Pixel, info.Pixel)
		}
		source.Close()
	}
}
