//go:build cgo

package av

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// made has ffmpeg make a media file of two seconds: a moving picture of 25 a second and a
// click at half a second.
func made(t testing.TB, name string, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	all := append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25:duration=2",
		"-f", "lavfi", "-i", "aevalsrc='if(between(t,0.5,0.52),0.8*sin(2*PI*1000*t),0)':s=48000:d=2"}, args...)
	tool(t, nil, "ffmpeg", append(all, path)...)
	return path
}

// read reads all of a file.
func read(t testing.TB, f media.Source) []media.AccessUnit {
	t.Helper()
	var units []media.AccessUnit
	for {
		au, err := f.Next(context.Background())
		if errors.Is(err, io.EOF) {
			return units
		}
		if err != nil {
			t.Fatal(err)
		}
		units = append(units, au)
	}
}

func TestFilesAreReadAsRuns(t *testing.T) {
	for _, c := range []struct {
		name   string
		args   []string
		codecs []media.Codec
	}{
		{"b-frames.mp4", []string{"-c:v", "libx264", "-bf", "2", "-c:a", "aac"}, []media.Codec{media.H264, media.AAC}},
		{"a.mkv", []string{"-c:v", "libx265", "-x265-params", "log-level=none", "-preset", "ultrafast", "-c:a", "libopus"}, []media.Codec{media.H265, media.Opus}},
		{"a.ts", []string{"-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"}, []media.Codec{media.H264, media.AAC}},
		{"fragmented.mp4", []string{"-c:v", "libx264", "-preset", "ultrafast", "-movflags", "frag_keyframe+empty_moov", "-c:a", "aac"}, []media.Codec{media.H264, media.AAC}},
		{"a.avi", []string{"-c:v", "mpeg4", "-c:a", "libmp3lame"}, []media.Codec{media.MPEG4, media.L16}},
		{"a.mov", []string{"-c:v", "mjpeg", "-c:a", "pcm_s16le"}, []media.Codec{media.MJPEG, media.L16}},
		{"a.flac", []string{"-map", "1", "-ac", "2"}, []media.Codec{media.L16}},
		{"a.wav", []string{"-map", "1", "-c:a", "pcm_mulaw", "-ar", "8000"}, []media.Codec{media.PCMU}},
	} {
		t.Run(c.name, func(t *testing.T) {
			coder := newCoder(t)
			path := made(t, c.name, c.args...)
			f, err := coder.File(context.Background(), path, start)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			run := f.Run()
			if len(run.Tracks) != len(c.codecs) || !run.Start.Equal(start) {
				t.Fatalf("%+v", run)
			}
			units := read(t, f)
			for i, track := range run.Tracks {
				if track.Codec != c.codecs[i] || track.ID != media.TrackID(i) {
					t.Errorf("track %d is %+v", i, track)
				}
				var own []media.AccessUnit
				last := media.Ticks(math.MinInt64)
				for _, au := range units {
					if au.Track != track.ID {
						continue
					}
					if au.DTS < last || au.DTS > au.PTS || !au.Wall.Equal(start.Add(media.ToDuration(au.PTS, track.ClockRate))) {
						t.Errorf("unit at %d: DTS %d after %d, %v", au.PTS, au.DTS, last, au.Wall)
					}
					last = au.DTS
					own = append(own, au)
				}
				if track.Codec.Video() {
					checkFileVideo(t, coder, track, own, shownAt(t, path))
				} else {
					checkFileSound(t, coder, track, own)
				}
			}
		})
	}
}

// shownAt is when ffprobe shows the pictures of a file, from its beginning.
func shownAt(t *testing.T, path string) (times []float64) {
	begin, err := strconv.ParseFloat(strings.TrimSpace(string(tool(t, nil, "ffprobe", "-v", "error", "-show_entries", "format=start_time", "-of", "csv=p=0", path))), 64)
	if err != nil {
		t.Fatal(err)
	}
	out := tool(t, nil, "ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "frame=best_effort_timestamp_time", "-of", "csv=p=0", path)
	for word := range strings.FieldsFuncSeq(string(out), func(r rune) bool { return r == '\n' || r == ',' }) {
		at, err := strconv.ParseFloat(word, 64)
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, at-begin)
	}
	return times
}

// checkFileVideo wants all pictures, each at its time.
func checkFileVideo(t *testing.T, c *coder, track media.Track, units []media.AccessUnit, times []float64) {
	d, err := c.PictureDecoder(track, media.DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	n := 0
	take := func(pictures []media.Picture, err error) {
		if err != nil {
			t.Error(err)
		}
		for _, p := range pictures {
			if at := float64(p.PTS()) / 90000; n >= len(times) || math.Abs(at-times[n]) > 0.001 {
				t.Fatalf("picture %d of %d is at %.3f s", n, len(times), at)
			}
			if w, h := p.Size(); w != 160 || h != 120 {
				t.Errorf("a picture of %dx%d", w, h)
			}
			n++
			p.Release()
		}
	}
	for _, au := range units {
		take(d.Decode(au))
	}
	take(d.Flush())
	if n != len(times) || n < 48 {
		t.Errorf("%d pictures of %d", n, len(times))
	}
}

// checkFileSound looks for the click.
func checkFileSound(t *testing.T, c *coder, track media.Track, units []media.AccessUnit) {
	d, err := c.SoundDecoder(track, media.SoundFormat{Rate: 48000, Channels: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, au := range units {
		sounds, err := d.Decode(au)
		if err != nil {
			t.Error(err)
		}
		for _, s := range sounds {
			for i, v := range s.Samples {
				if math.Abs(float64(v)) > 0.4 {
					if at := float64(s.PTS+media.Ticks(i)) / 48000; math.Abs(at-0.5) > 0.03 {
						t.Errorf("the click is at %.4f s", at)
					} else {
						t.Logf("the click is at %.4f s", at)
					}
					return
				}
			}
		}
	}
	t.Error("there is no click")
}

func TestFilesThatCannotBeReadSaySo(t *testing.T) {
	coder := newCoder(t)
	vp9 := made(t, "a.webm", "-map", "0", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8")
	for _, c := range []struct {
		path, says string
		kind       fault.Kind
	}{
		{vp9, "vp9", fault.Unsupported},
		{made(t, "raw.h264", "-map", "0", "-c:v", "libx264", "-preset", "ultrafast"), "without times", fault.Unsupported},
		{filepath.Join(t.TempDir(), "none.mp4"), "no such file", fault.NotFound},
		{t.TempDir(), "not a file", fault.Usage},
		{inFile(t, "text.mp4", []byte(strings.Repeat("this is no film\n", 100))), "media", fault.Unsupported},
		{inFile(t, "empty.mp4", nil), "media", fault.Unsupported},
		{inFile(t, "list.m3u8", []byte("#EXTM3U\n#EXTINF:1,\n/etc/passwd\n")), "media", fault.Unsupported},
	} {
		f, err := coder.File(context.Background(), c.path, start)
		if err == nil {
			f.Close()
		}
		if !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.path, err)
		}
	}
}

func TestTornFilesAreReadAsFarAsTheyGo(t *testing.T) {
	coder := newCoder(t)
	whole, err := os.ReadFile(made(t, "a.ts", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := coder.File(context.Background(), inFile(t, "torn.ts", whole[:len(whole)*2/3+77]), start)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if n := len(read(t, f)); n < 50 {
		t.Errorf("%d units", n)
	}
}

func TestAFileThatIsClosedOrCanceledSaysSo(t *testing.T) {
	coder := newCoder(t)
	f, err := coder.File(context.Background(), made(t, "a.mp4", "-c:v", "libx264", "-preset", "ultrafast"), start)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := f.Next(ctx); !fault.Is(err, fault.Canceled) {
		t.Error(err)
	}
	done := make(chan error)
	go func() {
		var err error
		for err == nil {
			_, err = f.Next(context.Background())
		}
		done <- err
	}()
	f.Close()
	f.Close()
	if err := <-done; !fault.Is(err, fault.Canceled) && !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

func TestWhatFFmpegSaysIsLoggedAndBounded(t *testing.T) {
	var said strings.Builder
	c := New(Options{Log: slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug}))}).(*coder)
	track, units := clip(t, "h264", media.H264)
	d, err := c.PictureDecoder(track, media.DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	for _, au := range units {
		for i := 50; i < len(au.Data); i++ {
			au.Data[i] ^= byte(i)
		}
		pictures, _ := d.Decode(au)
		for _, p := range pictures {
			p.Release()
		}
	}
	d.Close()
	lines := strings.Count(said.String(), "\n")
	if most := 40 * (2 + int(time.Since(begun).Seconds())); lines == 0 || lines > most {
		t.Errorf("%d lines, %d at most", lines, most)
	}
	if !strings.Contains(said.String(), "h264") || !strings.Contains(said.String(), "level=DEBUG") {
		t.Error(said.String())
	}
	if n := Live(c); n != 0 {
		t.Errorf("%d objects are left", n)
	}
}
