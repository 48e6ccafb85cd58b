package engine_test

import (
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/rtsp"
	"rtsprec/engine/testcard"
)

func TestBeepAndFlashComeTogether(t *testing.T) {
	d := coding(t)
	for sound, within := range map[media.Codec]time.Duration{
		media.PCMA: 3 * time.Millisecond, media.PCMU: 3 * time.Millisecond, media.L16: 3 * time.Millisecond,
		media.AAC: 15 * time.Millisecond, media.Opus: 15 * time.Millisecond,
	} {
		t.Run(string(sound), func(t *testing.T) {
			flashes, beeps := signals(t, d, "testsrc://192x108@50?pace=free&length=4s&audio="+string(sound))
			if len(flashes) < 3 || len(beeps) < 3 {
				t.Fatalf("flashes at %v, beeps at %v", flashes, beeps)
			}
			for _, flash := range flashes {
				if flash.Nanosecond() != 0 {
					t.Errorf("a flash at %v", flash)
				}
			}
			for _, beep := range beeps {
				if off := beep.Sub(beep.Round(time.Second)).Abs(); off > within {
					t.Errorf("a beep %v off a full second", off)
				}
			}
		})
	}
}

// signals plays a test source and returns when flashes and beeps begin, by capture time.
func signals(t *testing.T, d engine.Deps, url string) (flashes, beeps []time.Time) {
	s, err := engine.Open(t.Context(), d, rtsp.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tracks := s.Run().Tracks
	pictures, err := d.Coder.PictureDecoder(tracks[0], media.DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer pictures.Close()
	sounds, err := d.Coder.SoundDecoder(tracks[1], media.SoundFormat{Rate: 48000, Channels: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer sounds.Close()
	lit, quiet, start := true, 0, time.Time{}
	look := func(list []media.Picture, err error) {
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range list {
			luma := p.(media.Lumaer).Luma()
			now := testcard.Flash(luma, luma.Rect)
			if now && !lit {
				flashes = append(flashes, p.Wall())
			}
			lit = now
			p.Release()
		}
	}
	listen := func(list []media.Sound, err error) {
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range list {
			for i, v := range block.Samples {
				switch loud := max(v, -v) > 0.1; {
				case loud && quiet > block.Rate/4:
					// By the ticks of the run, as players do.
					beeps = append(beeps, start.Add(media.ToDuration(block.PTS+int64(i), block.Rate)))
					quiet = 0
				case loud:
					quiet = 0
				default:
					quiet++
				}
			}
		}
	}
	for {
		au, err := s.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if au.Track == 0 {
			if start.IsZero() {
				start = au.Wall
			}
			look(pictures.Decode(au))
		} else {
			listen(sounds.Decode(au))
		}
	}
	look(pictures.Flush())
	listen(sounds.Flush())
	return flashes, beeps
}

// TestARecordedTestSourceIsInStepForFFmpeg has somebody else find flashes and beeps in a
// file.
func TestARecordedTestSourceIsInStepForFFmpeg(t *testing.T) {
	d := coding(t)
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir := filepath.Join(t.TempDir(), "r")
	_, err = engine.Record(t.Context(), d, engine.RecordOptions{
		Dir: dir, Cameras: []journal.Camera{{Name: "a", URL: "testsrc://320x180@50/h264?pace=free"}}, Length: 5 * time.Second,
	})
	if err != nil && !fault.Is(err, fault.Incomplete) {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "a.mp4")
	if _, err := engine.Export(t.Context(), d, engine.ExportOptions{Dir: dir, Output: file}); err != nil && !fault.Is(err, fault.Incomplete) {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), ffmpeg, append([]string{"-nostdin", "-hide_banner", "-i", file}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("ffmpeg: %v\n%s", err, out)
		}
		return string(out)
	}
	// The strip of the sweep is all white when it flashes.
	seen := run("-vf", "crop=320:8:0:109,signalstats,metadata=print:key=lavfi.signalstats.YAVG", "-an", "-f", "null", "-")
	heard := run("-af", "silencedetect=noise=-20dB:d=0.3", "-vn", "-f", "null", "-")
	var flashes, beeps []float64
	at, lit := 0.0, true
	for _, m := range regexp.MustCompile(`pts_time:([\d.]+)|YAVG=([\d.]+)`).FindAllStringSubmatch(seen, -1) {
		if m[1] != "" {
			at, _ = strconv.ParseFloat(m[1], 64)
			continue
		}
		level, _ := strconv.ParseFloat(m[2], 64)
		if level > 180 && !lit {
			flashes = append(flashes, at)
		}
		lit = level > 180
	}
	for _, m := range regexp.MustCompile(`silence_end: ([\d.]+)`).FindAllStringSubmatch(heard, -1) {
		end, _ := strconv.ParseFloat(m[1], 64)
		beeps = append(beeps, end)
	}
	// What comes before there was 0.3 s of silence is not found; the last end is the file's.
	flashes = slices.DeleteFunc(flashes, func(at float64) bool { return at < 0.35 })
	if len(flashes) < 4 || len(beeps) < len(flashes) {
		t.Fatalf("flashes at %v, beeps at %v", flashes, beeps)
	}
	for i, flash := range flashes {
		if !slices.ContainsFunc(beeps, func(beep float64) bool { return math.Abs(flash-beep) <= 0.02 }) {
			t.Errorf("flash %d at %.3f s, beeps at %.3f s", i, flash, beeps)
		}
	}
}
