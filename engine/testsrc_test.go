package engine_test

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"strings"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/av"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/rtsp"
	"rtsprec/engine/testcard"
	"rtsprec/engine/vfs"
)

// coderOf is this build's codec engine.
func coderOf(t testing.TB) media.Coder {
	t.Helper()
	coder := av.New(av.Options{})
	if coder == nil {
		t.Skip("this build has no codecs")
	}
	return coder
}

// coding is the world with codecs.
func coding(t testing.TB) engine.Deps {
	return engine.Deps{FS: vfs.OS(), Clock: media.SystemClock{}, Dial: engine.DialRTSP, Coder: coderOf(t), Version: "test"}
}

// decoded plays all of a test source and calls see with each picture, in order.
func decoded(t *testing.T, d engine.Deps, url string, see func(p media.Picture)) (units int) {
	t.Helper()
	s, err := engine.Open(t.Context(), d, rtsp.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	decoder, err := d.Coder.PictureDecoder(s.Run().Tracks[0], media.DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer decoder.Close()
	show := func(pictures []media.Picture, err error) {
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pictures {
			see(p)
			p.Release()
		}
	}
	for {
		au, err := s.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if au.Track == 0 {
			units++
			show(decoder.Decode(au))
		}
	}
	show(decoder.Flush())
	return units
}

// readTime is the time that a card in a part of a picture shows.
func readTime(p media.Picture, card image.Rectangle) (time.Time, bool) {
	luma := p.(media.Lumaer).Luma()
	if card.Empty() {
		card = luma.Rect
	}
	return testcard.Read(luma, card)
}

func TestTheTimeCodeSurvivesCodingAndScaling(t *testing.T) {
	d := coding(t)
	for _, c := range []struct {
		url   string
		cells []image.Rectangle // sizes at which it is shown
	}{
		{"testsrc://640x360@25/h264?bitrate=500k&length=4s&pace=free&audio=none", []image.Rectangle{image.Rect(0, 0, 320, 180), image.Rect(100, 40, 100+212, 40+120)}},
		{"testsrc://1280x720@50/h264?bitrate=1M&length=2s&pace=free&audio=none", []image.Rectangle{image.Rect(320, 180, 640, 360)}},
		{"testsrc://640x360@25/h265?bitrate=400k&length=2s&pace=free&audio=none", []image.Rectangle{image.Rect(0, 0, 320, 180)}},
		{"testsrc://640x480@10/mjpeg?length=2s&pace=free&audio=none", []image.Rectangle{image.Rect(0, 0, 320, 240)}},
		{"testsrc://352x288@15/mpeg4?length=2s&pace=free&audio=none", []image.Rectangle{image.Rect(0, 0, 176, 144)}},
	} {
		t.Run(strings.Split(c.url, "?")[0], func(t *testing.T) {
			canvas, err := d.Coder.Canvas(media.CanvasOptions{Width: 640, Height: 360})
			if err != nil {
				t.Fatal(err)
			}
			defer canvas.Close()
			pictures := 0
			units := decoded(t, d, c.url, func(p media.Picture) {
				pictures++
				want := p.Wall().Truncate(time.Millisecond)
				if got, ok := readTime(p, image.Rectangle{}); !ok || !got.Equal(want) {
					t.Errorf("picture %d: read %v %v, want %v", pictures, got, ok, want)
				}
				for _, cell := range c.cells {
					if err := canvas.Draw(p, image.Rectangle{}, cell); err != nil {
						t.Fatal(err)
					}
					shown, err := canvas.Picture(p.PTS(), p.Wall())
					if err != nil {
						t.Fatal(err)
					}
					if got, ok := readTime(shown, cell); !ok || !got.Equal(want) {
						t.Errorf("picture %d shown at %v: read %v %v, want %v", pictures, cell, got, ok, want)
					}
					shown.Release()
				}
			})
			if pictures == 0 || pictures != units {
				t.Errorf("%d pictures of %d units", pictures, units)
			}
		})
	}
}

func TestATestSourceKeepsItsPaceAndItsTimes(t *testing.T) {
	d := coding(t)
	s, err := engine.Open(t.Context(), d, rtsp.Options{URL: "testsrc://160x90@20?length=1s&audio=none"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	began := time.Now()
	var last media.AccessUnit
	n := 0
	for ; ; n++ {
		au, err := s.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if wall := au.Wall.Sub(au.Wall.Truncate(time.Second)); wall%(50*time.Millisecond) != 0 {
			t.Fatalf("a picture of %v into its second", wall)
		}
		if au.Arrival.Before(au.Wall.Add(-5 * time.Millisecond)) {
			t.Errorf("picture %d came %v before its time", n, au.Wall.Sub(au.Arrival))
		}
		if n > 0 && (au.PTS-last.PTS != 4500 || au.Wall.Sub(last.Wall) != 50*time.Millisecond) && au.Missing == nil {
			t.Errorf("picture %d: %d ticks and %v after the one before", n, au.PTS-last.PTS, au.Wall.Sub(last.Wall))
		}
		last = au
	}
	if took := time.Since(began); took < 900*time.Millisecond {
		t.Errorf("a second took %v", took)
	}
	if stats := s.Stats(); stats.Tracks[0].Units != uint64(n) || stats.Transport != "test" {
		t.Errorf("stats: %+v", stats)
	}
}

func TestATestSourceGivesKeyFramesWhenAsked(t *testing.T) {
	d := coding(t)
	s, err := engine.Open(t.Context(), d, rtsp.Options{URL: "testsrc://160x90@25?pace=free&gop=1h&audio=none"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for n := range 30 {
		if n == 20 {
			s.(media.KeyRequester).RequestKey()
		}
		au, err := s.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if au.Key != (n == 0 || n == 20) {
			t.Errorf("picture %d: key %v", n, au.Key)
		}
	}
}

func TestAClosedTestSourceIsOver(t *testing.T) {
	t.Parallel()
	d := coding(t)
	s, err := engine.Open(t.Context(), d, rtsp.Options{URL: "testsrc://160x90@1?audio=none"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(20*time.Millisecond, func() { s.Close() })
	if _, err := s.Next(t.Context()); !fault.Is(err, fault.Canceled) {
		t.Errorf("after it was closed: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s, err = engine.Open(ctx, d, rtsp.Options{URL: "testsrc://160x90@1?audio=none"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Next(ctx)
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := s.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("after the context ended: %v", err)
	}
}

func TestABadTestSourceSaysWhatThereIs(t *testing.T) {
	for url, want := range map[string]string{
		"testsrc://640x360@25/av1":            "there are h264, h265, mjpeg, mpeg4",
		"testsrc://641x360":                   "sides are even, from 16 to 8192",
		"testsrc://14x14":                     "from 16 to 8192",
		"testsrc://8194x16":                   "from 16 to 8192",
		"testsrc://640":                       "is no size",
		"testsrc://640x360@0":                 "1 to 240",
		"testsrc://640x360@241":               "1 to 240",
		"testsrc://640x360@NaN":               "1 to 240",
		"testsrc://?audio=mp3":                "there are aac, opus, pcma, pcmu, l16, none",
		"testsrc://?bitrate=much":             "write 500k or 2M",
		"testsrc://?bitrate=1e99":             "write 500k or 2M",
		"testsrc://?gop=-1s":                  "is no span",
		"testsrc://?gop=1e300":                "is no span",
		"testsrc://?pace=slow":                "there are real, free",
		"testsrc://?drop=5s":                  "write 5s/1m",
		"testsrc://?drop=2m/1m":               "write 5s/1m",
		"testsrc://?colour=red":               "there are audio, bitrate, drop",
		"testsrc://?%zz":                      "is no list of options",
		"testsrc://99999999999999999999x1@25": "is no size",
	} {
		if err := engine.CheckTestSource(url); !fault.Is(err, fault.Usage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
	}
	for _, url := range []string{
		"testsrc://", "TESTSRC://1920x1080@60/H265", "testsrc://16x16@1/mjpeg", "testsrc://8192x8192@240", "testsrc://@29.97",
		"testsrc://640x360?audio=none&bitrate=1.5M&gop=0.5&name=a%20b&pace=free&length=90&drop=5s/1m",
	} {
		if err := engine.CheckTestSource(url); err != nil || !engine.IsTestSource(url) {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func FuzzATestSourceIsRefusedOrMakesSense(f *testing.F) {
	f.Add("testsrc://640x360@25/h264?audio=aac&bitrate=500k&gop=2s&name=yard")
	f.Add("testsrc://1x1@1e309/?drop=0/0&length=NaN")
	f.Fuzz(func(t *testing.T, url string) {
		if err := engine.CheckTestSource(url); err != nil && !fault.Is(err, fault.Usage) {
			t.Errorf("%q: %v", url, err)
		}
	})
}

func TestWithoutCodecsTestPicturesAreRefusedAtOnce(t *testing.T) {
	d := engine.Deps{FS: vfs.OS(), Clock: media.SystemClock{}, Dial: engine.DialRTSP, Version: "test"}
	camera := journal.Camera{Name: "a", URL: "testsrc://"}
	_, recorded := engine.Record(t.Context(), d, engine.RecordOptions{Dir: t.TempDir() + "/r", Cameras: []journal.Camera{camera}})
	_, relayed := engine.Relay(t.Context(), d, engine.RelayOptions{Input: camera, Targets: []engine.RelayTarget{{URL: "rtsp://127.0.0.1:1/x"}}})
	_, probed := engine.Probe(t.Context(), d, engine.ProbeOptions{Cameras: []journal.Camera{camera}})
	served := engine.Serve(t.Context(), d, engine.ServeOptions{RTSP: []string{"127.0.0.1:0"}, Paths: []engine.ServePath{{Name: "a", Camera: &camera}}})
	for what, err := range map[string]error{"record": recorded, "relay": relayed, "probe": probed, "serve": served} {
		if !fault.Is(err, fault.Unsupported) || !errors.Is(err, engine.ErrNoCodecs) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestATestSourceThatIsGoneComesBack(t *testing.T) {
	d := coding(t)
	// Gone for the last 700 ms of each second.
	const url = "testsrc://64x64@20?audio=none&drop=0.7/1"
	var s engine.Session
	for deadline := time.Now().Add(30 * time.Second); s == nil; {
		var err error
		s, err = engine.Open(t.Context(), d, rtsp.Options{URL: url})
		if err != nil && !fault.Is(err, fault.Unreachable) || time.Now().After(deadline) {
			t.Fatal(err)
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond) // what is waited for is a time of day
		}
	}
	defer s.Close()
	for {
		au, err := s.Next(t.Context())
		if err != nil {
			if !fault.Is(err, fault.Ended) {
				t.Error(err)
			}
			return
		}
		if into := au.Wall.Sub(au.Wall.Truncate(time.Second)); into > 300*time.Millisecond {
			t.Fatal(fmt.Sprint("a picture of ", into, " into the second"))
		}
	}
}
