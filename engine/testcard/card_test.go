package testcard

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

var instant = time.Date(2026, 11, 22, 9, 30, 15, 417e6, time.UTC)

// drawn is a card as its luma, in the range of video.
func drawn(t *testing.T, w, h int, at time.Time) *image.Gray {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	New(Options{Width: w, Height: h, Name: "test"}).Draw(On(img), at)
	luma := image.NewGray(img.Rect)
	for y := range h {
		for x := range w {
			g := color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y
			luma.SetGray(x, y, color.Gray{uint8(16 + int(g)*219/255)})
		}
	}
	return luma
}

// shrunk averages boxes of n x n.
func shrunk(from *image.Gray, n int) *image.Gray {
	to := image.NewGray(image.Rect(0, 0, from.Rect.Dx()/n, from.Rect.Dy()/n))
	for y := range to.Rect.Dy() {
		for x := range to.Rect.Dx() {
			level, _ := mean(from, image.Rect(x*n, y*n, x*n+n, y*n+n))
			to.SetGray(x, y, color.Gray{uint8(level)})
		}
	}
	return to
}

func TestTheTimeIsReadFromEverySize(t *testing.T) {
	for _, size := range []image.Point{{72, 48}, {96, 54}, {213, 120}, {320, 180}, {640, 360}, {1280, 720}, {704, 576}, {360, 640}, {1920, 1080}, {100, 8192}} {
		for _, at := range []time.Time{instant, time.Unix(0, 0), instant.Add(583 * time.Millisecond), time.UnixMilli(1<<48 - 1)} {
			luma := drawn(t, size.X, size.Y, at)
			if got, ok := Read(luma, luma.Rect); !ok || !got.Equal(at) {
				t.Errorf("%v: read %v %v, drawn %v", size, got, ok, at)
			}
		}
	}
}

func TestTheTimeIsReadWhenScaledAndNoisy(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{2, 3, 6} {
		luma := shrunk(drawn(t, 1920, 1080, instant), n)
		for i, level := range luma.Pix {
			luma.Pix[i] = uint8(min(max(int(level)+random.IntN(81)-40, 0), 255))
		}
		if got, ok := Read(luma, luma.Rect); !ok || !got.Equal(instant) {
			t.Errorf("1/%d: read %v %v", n, got, ok)
		}
	}
}

func TestTheTimeIsReadInACellOfALargerPicture(t *testing.T) {
	small := shrunk(drawn(t, 640, 360, instant), 2)
	wall := image.NewGray(image.Rect(0, 0, 1280, 720))
	cell := image.Rect(640, 180, 960, 360)
	draw.Draw(wall, cell, small, image.Point{}, draw.Src)
	if got, ok := Read(wall, cell); !ok || !got.Equal(instant) {
		t.Errorf("read %v %v", got, ok)
	}
	if got, ok := Read(wall, cell.Add(image.Pt(0, 300))); ok {
		t.Errorf("read %v where nothing is", got)
	}
	// Cut off at both sides to fill a cell of 4:3, the code is still there.
	part := wall.SubImage(image.Rect(640+40, 180, 960-40, 360)).(*image.Gray)
	if got, ok := Read(part, cell); !ok || !got.Equal(instant) {
		t.Errorf("cropped: read %v %v", got, ok)
	}
}

func TestNoTimeIsReadFromAnythingElse(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	found := 0
	for range 2000 {
		luma := image.NewGray(image.Rect(0, 0, 96, 64))
		shade := [2]int{random.IntN(256), random.IntN(256)}
		for n := range columns * rows {
			draw.Draw(luma, block(luma.Rect, n), image.NewUniform(color.Gray{uint8(shade[random.IntN(2)])}), image.Point{}, draw.Src)
		}
		if _, ok := Read(luma, luma.Rect); ok {
			found++
		}
	}
	if found > 1 {
		t.Errorf("%d of 2000 random pictures were taken for a time", found)
	}
	for _, r := range []image.Rectangle{{}, image.Rect(0, 0, 10, 10), image.Rect(-500, -500, 900, 900), image.Rect(50, 50, 20, 20)} {
		if _, ok := Read(image.NewGray(image.Rect(0, 0, 64, 64)), r); ok {
			t.Errorf("a time in %v", r)
		}
		Flash(image.NewGray(image.Rect(0, 0, 64, 64)), r)
	}
}

func TestFlashIsTheFirstTenthOfEachSecond(t *testing.T) {
	for ms := range 1000 {
		if ms%7 != 0 {
			continue
		}
		at := instant.Truncate(time.Second).Add(time.Duration(ms) * time.Millisecond)
		luma := shrunk(drawn(t, 320, 180, at), 2)
		if lit := Flash(luma, luma.Rect); lit != (ms < 100) {
			t.Errorf("%d ms into the second: flash %v", ms, lit)
		}
	}
}

func TestTheBallHitsTheFloorAtFullSeconds(t *testing.T) {
	c := New(Options{Width: 640, Height: 360})
	floor := barsArea.in(c.Bounds()).Max.Y
	lowest := func(at time.Time) int {
		s := &stamps{}
		c.drawBall(s, at)
		return s.at.Y + c.ball.Rect.Dy()
	}
	full := instant.Truncate(time.Second)
	if got := lowest(full); got != floor {
		t.Errorf("at the full second it ends at %d, the floor is %d", got, floor)
	}
	if got := lowest(full.Add(500 * time.Millisecond)); got >= floor-50 {
		t.Errorf("half a second later it is at %d", got)
	}
}

// stamps remembers where something was stamped.
type stamps struct{ at image.Point }

func (s *stamps) Fill(image.Rectangle, color.Color)    {}
func (s *stamps) Stamp(_ *image.NRGBA, at image.Point) { s.at = at }

func TestCardsOfAnySizeAreDrawn(t *testing.T) {
	label := func(text string, height, width int) *image.NRGBA {
		if text == "" || height < 4 || width < 4 {
			return nil
		}
		return image.NewNRGBA(image.Rect(0, 0, min(len(text)*height/2, width), height))
	}
	for _, size := range []image.Point{{2, 2}, {16, 16}, {16, 8192}, {8192, 16}, {48, 64}, {322, 182}} {
		img := image.NewNRGBA(image.Rect(0, 0, size.X, size.Y))
		c := New(Options{Width: size.X, Height: size.Y, Name: "a name that is far too long for a picture", Facts: []string{"1", "22", "333"}, Label: label})
		c.Draw(On(img), instant)
		if img.NRGBAAt(size.X-1, size.Y-1).A != 255 {
			t.Errorf("%v: not all of it is painted", size)
		}
	}
}

func TestTheBeepIsWhereTheFlashIs(t *testing.T) {
	const rate = 8000
	samples := make([]float32, 3*rate)
	begin := instant.Truncate(time.Second).Add(-250 * time.Millisecond)
	Tone(samples, rate, 1, begin)
	// Made in odd pieces it is the same.
	pieces := make([]float32, len(samples))
	for at := 0; at < len(pieces); {
		n := min(333, len(pieces)-at)
		Tone(pieces[at:at+n], rate, 1, begin.Add(time.Duration(at)*time.Second/rate))
		at += n
	}
	for i := range samples {
		if math.Abs(float64(samples[i]-pieces[i])) > 1e-4 {
			t.Fatalf("sample %d: %v in one piece, %v in many", i, samples[i], pieces[i])
		}
	}
	for ms := range 3000 {
		loud := float32(0)
		for _, v := range samples[ms*8 : ms*8+8] {
			loud = max(loud, v, -v)
		}
		into := (ms + 750) % 1000
		if into > 2 && into < 97 && loud < 0.15 || into > 101 && into < 999 && loud > 0.02 {
			t.Fatalf("%d ms into the second the sound is at %v", into, loud)
		}
	}
}

func BenchmarkDraw(b *testing.B) {
	c := New(Options{Width: 1920, Height: 1080})
	s := nothing{}
	for b.Loop() {
		c.Draw(s, instant)
	}
}

type nothing struct{}

func (nothing) Fill(image.Rectangle, color.Color) {}
func (nothing) Stamp(*image.NRGBA, image.Point)   {}
