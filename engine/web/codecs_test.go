package web

import (
	"encoding/hex"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"os"

	"rtsprec/engine/media"
	"rtsprec/testdata/peers"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	return must[[]byte](t)(hex.DecodeString(strings.ReplaceAll(s, " ", "")))
}

// TestCodecsAreNamedAsRFC6381Says compares with names worked out by hand from ISO
// 14496-15 annex E.
func TestCodecsAreNamedAsRFC6381Says(t *testing.T) {
	for _, c := range []struct {
		track media.Track
		want  string
	}{
		{media.Track{Codec: media.H264, Config: media.JoinConfig(unhex(t, "67 64 00 28 ac d9"), unhex(t, "68 eb e3"))}, "avc1.640028"},
		{media.Track{Codec: media.H264, Config: media.JoinConfig(unhex(t, "67 42 c0 1e d9"), unhex(t, "68 ce"))}, "avc1.42c01e"},
		// Main, compatibility 0x60000000, level 93, constraints 0x90 and zeros with emulation prevention in them.
		{media.Track{Codec: media.H265, Config: media.JoinConfig(unhex(t, "40 01 0c"), unhex(t, "42 01 01 01 60 00 00 03 00 90 00 00 03 00 00 03 00 5d a0 02"), unhex(t, "44 01 c1"))}, "hvc1.1.6.L93.90"},
		// Main 10, high tier, level 150, two constraint bytes.
		{media.Track{Codec: media.H265, Config: media.JoinConfig(unhex(t, "42 01 01 22 20 00 00 03 00 b0 23 00 00 03 00 00 96 a0"))}, "hvc1.2.4.H150.B0.23"},
		{media.Track{Codec: media.AAC, Config: []byte{0x11, 0x90}}, "mp4a.40.2"},
		{media.Track{Codec: media.AAC, Config: []byte{0x2b, 0x11, 0x88, 0x00}}, "mp4a.40.5"},
		{media.Track{Codec: media.AAC, Config: []byte{0xf9, 0x48}}, "mp4a.40.42"},
		{media.Track{Codec: media.Opus}, "opus"},
		{media.Track{Codec: media.MJPEG}, "mp4v.6C"},
		{media.Track{Codec: media.PCMA}, ""},
		{media.Track{Codec: media.H264}, ""},
		{media.Track{Codec: media.H265, Config: media.JoinConfig([]byte{0x42, 1})}, ""},
		{media.Track{Codec: media.AAC, Config: []byte{0x11}}, ""},
	} {
		if got := Codecs(c.track); got != c.want {
			t.Errorf("%s %x: %q, want %q", c.track.Codec, c.track.Config, got, c.want)
		}
	}
}

// TestCodecsAgreeWithFFmpeg compares with the master playlist that ffmpeg writes.
func TestCodecsAgreeWithFFmpeg(t *testing.T) {
	peers.Need(t, "ffmpeg")
	dir := t.TempDir()
	cmd := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=1", "-f", "lavfi", "-i", "sine=duration=1",
		"-pix_fmt", "yuv420p", "-c:v", "libx264", "-c:a", "aac", "-f", "hls", "-master_pl_name", "master.m3u8", "-hls_segment_type", "fmp4", "list.m3u8", "-map", "0:v", "-c:v", "libx264", "-f", "h264", "film.h264")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	master := must[[]byte](t)(os.ReadFile(filepath.Join(dir, "master.m3u8")))
	want := regexp.MustCompile(`CODECS="([^"]*)"`).FindSubmatch(master)
	if want == nil {
		t.Fatalf("no CODECS in %s", master)
	}
	stream := must[[]byte](t)(os.ReadFile(filepath.Join(dir, "film.h264")))
	var config []byte
	for nal := range strings.SplitSeq(string(stream), "\x00\x00\x01") {
		if nal != "" && nal[0]&31 == 7 {
			config = media.JoinConfig([]byte(nal), []byte{0x68, 1})
			break
		}
	}
	got := Codecs(media.Track{Codec: media.H264, Config: config}) + "," + Codecs(media.Track{Codec: media.AAC, Config: []byte{0x11, 0x88}})
	if got != string(want[1]) {
		t.Errorf("%q, ffmpeg says %q", got, want[1])
	}
}

func FuzzCodecsAreFitForAPlaylist(f *testing.F) {
	f.Add([]byte{0, 0, 0, 4, 0x67, 0x64, 0, 0x28})
	f.Add(media.JoinConfig([]byte{0x42, 1, 1, 1, 0x60, 0, 0, 3, 0, 0x90, 0, 0, 3, 0, 0, 3, 0, 0x5d, 0xa0, 2}))
	valid := regexp.MustCompile(`^[A-Za-z0-9.]*$`)
	f.Fuzz(func(t *testing.T, config []byte) {
		for _, codec := range media.Codecs {
			name := Codecs(media.Track{Codec: codec, Config: config})
			if !valid.MatchString(name) {
				t.Errorf("%s: %q", codec, name)
			}
			TrackOf(media.Track{Codec: codec, Config: config, ClockRate: 90000})
		}
	})
}
