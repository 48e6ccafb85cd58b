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
	"rtsprec/presets"
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

// composeRecorded composes recordings of two cameras by one preset after the other, and
// compares the pace with that of the encoder alone, which has the same pictures and as many
// threads. On two processors what is decoded takes from the encoder what it costs: a quick
// encoder waits, one that takes its time hardly notices.
func (b *bench) composeRecorded() error {
	coder := av.New(av.Options{})
	if coder == nil {
		b.unmeasured("compose of recordings / the encoder alone", "this build has no codecs")
		return nil
	}
	two, err := b.films("1920x1080", "1920x1080")
	if err != nil {
		return err
	}
	set, err := presets.Load()
	if err != nil {
		return err
	}
	for _, preset := range []string{"low-latency", "meeting", "lecture", "archive"} {
		settings, err := set.Encoder(preset)
		if err != nil {
			return err
		}
		o := settings.Picture(1920, 1080, 30)
		o.Threads, o.Device = engine.EncoderThreads(o), "none"
		var ratios, paces, alones []float64
		// What is quick is quickly disturbed: the middle one of several, up to a minute of them.
		for began := time.Now(); len(ratios) < 5 && time.Since(began) < time.Minute; {
			_, wall, _, err := b.composes("--preset", preset, "--fps", "30", "--layout", "pip", "-i", two[0], "-i", two[1],
				"-o", filepath.Join(b.dir, "recorded.mp4"))
			if err != nil {
				return err
			}
			pace := composeSpan.Seconds() * 30 / wall.Seconds()
			alone, err := encoderAlone(coder, two, o)
			if err != nil {
				return err
			}
			ratios, paces, alones = append(ratios, pace/alone), append(paces, pace), append(alones, alone)
		}
		ratio := median(ratios)
		b.add("compose of recordings, "+preset+" / the encoder alone", ratio, "", "≥ 0.9", ratio >= 0.9,
			fmt.Sprintf("%.0f and %.0f pictures a second; the middle one of %d pairs, %.3f to %.3f",
				median(paces), median(alones), len(ratios), slices.Min(ratios), slices.Max(ratios)))
	}
	return nil
}

// encoderAlone is how many pictures a second the encoder takes that lie ready: the first
// seconds of the films, the second in the first, over and over. They are composed before:
// an encoder with threads of its own goes on between two calls.
func encoderAlone(coder media.Coder, films []string, o media.EncodeOptions) (float64, error) {
	canvas, err := coder.Canvas(media.CanvasOptions{Width: o.Width, Height: o.Height})
	if err != nil {
		return 0, err
	}
	defer canvas.Close()
	whole := image.Rect(0, 0, o.Width, o.Height)
	inset := image.Rect(o.Width*72/100, o.Height*72/100, o.Width*97/100, o.Height*97/100)
	const ready = 60
	var pictures [2][]media.Picture
	defer func() { letGo(append(pictures[0], pictures[1]...)) }()
	for i, film := range films {
		if pictures[i], err = firstPictures(coder, film, ready); err != nil {
			return 0, err
		}
	}
	encoder, err := coder.PictureEncoder(o)
	if err != nil {
		return 0, err
	}
	defer encoder.Close()
	var composed []media.Picture
	defer func() { letGo(composed) }()
	for n := range 8 * ready {
		for i, at := range []image.Rectangle{whole, inset} {
			if err := canvas.Draw(pictures[i][n%ready], image.Rectangle{}, at); err != nil {
				return 0, err
			}
		}
		p, err := canvas.Picture(media.Ticks(n*3000), time.Now())
		if err != nil {
			return 0, err
		}
		composed = append(composed, p)
	}
	began := time.Now()
	for _, p := range composed {
		if _, err := encoder.Encode(p, false); err != nil {
			return 0, err
		}
	}
	_, err = encoder.Flush()
	return float64(len(composed)) / time.Since(began).Seconds(), err
}

// firstPictures decodes the first n pictures of a film.
func firstPictures(coder media.Coder, film string, n int) (pictures []media.Picture, err error) {
	ctx := context.Background()
	source, err := coder.File(ctx, film, time.Now())
	if err != nil {
		return nil, err
	}
	defer source.Close()
	decoder, err := coder.PictureDecoder(source.Run().Tracks[0], media.DecodeOptions{})
	if err != nil {
		return nil, err
	}
	defer decoder.Close()
	for len(pictures) < n {
		au, err := source.Next(ctx)
		if err != nil {
			return pictures, err
		}
		list, err := decoder.Decode(au)
		pictures = append(pictures, list...)
		if err != nil {
			return pictures, err
		}
	}
	return pictures, nil
}

func letGo(pictures []media.Picture) {
	for _, p := range pictures {
		p.Release()
	}
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
