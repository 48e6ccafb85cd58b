//go:build cgo

package av

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// pictures decodes a clip.
func pictures(t testing.TB, c *coder, name string, codec media.Codec) []media.Picture {
	t.Helper()
	track, units := clip(t, name, codec)
	d, err := c.PictureDecoder(track, media.DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var all []media.Picture
	for _, au := range units {
		out, err := d.Decode(au)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, out...)
	}
	out, _ := d.Flush()
	all = append(all, out...)
	t.Cleanup(func() {
		for _, p := range all {
			p.Release()
		}
	})
	return all
}

// encodeAll encodes pictures, with key frames where key says.
func encodeAll(t testing.TB, e media.PictureEncoder, in []media.Picture, key func(i int) bool) []media.AccessUnit {
	t.Helper()
	var units []media.AccessUnit
	for i, p := range in {
		out, err := e.Encode(p, key != nil && key(i))
		if err != nil {
			t.Fatal(err)
		}
		units = append(units, out...)
	}
	out, err := e.Flush()
	if err != nil {
		t.Fatal(err)
	}
	return append(units, out...)
}

// psnr compares what ffmpeg decoded with the pictures it was made of: brightness only.
func psnr(t testing.TB, decoded []byte, in []media.Picture) float64 {
	t.Helper()
	var sum, n float64
	for i, p := range in {
		want := pixels(p)
		if len(decoded) < len(want) {
			t.Fatalf("only %d pictures came out of %d", i, len(in))
		}
		w, h := p.Size()
		for j := range w * h {
			d := float64(decoded[j]) - float64(want[j])
			sum += d * d
		}
		n += float64(w * h)
		decoded = decoded[len(want):]
	}
	if len(decoded) > 0 {
		t.Fatalf("%d bytes more came out than went in", len(decoded))
	}
	return 10 * math.Log10(255*255*n/max(sum, 1e-9))
}

func TestWhatIsEncodedIsWhatFFmpegDecodes(t *testing.T) {
	for name, c := range map[string]struct {
		o    media.EncodeOptions
		psnr float64
	}{
		"h264":             {media.EncodeOptions{Codec: media.H264}, 36},
		"h264 b-frames":    {media.EncodeOptions{Codec: media.H264, BFrames: 3, Preset: "fast"}, 36},
		"h264 zerolatency": {media.EncodeOptions{Codec: media.H264, LowLatency: true, Preset: "ultrafast", Threads: 2, Bitrate: 2_000_000, MaxBitrate: 2_000_000}, 32},
		"h265":             {media.EncodeOptions{Codec: media.H265, BFrames: 2}, 34},
		"h265 zerolatency": {media.EncodeOptions{Codec: media.H265, LowLatency: true}, 34},
		"mpeg4":            {media.EncodeOptions{Codec: media.MPEG4, Quality: 5}, 34},
		"mpeg4 b-frames":   {media.EncodeOptions{Codec: media.MPEG4, Quality: 5, BFrames: 2}, 34},
		"mjpeg":            {media.EncodeOptions{Codec: media.MJPEG, Quality: 2}, 30},
	} {
		t.Run(name, func(t *testing.T) {
			coder := newCoder(t)
			in := pictures(t, coder, "h264b", media.H264)[:60]
			c.o.Width, c.o.Height, c.o.FPS = 320, 180, 25
			e, err := coder.PictureEncoder(c.o)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			if c.o.Codec.NeedsConfig() {
				if err := media.ValidConfig(c.o.Codec, e.Track().Config); err != nil {
					t.Error(err)
				}
			}
			units := encodeAll(t, e, in, func(i int) bool { return i == 30 })
			checkUnits(t, c.o, units, in, 30)
			decoded := reference(t, c.o.Codec, e.Track().Config, units)
			if c.o.Codec == media.MJPEG {
				decoded = limited(decoded)
			}
			if got := psnr(t, decoded, in); got < c.psnr {
				t.Errorf("%.1f dB, %.1f at least", got, c.psnr)
			} else {
				t.Logf("%.1f dB", got)
			}
		})
	}
}

// limited turns samples of full range into those of limited range.
func limited(b []byte) []byte {
	out := bytes.Clone(b)
	for i, v := range out {
		out[i] = byte(16 + math.Round(float64(v)*219/255))
	}
	return out
}

// checkUnits holds units to what the interface promises of them.
func checkUnits(t *testing.T, o media.EncodeOptions, units []media.AccessUnit, in []media.Picture, forced int) {
	t.Helper()
	if len(units) != len(in) {
		t.Fatalf("%d units of %d pictures", len(units), len(in))
	}
	times := map[media.Ticks]time.Time{}
	for _, p := range in {
		times[p.PTS()] = p.Wall()
	}
	lastDTS := media.Ticks(math.MinInt64)
	keyAt, reordered := media.Ticks(math.MinInt64), false
	for i, au := range units {
		if wall, ok := times[au.PTS]; !ok || !wall.Equal(au.Wall) {
			t.Fatalf("unit %d at %d, %v: no picture has these times", i, au.PTS, au.Wall)
		}
		delete(times, au.PTS)
		if au.DTS > au.PTS || au.DTS < lastDTS {
			t.Errorf("unit %d has DTS %d after %d, PTS %d", i, au.DTS, lastDTS, au.PTS)
		}
		reordered = reordered || i > 0 && au.PTS < units[i-1].PTS
		lastDTS = au.DTS
		if au.Key != media.IsKey(o.Codec, au.Data) {
			t.Errorf("unit %d: key is %v", i, au.Key)
		}
		if au.Key {
			keyAt = au.PTS
		}
		if au.PTS == in[forced].PTS() && !au.Key {
			t.Errorf("the picture at %d had to be a key frame", au.PTS)
		}
		if au.PTS-keyAt > 2*90000+3600 {
			t.Errorf("no key frame between %d and %d", keyAt, au.PTS)
		}
		if o.Codec.NALs() && media.ValidNALs(au.Data) != nil {
			t.Errorf("unit %d: %v", i, media.ValidNALs(au.Data))
		}
		if bytes.Contains(au.Data, []byte("x264")) || bytes.Contains(au.Data, []byte("x265")) || bytes.Contains(au.Data, []byte("Lavc")) {
			t.Errorf("unit %d names its encoder", i)
		}
	}
	if o.BFrames > 0 && !reordered {
		t.Error("there are no B-frames")
	}
}

func TestLowLatencyGivesAUnitForEachPicture(t *testing.T) {
	for _, o := range []media.EncodeOptions{
		{Codec: media.H264, Preset: "ultrafast"}, {Codec: media.H264, Threads: 2}, {Codec: media.H265}, {Codec: media.MPEG4}, {Codec: media.MJPEG},
	} {
		coder := newCoder(t)
		in := pictures(t, coder, "h264", media.H264)[:12]
		o.Width, o.Height, o.FPS, o.LowLatency = 320, 180, 25, true
		e, err := coder.PictureEncoder(o)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range in {
			units, err := e.Encode(p, false)
			if err != nil || len(units) != 1 || units[0].PTS != p.PTS() {
				t.Errorf("%s with %d threads: picture %d gave %d units, %v", o.Codec, o.Threads, i, len(units), err)
				break
			}
		}
		e.Close()
	}
}

func TestEncoderOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	coder := newCoder(t)
	good := media.EncodeOptions{Codec: media.H264, Width: 320, Height: 180}
	for _, change := range []func(o *media.EncodeOptions){
		func(o *media.EncodeOptions) { o.Codec = media.AAC },
		func(o *media.EncodeOptions) { o.Codec = "vp8" },
		func(o *media.EncodeOptions) { o.Width = 321 },
		func(o *media.EncodeOptions) { o.Height = 8194 },
		func(o *media.EncodeOptions) { o.Width = 0 },
		func(o *media.EncodeOptions) { o.FPS = math.NaN() },
		func(o *media.EncodeOptions) { o.FPS = -1 },
		func(o *media.EncodeOptions) { o.Preset = "fastest" },
		func(o *media.EncodeOptions) { o.Profile = "high10" },
		func(o *media.EncodeOptions) { o.Quality = 52 },
		func(o *media.EncodeOptions) { o.BFrames = 17 },
		func(o *media.EncodeOptions) { o.GOP = -1 },
	} {
		o := good
		change(&o)
		e, err := coder.PictureEncoder(o)
		if err == nil {
			e.Close()
			t.Errorf("%+v is taken", o)
		} else if !fault.Is(err, fault.Usage) {
			t.Errorf("%v is %v", err, fault.KindOf(err))
		}
	}
}

// probed is what ffprobe says of a raw stream.
func probed(t testing.TB, e media.PictureEncoder, units []media.AccessUnit) map[string]any {
	t.Helper()
	track := e.Track()
	path := inFile(t, "stream", startCodes(track.Codec, track.Config, units))
	out := tool(t, nil, "ffprobe", "-v", "error", "-f", demuxerNames[track.Codec], "-show_streams", "-of", "json", path)
	var answer struct{ Streams []map[string]any }
	if err := json.Unmarshal(out, &answer); err != nil || len(answer.Streams) != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	return answer.Streams[0]
}

func TestProfileSizeAndColoursAreAsAskedFor(t *testing.T) {
	coder := newCoder(t)
	in := pictures(t, coder, "h264", media.H264)[:10]
	for _, c := range []struct {
		o       media.EncodeOptions
		profile string
	}{
		{media.EncodeOptions{Codec: media.H264, Profile: "baseline", BFrames: 2}, "Constrained Baseline"},
		{media.EncodeOptions{Codec: media.H264, Profile: "main"}, "Main"},
		{media.EncodeOptions{Codec: media.H264, Profile: "high"}, "High"},
		{media.EncodeOptions{Codec: media.H265, Profile: "main"}, "Main"},
	} {
		c.o.Width, c.o.Height, c.o.FPS = 640, 480, 25
		e, err := coder.PictureEncoder(c.o)
		if err != nil {
			t.Fatal(err)
		}
		s := probed(t, e, encodeAll(t, e, in, nil))
		e.Close()
		if s["profile"] != c.profile || s["width"] != 640.0 || s["height"] != 480.0 {
			t.Errorf("%+v gives profile %v, %vx%v", c.o, s["profile"], s["width"], s["height"])
		}
		if s["color_range"] != "tv" || s["color_space"] != "smpte170m" {
			t.Errorf("%+v gives range %v, colours %v", c.o, s["color_range"], s["color_space"])
		}
	}
}

func TestBitrateIsHeldAndFollowsItsChange(t *testing.T) {
	for _, codec := range []media.Codec{media.H264, media.H265, media.MPEG4} {
		t.Run(string(codec), func(t *testing.T) {
			coder := newCoder(t)
			in := pictures(t, coder, "h264", media.H264)
			e, err := coder.PictureEncoder(media.EncodeOptions{
				Codec: codec, Width: 320, Height: 180, FPS: 25, Preset: "ultrafast", LowLatency: true,
				Bitrate: 800_000, MaxBitrate: 800_000, GOP: time.Hour,
			})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			bits := [2]int{}
			var units []media.AccessUnit
			half := len(in) / 2
			for i, p := range in {
				if i == half {
					if err := e.SetBitrate(200_000, 200_000); err != nil {
						t.Fatal(err)
					}
				}
				out, err := e.Encode(p, false)
				if err != nil {
					t.Fatal(err)
				}
				for _, au := range out {
					bits[min(i/half, 1)] += 8 * len(au.Data)
				}
				units = append(units, out...)
			}
			seconds := float64(half) / 25
			t.Logf("%.0f then %.0f kbit/s", float64(bits[0])/seconds/1000, float64(bits[1])/seconds/1000)
			if first, then := float64(bits[0])/seconds, float64(bits[1])/seconds; first > 1_100_000 || then > 0.5*first {
				t.Errorf("%.0f bit/s and then %.0f", first, then)
			}
			if codec == media.H264 {
				for i, au := range units[1:] {
					if au.Key {
						t.Errorf("unit %d became a key frame", i+1)
					}
				}
			}
			if got := len(reference(t, codec, e.Track().Config, units)); got != len(in)*320*180*3/2 {
				t.Errorf("ffmpeg decodes %d bytes of %d pictures", got, len(in))
			}
		})
	}
}

func TestPicturesMustRiseInTime(t *testing.T) {
	coder := newCoder(t)
	in := pictures(t, coder, "h264", media.H264)[:2]
	e, err := coder.PictureEncoder(media.EncodeOptions{Codec: media.H264, Width: 320, Height: 180})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if _, err := e.Encode(in[1], false); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Encode(in[0], false); err == nil || !strings.Contains(err.Error(), "rise") {
		t.Errorf("a picture from before is taken: %v", err)
	}
}
