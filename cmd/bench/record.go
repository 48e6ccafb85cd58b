package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

// heavy is the stream of the comparison: 1080p30 H.264 at 4 Mbit/s with AAC.
const heavy = "heavy+aac"

// record compares the cost of recording with ffmpeg's, over TCP and UDP, and shows
// that 64 streams cost per stream what 8 do.
func (b *bench) record() error {
	var perStream float64
	for _, transport := range []string{"tcp", "udp"} {
		ours, lost, err := b.ours(8, transport, true)
		if err != nil {
			return err
		}
		theirs, err := b.ffmpeg(8, transport)
		if err != nil {
			return err
		}
		cores := func(u usage) float64 { return 100 * u.CPU.Seconds() / b.time.Seconds() }
		b.info("8 streams "+transport+", rtsprec", cores(ours), "% of core", "")
		b.info("8 streams "+transport+", ffmpeg -c copy", cores(theirs), "% of core", "8 processes")
		ratio := ours.CPU.Seconds() / theirs.CPU.Seconds()
		b.add("8 streams "+transport+", CPU against ffmpeg", ratio, "ratio", "<= 0.40", ratio <= 0.40, "")
		b.add("8 streams "+transport+", packets lost", float64(lost), "packets", "0", lost == 0, "")
		b.info("8 streams "+transport+", memory of ffmpeg", float64(theirs.Memory)/(1<<20), "MB", "sum")
		mb := float64(ours.Memory) / (1 << 20)
		b.add("8 streams "+transport+", memory of rtsprec", mb, "MB", "<= 64", mb <= 64, "")
		if transport == "tcp" {
			perStream = ours.CPU.Seconds() / 8
		}
	}
	many, lost, err := b.ours(64, "tcp", false)
	if err != nil {
		return err
	}
	ratio := many.CPU.Seconds() / 64 / perStream
	b.add("64 streams tcp, CPU a stream against 8", ratio, "ratio", "<= 1.1", ratio <= 1.1, "")
	b.add("64 streams tcp, packets lost", float64(lost), "packets", "0", lost == 0, "")
	b.info("64 streams tcp, memory", float64(many.Memory)/(1<<20), "MB", "")
	return nil
}

// ours records n heavy streams and fails unless the recording verifies without a gap.
func (b *bench) ours(n int, transport string, profile bool) (usage, int64, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var paths []string
	for i := range n {
		paths = append(paths, fmt.Sprintf("cam%d=%s", i, heavy))
	}
	url, stop, err := b.cameras(ctx, paths...)
	if err != nil {
		return usage{}, 0, err
	}
	defer stop()
	dir := filepath.Join(b.dir, fmt.Sprintf("ours-%d-%s", n, transport))
	args := []string{"record", "-q", "--transport", transport, "-t", fmt.Sprint(b.time.Seconds()), "-o", dir}
	for i := range n {
		args = append(args, "-i", fmt.Sprintf("cam%d=%scam%d", i, url, i))
	}
	u, err := b.run(nil, nil, args...)
	if err != nil {
		return u, 0, err
	}
	lost, err := b.verified(dir)
	if err != nil || !profile {
		return u, lost, err
	}
	// The split is from a second, shorter run: a profiler costs time of its own.
	prof := filepath.Join(b.dir, transport+".pprof")
	args = append(args[:5:5], append([]string{fmt.Sprint(b.time.Seconds() / 2), "-o", dir + "-profile"}, args[8:]...)...)
	if _, err := b.run(nil, []string{"RTSPREC_CPUPROFILE=" + prof}, args...); err != nil {
		return u, lost, err
	}
	return u, lost, b.split(prof, "8 streams "+transport)
}

// run runs rtsprec to its end.
func (b *bench) run(out *bytes.Buffer, env []string, args ...string) (usage, error) {
	p, err := start(out, env, filepath.Join(b.bin, "rtsprec"), args...)
	if err != nil {
		return usage{}, err
	}
	return p.wait()
}

// runAllowing is run for commands whose exit code may also be one of those allowed.
func (b *bench) runAllowing(allowed []int, args ...string) (usage, error) {
	p, err := start(nil, nil, filepath.Join(b.bin, "rtsprec"), args...)
	if err != nil {
		return usage{}, err
	}
	return p.wait(allowed...)
}

// verified returns the packets lost according to verify, and an error when the
// recording has gaps or is damaged.
func (b *bench) verified(dir string) (lost int64, err error) {
	var out bytes.Buffer
	if _, err := b.run(&out, nil, "verify", "--json", dir); err != nil {
		return 0, err
	}
	var report struct {
		Cameras []struct {
			Damage []struct {
				Lost int64 `json:"lost"`
			} `json:"damage"`
		} `json:"cameras"`
	}
	if err := lastLine(out.Bytes(), &report); err != nil {
		return 0, err
	}
	for _, c := range report.Cameras {
		for _, d := range c.Damage {
			lost += d.Lost
		}
	}
	return lost, nil
}

// lastLine decodes the last JSON line of an output: the result.
func lastLine(out []byte, v any) error {
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	return json.Unmarshal(lines[len(lines)-1], v)
}

// ffmpeg records the same n streams, a process each, and sums up.
func (b *bench) ffmpeg(n int, transport string) (usage, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var paths []string
	for i := range n {
		paths = append(paths, fmt.Sprintf("cam%d=%s", i, heavy))
	}
	url, stop, err := b.cameras(ctx, paths...)
	if err != nil {
		return usage{}, err
	}
	defer stop()
	var all []*process
	for i := range n {
		p, err := start(nil, nil, "ffmpeg", "-nostdin", "-loglevel", "error", "-rtsp_transport", transport,
			"-i", fmt.Sprintf("%scam%d", url, i), "-c", "copy", "-t", fmt.Sprint(b.time.Seconds()),
			"-y", filepath.Join(b.dir, fmt.Sprintf("ffmpeg-%s-%d.mp4", transport, i)))
		if err != nil {
			return usage{}, err
		}
		all = append(all, p)
	}
	var sum usage
	for _, p := range all {
		u, err := p.wait()
		if err != nil {
			return sum, err
		}
		sum.CPU += u.CPU
		sum.Memory += u.Memory
	}
	return sum, nil
}

// groups split a CPU profile by what the time was spent for: each regular expression
// is matched against the functions of a stack; the first group that matches has it.
var groups = []struct{ name, focus string }{
	{"hash", `crypto/sha256|crypto/internal/fips140/sha256|hash/crc32`},
	{"sync", `Sync|SyncDir|[Ff]datasync`},
	{"write", `engine/segment|engine/vfs|engine/journal`},
	{"receive", `gortsplib.*[Rr]ead|internal/poll.*Read|recvmmsg|ReadBatch|netpoll|epoll`},
	{"depacketise", `engine/rtsp|gortsplib|mediacommon|pion`},
}

var total = regexp.MustCompile(`Showing nodes accounting for [^,]+, ([0-9.]+)% of`)

// split says where the time of a profile went.
func (b *bench) split(prof, what string) error {
	ignore := ""
	rest := 100.0
	for _, g := range groups {
		args := []string{"tool", "pprof", "-top", "-nodefraction=0", "-focus", g.focus}
		if ignore != "" {
			args = append(args, "-ignore", ignore)
		}
		out, err := exec.Command("go", append(args, filepath.Join(b.bin, "rtsprec"), prof)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("pprof: %w: %s", err, out)
		}
		share := 0.0
		if m := total.FindSubmatch(out); m != nil {
			share, _ = strconv.ParseFloat(string(m[1]), 64)
		}
		b.info(what+", share of "+g.name, share, "%", "")
		rest -= share
		if ignore != "" {
			ignore += "|"
		}
		ignore += g.focus
	}
	b.info(what+", share of the rest", rest, "%", "runtime, timers, engine")
	return nil
}
