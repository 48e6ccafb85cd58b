package rtsp

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"rtsprec/testdata/peers"
)

// ran runs a program of somebody else, which must end by itself.
func ran(t *testing.T, name string, args ...string) string {
	t.Helper()
	peers.Need(t, name)
	out, err := exec.Command("timeout", append([]string{"-k", "5", "60", name}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// shown lists the times of the pictures that ffmpeg decodes of an address.
func shown(t *testing.T, args ...string) (times []float64) {
	t.Helper()
	peers.Need(t, "ffmpeg")
	args = append([]string{"60", "ffmpeg", "-nostdin", "-v", "error", "-rtsp_transport", "tcp"}, args...)
	args = append(args, "-map", "0:v", "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "framecrc", "-")
	cmd := exec.Command("timeout", args...)
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, problems.String())
	}
	num, den := 1.0, 1.0
	for line := range strings.Lines(string(out)) {
		if tb, ok := strings.CutPrefix(line, "#tb 0: "); ok {
			a, b, _ := strings.Cut(strings.TrimSpace(tb), "/")
			num, _ = strconv.ParseFloat(a, 64)
			den, _ = strconv.ParseFloat(b, 64)
		}
		if field := strings.Split(line, ","); !strings.HasPrefix(line, "#") && len(field) > 2 {
			pts, _ := strconv.ParseFloat(strings.TrimSpace(field[2]), 64)
			times = append(times, pts*num/den)
		}
	}
	return times
}

func TestFFmpegPlaysRecordingsToTheirEnd(t *testing.T) {
	t.Parallel()
	s, _ := archived(t, 30*time.Second, 0)
	for _, c := range []struct {
		name string
		args []string
		n    int // and up to a second more: it begins with a key frame
	}{
		{"a moment by its address", []string{"-i", s.url("cam?start=2026-11-22T09:00:10Z&end=2026-11-22T09:00:13Z")}, 75},
		{"by npt, up to the end", []string{"-ss", "26", "-i", s.url("cam")}, 100},
		{"the end of it", []string{"-i", s.url("lesson/cam?start=1795338027")}, 75},
		{"over UDP", []string{"-rtsp_transport", "udp", "-i", s.url("cam?start=2026-11-22T09:00:10Z&end=2026-11-22T09:00:13Z")}, 75},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			times := shown(t, c.args...)
			if off := len(times) - c.n; off < -3 || off > 28 {
				t.Errorf("%d pictures, want %d", len(times), c.n)
			}
			for i := 2; i < len(times); i++ { // of the first one ffmpeg does not know how far it is reordered
				if step := times[i] - times[i-1]; step < 0.039 || step > 0.041 {
					t.Errorf("picture %d comes %v s after the one before", i, step)
				}
			}
		})
	}
}

func TestFFmpegJumpsGaps(t *testing.T) {
	t.Parallel()
	s, _ := archived(t, 14*time.Second, 12*time.Second)
	began := time.Now()
	times := shown(t, "-i", s.url("cam?start=2026-11-22T09:00:10Z"))
	// It shows when a picture was captured: the minute that is missing is in its times.
	if len(times) < 95 || times[len(times)-1]-times[0] > 67 || time.Since(began) > 40*time.Second {
		t.Errorf("%d pictures over %v s, which took %v", len(times), times[len(times)-1]-times[0], time.Since(began))
	}
}

func TestGStreamerSeeksByClockAndPlaysBackwards(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/usr/bin/python3"); err != nil && os.Getenv("CI") != "true" {
		t.Skip("there is no GStreamer here")
	}
	s, _ := archived(t, 60*time.Second, 0)
	for _, c := range []struct {
		name, rate, start, stop string
		flags                   string
		least, most             int
	}{
		{"by npt", "1.0", "10", "13", "", 70, 110},
		{"twice as fast", "2.0", "10", "18", "skip", 4, 12},
		{"backwards", "-1.0", "10", "16", "skip", 4, 9},
		{"by clock, as ONVIF has it", "1.0", "10", "13", "onvif", 70, 110},
		{"backwards, as ONVIF has it", "-1.0", "10", "16", "onvif", 4, 160},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out := ran(t, "/usr/bin/python3", "testdata/gst_seek.py", s.url("cam"), c.rate, c.start, c.stop, c.flags)
			n, err := strconv.Atoi(strings.TrimSpace(out[strings.LastIndex(strings.TrimSpace(out), "\n")+1:]))
			if err != nil || n < c.least || n > c.most {
				t.Errorf("%s pictures, want %d to %d\n%s", strconv.Itoa(n), c.least, c.most, out)
			}
		})
	}
}
