package segment

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"

	"rtsprec/engine/media"
	"rtsprec/testdata/peers"
)

// clip is a stream as ffmpeg encoded it, taken apart by a library that is not ours.
type clip struct {
	name    string
	codec   string // ffprobe's name
	track   media.Track
	samples []Sample // of track 0
	source  []string // ffmpeg's arguments that read the same stream from where it came
	skipped int      // samples at the beginning that ffmpeg leaves out there
}

// clips are made once for the package; they live in a folder that TestMain removes.
var (
	clipDir  string
	clipOnce sync.Once
	clipList []clip
)

func TestMain(m *testing.M) {
	clipDir, _ = os.MkdirTemp("", "segment")
	code := m.Run()
	os.RemoveAll(clipDir)
	os.Exit(code)
}

// run runs a program and returns its output; anything on stderr is a failure.
func command(t testing.TB, name string, args ...string) string {
	t.Helper()
	peers.Need(t, name)
	cmd := exec.Command(name, args...)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil || problems.Len() > 0 {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, problems.String())
	}
	return out.String()
}

func ffmpeg(t testing.TB, args ...string) string {
	t.Helper()
	return command(t, "ffmpeg", append([]string{"-nostdin", "-v", "error", "-xerror", "-y"}, args...)...)
}

// clips returns one clip of every codec and variant that is recorded.
func clips(t testing.TB) []clip {
	t.Helper()
	peers.Need(t, "ffmpeg", "ffprobe")
	clipOnce.Do(func() {
		video := func(name, codec string, c media.Codec, args ...string) {
			clipList = append(clipList, encoded(t, name, codec, media.Track{Codec: c},
				append([]string{"-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=3", "-pix_fmt", "yuv420p"}, args...)...))
		}
		sound := func(name, codec string, track media.Track, args ...string) {
			clipList = append(clipList, encoded(t, name, codec, track,
				append([]string{"-f", "lavfi", "-i", tone, "-ac", "1"}, args...)...))
		}
		video("h264", "h264", media.H264, "-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "25", "-x264-params", "repeat-headers=1:aud=1")
		video("h264 high 4:4:4", "h264", media.H264, "-pix_fmt", "yuv444p", "-c:v", "libx264", "-preset", "veryfast", "-g", "25")
		video("h265", "hevc", media.H265, "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=3:keyint=25", "-tag:v", "hvc1")
		video("mpeg4", "mpeg4", media.MPEG4, "-c:v", "mpeg4", "-bf", "2", "-g", "25")
		video("mjpeg", "mjpeg", media.MJPEG, "-pix_fmt", "yuvj420p", "-c:v", "mjpeg", "-f", "mp4")
		sound("aac", "aac", media.Track{Codec: media.AAC, ClockRate: 48000, SampleRate: 48000, Channels: 1}, "-c:a", "aac", "-ar", "48000")
		sound("opus", "opus", media.Track{Codec: media.Opus, ClockRate: 48000, SampleRate: 48000, Channels: 1}, "-c:a", "libopus", "-ar", "48000")
		clipList = append(clipList,
			plain(t, "alaw", "pcm_alaw", media.Track{Codec: media.PCMA, ClockRate: 8000, SampleRate: 8000, Channels: 1}, 160, 160, "alaw"),
			plain(t, "alaw 16 kHz", "pcm_alaw", media.Track{Codec: media.PCMA, ClockRate: 16000, SampleRate: 16000, Channels: 1}, 320, 320, "alaw"),
			plain(t, "ulaw", "pcm_mulaw", media.Track{Codec: media.PCMU, ClockRate: 8000, SampleRate: 8000, Channels: 1}, 160, 160, "mulaw"),
			plain(t, "l16", "pcm_s16be", media.Track{Codec: media.L16, ClockRate: 44100, SampleRate: 44100, Channels: 2, Bits: 16}, 882*4, 882, "s16be"),
			plain(t, "l16 96 kHz", "pcm_s16be", media.Track{Codec: media.L16, ClockRate: 96000, SampleRate: 96000, Channels: 1, Bits: 16}, 1920*2, 1920, "s16be"),
			plain(t, "g722", "adpcm_g722", media.Track{Codec: media.G722, ClockRate: 8000, SampleRate: 16000, Channels: 1}, 160, 160, "g722"),
		)
		for bits := 2; bits <= 5; bits++ {
			for _, aal2 := range []bool{true, false} {
				if aal2 && bits != 4 {
					continue // stored as it is, whatever the bits
				}
				track := media.Track{Codec: media.G726, ClockRate: 8000, SampleRate: 8000, Channels: 1, Bits: bits, AAL2: aal2}
				name, form := "g726 "+string(rune('0'+bits)), "g726le"
				if aal2 {
					name, form = name+" aal2", "g726"
				}
				clipList = append(clipList, plain(t, name, "adpcm_g726", track, 20*bits, 160, form))
			}
		}
	})
	if len(clipList) == 0 {
		t.Fatal("clips could not be made")
	}
	return clipList
}

// tone is never constant, so that a unit out of place is heard. Its length is a whole
// number of the blocks in which ffmpeg reads raw G.726.
const tone = "aevalsrc=0.5*sin(300*t*t)+0.1*sin(9000*t):duration=3.06:sample_rate=48000"

// clipNamed returns one of clips.
func clipNamed(t testing.TB, name string) clip {
	t.Helper()
	for _, c := range clips(t) {
		if c.name == name {
			return c
		}
	}
	t.Fatalf("no clip %q", name)
	return clip{}
}

// plain makes a clip of raw sound, cut into units of so many bytes and ticks.
func plain(t testing.TB, name, codec string, track media.Track, bytesPerUnit, ticks int, form string) clip {
	path := filepath.Join(clipDir, strings.ReplaceAll(name, " ", "_")+".raw")
	rate := []string{"-ar", itoa(int64(track.SampleRate)), "-ac", itoa(int64(track.Channels))}
	coder := codec
	source := append([]string{"-f", form}, rate...)
	if track.Codec == media.G722 {
		coder, source = "g722", []string{"-f", "g722"}
	}
	args := append([]string{"-f", "lavfi", "-i", tone}, rate...)
	if track.Codec == media.G726 {
		coder = form
		source = []string{"-f", form, "-code_size", itoa(int64(track.Bits))}
		args = append(args, "-code_size", itoa(int64(track.Bits)), "-b:a", itoa(int64(track.Bits*8000)))
	}
	ffmpeg(t, append(args, "-c:a", coder, "-f", form, path)...)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c := clip{name: name, codec: codec, track: track}
	for dts := int64(0); len(data) >= bytesPerUnit; dts += int64(ticks) {
		c.samples = append(c.samples, Sample{DTS: dts, Duration: uint32(ticks), Key: true, Data: data[:bytesPerUnit:bytesPerUnit]})
		data = data[bytesPerUnit:]
	}
	whole := filepath.Join(clipDir, strings.ReplaceAll(name, " ", "_")+".units")
	var units []byte
	for _, s := range c.samples {
		units = append(units, s.Data...)
	}
	if err := os.WriteFile(whole, units, 0o600); err != nil {
		t.Fatal(err)
	}
	c.source = append(source, "-i", whole)
	return c
}

// encoded makes a clip of what ffmpeg writes into an MP4.
func encoded(t testing.TB, name, codec string, track media.Track, args ...string) clip {
	path := filepath.Join(clipDir, strings.NewReplacer(" ", "_", ":", "_").Replace(name)+".mp4")
	ffmpeg(t, append(args, "-video_track_timescale", "90000", path)...)
	f, err := mp4.ReadMP4File(path)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	trak := f.Moov.Trak
	track.ClockRate = int(trak.Mdia.Mdhd.Timescale)
	track.Config = configOf(track.Codec, trak, data)
	c := clip{name: name, codec: codec, track: track, samples: samplesOf(t, trak, data)}
	c.source = []string{"-ignore_editlist", "1", "-i", path}
	if codec == "opus" {
		c.skipped = int(trak.Mdia.Minf.Stbl.Stsd.Opus.Dops.PreSkip)
	}
	return c
}

func configOf(codec media.Codec, trak *mp4.TrakBox, file []byte) []byte {
	stsd := trak.Mdia.Minf.Stbl.Stsd
	var config []byte
	join := func(lists ...[][]byte) {
		for _, list := range lists {
			for _, set := range list {
				config = media.AppendNAL(config, set)
			}
		}
	}
	switch codec {
	case media.H264:
		join(stsd.AvcX.AvcC.SPSnalus, stsd.AvcX.AvcC.PPSnalus)
	case media.H265:
		for _, array := range stsd.HvcX.HvcC.NaluArrays {
			if kind := byte(array.NaluType()); kind >= typeVPS265 && kind <= typePPS265 {
				join(array.Nalus)
			}
		}
	case media.MPEG4:
		// The library does not read this entry: look for the descriptor by its tag.
		_, info, _ := bytes.Cut(file, []byte("\x05\x80\x80\x80"))
		return info[1 : 1+int(info[0])]
	case media.AAC:
		return stsd.Mp4a.Esds.DecConfigDescriptor.DecSpecificInfo.DecConfig
	}
	return config
}

// samplesOf reads the samples of an ordinary MP4 through its tables.
func samplesOf(t testing.TB, trak *mp4.TrakBox, file []byte) []Sample {
	t.Helper()
	stbl := trak.Mdia.Minf.Stbl
	var list []Sample
	for nr := uint32(1); nr <= stbl.Stsz.SampleNumber; nr++ {
		number, first, err := stbl.Stsc.ChunkNrFromSampleNr(int(nr))
		if err != nil {
			t.Fatal(err)
		}
		offset := uint64(0)
		if stbl.Stco != nil {
			offset = uint64(stbl.Stco.ChunkOffset[number-1])
		} else {
			offset = stbl.Co64.ChunkOffset[number-1]
		}
		for before := first; before < int(nr); before++ {
			offset += uint64(stbl.Stsz.GetSampleSize(before))
		}
		size := uint64(stbl.Stsz.GetSampleSize(int(nr)))
		dts, duration := stbl.Stts.GetDecodeTime(nr)
		s := Sample{DTS: int64(dts), Duration: duration, Key: true, Data: file[offset : offset+size]}
		if stbl.Ctts != nil {
			s.Offset = stbl.Ctts.GetCompositionTimeOffset(nr)
		}
		if stbl.Stss != nil {
			s.Key = stbl.Stss.IsSyncSample(nr)
		}
		list = append(list, s)
	}
	return list
}
