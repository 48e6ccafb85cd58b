//go:build cgo

package av

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
	"unsafe"

	"github.com/asticode/go-astiav"

	"rtsprec/engine/media"
)

// frameOf is a picture of a format whose planes are raw, one after the other without
// padding, as ffmpeg's rawvideo has them.
func frameOf(t testing.TB, c *coder, w, h int, format astiav.PixelFormat, raw []byte) *picture {
	t.Helper()
	pool, err := c.newFramePool(w, h, format)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.close()
	f, err := pool.get()
	if err != nil {
		t.Fatal(err)
	}
	p := c.newPicture(f, 0, time.Time{})
	for i, row := range rowsOf(p) {
		for _, r := range row {
			if len(raw) < len(r) {
				t.Fatalf("plane %d: too few bytes", i)
			}
			raw = raw[copy(r, raw):]
		}
	}
	if len(raw) > 0 {
		t.Fatalf("%d bytes too many", len(raw))
	}
	return p
}

// rowsOf are the rows of each plane.
func rowsOf(p *picture) (planes [][][]byte) {
	data, stride := p.planes()
	v := viewOf(p.c())
	for i := range 3 {
		if data[i] == nil {
			break
		}
		w, h := v.plane(i)
		bytes := w * ((int(v.desc.comp[i].depth) + 7) / 8)
		var rows [][]byte
		for y := range h {
			rows = append(rows, unsafe.Slice((*byte)(unsafe.Add(data[i], y*stride[i])), bytes))
		}
		planes = append(planes, rows)
	}
	return planes
}

func rawOf(p *picture) (raw []byte) {
	for _, rows := range rowsOf(p) {
		raw = append(raw, bytes.Join(rows, nil)...)
	}
	return raw
}

// ffmpeg is what the program makes of raw pictures, or of nothing.
func ffmpeg(t testing.TB, in []byte, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("ffmpeg is needed to judge")
		}
		t.Skip("no ffmpeg to judge")
	}
	cmd := exec.Command(path, append([]string{"-v", "error", "-nostdin"}, args...)...)
	if in != nil {
		cmd = exec.Command(path, append([]string{"-v", "error"}, args...)...)
		cmd.Stdin = bytes.NewReader(in)
	}
	var out, trouble bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &trouble
	if err := cmd.Run(); err != nil {
		t.Fatalf("ffmpeg %v: %v\n%s", args, err, trouble.String())
	}
	return out.Bytes()
}

// ffmpegAll is one run of the program with many outputs, each with arguments of its own:
// a process for each would take most of the time of these tests.
func ffmpegAll(t testing.TB, in []byte, input []string, outputs ...[]string) (all [][]byte) {
	t.Helper()
	dir := t.TempDir()
	args := slices.Clone(input)
	for i, out := range outputs {
		args = append(append(args, out...), "-f", "rawvideo", filepath.Join(dir, strconv.Itoa(i)))
	}
	ffmpeg(t, in, args...)
	for i := range outputs {
		raw, err := os.ReadFile(filepath.Join(dir, strconv.Itoa(i)))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, raw)
	}
	return all
}

// detailed is a picture with fine detail and noise at all scales, in a format of 8 bits.
func detailed(t testing.TB, c *coder, w, h int, format astiav.PixelFormat) *picture {
	t.Helper()
	pool, err := c.newFramePool(w, h, format)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.close()
	f, err := pool.get()
	if err != nil {
		t.Fatal(err)
	}
	p := c.newPicture(f, 0, time.Time{})
	r := rand.New(rand.NewPCG(1, 2))
	for i, rows := range rowsOf(p) {
		full, small := float64(h)/float64(len(rows)), float64(w)/float64(len(rows[0]))
		for y, row := range rows {
			for x := range row {
				fx, fy := float64(x)*small/float64(w), float64(y)*full/float64(h)
				// A zone plate: finer and finer waves towards the right and the bottom.
				row[x] = uint8(128 + 90*math.Cos(300*(fx*fx+fy*fy)+float64(i)) + 15*math.Sin(7*fx) + 8*r.Float64())
			}
		}
	}
	return p
}

func likeness(a, b []byte) float64 {
	if len(a) != len(b) {
		return 0
	}
	sum := 0.0
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	return 10 * math.Log10(255*255/max(sum/float64(len(a)), 1e-9))
}

func newCanvas(t testing.TB, c *coder, w, h int, background color.Color) *canvas {
	t.Helper()
	v, err := c.Canvas(media.CanvasOptions{Width: w, Height: h, Background: background})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v.(*canvas)
}

func taken(t testing.TB, v media.Canvas) *picture {
	t.Helper()
	p, err := v.Picture(0, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return p.(*picture)
}

// scaled are the outputs of ffmpegAll that scale to sizes as everybody does.
func scaled(sizes []image.Point) (outputs [][]string) {
	for _, to := range sizes {
		outputs = append(outputs, []string{"-vf", fmt.Sprintf("scale=%d:%d:flags=bicubic", to.X, to.Y), "-pix_fmt", "yuv420p"})
	}
	return outputs
}

func TestPicturesOnACanvasAreAsGoodAsBicubic(t *testing.T) {
	c := newCoder(t)
	whole := []image.Point{{960, 720}, {640, 480}, {480, 360}, {320, 240}, {240, 180}, {480, 720}}
	for format, sizes := range map[astiav.PixelFormat][]image.Point{
		astiav.PixelFormatYuv420P: append(slices.Clone(whole), image.Pt(700, 500), image.Pt(1280, 960), image.Pt(334, 502), image.Pt(16, 16)),
		astiav.PixelFormatYuv422P: whole,
		astiav.PixelFormatYuv444P: whole,
	} {
		p := detailed(t, c, 960, 720, format)
		want := ffmpegAll(t, rawOf(p), []string{"-f", "rawvideo", "-s", "960x720", "-pix_fmt", format.Name(), "-i", "-"}, scaled(sizes)...)
		for i, to := range sizes {
			v := newCanvas(t, c, to.X, to.Y, nil)
			if err := v.Draw(p, image.Rectangle{}, image.Rectangle{Max: to}); err != nil {
				t.Fatal(err)
			}
			got := taken(t, v)
			// The plate is the worst there is: pictures of cameras have over 55.
			if d := likeness(rawOf(got), want[i]); d < 43 {
				t.Errorf("%v to %v: %.1f dB from what ffmpeg makes", format, to, d)
			}
			got.Release()
		}
		p.Release()
	}
}

func TestPicturesOfOtherFormatsGetOnACanvas(t *testing.T) {
	c := newCoder(t)
	names := []string{"yuv420p10le", "yuv422p10le", "nv12", "p010le", "gray", "rgb24", "gbrp", "yuyv422", "yuv410p"}
	sizes := []image.Point{{320, 240}, {160, 120}, {250, 130}}
	var outputs [][]string
	for _, name := range names {
		outputs = append(outputs, []string{"-frames:v", "1", "-pix_fmt", name})
	}
	raws := ffmpegAll(t, nil, []string{"-f", "lavfi", "-i", "testsrc=s=320x240:r=1"}, outputs...)
	for i, name := range names {
		f, err := c.newFrame()
		if err != nil {
			t.Fatal(err)
		}
		f.SetWidth(320)
		f.SetHeight(240)
		f.SetPixelFormat(astiav.FindPixelFormatByName(name))
		if err := f.AllocBuffer(1); err != nil {
			t.Fatal(err)
		}
		if err := f.Data().SetBytes(raws[i], 1); err != nil {
			t.Fatal(name, err)
		}
		p := c.newPicture(f, 0, time.Time{})
		want := ffmpegAll(t, raws[i], []string{"-f", "rawvideo", "-s", "320x240", "-pix_fmt", name, "-i", "-"}, scaled(sizes)...)
		for i, to := range sizes {
			v := newCanvas(t, c, to.X, to.Y, nil)
			if err := v.Draw(p, image.Rectangle{}, image.Rectangle{Max: to}); err != nil {
				t.Fatal(name, err)
			}
			got := taken(t, v)
			if d := likeness(rawOf(got), want[i]); d < 40 {
				t.Errorf("%v to %v: %.1f dB from what ffmpeg makes", name, to, d)
			}
			got.Release()
		}
		p.Release()
	}
}

// Every way of drawing, at every alignment, touches its rectangle only.
func TestDrawingTouchesNothingOutsideItsRectangle(t *testing.T) {
	c := newCoder(t)
	p := detailed(t, c, 192, 108, astiav.PixelFormatYuv420P)
	defer p.Release()
	v := newCanvas(t, c, 400, 300, nil)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 400 {
		to := image.Rect(0, 0, 2+r.IntN(200), 2+r.IntN(150))
		if i%4 == 0 {
			n := 1 + r.IntN(4)
			to = image.Rect(0, 0, 192/n, 108/n)
		}
		to = even(to.Add(image.Pt(r.IntN(200), r.IntN(150))))
		v.Fill(v.size, color.NRGBA{200, 30, 90, 255})
		y, u, w, _ := v.colours.yuv(color.NRGBA{200, 30, 90, 255})
		if err := v.Draw(p, image.Rectangle{}, to); err != nil {
			t.Fatal(err)
		}
		got := taken(t, v)
		for i, rows := range rowsOf(got) {
			want, in := [...]uint8{y, u, w}[i], to
			if i > 0 {
				in = image.Rect(to.Min.X/2, to.Min.Y/2, to.Max.X/2, to.Max.Y/2)
			}
			for row, line := range rows {
				for x, have := range line {
					if have != want && !image.Pt(x, row).In(in) {
						t.Fatalf("drawn into %v: plane %d has %d at %d,%d", to, i, have, x, row)
					}
				}
			}
		}
		got.Release()
	}
}

func TestAPictureThatIsClippedIsAPartOfTheWhole(t *testing.T) {
	c := newCoder(t)
	p := detailed(t, c, 640, 480, astiav.PixelFormatYuv420P)
	defer p.Release()
	for _, n := range []int{1, 2, 4} {
		whole := newCanvas(t, c, 640/n, 480/n, nil)
		if err := whole.Draw(p, image.Rectangle{}, whole.size); err != nil {
			t.Fatal(err)
		}
		all := taken(t, whole)
		part := newCanvas(t, c, 64, 48, nil)
		if err := part.Draw(p, image.Rectangle{}, whole.size.Sub(image.Pt(32, 16))); err != nil {
			t.Fatal(err)
		}
		some := taken(t, part)
		a, b := rowsOf(all)[0], rowsOf(some)[0]
		for y := 4; y < 44; y++ { // at its edges a part has no neighbours
			if d := likeness(a[y+16][36:92], b[y][4:60]); d < 90 {
				t.Fatalf("1/%d: row %d differs, %.1f dB", n, y, d)
			}
		}
		all.Release()
		some.Release()
	}
}

func TestThePartOfAPictureIsDrawn(t *testing.T) {
	c := newCoder(t)
	p := detailed(t, c, 640, 480, astiav.PixelFormatYuv420P)
	defer p.Release()
	v := newCanvas(t, c, 200, 100, nil)
	if err := v.Draw(p, image.Rect(100, 60, 300, 160), v.size); err != nil {
		t.Fatal(err)
	}
	got := taken(t, v)
	defer got.Release()
	for i, rows := range rowsOf(got) {
		x, y := 100>>min(i, 1), 60>>min(i, 1)
		for n, row := range rows {
			if !bytes.Equal(row, rowsOf(p)[i][y+n][x:x+len(row)]) {
				t.Fatalf("plane %d, row %d differs", i, n)
			}
		}
	}
}

func TestAnEncoderMayHoldPicturesWhileTheCanvasGoesOn(t *testing.T) {
	c := newCoder(t)
	v := newCanvas(t, c, 64, 64, nil)
	var held []*picture
	places := map[unsafe.Pointer]bool{}
	for i := range 50 {
		v.Fill(v.size, color.Gray{uint8(5 * i)})
		p := taken(t, v)
		data, _ := p.planes()
		places[data[0]] = true
		held = append(held, p)
		if len(held) > 3 {
			want, _, _, _ := v.colours.yuv(color.Gray{uint8(5 * (i - 3))})
			if got := rowsOf(held[0])[0][10][10]; got != want {
				t.Fatalf("a picture that was held changed from %d to %d", want, got)
			}
			held[0].Release()
			held = held[1:]
		}
	}
	if len(places) > 5 {
		t.Errorf("%d pieces of memory for four pictures at a time", len(places))
	}
	v.Close()
	if got := len(rowsOf(held[0])[0]); got != 64 {
		t.Error("pictures must outlive their canvas")
	}
	for _, p := range held {
		p.Release()
	}
}

// A grid of four pictures of 1080p in one: the time is that of a picture of the grid.
func BenchmarkGrid(b *testing.B) {
	c := newCoder(b)
	var in []*picture
	for range 4 {
		p := detailed(b, c, 1920, 1080, astiav.PixelFormatYuv420P)
		defer p.Release()
		in = append(in, p)
	}
	for _, cells := range []struct {
		name string
		size image.Point
	}{{"half", image.Pt(960, 540)}, {"odd", image.Pt(958, 538)}} {
		b.Run(cells.name, func(b *testing.B) {
			v := newCanvas(b, c, 1920, 1080, nil)
			for b.Loop() {
				for i, p := range in {
					at := image.Pt(i%2*960, i/2*540)
					if err := v.Draw(p, image.Rectangle{}, image.Rectangle{Min: at, Max: at.Add(cells.size)}); err != nil {
						b.Fatal(err)
					}
				}
				taken(b, v).Release()
			}
		})
	}
}
