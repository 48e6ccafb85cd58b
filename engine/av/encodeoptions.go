//go:build cgo

package av

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/asticode/go-astiav"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// presets are those of x264 and x265, the fastest first.
var presets = []string{"ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo"}

// profiles are what 8-bit 4:2:0 can be.
var profiles = map[media.Codec][]string{
	media.H264: {"baseline", "main", "high"},
	media.H265: {"main"},
}

// checkEncoding fills in what was left to us and refuses what makes no sense.
func checkEncoding(o media.EncodeOptions) (media.EncodeOptions, error) {
	if !o.Codec.Video() {
		return o, fault.New(fault.Usage, "encode pictures as %q; there is h264, h265, mjpeg, mpeg4", o.Codec)
	}
	if o.FPS == 0 {
		o.FPS = 25
	}
	if o.GOP == 0 {
		o.GOP = defaultGOP
	}
	if o.Buffer == 0 {
		o.Buffer = defaultBuffer
	}
	if o.Preset == "" {
		o.Preset = "veryfast"
		if o.Codec == media.H265 {
			o.Preset = "ultrafast"
		}
	}
	if o.Quality == 0 && o.Bitrate == 0 {
		o.Quality = 23
	}
	if o.LowLatency || o.Codec == media.MJPEG {
		o.BFrames = 0
	}
	o.Threads = max(1, min(o.Threads, 64))
	for _, c := range []struct {
		ok   bool
		what string
	}{
		{o.Width >= 16 && o.Width <= 8192 && o.Height >= 16 && o.Height <= 8192 && o.Width%2 == 0 && o.Height%2 == 0,
			fmt.Sprintf("pictures of %dx%d: even, 16 to 8192", o.Width, o.Height)},
		{o.FPS > 0 && o.FPS <= 1000, fmt.Sprintf("%g pictures a second: more than 0, 1000 at most", o.FPS)},
		{o.GOP > 0, fmt.Sprintf("a key frame every %v", o.GOP)},
		{o.Buffer > 0, fmt.Sprintf("a rate control over %v", o.Buffer)},
		{o.Quality >= 0 && o.Quality <= 51, fmt.Sprintf("quality %d: 1 (best) to 51", o.Quality)},
		{o.Bitrate >= 0 && o.MaxBitrate >= 0, fmt.Sprintf("a bitrate of %d, %d at most", o.Bitrate, o.MaxBitrate)},
		{o.BFrames >= 0 && o.BFrames <= 16, fmt.Sprintf("%d B-frames: 0 to 16", o.BFrames)},
		{slices.Contains(presets, o.Preset), fmt.Sprintf("preset %q: one of %s", o.Preset, strings.Join(presets, ", "))},
		{o.Profile == "" || profiles[o.Codec] == nil || slices.Contains(profiles[o.Codec], o.Profile),
			fmt.Sprintf("profile %q of %s: one of %s", o.Profile, o.Codec.Title(), strings.Join(profiles[o.Codec], ", "))},
	} {
		if !c.ok {
			return o, fault.New(fault.Usage, "encode %s", c.what)
		}
	}
	return o, nil
}

// encoderOf finds FFmpeg's encoder.
func encoderOf(codec media.Codec) (*astiav.Codec, error) {
	name := map[media.Codec]string{media.H264: "libx264", media.H265: "libx265", media.MPEG4: "mpeg4", media.MJPEG: "mjpeg"}[codec]
	if c := astiav.FindEncoderByName(name); c != nil {
		return c, nil
	}
	return nil, fault.New(fault.Unsupported, "this build does not encode %s", codec.Title())
}

// timeBase is how many ticks a second the encoder's clock has: ours, but MPEG-4 counts
// them in 16 bits (ISO 14496-2 6.3.3).
func timeBase(codec media.Codec) int {
	if codec == media.MPEG4 {
		return 30000
	}
	return 90000
}

// quantizer is EncodeOptions.Quality on the scale of FFmpeg's own encoders, 2 to 31; 0
// where the bitrate decides, or x264 and x265 know the scale.
func quantizer(o media.EncodeOptions) int {
	if o.Quality == 0 || o.Codec.NALs() {
		return 0
	}
	return 2 + o.Quality*29/51
}

// encoderOptions are the options that one encoder has and others do not. The dictionary
// is the caller's to free; nil after an error.
func encoderOptions(o media.EncodeOptions) (*astiav.Dictionary, error) {
	options := map[string]string{}
	if o.Codec.NALs() {
		options["preset"] = o.Preset
		options["forced-idr"] = "1"
		if o.LowLatency {
			options["tune"] = "zerolatency"
		}
		if o.Profile != "" {
			options["profile"] = o.Profile
		}
		if o.Quality > 0 {
			options["crf"] = strconv.Itoa(o.Quality)
		}
	}
	switch o.Codec {
	case media.H264:
		// Slices of one picture in several threads cost bits; only where no picture may
		// wait for the next are they the way to use a second thread.
		options["x264-params"] = fmt.Sprintf("annexb=0:sliced-threads=%d", flag(o.LowLatency && o.Threads > 1))
		options["a53cc"] = "0"
	case media.H265:
		options["x265-params"] = fmt.Sprintf("annexb=0:info=0:log-level=none:open-gop=0:pools=%d:frame-threads=1", o.Threads)
	case media.MPEG4:
		options["sc_threshold"] = "1000000000" // closed GOPs only without detecting scenes
	case media.MJPEG:
		options["sc_threshold"] = "1000000000"
		options["huffman"] = "default" // RFC 2435 knows no other tables
	}
	d := astiav.NewDictionary()
	for k, v := range options {
		if err := d.Set(k, v, 0); err != nil {
			d.Free()
			return nil, err
		}
	}
	return d, nil
}

// withoutVersion leaves out the SEI messages by which an encoder names itself and its
// settings (user data, unregistered: H.264 D.2.7).
func withoutVersion(data []byte) []byte {
	const sei, userData = 6, 5
	at := 0
	for at+6 <= len(data) {
		n := int(binary.BigEndian.Uint32(data[at:]))
		if n > len(data)-at-4 || data[at+4]&0x1f != sei || data[at+5] != userData {
			break
		}
		at += 4 + n
	}
	return data[at:]
}
