package media

import (
	"math"
	"slices"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
)

// Sets of real encoders, to mutate.
var seedSets = []string{
	"\x67\x64\x00\x0c\xac\x3b\x50\xb0\x4b\x42\x00\x00\x03\x00\x02\x00\x00\x03\x00\x3d\x08",
	"\x67\x42\xc0\x1e\xd9\x00\xa0\x47\xfe\xc8",
	"\x67\x4d\x40\x33\x8a\x8a\x50\x18\x01\x20\x08\x03\xc4\x00\xfa\x40\x75\x30\x10",
	"\x42\x01\x01\x01\x60\x00\x00\x03\x00\x90\x00\x00\x03\x00\x00\x03\x00\x78\xa0\x03\xc0\x80\x10\xe5\x96\x66\x69\x24\xca\xe0\x10\x00\x00\x03\x00\x10\x00\x00\x03\x01\xe0\x80",
	"\x42\x01\x01\x02\x20\x00\x00\x03\x00\xb0\x00\x00\x03\x00\x00\x03\x00\x7b\xa0\x07\x82\x00\x88\x7d\xb6\x71\x8b\x92\x44\x80\x53\x88\x88\x92\xcf\x24\xa6\x92\x72\xc9\x12\x49\x22\xdc\x91\xaa\x48\xfc\xa2\x23\xff\x00\x01\x00\x01\x6a\x02\x02\x02\x01",
}

// Reference picture sets predicted from others, of which distances of 0 drop out.
const predictedSets = "B00000000000000$B$\x851270,'L\x917Y7B\x8fk\xf1000A00000000000"

// What another parser reads whole is read the same by ours.
func FuzzSetsAgreeWithAnotherParser(f *testing.F) {
	for _, seed := range seedSets {
		f.Add([]byte(seed))
	}
	f.Add([]byte(predictedSets))
	f.Fuzz(func(t *testing.T, nal []byte) {
		same := func(name string, s sps, width, height int, fps float64, scale float64) {
			if int(s.width) != width || int(s.height) != height {
				t.Errorf("%s: %dx%d, the other says %dx%d", name, s.width, s.height, width, height)
			}
			if mine := float64(s.scale) / float64(s.units) / scale; s.units > 0 && math.Abs(mine-fps) > 1e-6*fps {
				t.Errorf("%s: %v frames a second, the other says %v", name, mine, fps)
			}
		}
		var a h264.SPS
		if s, err := parseSPS264(nal); err == nil && a.Unmarshal(nal) == nil && !a.SeparateColourPlaneFlag && a.ChromaFormatIdc > 0 {
			same("h264", s, a.Width(), a.Height(), a.FPS(), 2)
		}
		var b h265.SPS
		if s, err := parseSPS265(nal); err == nil && b.Unmarshal(nal) == nil {
			same("h265", s, b.Width(), b.Height(), b.FPS(), 1)
		}
		var c mpeg4audio.AudioSpecificConfig
		if s, err := parseAAC(nal); err == nil && c.Unmarshal(nal) == nil && (s.rate != c.SampleRate || c.ChannelConfig < 7 && s.channels != int(c.ChannelConfig)) {
			t.Errorf("aac: %d Hz, %d channels, the other says %d, %d", s.rate, s.channels, c.SampleRate, c.ChannelConfig)
		}
	})
}

// The other way round: what another parser accepts and is a sane picture, we accept.
func TestSeedSetsAreRead(t *testing.T) {
	for i, set := range seedSets {
		s, err := parseSPS264([]byte(set))
		if set[0] == 0x42 {
			s, err = parseSPS265([]byte(set))
		}
		if err != nil || s.width < 320 {
			t.Errorf("set %d: %+v, %v", i, s, err)
		}
	}
}

func TestBitReader(t *testing.T) {
	r := &bitReader{data: []byte{0b1_010_011_0, 0b0100_0011, 0b0_1111111, 0xff, 0xff, 0xff, 0x80}}
	for i, want := range []uint32{0, 1, 2, 3} {
		if got := r.ue(); got != want {
			t.Errorf("number %d: %d", i, got)
		}
	}
	if got := r.se(); got != 3 {
		t.Errorf("signed number: %d", got)
	}
	if got := r.u(32); got != 0xffffffff || r.short {
		t.Errorf("32 bits: %x", got)
	}
	if r.u(8); !r.short {
		t.Error("reading past the end goes unnoticed")
	}
}

// Formulas 7-61 and 7-62 of H.265: each distance moved, the set's own picture among them.
func TestRefPicSetIsPredicted(t *testing.T) {
	s := refPicSet{before: []int32{-1, -3}, after: []int32{2}}
	for _, c := range []struct {
		bits string // delta_rps_sign, abs_delta_rps_minus1, then used_by_curr_pic_flag or 0 and use_delta_flag
		want refPicSet
	}{
		{"1" + "1" + "1111", refPicSet{before: []int32{-1, -2, -4}, after: []int32{1}}},
		{"0" + "1" + "1111", refPicSet{before: []int32{-2}, after: []int32{1, 3}}},
		{"1" + "010" + "1" + "00" + "01" + "1", refPicSet{before: []int32{-2, -3}}},
	} {
		var r bitReader
		for i, b := range c.bits {
			if i%8 == 0 {
				r.data = append(r.data, 0)
			}
			r.data[i/8] |= byte(b-'0') << (7 - i%8)
		}
		if got := s.predict(&r); !slices.Equal(got.before, c.want.before) || !slices.Equal(got.after, c.want.after) {
			t.Errorf("%s: %v, want %v", c.bits, got, c.want)
		}
	}
}
