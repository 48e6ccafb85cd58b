package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"syscall"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/media"
	"rtsprec/engine/rtspcam"
	"rtsprec/engine/vfs"
)

// relayAway is for how long the target of a relay is away.
const relayAway = 60 * time.Second

// relay pushes a camera to a recording server, through a spool, and takes the server away:
// stopped in order, and killed. What it has recorded in the end, as it serves it, must be
// every picture, once.
func (b *bench) relay() error {
	for _, how := range []struct {
		name   string
		signal syscall.Signal
	}{{"away", syscall.SIGINT}, {"killed", syscall.SIGKILL}} {
		err := withCamera(func(cam *rtspcam.Camera) error { return b.relayTo(cam, how.name, how.signal) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) relayTo(cam *rtspcam.Camera, name string, signal syscall.Signal) error {
	target, err := freeAddress()
	if err != nil {
		return err
	}
	far, spool := filepath.Join(b.dir, "relay-"+name), filepath.Join(b.dir, "spool-"+name)
	serve := func() (*process, error) {
		return start(nil, nil, filepath.Join(b.bin, "rtsprec"), "serve", "-q", "--rtsp", target, "--http", "", "--udp", "0", "--record", far)
	}
	server, err := serve()
	if err != nil {
		return err
	}
	relay, err := start(nil, nil, filepath.Join(b.bin, "rtsprec"), "relay", "-q", "--transport", "tcp",
		"-i", "a="+cam.URL("a"), "-o", "rtsp://"+target+"/a", "--spool", spool, "--pace", "8")
	if err != nil {
		return err
	}
	time.Sleep(10 * time.Second)
	server.cmd.Process.Signal(signal)
	server.wait(-1)
	time.Sleep(relayAway)
	if server, err = serve(); err != nil {
		return err
	}
	back := time.Now()
	for { // until it has what was captured when it came back
		marks, err := rtspcam.Recorded(filepath.Join(far, "a"))
		if err == nil && len(marks) > 0 && marks[len(marks)-1].Capture.After(back) {
			break
		}
		if time.Since(back) > 2*relayAway {
			return fmt.Errorf("%s: what was spooled does not arrive", name)
		}
		time.Sleep(100 * time.Millisecond)
	}
	caught := time.Since(back)
	for _, p := range []*process{relay, server} {
		p.cmd.Process.Signal(syscall.SIGINT)
		p.wait(-1)
	}
	lost, doubled, all, err := played(far, "a")
	if err != nil {
		return err
	}
	note := fmt.Sprintf("of %d, target %s for %v, caught up after %.1f s", all, name, relayAway, caught.Seconds())
	b.add("relay with spool, target "+name+": lost", float64(lost), "units", "0", lost == 0, note)
	b.add("relay with spool, target "+name+": doubled", float64(doubled), "units", "0", doubled == 0, "")
	return nil
}

// played counts the pictures of a recorded path as they are served.
func played(dir, path string) (lost, doubled, all int, err error) {
	ctx := context.Background()
	source, err := archive.NewLibrary(vfs.OS(), media.SystemClock{}, dir).Play(ctx, path, time.Time{}, time.Time{}, false, false)
	if err != nil {
		return 0, 0, 0, err
	}
	defer source.Close()
	seen := map[uint64]int{}
	least, most := ^uint64(0), uint64(0)
	for {
		au, err := source.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, 0, 0, err
		}
		codec := source.Run().Tracks[au.Track].Codec
		if m, ok := rtspcam.ReadMark(codec, au.Data); ok && codec.Video() {
			if seen[m.Counter]++; seen[m.Counter] > 1 {
				doubled++
			}
			least, most = min(least, m.Counter), max(most, m.Counter)
		}
	}
	if len(seen) == 0 {
		return 0, 0, 0, fmt.Errorf("nothing is recorded in %s", dir)
	}
	return int(most-least) + 1 - len(seen), doubled, len(seen), nil
}
