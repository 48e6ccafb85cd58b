package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// usage is what a process cost.
type usage struct {
	CPU    time.Duration // user and system
	Memory int64         // most bytes resident at a time
}

// process is a child whose cost is counted.
type process struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
	memory int64
	done   chan struct{}
}

// start runs a program; its standard output goes to out (may be nil).
func start(out *bytes.Buffer, env []string, name string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(name, args...), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stderr = &p.stderr
	if out != nil {
		p.cmd.Stdout = out
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go p.watch()
	return p, nil
}

// watch samples the peak of the resident set: the kernel's own count for a child
// begins with what its parent had.
func (p *process) watch() {
	status := fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid)
	for {
		select {
		case <-p.done:
			return
		case <-time.After(100 * time.Millisecond):
		}
		text, err := os.ReadFile(status)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 1 && f[0] == "VmHWM:" {
				if kb, err := strconv.ParseInt(f[1], 10, 64); err == nil {
					p.memory = max(p.memory, kb<<10)
				}
			}
		}
	}
}

// wait returns what the process cost. An exit status listed in allowed is no error.
func (p *process) wait(allowed ...int) (usage, error) {
	err := p.cmd.Wait()
	close(p.done)
	for _, code := range allowed {
		if p.cmd.ProcessState.ExitCode() == code {
			err = nil
		}
	}
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", filepath.Base(p.cmd.Path), err, bytes.TrimSpace(p.stderr.Bytes()))
	}
	return usage{p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime(), p.memory}, err
}

// cameras starts the scripted camera with the given paths and returns its URL up to the paths.
func (b *bench) cameras(ctx context.Context, paths ...string) (url string, stop func(), err error) {
	args := []string{"--listen", "127.0.0.1:0"}
	for _, p := range paths {
		args = append(args, "--path", p)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(b.bin, "rtspcam"), args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() { cmd.Process.Kill(); cmd.Wait() }
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if urls, ok := strings.CutPrefix(lines.Text(), "ready "); ok {
			first, _, _ := strings.Cut(urls, " ")
			return first[:strings.LastIndex(first, "/")+1], stop, nil
		}
	}
	stop()
	return "", nil, fmt.Errorf("rtspcam did not get ready")
}
