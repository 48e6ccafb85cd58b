package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"rtsprec/engine/rtspcam"
)

const (
	kills   = 10
	outages = 4
	frame   = 40 * time.Millisecond
)

// paths are three cameras of 25 frames a second with a GOP of one second.
var paths = map[string]rtspcam.Stream{"a": "h264+aac", "b": "h265+aac", "c": "mpeg4+pcma"}

// withCamera serves paths for as long as f runs.
func withCamera(f func(cam *rtspcam.Camera) error) error {
	cam, err := rtspcam.New(rtspcam.Options{Paths: paths})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- cam.Serve(ctx, l) }()
	for cam.Addr() == nil { // its URLs are known from then on
		time.Sleep(time.Millisecond)
	}
	err = f(cam)
	cancel()
	return errors.Join(err, <-served)
}

// recorder starts rtsprec on the cameras.
func (b *bench) recorder(cam *rtspcam.Camera, dir string, args ...string) (*process, error) {
	args = append([]string{"record", "-q", "--transport", "tcp", "-o", dir}, args...)
	for path := range paths {
		args = append(args, "-i", path+"="+cam.URL(path))
	}
	return start(nil, nil, filepath.Join(b.bin, "rtsprec"), args...)
}

// kill kills recorders at random moments and measures what each camera lost: from the
// end of its last picture on the disk to the kill.
func (b *bench) kill() error {
	var worst time.Duration
	unreadable, why := 0, ""
	err := withCamera(func(cam *rtspcam.Camera) error {
		for i := range kills {
			dir := filepath.Join(b.dir, fmt.Sprintf("kill-%d", i))
			p, err := b.recorder(cam, dir)
			if err != nil {
				return err
			}
			time.Sleep(3*time.Second + rand.N(2*time.Second))
			at := time.Now()
			p.cmd.Process.Signal(syscall.SIGKILL)
			p.wait(-1)
			_, err = b.runAllowing([]int{3}, "resume", "--repair", dir)
			if err == nil {
				_, err = b.runAllowing([]int{3}, "verify", "-q", dir)
			}
			if err != nil {
				unreadable++
				why = err.Error()
			}
			for path := range paths {
				marks, err := rtspcam.Recorded(filepath.Join(dir, path))
				if err != nil || len(marks) == 0 {
					return fmt.Errorf("nothing of camera %s: %w", path, err)
				}
				end := marks[len(marks)-1].Capture.Add(frame) // of the last picture that is there
				worst = max(worst, at.Sub(end))
			}
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	b.add("kill -9, most lost of a camera", float64(worst.Milliseconds()), "ms", "<= 300", worst <= 300*time.Millisecond,
		fmt.Sprintf("%d kills of 3 cameras", kills))
	b.add("kill -9, not readable or not verified", float64(unreadable), "recordings", "0", unreadable == 0, why)
	return nil
}

// outage cuts cameras off and measures how long after they listen again media flows.
func (b *bench) outage() error {
	var worst time.Duration
	err := withCamera(func(cam *rtspcam.Camera) error {
		dir := filepath.Join(b.dir, "outage")
		p, err := b.recorder(cam, dir)
		if err != nil {
			return err
		}
		time.Sleep(3 * time.Second)
		var back []time.Time
		for range outages {
			length := 3*time.Second + rand.N(time.Second)
			cam.Drop(length)
			back = append(back, time.Now().Add(length))
			time.Sleep(length + 4*time.Second)
		}
		p.cmd.Process.Signal(syscall.SIGINT)
		if _, err := p.wait(3); err != nil {
			return err
		}
		for path := range paths {
			marks, err := rtspcam.Recorded(filepath.Join(dir, path))
			if err != nil {
				return err
			}
			for _, at := range back {
				worst = max(worst, firstAfter(marks, at).Sub(at))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	const gop = time.Second
	b.add("camera back after an outage", float64(worst.Milliseconds()), "ms", "<= 500 + GOP", worst <= 500*time.Millisecond+gop,
		fmt.Sprintf("%d outages of 3 to 4 s, 3 cameras, GOP 1000 ms; worst", outages))
	return nil
}

// firstAfter returns the capture time of the first unit captured after t, or a time far
// in the future.
func firstAfter(marks []rtspcam.Mark, t time.Time) time.Time {
	for _, m := range marks {
		if m.Capture.After(t) {
			return m.Capture
		}
	}
	return t.Add(time.Hour)
}
