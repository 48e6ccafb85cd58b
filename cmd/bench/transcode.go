package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
)

// transcodePreset is the encoder's settings of both; rates are of 30 pictures a second, and
// this is 2400 kbit/s at 25.
const transcodePreset = `encoders:
  bench:
    about: what ffmpeg is told, too
    video: h264
    speed: veryfast
    gop: 2s
    rates: {720: 2629k}
    peak: 1
    buffer: 1s
`

// transcode takes a live H.265 1080p25 stream and writes it as H.264 720p25: rtsprec and
// ffmpeg with the same settings of the encoder, one after the other.
func (b *bench) transcode() error {
	film := filepath.Join(b.dir, "h265.mp4")
	encode, err := start(nil, nil, "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=1920x1080:r=25:d=20,noise=alls=6:allf=t",
		"-c:v", "libx265", "-preset", "ultrafast", "-b:v", "4M", "-g", "50", "-x265-params", "log-level=error", "-y", film)
	if err != nil {
		return err
	}
	if _, err := encode.wait(); err != nil {
		return err
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	server, err := start(nil, nil, filepath.Join(b.bin, "rtsprec"), "serve", "-q", "--rtsp", address, "--http", "", "--udp", "0")
	if err != nil {
		return err
	}
	defer func() { server.cmd.Process.Signal(syscall.SIGINT); server.wait(-1) }()
	url := "rtsp://" + address + "/film"
	time.Sleep(time.Second)
	camera, err := start(nil, nil, "ffmpeg", "-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i", film,
		"-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp", url)
	if err != nil {
		return err
	}
	defer func() { camera.cmd.Process.Kill(); camera.wait(-1) }()
	time.Sleep(3 * time.Second)
	return b.transcodeBoth(url)
}

func (b *bench) transcodeBoth(url string) error {
	config := filepath.Join(b.dir, "config")
	if err := os.MkdirAll(filepath.Join(config, "presets"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(config, "presets", "bench.yaml"), []byte(transcodePreset), 0o644); err != nil {
		return err
	}
	length := fmt.Sprintf("%.0f", b.time.Seconds())
	const rounds = 3
	var ratios, ours, theirs []float64
	var pictures, lost int64
	var memory, others int64
	for i := range rounds {
		dir := filepath.Join(b.dir, fmt.Sprintf("transcoded-%d", i))
		recording, err := start(nil, []string{"RTSPREC_CONFIG_DIR=" + config}, filepath.Join(b.bin, "rtsprec"), "record", "-q", "--transport", "tcp",
			"-i", "film="+url, "-t", length, "--preset", "bench", "--video", "h264", "--size", "720p", "--device", "none", "-o", dir)
		if err != nil {
			return err
		}
		mine, err := recording.wait(3)
		if err != nil && strings.Contains(err.Error(), "no codecs") {
			b.unmeasured("transcode: CPU of rtsprec / of ffmpeg", "this build has no codecs")
			return nil
		}
		if err != nil {
			return err
		}
		peer, err := start(nil, nil, "ffmpeg", "-nostdin", "-v", "error", "-rtsp_transport", "tcp", "-i", url, "-t", length,
			"-vf", "scale=1280:720", "-c:v", "libx264", "-preset", "veryfast", "-b:v", "2400k", "-maxrate", "2400k", "-bufsize", "2400k",
			"-g", "50", "-bf", "0", "-an", "-y", filepath.Join(b.dir, "transcoded.mp4"))
		if err != nil {
			return err
		}
		other, err := peer.wait()
		if err != nil {
			return err
		}
		came, missing, err := transcoded(dir)
		if err != nil {
			return err
		}
		pictures, lost = pictures+came, lost+missing
		memory, others = max(memory, mine.Memory), max(others, other.Memory)
		ratios = append(ratios, mine.CPU.Seconds()/other.CPU.Seconds())
		ours, theirs = append(ours, mine.CPU.Seconds()/b.time.Seconds()), append(theirs, other.CPU.Seconds()/b.time.Seconds())
	}
	ratio := median(ratios)
	b.add("transcode: CPU of rtsprec / of ffmpeg", ratio, "", "≤ 0.9", ratio <= 0.9,
		fmt.Sprintf("H.265 1080p25 to H.264 720p25 live: %.2f and %.2f cores; the middle one of %d pairs, %.3f to %.3f",
			median(ours), median(theirs), rounds, slices.Min(ratios), slices.Max(ratios)))
	b.add("transcode: pictures left out", float64(lost), "", "0", lost == 0, fmt.Sprintf("of %d", pictures))
	b.info("transcode: memory", float64(memory)/1e6, "MB", fmt.Sprintf("ffmpeg %.0f MB", float64(others)/1e6))
	return nil
}

// transcoded counts the pictures of a recording, and those that its damage says are missing.
func transcoded(dir string) (pictures, lost int64, err error) {
	rec, err := archive.Load(vfs.OS(), dir)
	if err != nil {
		return 0, 0, err
	}
	for _, c := range rec.Cameras {
		for _, s := range c.Segments {
			for _, t := range s.Tracks {
				if t.Codec == media.H264 {
					pictures += t.Units
				}
			}
		}
		for _, d := range c.Damage {
			lost += d.Lost
		}
	}
	if pictures == 0 {
		return 0, 0, fmt.Errorf("nothing is recorded in %s", dir)
	}
	return pictures, lost, nil
}
