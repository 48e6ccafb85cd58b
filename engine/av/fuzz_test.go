//go:build cgo

package av

import (
	"encoding/binary"
	"fmt"
	"image"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// hurt is a stream to be decoded, broken as data says: units are cut short, bits are
// turned over, and parts of other units are put in.
func hurt(units []media.AccessUnit, data []byte) []media.AccessUnit {
	out := make([]media.AccessUnit, len(units))
	copy(out, units)
	data = data[:min(len(data), 500)]
	for len(data) >= 5 {
		op, i, at := data[0], int(data[1])%len(out), int(binary.BigEndian.Uint16(data[2:]))
		unit := append([]byte{}, out[i].Data...)
		if len(unit) > 0 {
			at %= len(unit)
			switch op % 5 {
			case 0:
				unit = unit[:at]
			case 1:
				unit[at] ^= data[4] | 1
			case 2:
				from := units[int(data[4])%len(units)].Data
				unit = append(unit[:at], from[min(at, len(from)):]...)
			case 3:
				unit = append(unit[:at], data[4:]...)
			case 4:
				out[i].Config = unit[:at]
			}
		}
		out[i].Data = unit
		data = data[5:]
	}
	return out
}

// stream is a clip to be broken.
type stream struct {
	track media.Track
	units []media.AccessUnit
}

func streams(t testing.TB) (all []stream) {
	for _, c := range videoClips {
		track, units := clip(t, c.name, c.codec)
		all = append(all, stream{track, units[:min(12, len(units))]})
	}
	return all
}

// breakStream decodes a stream that is broken as data says: whatever it is, decoding ends,
// fails only as damage, gives pictures of possible sizes in order of time, and leaves
// nothing behind. The stream as it was is decoded again after it.
func breakStream(t *testing.T, s stream, shown image.Point, data []byte) {
	c := newCoder(t)
	d, err := c.PictureDecoder(s.track, media.DecodeOptions{Shown: shown})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	last, out := media.Ticks(-1), 0
	take := func(pictures []media.Picture, err error) {
		if err != nil && !fault.Is(err, fault.Damaged) {
			t.Errorf("%v is %v", err, fault.KindOf(err))
		}
		for _, p := range pictures {
			if w, h := p.Size(); w < 1 || h < 1 || w*h > 8192*8192 {
				t.Errorf("a picture of %dx%d", w, h)
			}
			if p.PTS() <= last {
				t.Errorf("time falls from %d to %d", last, p.PTS())
			}
			last = p.PTS()
			if small := p.(*picture).small; small != nil && small.width >= minCanvas && small.height >= minCanvas {
				matches(t, c, p)
			}
			p.Release()
			out++
		}
	}
	for _, au := range hurt(s.units, data) {
		take(d.Decode(au))
	}
	take(d.Flush())
	last, out = -1, 0
	for i, au := range s.units {
		if i == 0 {
			au.Config = s.track.Config
		}
		take(d.Decode(au))
	}
	take(d.Flush())
	if out < len(s.units)/2 {
		t.Errorf("%d pictures of a sound stream of %d units", out, len(s.units))
	}
}

// FuzzDecoding breaks streams.
func FuzzDecoding(f *testing.F) {
	all := streams(f)
	for i := range all {
		f.Add(byte(i), []byte{1, 0, 0, 40, 8, 0, 1, 0, 30, 0, 2, 2, 0, 60, 0})
		f.Add(byte(i), []byte{1, 0, 0, 9, 255, 1, 0, 0, 11, 3, 3, 3, 0, 20, 7, 4, 5, 0, 90, 0})
		f.Add(byte(i), []byte{0, 0, 0, 100, 0, 2, 1, 1, 0, 5})
	}
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		shown := image.Point{}
		if which&64 != 0 {
			shown = image.Pt(80, 45)
		}
		breakStream(t, all[int(which)%len(all)], shown, data)
	})
}

// TestBrokenStreamsForAWhile breaks streams at random; RTSPREC_SOAK says for how long.
func TestBrokenStreamsForAWhile(t *testing.T) {
	long, err := time.ParseDuration(os.Getenv("RTSPREC_SOAK"))
	if err != nil {
		long = time.Second
	}
	all := streams(t)
	seed := uint64(1)
	for end := time.Now().Add(long); time.Now().Before(end) && !t.Failed(); seed++ {
		r := rand.New(rand.NewPCG(seed, 0))
		data := make([]byte, 5*(1+r.IntN(12)))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		s := all[r.IntN(len(all))]
		t.Run(fmt.Sprintf("%s %d", s.track.Codec, seed), func(t *testing.T) { breakStream(t, s, image.Point{}, data) })
	}
	t.Logf("%d streams", seed-1)
}

// FuzzSound is the same for sound, whose units are small enough to be data itself.
func FuzzSound(f *testing.F) {
	names := []string{"aac", "opus", "g722", "g726"}
	for i, name := range names {
		_, units := soundClip(f, name)
		f.Add(byte(i), units[0].Data)
		f.Add(byte(i), units[3].Data[:len(units[3].Data)/2])
	}
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		track, units := soundClip(t, names[int(which)%len(names)])
		c := newCoder(t)
		d, err := c.SoundDecoder(track, media.SoundFormat{Rate: 44100, Channels: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		n := 0
		for i, au := range units[:8] {
			if i == 3 {
				au.Data = data
			}
			out, err := d.Decode(au)
			if err != nil && !fault.Is(err, fault.Damaged) && !fault.Is(err, fault.Unsupported) {
				t.Errorf("%v is %v", err, fault.KindOf(err))
			}
			for _, s := range out {
				if s.Rate != 44100 || s.Channels != 2 || len(s.Samples)%2 != 0 {
					t.Errorf("%+v with %d samples", s.SoundFormat, len(s.Samples))
				}
				n += len(s.Samples)
			}
		}
		if n == 0 {
			t.Error("no sound")
		}
	})
}

// FuzzRecords holds the readers of avcC and hvcC to what decoders are given.
func FuzzRecords(f *testing.F) {
	for _, c := range []struct {
		name  string
		codec media.Codec
	}{{"h264", media.H264}, {"h265", media.H265}} {
		track, _ := clip(f, c.name, c.codec)
		f.Add(c.codec == media.H265, decoderConfig(c.codec, track.Config))
		f.Add(c.codec == media.H265, append([]byte{0, 0, 0, 1}, track.Config[4:]...))
	}
	f.Fuzz(func(t *testing.T, h265 bool, extra []byte) {
		codec := media.H264
		if h265 {
			codec = media.H265
		}
		config := configOf(codec, extra)
		if again := configOf(codec, decoderConfig(codec, config)); len(config) < 30000 && !media.SameConfig(codec, config, again) && media.ValidConfig(codec, config) == nil {
			t.Errorf("%x became %x", config, again)
		}
	})
}
