package engine_test

import (
	"context"
	"image"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/rtspcam"
	"rtsprec/engine/testcard"
	"rtsprec/testdata/peers"
)

// mean is how bright a part of a picture is.
func mean(luma *image.Gray, part image.Rectangle) int {
	sum := 0
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			sum += int(luma.GrayAt(x, y).Y)
		}
	}
	return sum / (part.Dx() * part.Dy())
}

// differs reports whether a part of two pictures is not the same, but for coding.
func differs(a, b *image.Gray, part image.Rectangle) bool {
	sum := 0
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			sum += max(int(a.GrayAt(x, y).Y), int(b.GrayAt(x, y).Y)) - min(int(a.GrayAt(x, y).Y), int(b.GrayAt(x, y).Y))
		}
	}
	return sum > 2*part.Dx()*part.Dy()
}

func TestCase36InputsDeadFromTheStartDoNotStallThePicture(t *testing.T) {
	t.Parallel()
	d := coding(t)
	o := composing(t, "side-by-side", liveInput("nobody", "rtsp://127.0.0.1:1/a"), liveInput("neither", "rtsp://127.0.0.1:1/b"))
	o.Length, o.Out.Dir = 2*time.Second, filepath.Join(t.TempDir(), "rec")
	s, err := engine.Compose(t.Context(), d, o)
	if !fault.Is(err, fault.Unreachable) || s == nil {
		t.Fatalf("compose ended with %v", err)
	}
	verified(t, d, o.Out.Dir, archive.Clean)
	list := shownPictures(t, o.Out.Dir, o.Size)
	everyPicture(t, list, 25, s.Dropped)
	if len(list)+int(s.Dropped) != 50 {
		t.Errorf("%d pictures of 2 s", len(list))
	}
	// A slate is dark, and has a bright name in its middle.
	last := list[len(list)-1].luma
	for _, cell := range []image.Rectangle{leftHalf, rightHalf} {
		bright := 0
		for y := cell.Min.Y; y < cell.Max.Y; y++ {
			for x := cell.Min.X; x < cell.Max.X; x++ {
				if last.GrayAt(x, y).Y > 180 {
					bright++
				}
			}
		}
		if bright < 50 || mean(last, image.Rect(cell.Min.X, 0, cell.Max.X, 60)) > 80 {
			t.Errorf("no slate in %v: %d bright pixels", cell, bright)
		}
	}
}

func TestCase36AnInputThatGoesIsFrozenThenASlateThenBackAsAnother(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264", "b": "h264"}})
	d := coding(t)
	seen := &events{}
	d.Observe = seen.add
	o := composing(t, "side-by-side", liveInput("goes", cam.URL("a")), liveInput("stays", "testsrc://320x180@25?bitrate=2M"))
	o.Out.Dir, o.Control = filepath.Join(t.TempDir(), "rec"), engine.NewController()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var s *engine.ComposeSummary
	done := make(chan error, 1)
	go func() {
		var err error
		s, err = engine.Compose(ctx, d, o)
		done <- err
	}()
	state := func(want string) func() bool {
		return func() bool {
			now, err := o.Control.Do(ctx, engine.Command{Do: "state"})
			return err == nil && now.Inputs[0].State == want
		}
	}
	waitFor(t, "the input", state("live"))
	cam.Drop(8 * time.Second)
	waitFor(t, "its last picture to stand", state("frozen"))
	waitFor(t, "a slate", state("dead"))
	waitFor(t, "the input again", state("live"))
	<-time.After(time.Second) // some of it; not a wait for an event
	stop()
	if err := <-done; err != nil {
		t.Fatalf("compose ended with %v", err)
	}
	verified(t, d, o.Out.Dir, archive.Clean)
	list := shownPictures(t, o.Out.Dir, o.Size)
	everyPicture(t, list, 25, s.Dropped)
	stays := 0
	for _, p := range list {
		if _, ok := testcard.Read(p.luma, rightHalf); ok {
			stays++
		}
	}
	if stays < len(list)*8/10 {
		t.Errorf("the other input was there in %d of %d pictures", stays, len(list))
	}
	if !differs(list[0].luma, list[len(list)-1].luma, leftHalf) && !differs(list[len(list)/2].luma, list[len(list)-1].luma, leftHalf) {
		t.Error("the input that was away looks the same all the time")
	}
}

func TestAnInputMayBeBrokenInAnyWay(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{
		"sizes": "h264,parameters@1s,parameters@2s,parameters@3s", "other": "h264,become@2s=h265", "rough": "h264b,startcodes,zeronal",
		"lossy": "h265,loss=8%", "sound": "aac", "fast": "h264,clockstep@1s",
	}})
	d := coding(t)
	var inputs []engine.ComposeInput
	for _, path := range []string{"sizes", "other", "rough", "lossy", "sound", "fast"} {
		in := liveInput(path, cam.URL(path))
		if path == "lossy" {
			in.Camera.Transport = "udp"
		}
		inputs = append(inputs, in)
	}
	o := composing(t, "grid", inputs...)
	o.Length, o.Out.Dir = 5*time.Second, filepath.Join(t.TempDir(), "rec")
	s, err := engine.Compose(t.Context(), d, o)
	if err != nil {
		t.Fatalf("compose ended with %v", err)
	}
	verified(t, d, o.Out.Dir, archive.Clean)
	everyPicture(t, shownPictures(t, o.Out.Dir, o.Size), 25, s.Dropped)
	for _, in := range s.Inputs {
		if in.Name != "sound" && in.Pictures < 20 {
			t.Errorf("%+v", in)
		}
	}
}

func TestInputsOfAnySizeAreShown(t *testing.T) {
	t.Parallel()
	d := coding(t)
	peers.Need(t, "ffmpeg")
	dir := t.TempDir()
	var inputs []engine.ComposeInput
	for _, size := range []string{"1:1", "2:2000", "8192:8192", "333:111"} {
		name := filepath.Join(dir, strings.Replace(size, ":", "x", 1)+".mkv")
		run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=white:s=64x64:r=2:d=1", "-vf", "format=yuvj444p,scale="+size, "-c:v", "mjpeg", name)
		inputs = append(inputs, engine.ComposeInput{Name: "i" + strings.Replace(size, ":", "x", 1), File: name})
	}
	o := composing(t, "grid-2x2", inputs...)
	o.Out.File = filepath.Join(dir, "out.mp4")
	s, err := engine.Compose(t.Context(), d, o)
	if err != nil {
		t.Fatalf("compose: %v", err)
	}
	list := shownPictures(t, o.Out.File, o.Size)
	if len(list) != 25 || s.Pictures != 25 {
		t.Errorf("%d pictures of a second", len(list))
	}
	for i, center := range []image.Point{{160, 90}, {480, 90}, {160, 270}, {480, 270}} {
		if v := list[0].luma.GrayAt(center.X, center.Y).Y; v < 180 && inputs[i].Name != "i2x2000" {
			t.Errorf("%s: %d is not white", inputs[i].Name, v)
		}
	}
}

func TestACompositionIsPushedAndServed(t *testing.T) {
	t.Parallel()
	d := coding(t)
	d.Observe = nil
	seen := &events{}
	server := d
	server.Observe = seen.add
	serving, stopServer := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- engine.Serve(serving, server, engine.ServeOptions{RTSP: []string{"127.0.0.1:0"}, Paths: []engine.ServePath{{Name: "*"}}})
	}()
	defer func() { stopServer(); <-served }()
	waitFor(t, "the server", func() bool { return len(all[engine.Serving](seen)) == 1 })
	push := all[engine.Serving](seen)[0].URLs[0] + "wall"

	composed := &events{}
	d.Observe = composed.add
	o := composing(t, "grid", liveInput("a", "testsrc://320x180@25"))
	o.Out.Targets = []engine.RelayTarget{{URL: push}}
	o.Out.Listen = []string{"127.0.0.1:0"}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan error, 1)
	go func() {
		_, err := engine.Compose(ctx, d, o)
		done <- err
	}()
	waitFor(t, "the composition to be pushed", func() bool { return len(all[engine.TargetUp](composed)) == 1 })
	own := all[engine.Composing](composed)[0].URLs[0]
	dir := filepath.Join(t.TempDir(), "rec")
	_, err := engine.Record(t.Context(), d, engine.RecordOptions{Dir: dir, Length: 2 * time.Second, Cameras: []journal.Camera{
		camera("pushed", push, "tcp"), camera("served", own, "tcp"),
	}})
	if err != nil {
		t.Fatalf("record: %v", err)
	}
	stop()
	if err := <-done; err != nil {
		t.Fatalf("compose: %v", err)
	}
	for _, name := range []string{"pushed", "served"} {
		list := shownPictures(t, filepath.Join(dir, name), o.Size)
		if len(list) < 25 {
			t.Errorf("%s: %d pictures", name, len(list))
		}
		if _, ok := testcard.Read(list[len(list)-1].luma, whole); !ok {
			t.Errorf("%s: the input is not to be seen", name)
		}
	}
}

func TestACompositionIsSteeredOverASocket(t *testing.T) {
	t.Parallel()
	d := coding(t)
	path := filepath.Join(t.TempDir(), "ctl")
	// One that a process left that is gone.
	if l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"}); err == nil {
		l.SetUnlinkOnClose(false)
		l.Close()
	}
	l, err := engine.ListenControl(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket is %v, %v", info.Mode(), err)
	}
	if _, err := engine.ListenControl(t.Context(), path); !fault.Is(err, fault.Busy) {
		t.Errorf("a second one listens: %v", err)
	}
	o := composing(t, "grid", liveInput("a", "rtsp://127.0.0.1:1/a"))
	o.Out.Listen, o.Control = []string{"127.0.0.1:0"}, engine.NewController()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		engine.ServeControl(ctx, l, o.Control)
	}()
	composed := make(chan error, 1)
	go func() {
		_, err := engine.Compose(ctx, d, o)
		composed <- err
	}()
	state, err := engine.AskControl(ctx, path, engine.Command{Do: "layout", Name: "pip"})
	if err != nil || state.Layout != "pip" || state.Inputs[0].Cell != "main" {
		t.Errorf("%+v %v", state, err)
	}
	if _, err = engine.AskControl(ctx, path, engine.Command{Do: "layout", Name: "\x00"}); !fault.Is(err, fault.Usage) {
		t.Errorf("%v", err)
	}
	// Whoever talks nonsense, or too much, is answered or let go.
	peer, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	peer.Write([]byte("nonsense\n"))
	var answer [64]byte
	if n, err := peer.Read(answer[:]); err != nil || n == 0 {
		t.Errorf("no answer to nonsense: %v", err)
	}
	peer.Write(make([]byte, 1<<16))
	for _, err = peer.Read(answer[:]); err == nil; {
		_, err = peer.Read(answer[:])
	}
	peer.Close()
	stop()
	<-done
	<-composed
	if _, err := engine.AskControl(t.Context(), path, engine.Command{Do: "state"}); !fault.Is(err, fault.NotFound) {
		t.Errorf("after the end: %v", err)
	}
}

// What a composer left behind that was killed is repaired; nobody is dialled for it.
func TestAComposedRecordingIsRepairedNotResumed(t *testing.T) {
	t.Parallel()
	d := coding(t)
	o := composing(t, "side-by-side", liveInput("a", "testsrc://320x180@25?audio=none"), liveInput("b", "testsrc://320x180@25?audio=none"))
	o.Length, o.Out.Dir = time.Hour, filepath.Join(t.TempDir(), "rec")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); engine.Compose(ctx, d, o) }()
	defer func() { stop(); <-done }()
	left := filepath.Join(t.TempDir(), "left")
	waitFor(t, "something is committed", func() bool {
		os.RemoveAll(left)
		if os.CopyFS(left, os.DirFS(o.Out.Dir)) != nil {
			return false
		}
		rec, err := archive.Load(d.FS, left)
		return err == nil && len(rec.Cameras) == 1 && len(rec.Cameras[0].Segments) == 1 && rec.Cameras[0].Segments[0].Units() > 20
	})
	if _, err := engine.Resume(t.Context(), d, left, engine.ResumeOptions{}); err != nil {
		t.Fatal(err)
	}
	verified(t, d, left, archive.Incomplete) // interrupted, and that is all
}

func TestWhatCannotBeShownIsSaid(t *testing.T) {
	t.Parallel()
	d, e := coding(t), &events{}
	d.Observe = e.add
	film := filepath.Join(t.TempDir(), "film.mp4")
	o := composing(t, "pip", liveInput("a", "testsrc://320x180@25?audio=none"), liveInput("b", "testsrc://320x180@25?audio=none"), liveInput("c", "testsrc://320x180@25?audio=none"))
	o.Length, o.Audio, o.Out.File = time.Second, "none", film
	if _, err := engine.Compose(t.Context(), d, o); err != nil {
		t.Fatal(err)
	}
	if said := all[engine.Composing](e)[0]; strings.Join(said.Unseen, " ") != "c" || !strings.Contains(said.Text(time.UTC), "no cell for c") {
		t.Errorf("%+v", said)
	}
	// A file that was cut off before its first picture has ended, and says why it shows nothing.
	data, err := os.ReadFile(film)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.mp4")
	if err := os.WriteFile(cut, data[:3000], 0o644); err != nil {
		t.Fatal(err)
	}
	o = composing(t, "single", engine.ComposeInput{Name: "cut", File: cut})
	o.Out.File = filepath.Join(t.TempDir(), "out.mp4")
	s, err := engine.Compose(t.Context(), d, o)
	if err == nil || fault.KindOf(err) == fault.Bug || s == nil || s.Inputs[0].Trouble == "" {
		t.Errorf("%v %+v", err, s)
	}
}
