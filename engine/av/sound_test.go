//go:build cgo

package av

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"testing"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/testdata/clips"
)

// soundClip reads a clip of sound as the scripted camera sends it.
func soundClip(t testing.TB, name string) (media.Track, []media.AccessUnit) {
	t.Helper()
	track := map[string]media.Track{
		"aac":      {Codec: media.AAC, ClockRate: 48000, SampleRate: 48000, Channels: 2, Config: []byte{0x11, 0x90}},
		"aac16":    {Codec: media.AAC, ClockRate: 16000, SampleRate: 16000, Channels: 1, Config: []byte{0x14, 0x08}},
		"opus":     {Codec: media.Opus, ClockRate: 48000, SampleRate: 48000, Channels: 2},
		"g722":     {Codec: media.G722, ClockRate: 8000, SampleRate: 16000, Channels: 1},
		"g726":     {Codec: media.G726, ClockRate: 8000, SampleRate: 8000, Channels: 1, Bits: 4},
		"g726aal2": {Codec: media.G726, ClockRate: 8000, SampleRate: 8000, Channels: 1, Bits: 4, AAL2: true},
	}[name]
	if track.Codec == media.AAC || track.Codec == media.Opus {
		_, units := clip(t, name, track.Codec)
		for i := range units { // the clip's times are of 90 kHz
			units[i].PTS = units[i].PTS * int64(track.ClockRate) / 90000
			units[i].Config = nil
		}
		return track, units
	}
	data, err := clips.Files.ReadFile(name + ".bin")
	if err != nil {
		t.Fatal(err)
	}
	return track, cutUp(track, data, map[media.Codec]int{media.G722: 160, media.G726: 80}[track.Codec], 160)
}

// cutUp makes units of size bytes, each lasting ticks.
func cutUp(track media.Track, data []byte, size int, ticks media.Ticks) (units []media.AccessUnit) {
	for i := 0; (i+1)*size <= len(data); i++ {
		pts := media.Ticks(i) * ticks
		units = append(units, media.AccessUnit{PTS: pts, DTS: pts, Wall: start.Add(media.ToDuration(pts, track.ClockRate)), Key: true, Data: data[i*size : (i+1)*size]})
	}
	return units
}

// decodeSound decodes units and holds the times to be without a gap. It returns the PTS of
// the first sample.
func decodeSound(t testing.TB, c *coder, track media.Track, to media.SoundFormat, units []media.AccessUnit) ([]float32, media.Ticks, media.SoundFormat) {
	t.Helper()
	d, err := c.SoundDecoder(track, to)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var samples []float32
	var first, next media.Ticks
	var format media.SoundFormat
	take := func(sounds []media.Sound, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range sounds {
			if samples == nil {
				first, format = s.PTS, s.SoundFormat
			} else if off := s.PTS - next; off < -1 || off > 1 {
				t.Errorf("a block begins at %d, %d was to follow", s.PTS, next)
			}
			if off := s.Wall.Sub(units[0].Wall) - media.ToDuration(s.PTS, s.Rate) + media.ToDuration(units[0].PTS, track.ClockRate); off.Abs() > time.Millisecond {
				t.Errorf("the block at %d is %v off the wall", s.PTS, off)
			}
			samples = append(samples, s.Samples...)
			next = s.PTS + media.Ticks(len(s.Samples)/s.Channels)
		}
	}
	for _, au := range units {
		take(d.Decode(au))
	}
	take(d.Flush())
	return samples, first, format
}

// snr compares in dB; both begin together and may end a little apart.
func snr(t testing.TB, got, want []float32) float64 {
	t.Helper()
	if d := len(got) - len(want); d < -4096 || d > 4096 || len(want) == 0 {
		t.Fatalf("%d samples, %d were to come", len(got), len(want))
	}
	var signal, noise float64
	for i := range min(len(got), len(want)) {
		d := float64(got[i] - want[i])
		signal += float64(want[i]) * float64(want[i])
		noise += d * d
	}
	return 10 * math.Log10(signal/max(noise, 1e-12))
}

// ffmpegSound is what ffmpeg decodes of units.
func ffmpegSound(t testing.TB, track media.Track, units []media.AccessUnit) []float32 {
	t.Helper()
	var in []string
	data := []byte{}
	put := func(b []byte) { data = append(data, b...) }
	switch track.Codec {
	case media.AAC:
		in = []string{"-f", "aac"}
		put = func(b []byte) { data = append(append(data, adts(track.Config, len(b))...), b...) }
	case media.Opus:
		in = []string{"-f", "ogg"}
		data = oggHeaders(track.Channels)
		page, granule := uint32(2), uint64(0)
		put = func(b []byte) { granule += 960; data = append(data, oggPage(0, page, granule, b)...); page++ }
	case media.PCMA:
		in = []string{"-f", "alaw"}
	case media.PCMU:
		in = []string{"-f", "mulaw"}
	case media.L16:
		in = []string{"-f", "s16be"}
	case media.G722:
		in = []string{"-f", "g722"}
	case media.G726:
		in = []string{"-f", "g726le", "-code_size", fmt.Sprint(track.Bits)}
		if track.AAL2 {
			in[1] = "g726"
		}
	}
	switch track.Codec {
	case media.PCMA, media.PCMU, media.L16:
		in = append(in, "-ar", fmt.Sprint(track.SampleRate), "-ac", fmt.Sprint(track.Channels))
	}
	for _, au := range units {
		put(au.Data)
	}
	args := append([]string{"-v", "error"}, in...)
	args = append(args, "-i", inFile(t, "sound", data), "-f", "f32le", "-c:a", "pcm_f32le", "-")
	raw := tool(t, nil, "ffmpeg", args...)
	out := make([]float32, len(raw)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return out
}

// adts is the header of ISO 14496-3 1.A.2 for AAC LC of a configuration.
func adts(config []byte, size int) []byte {
	rate, channels := (config[0]&7)<<1|config[1]>>7, config[1]>>3&0xf
	n := size + 7
	return []byte{0xff, 0xf1, 1<<6 | rate<<2 | channels>>2, channels<<6 | byte(n>>11), byte(n >> 3), byte(n<<5) | 0x1f, 0xfc}
}

// oggHeaders are the pages before the sound (RFC 7845), without pre-skip.
func oggHeaders(channels int) []byte {
	head := append([]byte("OpusHead\x01"), byte(channels), 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0)
	tags := append([]byte("OpusTags"), make([]byte, 8)...)
	return append(oggPage(2, 0, 0, head), oggPage(0, 1, 0, tags)...)
}

func oggPage(flags byte, number uint32, granule uint64, packet []byte) []byte {
	p := append([]byte("OggS\x00"), flags)
	p = binary.LittleEndian.AppendUint64(p, granule)
	p = binary.LittleEndian.AppendUint32(p, 1)
	p = binary.LittleEndian.AppendUint32(p, number)
	p = append(p, 0, 0, 0, 0, byte(len(packet)/255+1))
	p = append(p, bytes.Repeat([]byte{255}, len(packet)/255)...)
	p = append(append(p, byte(len(packet)%255)), packet...)
	crc := uint32(0)
	for _, b := range p {
		crc ^= uint32(b) << 24
		for range 8 {
			if crc&(1<<31) != 0 {
				crc = crc<<1 ^ 0x04c11db7
			} else {
				crc <<= 1
			}
		}
	}
	binary.LittleEndian.PutUint32(p[22:], crc)
	return p
}

// melody is a sound with much in it: two tones a channel that rise.
func melody(f media.SoundFormat, seconds float64) media.Sound {
	s := media.Sound{SoundFormat: f, Wall: start}
	for i := range int(seconds * float64(f.Rate)) {
		at := float64(i) / float64(f.Rate)
		for c := range f.Channels {
			v := 0.3*math.Sin(2*math.Pi*(300+100*float64(c)+200*at)*at) + 0.2*math.Sin(2*math.Pi*1100*at)
			s.Samples = append(s.Samples, float32(v))
		}
	}
	return s
}

// encodeSound encodes s in blocks of odd lengths.
func encodeSound(t testing.TB, e media.SoundEncoder, s media.Sound) []media.AccessUnit {
	t.Helper()
	var units []media.AccessUnit
	for at, n := 0, 1; at < len(s.Samples)/s.Channels; n = n*7%997 + 1 {
		n = min(n, len(s.Samples)/s.Channels-at)
		block := media.Sound{SoundFormat: s.SoundFormat, PTS: s.PTS + media.Ticks(at), Wall: s.Wall.Add(media.ToDuration(int64(at), s.Rate)),
			Samples: s.Samples[at*s.Channels : (at+n)*s.Channels]}
		out, err := e.Encode(block)
		if err != nil {
			t.Fatal(err)
		}
		units = append(units, out...)
		at += n
	}
	out, err := e.Flush()
	if err != nil {
		t.Fatal(err)
	}
	return append(units, out...)
}

func TestSoundOfClipsIsWhatFFmpegDecodes(t *testing.T) {
	for _, name := range []string{"aac", "aac16", "opus", "g722", "g726", "g726aal2"} {
		coder := newCoder(t)
		track, units := soundClip(t, name)
		got, first, format := decodeSound(t, coder, track, media.SoundFormat{}, units)
		if first != units[0].PTS*int64(format.Rate)/int64(track.ClockRate) || format.Rate != track.SampleRate || format.Channels != track.Channels {
			t.Errorf("%s begins at %d and is %+v", name, first, format)
		}
		if db := snr(t, got, ffmpegSound(t, track, units)); db < 80 {
			t.Errorf("%s: %.1f dB", name, db)
		}
	}
}

// soundCodings are all ways to encode sound, with the least quality that each must have.
var soundCodings = []struct {
	o   media.SoundEncodeOptions
	snr float64
}{
	{media.SoundEncodeOptions{Codec: media.AAC, Bitrate: 128000}, 20},
	{media.SoundEncodeOptions{Codec: media.AAC, Format: media.SoundFormat{Rate: 16000, Channels: 1}}, 20},
	{media.SoundEncodeOptions{Codec: media.AAC, Format: media.SoundFormat{Rate: 8000, Channels: 1}, Bitrate: 32000}, 20},
	{media.SoundEncodeOptions{Codec: media.Opus, Bitrate: 128000}, 15},
	{media.SoundEncodeOptions{Codec: media.Opus, Format: media.SoundFormat{Rate: 16000, Channels: 1}}, 10},
	{media.SoundEncodeOptions{Codec: media.PCMA}, 30},
	{media.SoundEncodeOptions{Codec: media.PCMU, Format: media.SoundFormat{Rate: 16000, Channels: 1}}, 30},
	{media.SoundEncodeOptions{Codec: media.L16}, 80},
	{media.SoundEncodeOptions{Codec: media.L16, Format: media.SoundFormat{Rate: 11025, Channels: 1}}, 80},
	{media.SoundEncodeOptions{Codec: media.G722}, 15},
	{media.SoundEncodeOptions{Codec: media.G726, Bits: 2}, 5},
	{media.SoundEncodeOptions{Codec: media.G726, Bits: 3, AAL2: true}, 10},
	{media.SoundEncodeOptions{Codec: media.G726}, 15},
	{media.SoundEncodeOptions{Codec: media.G726, Bits: 5, AAL2: true}, 20},
}

func TestEncodedSoundIsInTimeAndWhatFFmpegDecodes(t *testing.T) {
	for _, c := range soundCodings {
		t.Run(fmt.Sprintf("%s %d %d", c.o.Codec, c.o.Format.Rate, c.o.Bits), func(t *testing.T) {
			coder := newCoder(t)
			e, err := coder.SoundEncoder(c.o)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			track := e.Track()
			format := e.(*soundEncoder).options.Format
			in := melody(format, 1.5)
			in.PTS = 3 * media.Ticks(format.Rate)
			units := encodeSound(t, e, in)
			got, first, _ := decodeSound(t, coder, track, format, units)
			theirs := ffmpegSound(t, track, units)
			if track.Codec != media.Opus || format.Rate == 48000 { // ffmpeg decodes Opus at 48 kHz only
				if db := snr(t, got, theirs); db < 60 {
					t.Errorf("ours differs from ffmpeg's: %.1f dB", db)
				}
			}
			lead := int(in.PTS - first)
			if lead < 0 || lead > 1024 {
				t.Fatalf("sound begins %d samples before what went in", lead)
			}
			if off := units[0].Wall.Sub(in.Wall) + media.ToDuration(int64(lead), format.Rate); off.Abs() > time.Millisecond {
				t.Errorf("the first unit is %v off the wall", off)
			}
			in.Samples, got = in.Samples[:format.Rate*format.Channels], got[lead*format.Channels:]
			if db := snr(t, got[:min(len(got), len(in.Samples))], in.Samples); db < c.snr {
				t.Errorf("%.1f dB of what went in, %.0f at least: is it late?", db, c.snr)
			} else {
				t.Logf("%.1f dB, %d samples in front", db, lead)
			}
		})
	}
}

func TestAClickStaysWhereItWas(t *testing.T) {
	for _, c := range soundCodings {
		coder := newCoder(t)
		e, err := coder.SoundEncoder(c.o)
		if err != nil {
			t.Fatal(err)
		}
		// Two channels at 44.1 kHz, so that whatever converts is in the way, too.
		in := media.Sound{SoundFormat: media.SoundFormat{Rate: 44100, Channels: 2}, Wall: start, Samples: make([]float32, 2*44100)}
		for i := range 2 * 200 {
			in.Samples[2*22050+i] = float32(0.9 * math.Sin(float64(i/2)/4))
		}
		units := encodeSound(t, e, in)
		got, first, _ := decodeSound(t, coder, e.Track(), media.SoundFormat{Rate: 48000, Channels: 1}, units)
		loud := 0
		for i, v := range got {
			if math.Abs(float64(v)) > 0.3 {
				loud = i
				break
			}
		}
		if at := float64(first+media.Ticks(loud)) / 48000; math.Abs(at-0.5) > 0.005 {
			t.Errorf("%+v: a click at 0.5 s came out at %.4f s", c.o, at)
		}
		e.Close()
	}
}

func TestAJumpOfTimeGoesOnAtTheNewTime(t *testing.T) {
	for _, codec := range []media.Codec{media.AAC, media.Opus, media.PCMA} {
		coder := newCoder(t)
		e, err := coder.SoundEncoder(media.SoundEncodeOptions{Codec: codec, Format: media.SoundFormat{Rate: 8000, Channels: 1}})
		if err != nil {
			t.Fatal(err)
		}
		part := melody(media.SoundFormat{Rate: 8000, Channels: 1}, 1)
		units := encodePart(t, e, part)
		part.PTS, part.Wall = 5*8000, start.Add(5*time.Second)
		units = append(units, encodePart(t, e, part)...)
		part.PTS, part.Wall = 5*8000+4000, start.Add(5500*time.Millisecond) // half of it came already
		units = append(units, encodePart(t, e, part)...)
		rest, err := e.Flush()
		if err != nil {
			t.Fatal(err)
		}
		units = append(units, rest...)
		rate := int64(e.Track().ClockRate)
		last, jumps := units[0].PTS-1, 0
		for _, au := range units {
			if au.PTS <= last {
				t.Errorf("%s: time falls from %d to %d", codec, last, au.PTS)
			}
			if au.PTS-last > rate {
				jumps++
			}
			last = au.PTS
			if off := au.Wall.Sub(start) - media.ToDuration(au.PTS, int(rate)); off.Abs() > 20*time.Millisecond {
				t.Errorf("%s: the unit at %d is %v off the wall", codec, au.PTS, off)
			}
		}
		if end := float64(last) / float64(rate); jumps != 1 || end < 6.3 || end > 6.6 {
			t.Errorf("%s: %d jumps, the last unit is at %.2f s", codec, jumps, end)
		}
		e.Close()
	}
}

func encodePart(t testing.TB, e media.SoundEncoder, s media.Sound) []media.AccessUnit {
	t.Helper()
	units, err := e.Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	return units
}

func TestSoundChangesItsFormatWithinATrack(t *testing.T) {
	coder := newCoder(t)
	track, units := soundClip(t, "aac")
	_, others := soundClip(t, "aac16")
	d, err := coder.SoundDecoder(track, media.SoundFormat{Rate: 48000, Channels: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	others[0].Config = []byte{0x14, 0x08}
	n := 0
	for i, au := range append(append([]media.AccessUnit{}, units[:20]...), others[:20]...) {
		au.PTS = 1024 * int64(i)
		if i >= 20 {
			au.PTS = 1024*20 + 3*1024*int64(i-20)
		}
		out, err := d.Decode(au)
		if err != nil {
			t.Fatal(i, err)
		}
		for _, s := range out {
			n += len(s.Samples) / 2
		}
	}
	if want := 20*1024 + 20*3*1024; n < want-2048 || n > want {
		t.Errorf("%d samples, %d were to come", n, want)
	}
}

func TestSoundThatMakesNoSenseIsRefused(t *testing.T) {
	coder := newCoder(t)
	for _, track := range []media.Track{
		{Codec: media.H264, ClockRate: 90000},
		{Codec: media.G726, ClockRate: 8000, SampleRate: 8000, Channels: 1, Bits: 7},
		{Codec: media.AAC, ClockRate: 0, Config: []byte{0x11, 0x90}},
		{Codec: media.AAC, ClockRate: 48000, Config: []byte{0xff}},
		{Codec: media.G726, ClockRate: 8000, SampleRate: 8000, Channels: 2, Bits: 4},
	} {
		if d, err := coder.SoundDecoder(track, media.SoundFormat{}); err == nil {
			d.Close()
			t.Errorf("%+v is taken", track)
		} else if k := fault.KindOf(err); k != fault.Usage && k != fault.Unsupported {
			t.Errorf("%+v: %v is %v", track, err, k)
		}
	}
	for _, o := range []media.SoundEncodeOptions{
		{Codec: media.H264}, {Codec: media.G726, Bits: 6}, {Codec: media.AAC, Format: media.SoundFormat{Channels: 6}}, {Codec: media.L16, Format: media.SoundFormat{Rate: -1}},
	} {
		if e, err := coder.SoundEncoder(o); !fault.Is(err, fault.Usage) {
			t.Errorf("%+v: %v", o, err)
			if err == nil {
				e.Close()
			}
		}
	}
}
