package archive

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"rtsprec/engine/media"
	"rtsprec/engine/segment"
)

// soundCase is a sound that browsers do not play, and how ffmpeg reads it raw.
type soundCase struct {
	track        media.Track
	form         string // ffmpeg's name of the raw form, packed as segments hold it
	bytes, ticks int    // of a unit
	decode       []string
}

func soundCases() map[string]soundCase {
	list := map[string]soundCase{
		"alaw":   {track: media.Track{Codec: media.PCMA, ClockRate: 8000, SampleRate: 8000, Channels: 1}, form: "alaw", bytes: 160, ticks: 160},
		"alaw16": {track: media.Track{Codec: media.PCMA, ClockRate: 16000, SampleRate: 16000, Channels: 2}, form: "alaw", bytes: 640, ticks: 320},
		"ulaw":   {track: media.Track{Codec: media.PCMU, ClockRate: 8000, SampleRate: 8000, Channels: 1}, form: "mulaw", bytes: 160, ticks: 160},
		"l16":    {track: media.Track{Codec: media.L16, ClockRate: 44100, SampleRate: 44100, Channels: 2, Bits: 16}, form: "s16be", bytes: 882 * 4, ticks: 882},
	}
	for bits := 2; bits <= 5; bits++ {
		list["g726-"+strconv.Itoa(bits)] = soundCase{
			track: media.Track{Codec: media.G726, ClockRate: 8000, SampleRate: 8000, Channels: 1, Bits: bits, AAL2: true}, form: "g726", bytes: 20 * bits, ticks: 160,
			decode: []string{"-code_size", strconv.Itoa(bits)},
		}
	}
	return list
}

// raw decodes what the units of a film are with ffmpeg's decoder.
func (c soundCase) raw(t *testing.T, f film) []byte {
	t.Helper()
	name := filepath.Join(t.TempDir(), "units")
	var all []byte
	for _, s := range f.samples {
		all = append(all, s.Data...)
	}
	if err := os.WriteFile(name, all, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-f", c.form}
	if c.form == "g726" {
		args = append(args, c.decode...)
	} else {
		args = append(args, "-ar", strconv.Itoa(c.track.SampleRate), "-ac", strconv.Itoa(c.track.Channels))
	}
	return []byte(ffmpeg(t, append(args, "-i", name, "-f", "s16le", "-")...))
}

func TestSoundForBrowsersIsFLACThatDecodesToTheSameSamples(t *testing.T) {
	for name, c := range soundCases() {
		t.Run(name, func(t *testing.T) {
			f := plainSound(t, c.track, c.form, c.bytes, c.ticks, 6)
			if c.form == "g726" {
				f.samples = f.samples[:153] // a whole number of the blocks in which ffmpeg reads it
			}
			m := studio(t, "a")
			m.shoot("a", nine, 1250*time.Millisecond, nil, f)
			m.close(nine.Add(6 * time.Second))
			clip := m.cut("a", ClipOptions{Browser: true})
			path := m.save(clip, "a.mp4")
			want := c.raw(t, f)
			got := []byte(ffmpeg(t, "-i", path, "-f", "s16le", "-"))
			if clip.Tracks[0].Codec != segment.FLAC || len(got) != len(want) {
				t.Fatalf("%s: %d bytes of samples, want %d", clip.Tracks[0].Codec, len(got), len(want))
			}
			if !bytes.Equal(got, want) {
				t.Error("other samples")
			}
			p := make([]byte, 5000) // any part of it is what it is in the whole
			whole, err := os.ReadFile(path)
			m.must(err)
			for at := int64(0); at < clip.Size()-5000; at += 7919 {
				if _, err := clip.ReadAt(p, at); err != nil || !bytes.Equal(p, whole[at:at+5000]) {
					t.Fatalf("other bytes at %d, %v", at, err)
				}
			}
		})
	}
}

func TestWhatNoBrowserPlaysIsLeftOutAndSaid(t *testing.T) {
	m := studio(t, "a")
	g722 := plainSound(t, media.Track{Codec: media.G722, ClockRate: 8000, SampleRate: 16000, Channels: 1}, "g722", 160, 160, 3)
	m.shoot("a", nine, 10*time.Second, nil, picture25(t, 3, "320x240"), g722)
	m.close(nine.Add(3 * time.Second))
	c := m.cut("a", ClipOptions{Browser: true})
	if len(c.Tracks) != 1 || len(c.Notes) != 1 || !bytes.Contains([]byte(c.Notes[0]), []byte("G.722 is left out")) {
		t.Errorf("tracks %v, notes %q", c.Tracks, c.Notes)
	}
	if n := len(shown(t, m.save(c, "a.mp4"), "v")); n != 75 {
		t.Errorf("%d pictures", n)
	}
}

// FuzzFLACFrames: a frame is as long as was said before, whatever number and length.
func FuzzFLACFrames(f *testing.F) {
	f.Add(uint64(0), uint8(1), uint32(160))
	f.Add(uint64(1)<<35, uint8(8), uint32(70000))
	f.Fuzz(func(t *testing.T, number uint64, channels uint8, samples uint32) {
		n, count := int(channels%8)+1, int(samples%80000)+1
		frame := flacFrame(nil, number, n, make([]int16, n*count))
		if len(frame) != flacSize(number, n, count) {
			t.Fatalf("%d bytes, %d announced", len(frame), flacSize(number, n, count))
		}
		if crc16(frame) != 0 {
			t.Fatal("the checksum of a frame with its checksum is not 0")
		}
	})
}
