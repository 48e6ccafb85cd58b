package rtspcam_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rtsprec/engine/media"
	"rtsprec/engine/rtspcam"
	"rtsprec/testdata/peers"
)

// tool finds a program that judges us. A machine that runs the tests for real must have it.
func tool(t *testing.T, name string) string {
	t.Helper()
	peers.Need(t, name)
	return name
}

var everyStream = []struct {
	name   string
	stream rtspcam.Stream
	codec  media.Codec
}{
	{"h264", "h264+aac", media.H264},
	{"h264b", "h264b+pcma", media.H264},
	{"h265", "h265+opus", media.H265},
	{"h265b", "h265b+pcmu", media.H265},
	{"mpeg4", "mpeg4+l16", media.MPEG4},
	{"mpeg4b", "mpeg4b+g722", media.MPEG4},
	{"mjpeg", "mjpeg+g726", media.MJPEG},
	{"refresh", "h264refresh+g726aal2", media.H264},
	{"aac", "aac3+aaclatm", media.AAC},
	{"heavy", "heavy+aac16", media.H264},
}

func TestFFmpegDecodesEveryStreamWithoutError(t *testing.T) {
	ffmpeg := tool(t, "ffmpeg")
	for _, transport := range []string{"tcp", "udp"} {
		for _, s := range everyStream {
			if transport == "udp" && s.name == "heavy" {
				continue // on a busy machine ffmpeg is late for its own socket's buffer
			}
			t.Run(transport+"/"+s.name, func(t *testing.T) {
				t.Parallel()
				c := rtspcam.Start(t, rtspcam.Options{
					Paths: map[string]rtspcam.Stream{"live": s.stream}, KeyStart: true, User: "a@b", Password: "x:/%y",
				})
				out, err := command(t, ffmpeg, "-hide_banner", "-loglevel", "warning", "-xerror", "-analyzeduration", "1500000",
					"-rtsp_transport", transport, "-i", c.URL("live"), "-t", "2", "-map", "0", "-f", "null", "-").CombinedOutput()
				if err != nil || strings.Contains(string(out), "rror") {
					t.Errorf("ffmpeg: %v\n%s", err, out)
				}
			})
		}
	}
}

func TestARecordingOfFFmpegHoldsEveryUnitThatWasSent(t *testing.T) {
	ffmpeg := tool(t, "ffmpeg")
	for _, s := range everyStream {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			c := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"live": s.stream}, KeyStart: true})
			first, last := gapless(t, s.codec, record(t, ffmpeg, c.URL("live"), "3"), 25)
			sent := c.Sent("live")
			if len(sent) != 1 || sent[0].First.Counter > first.Counter || sent[0].Last.Counter < last.Counter {
				t.Errorf("recorded %d to %d, sent %v", first.Counter, last.Counter, sent)
			}
		})
	}
}

// endsWell checks that gst-launch ended because the stream did: it does so when it hears
// RTCP BYE. Errors after that are its own haste: it flushes the connection on which it still says PAUSE.
func endsWell(t *testing.T, err error, out string) {
	t.Helper()
	before, _, ended := strings.Cut(out, "Got EOS")
	if !ended || strings.Contains(before, "ERROR") {
		t.Errorf("gst-launch: %v\n%s", err, out)
	}
}

func TestGStreamerDecodesAndHearsTheGoodbye(t *testing.T) {
	gst := tool(t, "gst-launch-1.0")
	for _, protocol := range []string{"tcp", "udp"} {
		for _, stream := range []rtspcam.Stream{"h264+aac", "h265+opus", "mpeg4+pcma", "mjpeg+g722"} {
			t.Run(protocol+"/"+string(stream), func(t *testing.T) {
				t.Parallel()
				c, stop := serve(t, rtspcam.Options{
					Paths: map[string]rtspcam.Stream{"live": stream}, KeyStart: true, User: "u", Password: "p",
				})
				dir := t.TempDir()
				picture, sound := filepath.Join(dir, "picture"), filepath.Join(dir, "sound")
				cmd, out := decoding(t, gst, c.URL("live"), protocol, picture, sound)
				waitFor(t, "18 pictures and 600 ms of sound", func() bool {
					return fileSize(picture) >= 18*32*16 && fileSize(sound) >= 600*16
				})
				stop()
				err := cmd.Wait()
				endsWell(t, err, out.String())
			})
		}
	}
}

// decoding starts GStreamer, whose pictures and sound go to two files. On a busy machine
// GStreamer 1.22 now and then starts for ever: it has seen RTCP and makes no use of the
// RTP. Then it gets another chance.
func decoding(t *testing.T, gst, url, protocol, picture, sound string) (*exec.Cmd, *strings.Builder) {
	t.Helper()
	for try := 1; ; try++ {
		cmd := command(t, gst, "rtspsrc", "location="+url, "protocols="+protocol, "latency=100", "name=s",
			"s.", "!", "application/x-rtp,media=video", "!", "decodebin", "!", "videoscale", "!", "videoconvert",
			"!", "video/x-raw,format=GRAY8,width=32,height=16", "!", "filesink", "buffer-mode=unbuffered", "location="+picture,
			"s.", "!", "application/x-rtp,media=audio", "!", "decodebin", "!", "audioconvert", "!", "audioresample",
			"!", "audio/x-raw,format=S16LE,rate=8000,channels=1", "!", "filesink", "buffer-mode=unbuffered", "location="+sound)
		var out strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		came := within(10*time.Second, func() bool { return fileSize(picture)+fileSize(sound) > 0 })
		if came || try == 3 {
			return cmd, &out
		}
		cmd.Process.Kill()
		cmd.Wait()
	}
}

// fileSize is 0 for a file that is not there yet.
func fileSize(name string) int64 {
	info, err := os.Stat(name)
	if err != nil {
		return 0
	}
	return info.Size()
}
