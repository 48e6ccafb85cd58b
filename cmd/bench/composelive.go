package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/av"
	"rtsprec/engine/media"
	"rtsprec/engine/rtsp"
	"rtsprec/engine/testcard"
)

// composeLive puts four live cameras into a grid: what it costs, whether every picture of
// the output is there, and what memory it takes.
func (b *bench) composeLive() error {
	four, err := b.films("1920x1080", "1920x1080", "1920x1080", "1920x1080")
	if err != nil {
		return err
	}
	urls, stop, err := b.pushed(four)
	if err != nil {
		return err
	}
	defer stop()
	dir := filepath.Join(b.dir, "composed-live")
	args := []string{"--layout", "grid-2x2", "--transport", "tcp", "-t", fmt.Sprintf("%.0f", b.time.Seconds()), "-o", dir}
	for i, url := range urls {
		args = append(args, "-i", fmt.Sprintf("c%d=%s", i, url))
	}
	spent, _, none, err := b.composes(args...)
	if none {
		b.unmeasured("compose live", "this build has no codecs")
		return nil
	}
	if err != nil {
		return err
	}
	pictures, _, err := transcoded(dir)
	if err != nil {
		return err
	}
	due := int64(b.time.Seconds()*30 + 0.5)
	b.add("compose live 4 x 1080p30: pictures left out", float64(due-pictures), "", "0", pictures >= due,
		fmt.Sprintf("of %d, %.2f cores", due, spent.CPU.Seconds()/b.time.Seconds()))
	b.add("compose live 4 x 1080p30: memory", float64(spent.Memory)/1e6, "MB", "≤ 250", spent.Memory <= 250e6, "")
	return nil
}

// composeRecorded composes a recording of two cameras, and compares its pace with that of
// the encoder alone.
func (b *bench) composeRecorded() error {
	const name = "compose of recordings / the encoder alone"
	coder := av.New(av.Options{})
	if coder == nil {
		b.unmeasured(name, "this build has no codecs")
		return nil
	}
	two, err := b.films("1920x1080", "1920x1080")
	if err != nil {
		return err
	}
	out := filepath.Join(b.dir, "recorded.mp4")
	_, wall, _, err := b.composes("--layout", "pip", "-i", two[0], "-i", two[1], "-o", out)
	if err != nil {
		return err
	}
	alone, err := encoderAlone(coder, out)
	if err != nil {
		return err
	}
	pace := composeSpan.Seconds() * 30 / wall.Seconds()
	b.add(name, pace/alone, "", "≥ 0.9", pace/alone >= 0.9, fmt.Sprintf("%.0f and %.0f pictures a second", pace, alone))
	return nil
}

// encoderAlone is how many pictures a second the encoder takes that are there already: the
// film's first ones, over and over.
func encoderAlone(coder media.Coder, film string) (float64, error) {
	ctx := context.Background()
	source, err := coder.File(ctx, film, time.Now())
	if err != nil {
		return 0, err
	}
	defer source.Close()
	decoder, err := coder.PictureDecoder(source.Run().Tracks[0], media.DecodeOptions{})
	if err != nil {
		return 0, err
	}
	defer decoder.Close()
	var pictures []media.Picture
	for len(pictures) < 60 {
		au, err := source.Next(ctx)
		if err != nil {
			return 0, err
		}
		list, err := decoder.Decode(au)
		if err != nil {
			return 0, err
		}
		pictures = append(pictures, list...)
	}
	encoder, err := coder.PictureEncoder(media.EncodeOptions{
		Codec: media.H264, Width: 1920, Height: 1080, FPS: 30, Bitrate: 4e6, MaxBitrate: 4e6, Preset: "ultrafast", LowLatency: true, Threads: 1, Device: "none",
	})
	if err != nil {
		return 0, err
	}
	defer encoder.Close()
	canvas, err := coder.Canvas(media.CanvasOptions{Width: 1920, Height: 1080})
	if err != nil {
		return 0, err
	}
	defer canvas.Close()
	took, n := time.Duration(0), 300
	for i := range n {
		p := pictures[i%len(pictures)]
		if err := canvas.Draw(p, image.Rectangle{}, image.Rect(0, 0, 1920, 1080)); err != nil {
			return 0, err
		}
		q, err := canvas.Picture(media.Ticks(i*3000), time.Now())
		if err != nil {
			return 0, err
		}
		began := time.Now()
		_, err = encoder.Encode(q, false)
		took += time.Since(began)
		q.Release()
		if err != nil {
			return 0, err
		}
	}
	for _, p := range pictures {
		p.Release()
	}
	return float64(n) / took.Seconds(), nil
}

// latency follows pictures of a test source on their whole way: encoded, served, composed,
// encoded, served, and decoded here.
func (b *bench) latency() error {
	const name = "end to end: test picture to composed picture"
	coder := av.New(av.Options{})
	if coder == nil {
		b.unmeasured(name, "this build has no codecs")
		return nil
	}
	from, err := freeAddress()
	if err != nil {
		return err
	}
	to, err := freeAddress()
	if err != nil {
		return err
	}
	for _, args := range [][]string{
		{"serve", "-q", "--rtsp", from, "--http", "", "--udp", "0", "-i", "cam=testsrc://1280x720@30?audio=none"},
		{"compose", "-q", "--transport", "tcp", "-i", "cam=rtsp://" + from + "/cam", "--layout", "single", "--label", "off", "--audio", "none",
			"--device", "none", "--preset", "low-latency", "--size", "1280x720", "--listen", to},
	} {
		p, err := start(nil, nil, filepath.Join(b.bin, "rtsprec"), args...)
		if err != nil {
			return err
		}
		defer func() { p.cmd.Process.Signal(syscall.SIGINT); p.wait(-1, 0, 3, 4) }()
		time.Sleep(2 * time.Second)
	}
	ages, err := watchCards(coder, "rtsp://"+to+"/composed", min(b.time, 20*time.Second))
	if err != nil {
		return err
	}
	slices.Sort(ages)
	p50, p95 := ages[len(ages)/2], ages[len(ages)*95/100]
	b.add(name+", p50", float64(p50.Milliseconds()), "ms", "≤ 80", p50 <= 80*time.Millisecond, fmt.Sprintf("%d pictures of 720p30", len(ages)))
	b.add(name+", p95", float64(p95.Milliseconds()), "ms", "≤ 150", p95 <= 150*time.Millisecond, "")
	return nil
}

// watchCards decodes a live stream and returns how old what it shows is, for each picture.
func watchCards(coder media.Coder, url string, span time.Duration) ([]time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), span+10*time.Second)
	defer cancel()
	s, err := engine.DialRTSP(ctx, rtsp.Options{URL: url, Transport: rtsp.TCP, Clock: media.SystemClock{}})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var ages []time.Duration
	var decoder media.PictureDecoder
	for began := time.Now(); time.Since(began) < span; {
		au, err := s.Next(ctx)
		if errors.Is(err, io.EOF) || err != nil && strings.Contains(err.Error(), "deadline") {
			break
		}
		if err != nil {
			return nil, err
		}
		track := s.Run().Tracks[au.Track]
		if !track.Codec.Video() || decoder == nil && !au.Key {
			continue
		}
		if decoder == nil {
			if au.Config != nil {
				track.Config = au.Config
			}
			if decoder, err = coder.PictureDecoder(track, media.DecodeOptions{}); err != nil {
				return nil, err
			}
			defer decoder.Close()
		}
		list, err := decoder.Decode(au)
		if err != nil {
			return nil, err
		}
		for _, p := range list {
			if at, ok := testcard.Read(p.(media.Lumaer).Luma(), image.Rect(0, 0, 1280, 720)); ok && time.Since(began) > 2*time.Second {
				ages = append(ages, time.Since(at))
			}
			p.Release()
		}
	}
	if len(ages) < 30 {
		return nil, fmt.Errorf("only %d pictures came of %s", len(ages), url)
	}
	return ages, nil
}
