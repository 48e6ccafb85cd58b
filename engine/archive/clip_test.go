package archive

import (
	"bytes"
	"io"
	"math"
	"os"
	"slices"
	"testing"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance }

func TestAClipOfEverythingHoldsEveryUnitOnceAndPlays(t *testing.T) {
	m := studio(t, "a")
	video, sound := picture25(t, 12, "320x240"), aac(t, 12)
	m.shoot("a", nine, 5*time.Second, nil, video, sound)
	m.close(nine.Add(12 * time.Second))
	c := m.cut("a", ClipOptions{})
	path := m.save(c, "a.mp4")
	tracks := tracksOf(t, path)
	if len(tracks) != 2 || tracks[0].handler != "vide" || len(c.Gaps) > 0 || len(c.Notes) > 0 {
		t.Fatalf("%d tracks, gaps %v, notes %q", len(tracks), c.Gaps, c.Notes)
	}
	sameUnits(t, tracks[0], video, 0, len(video.samples))
	sameUnits(t, tracks[1], sound, 0, len(sound.samples))
	pictures := shown(t, path, "v")
	if len(pictures) != 300 {
		t.Errorf("%d pictures, want 300", len(pictures))
	}
	shown(t, path, "a")
	if !c.Start.Equal(nine) {
		t.Errorf("it begins at %v", c.Start)
	}
	whole, err := os.ReadFile(path)
	m.must(err)
	for _, at := range []int64{0, 1, 100, int64(len(c.header)) - 1, int64(len(c.header)), 70001, c.Size() - 10, c.Size()} {
		p := make([]byte, 3000)
		n, err := c.ReadAt(p, at)
		want := whole[at:min(at+3000, c.Size())]
		if !bytes.Equal(p[:n], want) || (n < 3000) != (err == io.EOF) {
			t.Errorf("ReadAt %d: %d bytes, %v", at, n, err)
		}
	}
}

func TestAClipShowsTheRangeToTheFrame(t *testing.T) {
	m := studio(t, "a")
	video, sound := picture25(t, 12, "320x240"), aac(t, 12)
	m.shoot("a", nine, 5*time.Second, nil, video, sound)
	m.close(nine.Add(12 * time.Second))
	from, to := nine.Add(3400*time.Millisecond), nine.Add(8200*time.Millisecond)
	c := m.cut("a", ClipOptions{From: from, To: to})
	path := m.save(c, "a.mp4")
	if !c.Start.Equal(from) || c.Length != 4800*time.Millisecond || !c.End.Equal(to) {
		t.Errorf("from %v, %v long, to %v", c.Start, c.Length, c.End)
	}
	tracks := tracksOf(t, path)
	if !tracks[0].samples[0].Key {
		t.Error("it does not begin with a key frame")
	}
	if n := len(tracks[0].samples); n < 127 || n > 133 { // from 3 s on, and some for the B-frames at the end
		t.Errorf("%d pictures are in it", n)
	}
	pictures := shown(t, path, "v")
	if len(pictures) < 119 || len(pictures) > 121 || !near(pictures[0], 0, 0.041) || !near(pictures[len(pictures)-1], 4.76, 0.041) {
		t.Errorf("%d pictures are shown, from %v to %v", len(pictures), pictures[0], pictures[len(pictures)-1])
	}
	// The picture at time 0 is that of 3.4 s.
	whole := m.save(m.cut("a", ClipOptions{}), "whole.mp4")
	all := sums(t, whole, "v")
	times := shown(t, whole, "v")
	at := slices.IndexFunc(times, func(s float64) bool { return s >= 3.399 })
	if part := sums(t, path, "v"); !slices.Equal(part, all[at:at+len(part)]) {
		t.Errorf("other pictures: the first is number %d, want %d", slices.Index(all, part[0]), at)
	}
}

func TestTimeWithoutMediaIsKeptClosedOrMarked(t *testing.T) {
	m := studio(t, "a")
	video, sound := picture25(t, 12, "320x240"), aac(t, 12)
	lost := func(at time.Duration) bool { return at >= 4*time.Second && at < 7*time.Second }
	m.shoot("a", nine, 5*time.Second, lost, video, sound)
	m.missing("a", nine.Add(4*time.Second), nine.Add(7*time.Second), media.Unreachable)
	m.close(nine.Add(12 * time.Second))
	for _, mode := range GapModes {
		c := m.cut("a", ClipOptions{Gaps: mode})
		path := m.save(c, "a.mp4")
		pictures, blocks := shown(t, path, "v"), shown(t, path, "a")
		length := 12.0
		if mode == GapsClose {
			length = 9
		}
		if len(pictures) != 225 || !near(pictures[224], length, 0.15) || !near(blocks[len(blocks)-1], length, 0.1) {
			t.Errorf("%s: %d pictures up to %v, sound up to %v", mode, len(pictures), pictures[224], blocks[len(blocks)-1])
		}
		if len(c.Gaps) != 1 || !c.Gaps[0].Causes.Has(media.Unreachable) || c.Gaps[0].To.Sub(c.Gaps[0].From).Round(100*time.Millisecond) != 3*time.Second {
			t.Errorf("%s: gaps %+v", mode, c.Gaps)
		}
		chapters := tool(t, "ffprobe", "-v", "error", "-show_chapters", "-of", "compact", path)
		if want := "missing: unreachable, 3s"; (mode == GapsMark) != bytes.Contains([]byte(chapters), []byte(want)) {
			t.Errorf("%s: chapters %q", mode, chapters)
		}
	}
}

func TestParametersMayChangeWithinAClipAndTheCodecMayNot(t *testing.T) {
	m := studio(t, "a")
	small, large := picture25(t, 3, "320x240"), picture25(t, 3, "640x480")
	other := encode(t, media.Track{Codec: media.MJPEG}, "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=1", "-pix_fmt", "yuvj420p", "-c:v", "mjpeg")
	m.shoot("a", nine, 10*time.Second, nil, small)
	m.shoot("a", nine.Add(3*time.Second), 10*time.Second, nil, large)
	m.shoot("a", nine.Add(6*time.Second), 10*time.Second, nil, other)
	m.close(nine.Add(7 * time.Second))
	c := m.cut("a", ClipOptions{})
	path := m.save(c, "a.mp4")
	if pictures := shown(t, path, "v"); len(pictures) != 150 {
		t.Errorf("%d pictures", len(pictures))
	}
	tracks := tracksOf(t, path)
	if e := tracks[0].entries; e[0] != 1 || e[len(e)-1] != 2 {
		t.Errorf("sample descriptions %v", e)
	}
	if len(c.Notes) != 1 || !bytes.Contains([]byte(c.Notes[0]), []byte("changes from H.264 to MJPEG")) {
		t.Errorf("notes %q", c.Notes)
	}
	rest := m.save(m.cut("a", ClipOptions{From: nine.Add(6100 * time.Millisecond)}), "rest.mp4")
	if pictures := shown(t, rest, "v"); len(pictures) < 22 {
		t.Errorf("%d pictures in the rest", len(pictures))
	}
}

func TestAnotherCamerasSoundGoesBesideAPictureByCaptureTime(t *testing.T) {
	m := studio(t, "a", "mic")
	video, sound := picture25(t, 8, "320x240"), aac(t, 12)
	m.shoot("a", nine, 3*time.Second, nil, video)
	m.shoot("mic", nine.Add(-2*time.Second), 5*time.Second, nil, sound)
	m.close(nine.Add(10 * time.Second))
	from := nine.Add(1500 * time.Millisecond)
	c := m.cut("a", ClipOptions{From: from, To: nine.Add(6 * time.Second), Audio: "mic"})
	path := m.save(c, "a.mp4")
	tracks := tracksOf(t, path)
	if len(tracks) != 2 {
		t.Fatalf("%d tracks, %q", len(tracks), c.Notes)
	}
	// What is heard at time 0 is what the microphone heard 3.5 s after it began.
	unit := 3500 * 48 / 1024
	if !bytes.Equal(tracks[1].samples[0].Data, sound.samples[unit].Data) {
		t.Error("the sound begins elsewhere")
	}
	pictures, blocks := shown(t, path, "v"), shown(t, path, "a")
	if !near(pictures[0], 0, 0.041) || !near(blocks[0], 0, 0.022) || !near(blocks[len(blocks)-1], 4.5, 0.05) {
		t.Errorf("pictures from %v, sound from %v to %v", pictures[0], blocks[0], blocks[len(blocks)-1])
	}
}

func TestMPEGTSHoldsTheSameMediaAndSaysWhatItCannotCarry(t *testing.T) {
	video, opus := picture25(t, 4, "320x240"), encode(t, media.Track{Codec: media.Opus, SampleRate: 48000, Channels: 2}, "-f", "lavfi", "-i", toneOf+"4", "-c:a", "libopus", "-ac", "2")
	g711 := plainSound(t, soundCases()["alaw"].track, "alaw", 160, 160, 4)
	mjpeg := encode(t, media.Track{Codec: media.MJPEG}, "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=1", "-pix_fmt", "yuvj420p", "-c:v", "mjpeg")
	for name, films := range map[string][]film{"aac": {video, aac(t, 4)}, "opus": {video, opus}, "alaw": {video, g711}, "mjpeg": {mjpeg}} {
		m := studio(t, "a")
		m.shoot("a", nine, 3*time.Second, nil, films...)
		m.close(nine.Add(4 * time.Second))
		c := m.cut("a", ClipOptions{})
		notes, err := c.WriteTS(t.Context(), io.Discard, nil)
		if name == "mjpeg" {
			if !fault.Is(err, fault.Unsupported) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		m.must(err)
		path := m.save(c, "a.ts")
		if pictures := shown(t, path, "v"); len(pictures) != 100 {
			t.Errorf("%s: %d pictures", name, len(pictures))
		}
		if left := name == "alaw"; left != (len(notes) == 1) {
			t.Errorf("%s: notes %q", name, notes)
		} else if !left {
			if blocks := shown(t, path, "a"); len(blocks) < 180 {
				t.Errorf("%s: %d blocks of sound", name, len(blocks))
			}
		}
	}
}

func TestARangeWithoutMediaSaysWhatThereIsAroundIt(t *testing.T) {
	m := studio(t, "a")
	m.shoot("a", nine, 3*time.Second, nil, picture25(t, 3, "320x240"))
	m.shoot("a", nine.Add(60*time.Second), 3*time.Second, nil, picture25(t, 3, "320x240"))
	m.close(nine.Add(63 * time.Second))
	r, err := Load(m.fs, m.dir)
	m.must(err)
	_, err = r.Clip(t.Context(), m.fs, "a", ClipOptions{From: nine.Add(20 * time.Second), To: nine.Add(30 * time.Second)})
	if !fault.Is(err, fault.NotFound) || !bytes.Contains([]byte(err.Error()), []byte("before ends at 2026-11-22 09:00:03.")) || !bytes.Contains([]byte(err.Error()), []byte("after begins at 2026-11-22 09:01:00.")) {
		t.Errorf("%v", err)
	}
	for _, o := range []ClipOptions{{From: nine, To: nine}, {From: nine.Add(time.Hour), To: nine}, {From: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}, {Gaps: "x"}} {
		if _, err := r.Clip(t.Context(), m.fs, "a", o); !fault.Is(err, fault.Usage) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// FuzzClipOfABrokenFile: whatever a file says of itself, a clip of it is refused or is as
// long as it said before, and HLS names only what can be opened.
func FuzzClipOfABrokenFile(f *testing.F) {
	m := healthy(f)
	name := m.files("teacher")[0]
	whole := m.read(name)
	f.Add(uint32(100), byte(1), uint32(0), byte(0))
	for _, kind := range []string{"stsz", "stts", "stco", "stsc", "free", "elst"} {
		at := uint32(bytes.LastIndex(whole, []byte(kind)))
		f.Add(at+11, byte(0x7f), at+15, byte(0xff))
	}
	f.Fuzz(func(t *testing.T, at uint32, mask byte, at2 uint32, mask2 byte) {
		m := healthy(t)
		broken := bytes.Clone(whole)
		broken[at%uint32(len(broken))] ^= mask
		broken[at2%uint32(len(broken))] ^= mask2
		m.write(name, broken)
		r, err := Load(m.fs, m.dir)
		m.must(err)
		c, err := r.Clip(t.Context(), m.fs, "teacher", ClipOptions{Gaps: GapsMark})
		if err == nil {
			defer c.Close()
			if n, err := c.WriteTo(io.Discard); err != nil || n != c.Size() {
				t.Fatalf("%d of %d bytes, %v", n, c.Size(), err)
			}
			c.WriteTS(t.Context(), io.Discard, nil)
		}
		l := m.shelf()
		pieces, _, _ := l.HLS(t.Context(), "teacher", "", time.Time{}, time.Time{}) // may be refused
		for _, p := range pieces {
			if p.Gap {
				continue
			}
			body, err := l.Open(p.URI)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := body.ReadAt(make([]byte, p.Length), p.Offset); err != nil {
				t.Fatal(err)
			}
			body.Close()
		}
	})
}
