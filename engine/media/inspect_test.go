package media_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// What encoders write is read as ffprobe reads it.
func TestInspectAgreesWithFFprobe(t *testing.T) {
	for i, c := range []struct {
		codec      media.Codec
		size, rate string
		args       string
	}{
		{media.H264, "1920x1080", "25", "-c:v libx264 -preset ultrafast -profile:v high"},
		{media.H264, "640x362", "30000/1001", "-c:v libx264 -preset medium -bf 2"},
		{media.H264, "354x290", "12.5", "-c:v libx264 -profile:v baseline -level 3.1"},
		{media.H264, "720x576", "25", "-c:v libx264 -flags +ildct+ilme -x264-params tff=1"},
		{media.H264, "320x240", "5", "-c:v libx264 -pix_fmt yuv444p -x264-params scenecut=0:cqm=jvt:nal-hrd=vbr -b:v 1M -maxrate 1M -bufsize 1M"},
		{media.H264, "320x242", "15", "-c:v libx264 -pix_fmt yuv422p10le"},
		{media.H265, "1920x1080", "25", "-c:v libx265 -preset ultrafast -x265-params log-level=none"},
		{media.H265, "642x358", "15", "-c:v libx265 -preset medium -x265-params log-level=none:bframes=4:hrd=1:vbv-maxrate=1000:vbv-bufsize=1000:temporal-layers=2"},
		{media.H265, "320x240", "25", "-c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -x265-params log-level=none:scaling-list=default:amp=1:rect=1"},
		{media.H265, "416x240", "30", "-c:v libx265 -preset ultrafast -pix_fmt yuv422p10le -x265-params log-level=none:level-idc=4.1:high-tier=1"},
		{media.MPEG4, "640x480", "25", "-c:v mpeg4"},
		{media.MPEG4, "322x242", "25", "-c:v mpeg4 -bf 2 -profile:v 15 -level 5"},
	} {
		t.Run(fmt.Sprint(c.codec, i, " ", c.size), func(t *testing.T) {
			t.Parallel()
			s := encode(t, c.codec, c.size, c.rate, 30, c.args)
			info, err := media.Inspect(media.Track{Codec: c.codec, Config: s.config()})
			if err != nil {
				t.Fatal(err)
			}
			p := s.probe
			if info.Width != p.Width || info.Height != p.Height {
				t.Errorf("%dx%d, ffprobe says %dx%d", info.Width, info.Height, p.Width, p.Height)
			}
			if info.Reorder != p.Reorder && !(c.codec == media.MPEG4 && info.Reorder >= 0 && strings.Contains(c.args, "-bf") == (info.Reorder > 0)) {
				t.Errorf("reordering by %d, ffprobe says %d", info.Reorder, p.Reorder)
			}
			if profile := strings.ReplaceAll(p.Profile, " Profile", ""); profile != info.Profile && !(profile == "Rext" && info.Profile == "Range Extensions") {
				t.Errorf("profile %q, ffprobe says %q", info.Profile, p.Profile)
			}
			scale := map[media.Codec]float64{media.H264: 10, media.H265: 30, media.MPEG4: 1}[c.codec]
			level, tier, _ := strings.Cut(info.Level, " ")
			if n, _ := strconv.ParseFloat(level, 64); math.Abs(n*scale-float64(p.Level)) > 0.01 {
				t.Errorf("level %q, ffprobe says %d", info.Level, p.Level)
			}
			if (tier == "High") != strings.Contains(c.args, "high-tier=1") {
				t.Errorf("level %q has the wrong tier", info.Level)
			}
			if want := ratio(t, c.rate); c.codec != media.MPEG4 && math.Abs(info.FPS-want) > 0.01 {
				t.Errorf("%v frames a second, encoded were %v", info.FPS, want)
			}
			if info.Interlaced != strings.Contains(c.args, "ildct") {
				t.Errorf("interlaced %v", info.Interlaced)
			}
		})
	}
}

func ratio(t *testing.T, s string) float64 {
	num, den, ok := strings.Cut(s, "/")
	n, err := strconv.ParseFloat(num, 64)
	if err != nil {
		t.Fatal(err)
	}
	if ok {
		d, _ := strconv.ParseFloat(den, 64)
		return n / d
	}
	return n
}

func TestInspectReadsAAC(t *testing.T) {
	for _, c := range []struct {
		config string
		want   media.Info
	}{
		{"\x11\x90", media.Info{Profile: "AAC-LC", ObjectType: 2, SampleRate: 48000, Channels: 2, FrameSize: 1024}},
		{"\x15\x88", media.Info{Profile: "AAC-LC", ObjectType: 2, SampleRate: 8000, Channels: 1, FrameSize: 1024}},
		{"\x14\x08\x56\xe5\x00", media.Info{Profile: "AAC-LC", ObjectType: 2, SampleRate: 16000, Channels: 1, FrameSize: 1024}},
		{"\x2b\x92\x08\x00", media.Info{Profile: "HE-AAC", ObjectType: 2, SampleRate: 44100, Channels: 2, FrameSize: 1024}},
		{"\xf8\xe8\x50\x00", media.Info{Profile: "AAC-ELD", ObjectType: 39, SampleRate: 44100, Channels: 2, FrameSize: 480}},
	} {
		got, err := media.Inspect(media.Track{Codec: media.AAC, Config: []byte(c.config)})
		c.want.Reorder = -1
		if err != nil || got != c.want {
			t.Errorf("%x: %+v, %v, want %+v", c.config, got, err, c.want)
		}
	}
}

// Without a configuration what the SDP told stays, and it is said what is missing.
func TestInspectWithoutConfig(t *testing.T) {
	for _, codec := range media.Codecs {
		info, err := media.Inspect(media.Track{Codec: codec, SampleRate: 8000, Channels: 1})
		if codec.NeedsConfig() != fault.Is(err, fault.Protocol) {
			t.Errorf("%s: %v", codec, err)
		}
		if codec != media.Opus && info.SampleRate != 8000 {
			t.Errorf("%s: %+v", codec, info)
		}
	}
}
