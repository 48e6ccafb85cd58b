package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"rtsprec/engine/av"
	"rtsprec/engine/media"
)

// hardwareStreams pictures of 1080p at 30 a second are decoded at the same time.
const hardwareStreams = 8

// hardware compares decoding on a device with decoding in software, in real time: what
// each costs of the processor.
func (b *bench) hardware() error {
	const name = "8 x 1080p30 decoded on a device"
	coder := av.New(av.Options{})
	if coder == nil {
		b.unmeasured(name, "this build has no codecs")
		return nil
	}
	ways := coder.Devices(context.Background())
	i := slices.IndexFunc(ways, func(d media.Device) bool {
		return d.Name != "software" && slices.Contains(d.Decode, media.H264)
	})
	if i < 0 {
		b.unmeasured(name, "no device")
		return nil
	}
	file := filepath.Join(b.dir, "hardware.mp4")
	seconds := min(max(b.time/3, 5*time.Second), 20*time.Second).Seconds()
	p, err := start(nil, nil, "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=1920x1080:r=30,noise=alls=6:allf=t",
		"-t", fmt.Sprint(seconds), "-c:v", "libx264", "-preset", "veryfast", "-b:v", "4M", "-maxrate", "4M", "-bufsize", "4M", "-g", "60", "-pix_fmt", "yuv420p", file)
	if err != nil {
		return err
	}
	if _, err := p.wait(); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cost := map[string]float64{}
	for _, device := range []string{"none", ways[i].Name} {
		p, err := start(nil, nil, self, "decode", device, file, strconv.Itoa(hardwareStreams))
		if err != nil {
			return err
		}
		spent, err := p.wait()
		if err != nil {
			return err
		}
		cost[device] = spent.CPU.Seconds() / seconds
		b.info(name+": "+device, cost[device], "cores", "in real time")
	}
	ratio := cost[ways[i].Name] / cost["none"]
	b.add(name, ratio, "of software", "<= 0.40", ratio <= 0.40, ways[i].Name+" "+ways[i].Detail)
	return nil
}

// decode is the child that hardware starts: it decodes a file several times at once, at
// its own pace, and fails when it cannot keep it or a device gives up.
func decode(device, file, streams string) error {
	n, err := strconv.Atoi(streams)
	if err != nil {
		return err
	}
	coder := av.New(av.Options{})
	var wg sync.WaitGroup
	failures := make([]error, n)
	begin := time.Now().Add(2 * time.Second) // all are open by then
	for i := range n {
		wg.Go(func() { failures[i] = decodeOne(coder, device, file, begin) })
	}
	wg.Wait()
	return errors.Join(failures...)
}

func decodeOne(coder media.Coder, device, file string, begin time.Time) error {
	src, err := coder.File(context.Background(), file, begin)
	if err != nil {
		return err
	}
	defer src.Close()
	var trouble error
	d, err := coder.PictureDecoder(src.Run().Tracks[0], media.DecodeOptions{Device: device, Observe: func(note string) { trouble = errors.New(note) }})
	if err != nil {
		return err
	}
	defer d.Close()
	pictures := 0
	for {
		au, err := src.Next(context.Background())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		time.Sleep(time.Until(au.Wall))
		out, err := d.Decode(au)
		for _, p := range out {
			p.Release()
		}
		if pictures += len(out); err != nil {
			return err
		}
		if trouble != nil {
			return trouble
		}
		if late := time.Since(au.Wall); late > time.Second {
			return fmt.Errorf("%s is %v late after %d pictures", device, late, pictures)
		}
	}
	out, err := d.Flush()
	for _, p := range out {
		p.Release()
	}
	if pictures += len(out); pictures == 0 {
		return errors.New("no picture came out")
	}
	return err
}
