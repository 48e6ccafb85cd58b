package segment

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"

	"rtsprec/engine/media"
	"rtsprec/testdata/peers"
)

// probed is what ffprobe says of a file.
type probed struct {
	Format struct {
		Duration string
		Tags     map[string]string
	}
	Streams []struct {
		Codec     string `json:"codec_name"`
		StartTime string `json:"start_time"`
		Duration  string
		Width     int
		Height    int
		Rate      string `json:"sample_rate"`
		Channels  int
	}
}

func ffprobe(t testing.TB, path string) probed {
	t.Helper()
	var p probed
	out := command(t, "ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams", path)
	if err := json.Unmarshal([]byte(out), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func seconds(t testing.TB, s string) float64 {
	t.Helper()
	return must[float64](t)(strconv.ParseFloat(s, 64))
}

// decoded returns ffmpeg's MD5 of everything that each input decodes to; filter is for
// all but the first.
func decoded(t testing.TB, filter string, inputs ...[]string) []string {
	t.Helper()
	var args []string
	for _, input := range inputs {
		args = append(args, input...)
	}
	for i := range inputs {
		args = append(args, "-map", itoa(int64(i))+":0", "-fps_mode", "passthrough")
		if i > 0 && filter != "" {
			args = append(args, "-af", filter)
		}
		args = append(args, "-f", "md5", "-")
	}
	return strings.Fields(ffmpeg(t, args...))
}

func TestEveryCodecIsReadBackAndDecodesAsItsSource(t *testing.T) {
	for _, c := range clips(t) {
		t.Run(c.name, func(t *testing.T) {
			s := mix([]int64{0}, c)
			path, f, w := s.create(t, "x.mp4")
			check := func(state State) {
				t.Helper()
				file := scan(t, f, ScanOptions{})
				if file.State != state || !reflect.DeepEqual(file.Header, s.header) {
					t.Fatalf("%v\n%+v, want\n%+v", file.State, file.Header, s.header)
				}
				same(t, 1, c.samples, read(t, file))
			}
			check(Open)
			open := path + Part
			if err := os.WriteFile(open, must[[]byte](t)(os.ReadFile(path)), 0o600); err != nil {
				t.Fatal(err)
			}
			must[Summary](t)(w.Seal())
			check(Sealed)
			filter := ""
			if c.skipped > 0 {
				filter = "atrim=start_sample=" + itoa(int64(c.skipped))
			}
			sums := decoded(t, filter, c.source, []string{"-f", "mp4", "-i", open}, []string{"-i", path})
			if len(sums) != 3 || sums[1] != sums[0] || sums[2] != sums[0] {
				t.Errorf("source, open and sealed file decode to %v", sums)
			}
			recognised(t, c, ffprobe(t, path))
		})
	}
}

// Units that all last one tick: ffmpeg takes a table that says so for that of samples
// without sizes.
func TestUnitsOfOneTickHaveTheirSizes(t *testing.T) {
	for _, name := range []string{"opus", "aac", "alaw"} {
		for _, n := range []int{1, 2, 50} {
			t.Run(name+" "+itoa(int64(n)), func(t *testing.T) {
				c := clipNamed(t, name)
				c.samples = slices.Clone(c.samples[:n])
				want := ""
				for i := range c.samples {
					c.samples[i].DTS, c.samples[i].Duration = int64(i), 1
					want += itoa(int64(len(c.samples[i].Data))) + "\n"
				}
				path, f, w := mix([]int64{0}, c).create(t, "x.mp4")
				must[Summary](t)(w.Seal())
				scan(t, f, ScanOptions{})
				if got := command(t, "ffprobe", "-v", "error", "-of", "csv=p=0", "-show_entries", "packet=size", path); got != want {
					t.Errorf("ffprobe reads\n%swritten were\n%s", got, want)
				}
			})
		}
	}
}

// recognised fails unless ffprobe saw what the clip is.
func recognised(t *testing.T, c clip, p probed) {
	t.Helper()
	if len(p.Streams) != 1 || p.Streams[0].Codec != c.codec {
		t.Fatalf("ffprobe sees %+v", p.Streams)
	}
	stream := p.Streams[0]
	if c.track.Codec.Video() && (stream.Width != 320 || stream.Height != 240) {
		t.Errorf("%d x %d", stream.Width, stream.Height)
	}
	if !c.track.Codec.Video() && (stream.Rate != itoa(int64(c.track.SampleRate)) || stream.Channels != c.track.Channels) {
		t.Errorf("ffprobe hears %+v", stream)
	}
	if d := seconds(t, p.Format.Duration); math.Abs(d-3) > 0.1 {
		t.Errorf("%v s long", d)
	}
}

// packets returns the presentation times in ms that ffprobe reads, by stream.
func packets(t testing.TB, path string, streams int) [][]float64 {
	t.Helper()
	list := make([][]float64, streams)
	out := command(t, "ffprobe", "-v", "error", "-of", "csv=p=0", "-show_entries", "packet=stream_index,pts_time", path)
	for line := range strings.Lines(out) {
		stream, pts, _ := strings.Cut(strings.TrimSpace(line), ",")
		n := must[int](t)(strconv.Atoi(stream))
		list[n] = append(list[n], seconds(t, strings.Trim(pts, ","))*1000)
	}
	return list
}

func TestTracksKeepTheirPlacesAgainstEachOther(t *testing.T) {
	h264, aac, alaw := clipNamed(t, "h264"), clipNamed(t, "aac"), clipNamed(t, "alaw")
	for _, shifts := range [][]int64{{400, 0, 1234}, {0, 517, 3}, {5000, 5000, 7000}} {
		s := mix(shifts, h264, aac, alaw)
		path, _, w := s.create(t, "x.mp4")
		check := func(origin time.Time) {
			t.Helper()
			for i, times := range packets(t, path, 3) {
				var want []float64
				for _, u := range byTrack(3, s.samples)[i] {
					at := s.header.at(i, u.DTS+int64(u.Offset)).Sub(origin)
					want = append(want, float64(at)/1e6)
				}
				if len(times) != len(want) {
					t.Fatalf("track %d: %d packets, want %d", i, len(times), len(want))
				}
				for j := range want {
					if math.Abs(times[j]-want[j]) > 0.05 {
						t.Fatalf("shifts %v, track %d: unit %d at %.3f ms, want %.3f", shifts, i, j, times[j], want[j])
					}
				}
			}
		}
		check(s.header.Start)
		must[Summary](t)(w.Seal())
		first := w.body.origin()
		check(first)
		tags := ffprobe(t, path).Format.Tags
		if tag := tags["com.apple.quicktime.creationdate"]; tag != first.Format(time.RFC3339Nano) {
			t.Errorf("starts %s, want %v", tag, first)
		}
		if tag := tags["creation_time"]; tag[:19] != first.Format("2006-01-02T15:04:05") {
			t.Errorf("created %s, want %v", tag, first)
		}
	}
}

func TestSeekingInASealedFileLandsOnTheKeyPicture(t *testing.T) {
	s := mix([]int64{0, 0}, clipNamed(t, "h264"), clipNamed(t, "aac"))
	path, _, w := s.create(t, "x.mp4")
	must[Summary](t)(w.Seal())
	out := command(t, "ffprobe", "-v", "error", "-of", "csv=p=0", "-select_streams", "v", "-read_intervals", "1.5%+#1",
		"-show_entries", "packet=pts_time,flags", path)
	if !strings.HasPrefix(out, "1.080000,K") {
		t.Errorf("seeking to 1.5 s gives %s", out)
	}
}

// Mediainfo has names of its own for some: they are what it says of any file with that entry.
func TestMediainfoAgrees(t *testing.T) {
	for _, c := range clips(t) {
		if strings.HasPrefix(c.name, "g726") && c.track.Bits != 4 {
			continue
		}
		format := map[media.Codec]string{
			media.H264: "AVC", media.H265: "HEVC", media.MPEG4: "MPEG-4 Visual", media.MJPEG: "JPEG",
			media.AAC: "AAC", media.Opus: "Opus", media.PCMA: "ADPCM", media.PCMU: "ADPCM", media.L16: "PCM", media.G722: "SBC24", media.G726: "ADPCM",
		}[c.track.Codec]
		s := mix([]int64{0}, c)
		path, _, w := s.create(t, "x.mp4")
		sum := must[Summary](t)(w.Seal())
		kind := "Audio"
		if c.track.Codec.Video() {
			kind = "Video"
		}
		out := strings.Fields(command(t, "mediainfo", "--Output="+kind+";%Duration% %Format%", path))
		if len(out) == 0 {
			t.Errorf("%s: nothing", c.name)
			continue
		}
		want := float64(sum.End.Sub(sum.Start).Milliseconds())
		if got := seconds(t, out[0]); math.Abs(got-want) > 2 {
			t.Errorf("%s: %v ms, want %v", c.name, got, want)
		}
		if got := strings.Join(out[1:], " "); got != format {
			t.Errorf("%s: is %q, want %q", c.name, got, format)
		}
	}
}

// TestAnotherReaderFindsTheSameSamples walks the tables with a library that is not ours.
func TestAnotherReaderFindsTheSameSamples(t *testing.T) {
	s := mix([]int64{40, 0, 300}, clipNamed(t, "h264"), clipNamed(t, "aac"), clipNamed(t, "ulaw"))
	path, f, w := s.create(t, "x.mp4")
	must[Summary](t)(w.Seal())
	parsed := must[*mp4.File](t)(mp4.ReadMP4File(path))
	data := must[[]byte](t)(os.ReadFile(path))
	ours := byTrack(3, read(t, scan(t, f, ScanOptions{})))
	for i, trak := range parsed.Moov.Traks {
		samples := samplesOf(t, trak, data)
		first := ours[i][0].DTS
		for j := range samples {
			samples[j].Track = i
			samples[j].DTS += first
		}
		ours[i][len(ours[i])-1].Duration = samples[len(samples)-1].Duration
		same(t, 3, ours[i], samples)
	}
	if size := binary.BigEndian.Uint64(data[headerOffset+8:]); headerOffset+int64(size) != w.body.size {
		t.Errorf("media data of %d bytes", size)
	}
}

// TestGStreamerPlaysIt counts what comes out of a demuxer that shares nothing with ffmpeg.
func TestGStreamerPlaysIt(t *testing.T) {
	peers.Need(t, "gst-launch-1.0")
	for name, want := range map[string]int64{
		"h264": 75 * 320 * 240 * 3 / 2, "h265": 75 * 320 * 240 * 3 / 2, "mjpeg": 75 * 320 * 240 * 3 / 2,
		"alaw": 153 * 160 * 2, "ulaw": 153 * 160 * 2, "l16": 153 * 882 * 4,
	} {
		c := clipNamed(t, name)
		s := mix([]int64{0}, c)
		path, _, w := s.create(t, "x.mp4")
		for _, state := range []State{Open, Sealed} {
			if state == Sealed {
				must[Summary](t)(w.Seal())
			}
			out := path + ".raw"
			pad, convert := "d.audio_0", "audioconvert ! audio/x-raw,format=S16LE"
			if c.track.Codec.Video() {
				pad, convert = "d.video_0", "videoconvert ! video/x-raw,format=I420"
			}
			line := "-q filesrc location=" + path + " ! qtdemux name=d " + pad + " ! queue ! decodebin ! " + convert + " ! filesink location=" + out
			if output, err := exec.Command("gst-launch-1.0", strings.Fields(line)...).CombinedOutput(); err != nil {
				t.Errorf("%s, %v: %s", name, state, output)
				continue
			}
			if got := must[os.FileInfo](t)(os.Stat(out)).Size(); math.Abs(float64(got-want)) > 4*882 {
				t.Errorf("%s, %v: %d bytes, want %d", name, state, got, want)
			}
		}
	}
}
