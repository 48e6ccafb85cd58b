//go:build cgo

package av

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rtsprec/engine/media"
	"rtsprec/testdata/clips"
)

// start is when the clips were captured, as far as the tests know.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// newCoder returns a codec engine that must have nothing left at the end of the test.
func newCoder(t testing.TB) *coder {
	t.Helper()
	c := New(Options{}).(*coder)
	t.Cleanup(func() {
		for o := range objects {
			if n := c.live.n[o].Load(); n != 0 {
				t.Errorf("%d objects of kind %d are left", n, o)
			}
		}
	})
	return c
}

// clip reads testdata/clips as a track and its units. It is what a camera sent: parameter
// sets are in the units.
func clip(t testing.TB, name string, codec media.Codec) (media.Track, []media.AccessUnit) {
	t.Helper()
	data, err := clips.Files.ReadFile(name + ".bin")
	if err != nil {
		t.Fatal(err)
	}
	index, err := clips.Files.ReadFile(name + ".idx")
	if err != nil {
		t.Fatal(err)
	}
	track := media.Track{Codec: codec, ClockRate: 90000}
	num, den := int64(1), int64(90000)
	var units []media.AccessUnit
	first := int64(0)
	for line := range strings.Lines(string(index)) {
		if tb, ok := strings.CutPrefix(line, "#tb 0: "); ok {
			fmt.Sscanf(tb, "%d/%d", &num, &den)
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		var stream, dts, pts, duration, size int64
		if _, err := fmt.Sscanf(strings.ReplaceAll(line, ",", " "), "%d %d %d %d %d", &stream, &dts, &pts, &duration, &size); err != nil {
			t.Fatal(line, err)
		}
		if len(units) == 0 {
			first = dts
		}
		unit := data[:size:size]
		data = data[size:]
		if codec.NALs() {
			unit = lengthsOf(unit)
		}
		ticks := func(t int64) int64 { return (t - first) * num * 90000 / den }
		au := media.AccessUnit{PTS: ticks(pts), DTS: ticks(dts), Key: media.IsKey(codec, unit), Data: unit}
		au.Wall = start.Add(media.ToDuration(au.PTS, 90000))
		if config := media.ConfigOf(codec, unit, track.Config); config != nil {
			au.Config = config
			if len(units) == 0 {
				track.Config = config
			}
		}
		units = append(units, au)
	}
	return track, units
}

// startCodes is the reverse, with the configuration in front.
func startCodes(codec media.Codec, config []byte, units []media.AccessUnit) []byte {
	var out []byte
	put := func(b []byte) {
		if !codec.NALs() {
			out = append(out, b...)
			return
		}
		for nal := range media.NALs(b) {
			out = append(append(out, 0, 0, 0, 1), nal...)
		}
	}
	put(config)
	for _, au := range units {
		if au.Config != nil {
			put(au.Config)
		}
		put(au.Data)
	}
	return out
}

// tool runs ffmpeg or ffprobe; where there is none, the test is left out except in CI.
func tool(t testing.TB, stdin []byte, name string, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	cmd := exec.Command(name, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr.Bytes())
	}
	return out
}

// inFile writes data to a file of its own.
func inFile(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// demuxers are ffmpeg's names for a stream without a container.
var demuxerNames = map[media.Codec]string{media.H264: "h264", media.H265: "hevc", media.MPEG4: "m4v", media.MJPEG: "mjpeg"}

// reference is what ffmpeg decodes of units: the pixels of all pictures.
func reference(t testing.TB, codec media.Codec, config []byte, units []media.AccessUnit) []byte {
	t.Helper()
	path := inFile(t, "stream", startCodes(codec, config, units))
	return tool(t, nil, "ffmpeg", "-v", "error", "-f", demuxerNames[codec], "-i", path, "-fps_mode", "passthrough", "-f", "rawvideo", "-")
}

// pixels are those of a picture in planar YUV, without padding.
func pixels(p media.Picture) []byte {
	f := p.(*picture).frame
	n, err := f.ImageBufferSize(1)
	if err != nil {
		panic(err)
	}
	b := make([]byte, n)
	if _, err := f.ImageCopyToBuffer(b, 1); err != nil {
		panic(err)
	}
	return b
}
