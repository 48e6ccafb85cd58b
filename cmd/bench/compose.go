package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// composeSpan is how much film is composed.
const composeSpan = 20 * time.Second

// film makes 1080p30 H.264 of 4 Mbit/s, or what the size says, each its own.
func (b *bench) film(n int, size string) (string, error) {
	name := filepath.Join(b.dir, fmt.Sprintf("film-%d-%s.mp4", n, size))
	if _, err := os.Stat(name); err == nil {
		return name, nil
	}
	rate := "4M"
	if size != "1920x1080" {
		rate = "800k"
	}
	p, err := start(nil, nil, "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i",
		fmt.Sprintf("testsrc2=s=%s:r=30,hue=h=%d,noise=alls=6:allf=t", size, 80*n), "-t", fmt.Sprint(composeSpan.Seconds()),
		"-c:v", "libx264", "-preset", "veryfast", "-b:v", rate, "-maxrate", rate, "-bufsize", rate, "-g", "60", "-pix_fmt", "yuv420p", "-y", name)
	if err != nil {
		return "", err
	}
	_, err = p.wait()
	return name, err
}

func (b *bench) films(sizes ...string) (list []string, err error) {
	for i, size := range sizes {
		name, err := b.film(i, size)
		if err != nil {
			return nil, err
		}
		list = append(list, name)
	}
	return list, nil
}

// composePreset is the encoder of both.
const composePreset = `encoders:
  bench:
    about: what ffmpeg is told, too
    video: h264
    speed: ultrafast
    low_latency: true
    gop: 2s
    rates: {1080: 4M}
    peak: 1
    buffer: 1s
layouts:
  bench-pip: # the built-in one without a border, so that both draw the same picture
    about: one large, one small in the corner at the bottom right
    cells:
      - {id: main, x: 0, y: 0, w: 1, h: 1}
      - {id: inset, x: 0.72, y: 0.72, w: 1/4, h: 1/4, z: 1}
`

var theirEncoder = []string{"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-threads", "1", "-b:v", "4M", "-maxrate", "4M", "-bufsize", "4M", "-g", "60"}

// composes has rtsprec compose; noCodecs says that this build cannot.
func (b *bench) composes(args ...string) (spent usage, wall time.Duration, noCodecs bool, err error) {
	config := filepath.Join(b.dir, "compose-config")
	if err := os.MkdirAll(filepath.Join(config, "presets"), 0o755); err != nil {
		return spent, 0, false, err
	}
	if err := os.WriteFile(filepath.Join(config, "presets", "bench.yaml"), []byte(composePreset), 0o644); err != nil {
		return spent, 0, false, err
	}
	began := time.Now()
	p, err := start(nil, []string{"RTSPREC_CONFIG_DIR=" + config}, filepath.Join(b.bin, "rtsprec"), append([]string{
		"compose", "-q", "--preset", "bench", "--size", "1920x1080", "--fps", "30", "--label", "off", "--audio", "none", "--device", "none", "-y"}, args...)...)
	if err != nil {
		return spent, 0, false, err
	}
	spent, err = p.wait()
	return spent, time.Since(began), err != nil && strings.Contains(err.Error(), "no codecs"), err
}

// side is one comparison with ffmpeg.
type side struct {
	name, layout string
	films        []string
	filter       string // ffmpeg's, without the scaler's flags
	most         float64
}

// compose puts four films into a grid, and two into a picture in a picture: rtsprec and
// ffmpeg with the same encoder.
func (b *bench) compose() error {
	four, err := b.films("1920x1080", "1920x1080", "1920x1080", "1920x1080")
	if err != nil {
		return err
	}
	return b.against(side{
		name: "compose 4 x 1080p30", layout: "grid-2x2", films: four, most: 0.75,
		filter: "[0]scale=960:540FLAGS[a];[1]scale=960:540FLAGS[b];[2]scale=960:540FLAGS[c];[3]scale=960:540FLAGS[d];[a][b][c][d]xstack=inputs=4:layout=0_0|w0_0|0_h0|w0_h0",
	})
}

func (b *bench) pip() error {
	two, err := b.films("1920x1080", "640x360")
	if err != nil {
		return err
	}
	return b.against(side{
		name: "compose pip 1080p + 360p", layout: "bench-pip", films: two, most: 0.85,
		filter: "[1]scale=480:270FLAGS[a];[0][a]overlay=1382:778",
	})
}

func (b *bench) against(s side) error {
	mine, other := filepath.Join(b.dir, "composed.mp4"), filepath.Join(b.dir, "filtered.mp4")
	args := []string{"--layout", s.layout, "-o", mine}
	var inputs []string
	for _, f := range s.films {
		args = append(args, "-i", f)
		inputs = append(inputs, "-i", f)
	}
	theirs := append(append([]string{"-nostdin", "-v", "error"}, inputs...), "-filter_complex", strings.ReplaceAll(s.filter, "FLAGS", ""))
	theirs = append(append(theirs, theirEncoder...), "-y", other)
	// Machines that are shared differ from minute to minute: pairs, of which the middle one counts.
	type pair struct {
		ours, theirs usage
		ratio, pace  float64
	}
	var pairs []pair
	span := composeSpan.Seconds()
	for range 3 {
		cpu, wall, none, err := b.composes(args...)
		if none {
			b.unmeasured(s.name, "this build has no codecs")
			return nil
		}
		if err != nil {
			return err
		}
		p, err := start(nil, nil, "ffmpeg", theirs...)
		if err != nil {
			return err
		}
		peer, err := p.wait()
		if err != nil {
			return err
		}
		pairs = append(pairs, pair{cpu, peer, cpu.CPU.Seconds() / peer.CPU.Seconds(), span / wall.Seconds()})
	}
	slices.SortFunc(pairs, func(x, y pair) int { return cmp.Compare(x.ratio, y.ratio) })
	m := pairs[len(pairs)/2]
	b.add(s.name+": CPU / ffmpeg's", m.ratio, "", fmt.Sprintf("≤ %g", s.most), m.ratio <= s.most,
		fmt.Sprintf("%.2f and %.2f cores of real time, ours at %.1f times that; the middle one of %.3f to %.3f",
			m.ours.CPU.Seconds()/span, m.theirs.CPU.Seconds()/span, m.pace, pairs[0].ratio, pairs[len(pairs)-1].ratio))
	quality, err := b.psnr(mine, s, inputs)
	if err != nil {
		return err
	}
	reference, err := b.psnr(other, s, inputs)
	if err != nil {
		return err
	}
	b.add(s.name+": PSNR below ffmpeg's", reference-quality, "dB", "≤ 1", reference-quality <= 1, fmt.Sprintf("%.2f and %.2f dB", quality, reference))
	b.info(s.name+": memory", float64(m.ours.Memory)/1e6, "MB", fmt.Sprintf("ffmpeg %.0f MB", float64(m.theirs.Memory)/1e6))
	return nil
}

var psnrLine = regexp.MustCompile(`average:([0-9.]+)`)

// psnr compares a composition with the films scaled by swscale's bicubic.
func (b *bench) psnr(name string, s side, inputs []string) (float64, error) {
	filter := strings.ReplaceAll(s.filter, "FLAGS", ":flags=bicubic")
	args := append([]string{"-nostdin", "-v", "info"}, inputs...)
	args = append(args, "-i", name, "-filter_complex", filter+"[ref];["+strconv.Itoa(len(s.films))+"][ref]psnr", "-f", "null", "-")
	var out bytes.Buffer
	p, err := start(&out, nil, "ffmpeg", args...)
	if err != nil {
		return 0, err
	}
	if _, err := p.wait(); err != nil {
		return 0, err
	}
	found := psnrLine.FindStringSubmatch(p.stderr.String())
	if found == nil {
		return 0, fmt.Errorf("ffmpeg says no PSNR of %s", name)
	}
	return strconv.ParseFloat(found[1], 64)
}

// pushed serves films as live cameras, until stop is called.
func (b *bench) pushed(films []string) (urls []string, stop func(), err error) {
	address, err := freeAddress()
	if err != nil {
		return nil, nil, err
	}
	var all []*process
	stop = func() {
		for _, p := range all {
			p.cmd.Process.Signal(syscall.SIGINT)
			p.wait(-1, 0, 255)
		}
	}
	add := func(name string, args ...string) error {
		p, err := start(nil, nil, name, args...)
		if err == nil {
			all = append([]*process{p}, all...)
		}
		return err
	}
	if err = add(filepath.Join(b.bin, "rtsprec"), "serve", "-q", "--rtsp", address, "--http", "", "--udp", "0"); err != nil {
		return nil, nil, err
	}
	time.Sleep(time.Second)
	for i, f := range films {
		url := fmt.Sprintf("rtsp://%s/film-%d", address, i)
		if err = add("ffmpeg", "-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i", f, "-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp", url); err != nil {
			stop()
			return nil, nil, err
		}
		urls = append(urls, url)
	}
	time.Sleep(3 * time.Second)
	return urls, stop, nil
}
