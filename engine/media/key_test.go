package media_test

import (
	"bytes"
	"testing"

	"rtsprec/engine/media"
)

// Case 3: decoding may start at IDR, CRA and I-VOP; where it may, ffprobe says K.
func TestIsKeyAgreesWithFFprobe(t *testing.T) {
	for _, c := range []struct {
		name  string
		codec media.Codec
		args  string
		keys  int
	}{
		{"IDR", media.H264, "-c:v libx264 -preset veryfast -g 10", 4},
		{"open GOP", media.H264, "-c:v libx264 -preset veryfast -bf 2 -x264-params open-gop=1:keyint=10:b-adapt=0:scenecut=0", 4},
		{"several slices", media.H264, "-c:v libx264 -preset veryfast -g 20 -x264-params slices=4", 2},
		{"IDR", media.H265, "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=10:open-gop=0", 4},
		{"CRA", media.H265, "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=10:open-gop=1:bframes=3:b-adapt=0", 4},
		{"I-VOP", media.MPEG4, "-c:v mpeg4 -g 10", 4},
		{"I-VOP without headers", media.MPEG4, "-c:v mpeg4 -g 10 -flags +global_header", 4},
	} {
		t.Run(string(c.codec)+" "+c.name, func(t *testing.T) {
			t.Parallel()
			s := encode(t, c.codec, "192x128", "25", 40, c.args)
			keys := 0
			for i, unit := range s.units {
				key := media.IsKey(c.codec, unit)
				if key {
					keys++
				}
				if key != s.keys[i] {
					t.Errorf("unit %d: key %v, ffprobe says %v", i, key, s.keys[i])
				}
			}
			if keys != c.keys {
				t.Errorf("%d keys, want %d", keys, c.keys)
			}
		})
	}
}

// Case 4: periodic intra refresh, never an IDR after the first.
func TestIsKeyFindsIntraRefresh(t *testing.T) {
	s := encode(t, media.H264, "192x128", "25", 100, "-c:v libx264 -preset veryfast -x264-params intra-refresh=1:keyint=10:bframes=0")
	keys, widest, since := 0, 0, 0
	for _, unit := range s.units {
		since++
		if media.IsKey(media.H264, unit) {
			keys++
			since = 0
		}
		widest = max(widest, since)
	}
	if keys < 5 || keys > 20 || widest > 20 {
		t.Errorf("%d keys in %d units, up to %d without", keys, len(s.units), widest)
	}
	sei := []byte{39 << 1, 1, 6, 1, 0xc4, 0x80}
	slice := []byte{1 << 1, 1, 0xd0, 0x10}
	if !media.IsKey(media.H265, media.JoinConfig(sei, slice)) || media.IsKey(media.H265, media.JoinConfig(slice)) {
		t.Error("h265: a recovery point makes no difference")
	}
}

func TestIsKeyWalksOverOtherSEI(t *testing.T) {
	user := append([]byte{5, 0xff, 0x01}, bytes.Repeat([]byte{6}, 256)...)
	sei := func(messages ...[]byte) []byte { return append(append([]byte{6}, bytes.Join(messages, nil)...), 0x80) }
	slice := []byte{0x41, 0x9a, 1, 2}
	recovery := []byte{6, 1, 0xc4}
	for name, c := range map[string]struct {
		nals [][]byte
		want bool
	}{
		"behind user data":    {[][]byte{sei(user, recovery), slice}, true},
		"behind escaped data": {[][]byte{sei([]byte{5, 4, 0, 0, 3, 0, 0}, recovery), slice}, true},
		"only user data":      {[][]byte{sei(user), slice}, false},
		"in its own NAL":      {[][]byte{sei(user), sei(recovery), slice}, true},
		"without a picture":   {[][]byte{sei(recovery)}, false},
		"a size too large":    {[][]byte{{6, 5, 200, 6, 1, 0x80}, slice}, false},
		"an empty SEI":        {[][]byte{{6}, slice}, false},
		"no NAL at all":       {nil, false},
	} {
		var unit []byte
		for _, nal := range c.nals {
			unit = media.AppendNAL(unit, nal)
		}
		if got := media.IsKey(media.H264, unit); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestIsKeyOfSoundAndPicturesOnTheirOwn(t *testing.T) {
	for _, codec := range []media.Codec{media.MJPEG, media.AAC, media.Opus, media.PCMA, media.PCMU, media.L16, media.G722, media.G726} {
		if !media.IsKey(codec, []byte{1}) {
			t.Errorf("%s: no key", codec)
		}
	}
}

func TestOnlyWhatNothingRefersToIsDisposable(t *testing.T) {
	unit := func(nals ...[]byte) (data []byte) {
		for _, nal := range nals {
			data = media.AppendNAL(data, nal)
		}
		return data
	}
	for _, c := range []struct {
		what  string
		codec media.Codec
		data  []byte
		want  bool
	}{
		{"H.264, nal_ref_idc 0", media.H264, unit([]byte{0x06, 1}, []byte{0x01, 1}, []byte{0x01, 2}), true},
		{"H.264, one slice of it referred to", media.H264, unit([]byte{0x01, 1}, []byte{0x21, 2}), false},
		{"H.264, an IDR picture", media.H264, unit([]byte{0x65, 1}), false},
		{"H.264, parameter sets only", media.H264, unit([]byte{0x67, 1}), false},
		{"H.265, TRAIL_N of the lowest sub-layer", media.H265, unit([]byte{0, 1, 9}), true},
		{"H.265, TRAIL_R", media.H265, unit([]byte{1 << 1, 1, 9}), false},
		{"H.265, TSA_N of a higher sub-layer", media.H265, unit([]byte{2 << 1, 2, 9}), false},
		{"H.265, an IDR picture", media.H265, unit([]byte{19 << 1, 1, 9}), false},
		{"H.265, a reserved kind of key frame", media.H265, unit([]byte{22 << 1, 1, 9}), false},
		{"MPEG-4", media.MPEG4, []byte{0, 0, 1, 0xb6, 0x80}, false},
		{"sound", media.AAC, []byte{1, 2, 3}, true},
		{"nothing", media.H264, nil, false},
		{"garbage", media.H265, []byte{0, 0, 0, 9, 1}, false},
	} {
		if got := media.IsDisposable(c.codec, c.data); got != c.want {
			t.Errorf("%s: %t", c.what, got)
		}
	}
}
