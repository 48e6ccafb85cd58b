package engine

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/av"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/record"
	"rtsprec/engine/vfs"
	"rtsprec/testdata/peers"
)

// clapper is a film of 12 s that flashes and beeps at each full second for a tenth.
func clapper(t *testing.T, sound string) string {
	t.Helper()
	peers.Need(t, "ffmpeg")
	name := filepath.Join(t.TempDir(), "clapper.mkv")
	out, err := exec.Command("ffmpeg", "-nostdin", "-v", "error",
		"-f", "lavfi", "-i", "color=black:s=320x180:r=25:d=12,drawbox=c=white:t=fill:enable='lt(mod(t,1),0.1)*gte(t,1)'",
		"-f", "lavfi", "-i", "aevalsrc='0.8*sin(2000*PI*t)*lt(mod(t,1),0.1)*gte(t,1)':s=16000:d=12",
		"-c:v", "mpeg4", "-bf", "2", "-g", "25", "-c:a", sound, "-ar", "8000", "-ac", "1", name).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v %s", err, out)
	}
	return name
}

// flashes and beeps are when a file flashes and beeps, as ffmpeg plays it.
func flashes(t *testing.T, name string) []float64 {
	t.Helper()
	out, err := exec.Command("ffprobe", "-v", "error", "-f", "lavfi", "-i", "movie="+name+",signalstats",
		"-show_entries", "frame=pts_time:frame_tags=lavfi.signalstats.YAVG", "-of", "csv=p=0").CombinedOutput()
	if err != nil {
		t.Fatalf("ffprobe: %v %s", err, out)
	}
	var list []float64
	dark := true
	for line := range strings.Lines(string(out)) {
		at, light, _ := strings.Cut(strings.TrimSpace(line), ",")
		when, _ := strconv.ParseFloat(at, 64)
		how, _ := strconv.ParseFloat(strings.Trim(light, ","), 64)
		if how > 120 && dark {
			list = append(list, when)
		}
		dark = how < 120
	}
	return list
}

var silenceEnds = regexp.MustCompile(`silence_end: ([0-9.]+)`)

func beeps(t *testing.T, name string) []float64 {
	t.Helper()
	out, err := exec.Command("ffmpeg", "-nostdin", "-i", name, "-vn", "-af", "aresample=async=1:first_pts=0,silencedetect=noise=-26dB:d=0.3", "-f", "null", "-").CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v %s", err, out)
	}
	var list []float64
	for _, m := range silenceEnds.FindAllStringSubmatch(string(out), -1) {
		when, _ := strconv.ParseFloat(m[1], 64)
		list = append(list, when)
	}
	return list
}

func TestFlashAndBeepStayTogetherThroughEveryCodec(t *testing.T) {
	coder := av.New(av.Options{})
	if coder == nil {
		t.Skip("this build has no codecs")
	}
	film := clapper(t, "pcm_alaw")
	for _, o := range []TranscodeOptions{
		{Video: ToH264, Audio: ToAAC},
		{Video: ToH265, Audio: ToOpus, FPS: 12.5},
		{Video: ToH264, Audio: Copy, FPS: 10},
		{Video: Copy, Audio: ToAAC},
	} {
		name := recorded(t, coder, film, o)
		flash, beep := flashes(t, name), beeps(t, name)
		frame := 0.040
		if o.FPS > 0 {
			frame = 1 / o.FPS
		}
		if len(flash) != 11 || len(beep) < 11 {
			t.Errorf("%s+%s: flashes at %v, beeps at %v", o.Video, o.Audio, flash, beep)
			continue
		}
		for i := range flash {
			if off := math.Abs(flash[i] - beep[i]); off > frame+0.005 {
				t.Errorf("%s+%s: a flash at %.3f, its beep at %.3f", o.Video, o.Audio, flash[i], beep[i])
			}
		}
	}
	if n := av.Live(coder); n != 0 {
		t.Errorf("%d objects of the codec engine are left", n)
	}
}

// recorded records a film as it is coded on the way, and exports it as one file.
func recorded(t *testing.T, coder media.Coder, film string, o TranscodeOptions) string {
	t.Helper()
	ctx := context.Background()
	d := Deps{FS: vfs.OS(), Clock: media.SystemClock{}, Coder: coder}
	source, err := coder.File(ctx, film, time.Now().Add(-time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	dir := filepath.Join(t.TempDir(), "rec")
	rec, err := record.Create(d.recordOptions(dir, journal.Plan{
		Format: 1, Created: time.Now().UTC(), Cameras: []journal.Camera{{Name: "film"}},
		Segment: journal.Duration(time.Hour), Commit: journal.Duration(time.Second), Fragment: journal.Duration(time.Second),
	}, newTally()))
	if err != nil {
		t.Fatal(err)
	}
	sink, err := rec.Camera("film")
	if err != nil {
		t.Fatal(err)
	}
	o.wait = true
	coded, err := newTranscoder(d, sink, o)
	if err != nil {
		t.Fatal(err)
	}
	run, stop := context.WithCancel(ctx)
	done := make(chan error)
	go func() { done <- rec.Run(run) }()
	err = coded.Begin(ctx, source.Run())
	for err == nil {
		var au media.AccessUnit
		if au, err = source.Next(ctx); err == nil {
			err = coded.Write(ctx, au)
		}
	}
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	err = errors.Join(coded.End(ctx, media.Gap{}), coded.Close(ctx))
	stop()
	<-done
	if err = errors.Join(err, rec.Close(ctx, "stopped", time.Now())); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "film.mp4")
	if _, err := Export(ctx, d, ExportOptions{Dir: dir, Output: name, Gaps: archive.GapsKeep}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(name); err != nil || info.Size() == 0 {
		t.Fatal(err)
	}
	return name
}
