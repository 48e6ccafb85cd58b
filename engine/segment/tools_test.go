package segment

import (
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
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

// decoded returns ffmpeg's MD5 of everything a stream decodes to.
func decoded(t testing.TB, input ...string) string {
	t.Helper()
	return ffmpeg(t, append(input, "-map", "0:0", "-fps_mode", "passthrough", "-f", "md5", "-")...)
}

func TestEveryCodecIsReadBackAndDecodesAsItsSource(t *testing.T) {
	for _, c := range clips(t) {
		t.Run(c.name, func(t *testing.T) {
			s := mix([]int64{0}, c)
			path, f, w := s.create(t, "open.mp4.part")
			want := decoded(t, c.source...)
			check := func(state State) {
				t.Helper()
				file := scan(t, f, ScanOptions{})
				if file.State != state || !reflect.DeepEqual(file.Header, s.header) {
					t.Fatalf("%v\n%+v, want\n%+v", file.State, file.Header, s.header)
				}
				same(t, 1, c.samples, read(t, file))
				p := ffprobe(t, path)
				if len(p.Streams) != 1 || p.Streams[0].Codec != c.codec {
					t.Fatalf("ffprobe sees %+v", p.Streams)
				}
				if !c.track.Codec.Video() && (p.Streams[0].Rate != itoa(int64(c.track.SampleRate)) || p.Streams[0].Channels != c.track.Channels) {
					t.Errorf("ffprobe hears %+v", p.Streams[0])
				}
				input := []string{"-i", path}
				if c.skipped > 0 {
					input = append(input, "-af", "atrim=start_sample="+itoa(int64(c.skipped)))
				}
				if got := decoded(t, input...); got != want {
					t.Errorf("%v: decodes to %s, want %s", state, got, want)
				}
			}
			check(Open)
			if _, err := w.Seal(); err != nil {
				t.Fatal(err)
			}
			check(Sealed)
			p := ffprobe(t, path)
			if d := seconds(t, p.Format.Duration); math.Abs(d-3) > 0.1 {
				t.Errorf("%v s long", d)
			}
			if c.track.Codec.Video() && (p.Streams[0].Width != 320 || p.Streams[0].Height != 240) {
				t.Errorf("%d x %d", p.Streams[0].Width, p.Streams[0].Height)
			}
			if got := p.Format.Tags["com.apple.quicktime.creationdate"]; !strings.HasPrefix(got, "2026-11-22T09:00:00.") {
				t.Errorf("start %q", got)
			}
		})
	}
}
