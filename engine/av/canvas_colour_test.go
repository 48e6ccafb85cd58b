//go:build cgo

package av

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"
	"time"

	"github.com/asticode/go-astiav"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// bars are the colours of a test picture, four to a row.
var bars = []color.NRGBA{
	{255, 255, 255, 255}, {255, 255, 0, 255}, {0, 255, 255, 255}, {0, 255, 0, 255},
	{255, 0, 255, 255}, {255, 0, 0, 255}, {0, 0, 255, 255}, {0, 0, 0, 255},
	{128, 128, 128, 255}, {200, 100, 50, 255}, {50, 150, 100, 255}, {180, 150, 130, 255},
}

// kind is a kind of YUV, in ffmpeg's words.
type kind struct{ matrix, levels, format string }

// barred are pictures of the bars as ffmpeg makes them, one of each kind.
func barred(t *testing.T, c *coder, size image.Point, kinds ...kind) (all []*picture) {
	t.Helper()
	var rgb []byte
	for y := range size.Y {
		for x := range size.X {
			b := bars[y*3/size.Y*4+x*4/size.X]
			rgb = append(rgb, b.R, b.G, b.B)
		}
	}
	var outputs [][]string
	for _, k := range kinds {
		outputs = append(outputs, []string{"-vf", fmt.Sprintf("scale=flags=accurate_rnd+full_chroma_int:out_color_matrix=%s:out_range=%s", k.matrix, k.levels), "-pix_fmt", k.format})
	}
	raws := ffmpegAll(t, rgb, []string{"-f", "rawvideo", "-s", fmt.Sprintf("%dx%d", size.X, size.Y), "-pix_fmt", "rgb24", "-i", "-"}, outputs...)
	for i, k := range kinds {
		p := frameOf(t, c, size.X, size.Y, astiav.FindPixelFormatByName(k.format), raws[i])
		p.frame.SetColorSpace(map[string]astiav.ColorSpace{"bt709": astiav.ColorSpaceBt709, "bt601": astiav.ColorSpaceSmpte170M}[k.matrix])
		p.frame.SetColorRange(map[string]astiav.ColorRange{"full": astiav.ColorRangeJpeg, "limited": astiav.ColorRangeMpeg}[k.levels])
		all = append(all, p)
	}
	return all
}

// wrong says where an image does not show the bars.
func wrong(img image.Image, tolerance int) error {
	size := img.Bounds().Size()
	for i, want := range bars {
		x, y := (2*(i%4)+1)*size.X/8, (2*(i/4)+1)*size.Y/6
		got := color.NRGBAModel.Convert(img.At(img.Bounds().Min.X+x, img.Bounds().Min.Y+y)).(color.NRGBA)
		for _, d := range []int{int(got.R) - int(want.R), int(got.G) - int(want.G), int(got.B) - int(want.B)} {
			if d > tolerance || d < -tolerance {
				return fmt.Errorf("bar %d is %v, not %v", i, got, want)
			}
		}
	}
	return nil
}

func TestColoursSurviveCanvasAndStill(t *testing.T) {
	c := newCoder(t)
	var kinds []kind
	for _, matrix := range []string{"bt601", "bt709"} {
		for _, levels := range []string{"limited", "full"} {
			for _, format := range []string{"yuv420p", "yuv422p", "yuv444p", "yuv420p10le"} {
				kinds = append(kinds, kind{matrix, levels, format})
			}
		}
	}
	for i, p := range barred(t, c, image.Pt(320, 240), kinds...) {
		k := kinds[i]
		for _, canvas := range []image.Point{{320, 240}, {400, 600}} { // of BT.601 and BT.709
			for _, cell := range []image.Rectangle{image.Rect(0, 0, 320, 240), image.Rect(80, 80, 240, 200), image.Rect(2, 4, 182, 140)} {
				if k.format != "yuv420p" && cell.Min.X == 0 {
					continue
				}
				v := newCanvas(t, c, canvas.X, canvas.Y, color.White)
				if err := v.Draw(p, image.Rectangle{}, cell); err != nil {
					t.Fatal(err)
				}
				got := taken(t, v)
				file, err := c.Still(got, media.StillOptions{Format: "png"})
				if err != nil {
					t.Fatal(err)
				}
				img, err := png.Decode(bytes.NewReader(file))
				if err != nil {
					t.Fatal(err)
				}
				if err := wrong(img.(interface {
					SubImage(image.Rectangle) image.Image
				}).SubImage(cell), 5); err != nil {
					t.Errorf("%v on %v at %v: %v", k, canvas, cell, err)
				}
				got.Release()
				v.Close()
			}
		}
		p.Release()
	}
}

func TestStillsHaveTheSizeAndTheColoursOfThePicture(t *testing.T) {
	c := newCoder(t)
	kinds := []kind{{"bt709", "limited", "yuv420p"}, {"bt709", "full", "yuv420p"}}
	for i, p := range barred(t, c, image.Pt(640, 480), kinds...) {
		levels := kinds[i].levels
		for _, width := range []int{0, 640, 320, 213, 101, 900} {
			file, err := c.Still(p, media.StillOptions{Width: width, Quality: 95})
			if err != nil {
				t.Fatal(err)
			}
			img, err := jpeg.Decode(bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			if width == 0 {
				width = 640
			}
			if got, want := img.Bounds().Size(), image.Pt(width, (480*width+320)/640); got != want {
				t.Errorf("a still of %v, not %v", got, want)
			}
			if err := wrong(img, 6); err != nil {
				t.Error(levels, width, err)
			}
			if width != 320 {
				continue
			}
			// ffmpeg must see the same.
			rgb := ffmpeg(t, file, "-f", "mjpeg", "-i", "-", "-pix_fmt", "rgb24", "-f", "rawvideo", "-")
			seen := &image.NRGBA{Pix: make([]uint8, 0, len(rgb)/3*4), Stride: 4 * width, Rect: img.Bounds()}
			for i := 0; i < len(rgb); i += 3 {
				seen.Pix = append(seen.Pix, rgb[i], rgb[i+1], rgb[i+2], 255)
			}
			if err := wrong(seen, 8); err != nil {
				t.Error("ffmpeg sees", levels, width, err)
			}
		}
		p.Release()
	}
}

func TestStillsThatMakeNoSenseAreRefused(t *testing.T) {
	c := newCoder(t)
	p := detailed(t, c, 64, 64, astiav.PixelFormatYuv420P)
	defer p.Release()
	tall := detailed(t, c, 2, 4096, astiav.PixelFormatYuv420P)
	defer tall.Release()
	for _, bad := range []struct {
		p    media.Picture
		o    media.StillOptions
		kind fault.Kind
	}{
		{p, media.StillOptions{Format: "webp"}, fault.Unsupported},
		{p, media.StillOptions{Quality: 101}, fault.Usage},
		{p, media.StillOptions{Quality: -1}, fault.Usage},
		{p, media.StillOptions{Width: -5}, fault.Usage},
		{p, media.StillOptions{Width: 1 << 40}, fault.Usage},
		{tall, media.StillOptions{Width: 100}, fault.Usage},
	} {
		if _, err := c.Still(bad.p, bad.o); fault.KindOf(err) != bad.kind {
			t.Errorf("%+v: %v", bad.o, err)
		}
	}
}

func TestFillAndStampBlendAndClip(t *testing.T) {
	c := newCoder(t)
	v := newCanvas(t, c, 640, 480, color.Black)
	v.Fill(image.Rect(0, 0, 640, 480), color.NRGBA{200, 100, 50, 255})
	v.Fill(image.Rect(101, 101, 199, 199), color.NRGBA{0, 0, 255, 128}) // 102 to 200
	label := image.NewNRGBA(image.Rect(10, 10, 31, 21))                 // 21 by 11
	for i := range label.Pix {
		label.Pix[i] = 255 // white
	}
	for x := 10; x < 20; x++ { // the left half of the first row is half transparent, and so on
		for y := 10; y < 21; y++ {
			label.SetNRGBA(x, y, color.NRGBA{255, 255, 255, 128})
		}
	}
	v.Stamp(label, image.Pt(300, 300))
	v.Stamp(label, image.Pt(-11, -5))   // its right part, at -10,-4
	v.Stamp(label, image.Pt(630, 476))  // its left part
	v.Stamp(label, image.Pt(9000, -50)) // nothing
	v.Stamp(nil, image.Pt(0, 0))
	v.Stamp(&image.NRGBA{}, image.Pt(0, 0))
	p := taken(t, v)
	defer p.Release()
	file, err := c.Still(p, media.StillOptions{Format: "png"})
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[image.Point]color.NRGBA{
		{50, 50}:   {200, 100, 50, 255},
		{100, 150}: {200, 100, 50, 255}, {101, 150}: {200, 100, 50, 255},
		{102, 150}: {100, 50, 152, 255}, {199, 199}: {100, 50, 152, 255},
		{200, 150}: {200, 100, 50, 255}, {150, 200}: {200, 100, 50, 255},
		{305, 305}: {228, 178, 153, 255}, {315, 305}: {255, 255, 255, 255}, {325, 305}: {200, 100, 50, 255},
		{5, 3}: {255, 255, 255, 255}, {13, 3}: {200, 100, 50, 255},
		{634, 478}: {228, 178, 153, 255},
	} {
		got := color.NRGBAModel.Convert(img.At(at.X, at.Y)).(color.NRGBA)
		for _, d := range []int{int(got.R) - int(want.R), int(got.G) - int(want.G), int(got.B) - int(want.B)} {
			if d > 5 || d < -5 {
				t.Errorf("%v is %v, not %v", at, got, want)
			}
		}
	}
}

func TestMoreStampsThanAreRememberedAreDrawnRight(t *testing.T) {
	c := newCoder(t)
	v := newCanvas(t, c, 64, 64, nil)
	for i := range 3 * maxStamps {
		img := image.NewNRGBA(image.Rect(0, 0, 4, 4))
		for j := range img.Pix {
			img.Pix[j] = uint8(i)
			if j%4 == 3 {
				img.Pix[j] = 255
			}
		}
		v.Stamp(img, image.Pt(0, 0))
		if n := len(v.stamps.stamps); n > maxStamps {
			t.Fatalf("%d stamps are kept", n)
		}
	}
	p := taken(t, v)
	defer p.Release()
	want, _, _, _ := v.colours.yuv(color.Gray{3*maxStamps - 1})
	if got := rowsOf(p)[0][1][1]; got != want {
		t.Errorf("%d instead of %d", got, want)
	}
}

func TestCanvasesThatCannotBeAreRefused(t *testing.T) {
	c := newCoder(t)
	for _, size := range []image.Point{{0, 0}, {-2, 100}, {15, 16}, {17, 32}, {8194, 16}, {1 << 40, 1 << 40}} {
		if _, err := c.Canvas(media.CanvasOptions{Width: size.X, Height: size.Y}); !fault.Is(err, fault.Usage) {
			t.Errorf("%v: %v", size, err)
		}
	}
	v := newCanvas(t, c, 16, 16, nil)
	v.Close()
	v.Close()
	if _, err := v.Picture(0, time.Time{}); err == nil {
		t.Error("a closed canvas gives pictures")
	}
	v.Fill(v.size, color.White)
	v.Stamp(image.NewNRGBA(image.Rect(0, 0, 4, 4)), image.Pt(0, 0))
}

// Whatever is asked, nothing outside the rectangle changes, and nothing crashes.
func FuzzCanvas(f *testing.F) {
	f.Add(uint16(64), uint16(48), uint8(0), 0, 0, 64, 48, 0, 0, 64, 48)
	f.Add(uint16(1), uint16(1), uint8(1), 0, 0, 0, 0, -100, -100, 1<<40, 1<<41)
	f.Add(uint16(333), uint16(7), uint8(2), 5, 3, 900, -9, 17, 31, 33, 1<<62)
	f.Add(uint16(8192), uint16(2), uint8(3), 0, 0, 0, 0, 60, 60, 62, 62)
	f.Add(uint16(2), uint16(8192), uint8(0), -1<<62, -1<<62, 1<<62, 1<<62, 0, 0, 126, 94)
	formats := []astiav.PixelFormat{astiav.PixelFormatYuv420P, astiav.PixelFormatYuv422P, astiav.PixelFormatYuv444P, astiav.PixelFormatYuv420P10Le, astiav.PixelFormatNv12, astiav.PixelFormatYuvj420P}
	f.Fuzz(func(t *testing.T, w, h uint16, format uint8, sx0, sy0, sx1, sy1, x0, y0, x1, y1 int) {
		c := New(Options{}).(*coder)
		defer func() {
			if n := Live(c); n != 0 {
				t.Errorf("%d objects of FFmpeg are still alive", n)
			}
		}()
		pool, err := c.newFramePool(int(w%8192)+1, int(h%8192)+1, formats[int(format)%len(formats)])
		if err != nil {
			t.Fatal(err)
		}
		defer pool.close()
		frame, err := pool.get()
		if err != nil {
			t.Fatal(err)
		}
		p := c.newPicture(frame, 0, time.Time{})
		defer p.Release()
		v := newCanvas(t, c, 126, 94, nil)
		defer v.Close()
		back := color.NRGBA{40, 80, 120, 255}
		v.Fill(v.size, back)
		to := image.Rectangle{Min: image.Pt(x0, y0), Max: image.Pt(x1, y1)}
		err = v.Draw(p, image.Rectangle{Min: image.Pt(sx0, sy0), Max: image.Pt(sx1, sy1)}, to)
		if err != nil && !fault.Is(err, fault.Unsupported) {
			t.Fatal(err)
		}
		v.Fill(to, color.NRGBA{1, 2, 3, 4})
		v.Stamp(image.NewNRGBA(image.Rect(0, 0, 31, 9)), image.Pt(x1, y0))
		got := taken(t, v)
		defer got.Release()
		want, _, _, _ := v.colours.yuv(back)
		for y, row := range rowsOf(got)[0] {
			for x, have := range row {
				if have != want && !image.Pt(x, y).In(even(to)) {
					t.Fatalf("drawn into %v: %d at %d,%d", to, have, x, y)
				}
			}
		}
	})
}
