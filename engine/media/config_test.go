package media_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// sets makes a stream and returns its configuration's sets.
func sets(t *testing.T, codec media.Codec, size, rate, args string) (vps, sps, pps []byte) {
	t.Helper()
	config := encode(t, codec, size, rate, 2, args).config()
	if err := media.ValidConfig(codec, config); err != nil {
		t.Fatal(err)
	}
	v, s, p := media.SplitConfig(codec, config)
	if len(s) != 1 || len(p) != 1 || len(v) != len(p) && codec == media.H265 {
		t.Fatalf("%d VPS, %d SPS, %d PPS", len(v), len(s), len(p))
	}
	if codec == media.H265 {
		vps = v[0]
	}
	return vps, s[0], p[0]
}

const (
	x264 = "-c:v libx264 -preset veryfast"
	x265 = "-c:v libx265 -preset ultrafast -x265-params log-level=none"
)

// Case 1: sets whose bytes flap but decode equal are no change.
func TestConfigBytesFlapWithoutAChange(t *testing.T) {
	for _, codec := range []media.Codec{media.H264, media.H265} {
		args := map[media.Codec]string{media.H264: x264, media.H265: x265}[codec]
		vps, sps, pps := sets(t, codec, "192x128", "25", args)
		base := media.JoinConfig(vps, sps, pps)
		again := func(nals ...[]byte) (unit []byte) {
			for _, nal := range nals {
				unit = media.AppendNAL(unit, nal)
			}
			return unit
		}
		flaps := map[string][]byte{
			"trailing zeros":              again(vps, append(slices.Clone(sps), 0, 0), append(slices.Clone(pps), 0)),
			"repeated":                    again(vps, sps, pps, sps, pps, vps),
			"another order":               again(pps, sps, vps),
			"garbage behind the stop bit": again(vps, append(slices.Clone(sps), 0x5a), pps),
		}
		if codec == media.H264 {
			other := slices.Clone(sps)
			other[0] = other[0]&^0x60 | 0x20
			flaps["another nal_ref_idc"] = again(other, pps)
		}
		for name, unit := range flaps {
			if !media.SameConfig(codec, base, unit) {
				t.Errorf("%s, %s: not the same", codec, name)
			}
			if got := media.ConfigOf(codec, unit, base); got != nil {
				t.Errorf("%s, %s: a new configuration %x", codec, name, got)
			}
			if got := media.ConfigOf(codec, unit, nil); !media.SameConfig(codec, got, base) {
				t.Errorf("%s, %s: without an old one: %x", codec, name, got)
			}
		}
	}
}

// Case 1: what changes for a decoder is a change.
func TestConfigChangesAreSeen(t *testing.T) {
	for _, c := range []struct {
		codec             media.Codec
		size, rate, args  string
		size2, rate2, to2 string
	}{
		{media.H264, "192x128", "25", x264, "192x160", "25", x264},
		{media.H264, "192x128", "25", x264, "192x126", "25", x264}, // only the cropping
		{media.H264, "192x128", "25", x264, "192x128", "12.5", x264},
		{media.H264, "192x128", "25", x264, "192x128", "25", x264 + " -profile:v main"},
		{media.H264, "192x128", "25", x264, "192x128", "25", x264 + " -bf 0"},
		{media.H264, "192x128", "25", x264, "192x128", "25", x264 + " -color_range pc"},
		{media.H265, "192x128", "25", x265, "192x160", "25", x265},
		{media.H265, "192x128", "25", x265, "192x126", "25", x265},
		{media.H265, "192x128", "25", x265, "192x128", "50", x265},
		{media.H265, "192x128", "25", x265, "192x128", "25", x265 + ":bframes=0"},
		{media.H265, "192x128", "25", x265, "192x128", "25", x265 + " -pix_fmt yuv420p10le"},
	} {
		t.Run(string(c.codec)+strings.ReplaceAll(c.size2+" "+c.rate2+c.to2, "/", " "), func(t *testing.T) {
			t.Parallel()
			a := encode(t, c.codec, c.size, c.rate, 2, c.args)
			b := encode(t, c.codec, c.size2, c.rate2, 2, c.to2)
			if media.SameConfig(c.codec, a.config(), b.config()) {
				t.Error("the same")
			}
			got := media.ConfigOf(c.codec, b.units[0], a.config())
			if got == nil || !media.SameConfig(c.codec, got, b.config()) {
				t.Errorf("became %x, want %x", got, b.config())
			}
		})
	}
}

// Of each id the newest set is kept, and the others stay.
func TestConfigKeepsTheNewestOfEachID(t *testing.T) {
	_, sps, pps := sets(t, media.H264, "192x128", "25", x264)
	_, sps2, pps2 := sets(t, media.H264, "192x160", "25", x264)
	// pic_parameter_set_id 0 is the bit 1; 1 is 010. A made-up PPS with that id will do.
	pps1 := []byte{0x68, 0x40 | pps[1]>>3, 0xaa}
	old := media.JoinConfig(sps, pps, pps1)
	got := media.ConfigOf(media.H264, media.JoinConfig(sps2, pps2), old)
	want := media.JoinConfig(sps2, pps2, pps1)
	if !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
	unit := media.JoinConfig(sps2)
	got = media.ConfigOf(media.H264, unit, nil)
	clear(unit)
	if !bytes.Equal(got, media.JoinConfig(sps2)) {
		t.Errorf("the result shares the unit's memory, or is wrong: %x", got)
	}
}

// Case 2: the SDP is a hint.
func TestConfigFromAGarbageSDP(t *testing.T) {
	_, sps, pps := sets(t, media.H264, "192x128", "25", x264)
	for name, bad := range map[string][]byte{
		"not a SPS":     media.JoinConfig([]byte{0x61, 1, 2, 3}, pps),
		"a SPS cut off": media.JoinConfig(sps[:5], pps),
		"no lengths":    {0x67, 0x42, 0, 0x1f},
		"text":          []byte("sprop-parameter-sets="),
		"no PPS":        media.JoinConfig(sps),
		"no SPS":        media.JoinConfig(pps),
		"nothing":       nil,
	} {
		err := media.ValidConfig(media.H264, bad)
		if !fault.Is(err, fault.Protocol) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "not a SPS" && !strings.Contains(err.Error(), "not a SPS") {
			t.Errorf("%s: %v", name, err)
		}
		got := media.ConfigOf(media.H264, media.JoinConfig(sps, pps), bad)
		if media.ValidConfig(media.H264, got) != nil {
			t.Errorf("%s: in-band sets make it %x", name, got)
		}
	}
	good := media.JoinConfig(sps, pps)
	if got := media.ConfigOf(media.H264, media.JoinConfig([]byte{0x67, 1}, []byte{0x68}), good); got != nil {
		t.Errorf("broken sets in band changed the configuration to %x", got)
	}
}

// Case 7: MPEG-4 Part 2 with its headers in band only.
func TestConfigOfMPEG4IsInBand(t *testing.T) {
	s := encode(t, media.MPEG4, "352x288", "25", 30, "-c:v mpeg4 -g 10")
	config := media.ConfigOf(media.MPEG4, s.units[0], nil)
	if err := media.ValidConfig(media.MPEG4, config); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(config, []byte{0, 0, 1, 0xb6}) || bytes.Contains(config, []byte{0, 0, 1, 0xb3}) {
		t.Errorf("a picture in the configuration %x", config)
	}
	for i, unit := range s.units {
		if got := media.ConfigOf(media.MPEG4, unit, config); got != nil {
			t.Errorf("unit %d changed the configuration to %x", i, got)
		}
	}
	layer := config[bytes.Index(config, []byte{0, 0, 1, 0x20}):]
	if got := media.ConfigOf(media.MPEG4, layer, config); got != nil {
		t.Errorf("a layer alone changed the configuration to %x", got)
	}
	padded := bytes.ReplaceAll(config, []byte{0, 0, 1}, []byte{0, 0, 0, 0, 1})
	if got := media.ConfigOf(media.MPEG4, padded, config); got != nil {
		t.Errorf("padding changed the configuration to %x", got)
	}
	other := encode(t, media.MPEG4, "320x240", "25", 2, "-c:v mpeg4").units[0]
	if got := media.ConfigOf(media.MPEG4, other, config); media.SameConfig(media.MPEG4, got, config) {
		t.Errorf("another size is the same: %x", got)
	}
}

func TestConfigOfAACIsComparedDecoded(t *testing.T) {
	if !media.SameConfig(media.AAC, []byte{0x11, 0x90}, []byte{0x11, 0x90, 0, 0}) {
		t.Error("trailing zeros make a difference")
	}
	if media.SameConfig(media.AAC, []byte{0x11, 0x90}, []byte{0x12, 0x10}) {
		t.Error("48 and 44.1 kHz are the same")
	}
}

func FuzzConfig(f *testing.F) {
	for _, seed := range []string{
		"\x00\x00\x00\x0e\x67\x64\x00\x0c\xac\x3b\x50\xb0\x4b\x42\x00\x00\x03\x00\x00\x00\x00\x04\x68\xee\x3c\x80",
		"\x00\x00\x00\x04\x42\x01\x01\x01\x00\x00\x00\x03\x44\x01\xc0",
		"\x00\x00\x01\xb0\x01\x00\x00\x01\xb5\x89\x13\x00\x00\x01\x00\x00\x00\x01\x20\x00\xc4\x8d\x88\x00\xf5\x3c\x04\x87\x14\x43",
		"\x11\x90",
	} {
		f.Add([]byte(seed), []byte(seed))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		for _, codec := range media.Codecs {
			media.IsKey(codec, a)
			info, err := media.Inspect(media.Track{Codec: codec, Config: a})
			if (err == nil) != (media.ValidConfig(codec, a) == nil) {
				t.Errorf("%s: Inspect says %v, ValidConfig %v", codec, err, media.ValidConfig(codec, a))
			}
			if info.Width < 0 || info.Height < 0 || info.Width > 32768 || info.Height > 32768 || info.Reorder > 16 {
				t.Errorf("%s: %+v", codec, info)
			}
			if !media.SameConfig(codec, a, a) || media.SameConfig(codec, a, b) != media.SameConfig(codec, b, a) {
				t.Errorf("%s: sameness is not symmetric", codec)
			}
			if c := media.ConfigOf(codec, a, b); c != nil {
				if media.SameConfig(codec, c, b) {
					t.Errorf("%s: a change that is none: %x to %x", codec, b, c)
				}
				if again := media.ConfigOf(codec, a, c); again != nil {
					t.Errorf("%s: not stable: %x, then %x", codec, c, again)
				}
			}
		}
	})
}
