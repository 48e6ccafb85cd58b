package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/testdata/peers"
)

// composeLiveTime is how long cameras that are not ours are composed: some seconds,
// or what RTSPREC_COMPOSE_TIME says, as in
//
//	RTSPREC_COMPOSE_TIME=10m go test ./engine -run TestThreeGStreamerMounts -timeout 20m -v
func composeLiveTime(t *testing.T) (span time.Duration, long bool) {
	t.Helper()
	text := os.Getenv("RTSPREC_COMPOSE_TIME")
	if text == "" {
		return 12 * time.Second, false
	}
	span, err := time.ParseDuration(text)
	if err != nil || span < 12*time.Second {
		t.Fatalf("RTSPREC_COMPOSE_TIME=%s: at least 12s", text)
	}
	return span, true
}

func TestThreeGStreamerMountsComposeThoughOneIsKilledAndComesBack(t *testing.T) {
	span, long := composeLiveTime(t)
	alone(t)
	d, e := coding(t), &events{}
	d.Observe = e.add
	dir := t.TempDir()
	var inputs []engine.ComposeInput
	var servers []*peers.Server
	for _, mount := range []string{"h264-aac", "h265-aac", "mjpeg"} {
		s := peers.NewGStreamer(t, "--size", "320x180")
		servers = append(servers, s)
		inputs = append(inputs, liveInput(mount, s.URL+mount))
	}
	o := composing(t, "grid-2x2", inputs...)
	o.Out.Dir, o.Out.File, o.Control = filepath.Join(dir, "rec"), filepath.Join(dir, "out.mp4"), engine.NewController()
	type result struct {
		*engine.ComposeSummary
		error
	}
	done := make(chan result, 1)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() {
		s, err := engine.Compose(ctx, d, o)
		done <- result{s, err}
	}()
	shown := func(camera, state string) int {
		n := 0
		for _, is := range all[engine.InputShown](e) {
			if is.Camera == camera && is.State == state {
				n++
			}
		}
		return n
	}
	waitFor(t, "all three", func() bool {
		view, err := o.Control.Do(ctx, engine.Command{Do: "state"})
		live := 0
		for _, in := range view.Inputs {
			if in.State == "live" {
				live++
			}
		}
		return err == nil && live == 3
	})
	began := time.Now()
	<-time.After(time.Until(began.Add(span / 5))) // a part of the time without any trouble
	servers[1].Kill()
	waitFor(t, "a slate", func() bool { return shown("h265-aac", "dead") == 1 })
	if long {
		<-time.After(time.Until(began.Add(span / 2)))
	}
	servers[1].Restart(t)
	waitFor(t, "its return", func() bool { return shown("h265-aac", "live") == 1 })
	<-time.After(max(2*time.Second, time.Until(began.Add(span)))) // for the last pictures to be of all three
	stop()
	r := <-done
	if r.error != nil {
		t.Fatal(r.error)
	}
	if want := uint64(span.Seconds() * o.FPS); r.Pictures+r.Dropped < want || long && r.Dropped > 0 {
		t.Errorf("%d pictures and %d left out, of %d", r.Pictures, r.Dropped, want)
	}
	for _, name := range []string{"h264-aac", "mjpeg"} {
		if n := shown(name, "dead"); n > 0 {
			t.Errorf("%s was a slate %d times, and nothing was wrong with it", name, n)
		}
	}
	if n := shown("h265-aac", "frozen"); n != 1 {
		t.Errorf("the last picture of what was killed stood %d times", n)
	}
	wholeButSlow(t, d, o.Out.Dir)
	decodes(t, o.Out.Dir)
	everyPicture(t, timesOf(t, o.Out.File), o.FPS, r.Dropped)
	first, last := cellsAtEnd(t, o.Out.File, o.Size)
	for name, cell := range map[string]image.Rectangle{
		"h264-aac": image.Rect(0, 0, 320, 180), "h265-aac": image.Rect(320, 0, 640, 180), "mjpeg": image.Rect(0, 180, 320, 360),
	} {
		if stands(first, last, cell) {
			t.Errorf("%s does not move at the end", name)
		}
	}
	for _, in := range r.Inputs {
		t.Logf("%s: %d pictures, %d late, %d broken", in.Name, in.Pictures, in.Dropped, in.Broken)
	}
}

// cellsAtEnd are the first and the last picture of a file's last second.
func cellsAtEnd(t *testing.T, file string, size image.Point) (first, last *image.Gray) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "error", "-sseof", "-1", "-i", file, "-map", "0:v", "-f", "rawvideo", "-pix_fmt", "gray", "-").Output()
	bytesEach := size.X * size.Y
	if err != nil || len(out) < 2*bytesEach {
		t.Fatal(fmt.Errorf("%d bytes of the last second: %w", len(out), err))
	}
	picture := func(pix []byte) *image.Gray {
		return &image.Gray{Pix: pix[:bytesEach], Stride: size.X, Rect: image.Rectangle{Max: size}}
	}
	return picture(out), picture(out[len(out)-bytesEach:])
}

// stands reports whether two pictures are equal in a part, but for what an encoder does.
func stands(a, b *image.Gray, part image.Rectangle) bool {
	differ := 0
	for y := part.Min.Y; y < part.Max.Y; y++ {
		i, j := a.PixOffset(part.Min.X, y), b.PixOffset(part.Min.X, y)
		ra, rb := a.Pix[i:i+part.Dx()], b.Pix[j:j+part.Dx()]
		if bytes.Equal(ra, rb) {
			continue
		}
		for x := range ra {
			if max(ra[x], rb[x])-min(ra[x], rb[x]) > 64 {
				differ++
			}
		}
	}
	return differ < 20
}
