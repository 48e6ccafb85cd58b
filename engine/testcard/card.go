package testcard

import (
	"hash/fnv"
	"image"
	"image/color"
	"math"
	"time"
)

// Options are what is drawn.
type Options struct {
	Width, Height int      // pixels
	Name          string   // in large letters
	Facts         []string // a few short lines
	// Label renders a line of text in white on nothing, so many pixels high and at most so
	// many wide; nil where it cannot be read. Without it the card has no text.
	Label func(text string, height, width int) *image.NRGBA
}

// Surface is what is drawn on. A media.Canvas is one.
type Surface interface {
	Fill(r image.Rectangle, c color.Color)
	Stamp(img *image.NRGBA, at image.Point) // blends; remembers images by their pointer
}

// Card draws one card. What does not move is drawn once, when it is made.
type Card struct {
	bounds image.Rectangle
	still  *image.NRGBA // opaque, the whole picture
	ball   *image.NRGBA
	digits map[rune]*image.NRGBA // nil: no clock
	glyph  image.Point           // the size of all digits
	clock  image.Point           // where the first digit goes
}

// The colours.
var (
	black = color.NRGBA{0, 0, 0, 0xff}
	white = color.NRGBA{0xff, 0xff, 0xff, 0xff}
	sweep = color.NRGBA{0x2a, 0x36, 0x50, 0xff}
	bars  = []color.NRGBA{
		{0xc0, 0xc0, 0xc0, 0xff}, {0xc0, 0xc0, 0x00, 0xff}, {0x00, 0xc0, 0xc0, 0xff}, {0x00, 0xc0, 0x00, 0xff},
		{0xc0, 0x00, 0xc0, 0xff}, {0xc0, 0x00, 0x00, 0xff}, {0x00, 0x00, 0xc0, 0xff}, {0x10, 0x10, 0x10, 0xff},
	}
)

var (
	headArea  = area{0.02, 0.02, 0.98, 0.12}
	barsArea  = area{0, 0.14, 1, 0.60}
	factsArea = area{0.02, 0.69, 0.155, 0.94}
)

// grounds are the colours behind it all. A name always has the same.
var grounds = []color.NRGBA{
	{0x12, 0x1a, 0x2b, 0xff}, {0x2b, 0x14, 0x1c, 0xff}, {0x10, 0x28, 0x1c, 0xff},
	{0x26, 0x16, 0x36, 0xff}, {0x30, 0x24, 0x0e, 0xff}, {0x0e, 0x2a, 0x30, 0xff},
}

func groundOf(name string) color.NRGBA {
	sum := fnv.New32a()
	sum.Write([]byte(name))
	return grounds[sum.Sum32()%uint32(len(grounds))]
}

// clockText is how the time is shown, always in UTC.
const clockText = "15:04:05.000"

// New draws what stands still.
func New(o Options) *Card {
	c := &Card{bounds: image.Rect(0, 0, o.Width, o.Height)}
	c.still = image.NewNRGBA(c.bounds)
	s := imageSurface{c.still}
	s.Fill(c.bounds, groundOf(o.Name))
	for i, shade := range bars {
		n := float64(len(bars))
		s.Fill(area{float64(i) / n, barsArea.y0, float64(i+1) / n, barsArea.y1}.in(c.bounds), shade)
	}
	s.Fill(sweepArea.in(c.bounds), sweep)
	code := codeArea.in(c.bounds)
	s.Fill(code.Inset(-max(2, o.Height/90)), black)
	c.ball = disc(max(4, min(o.Width, o.Height)/8))
	if o.Label != nil {
		c.letter(s, o)
	}
	return c
}

// letter puts the text on, and makes the digits of the clock.
func (c *Card) letter(s Surface, o Options) {
	head, facts := headArea.in(c.bounds), factsArea.in(c.bounds)
	line := min(facts.Dy()/max(3, len(o.Facts)), facts.Dx()/4)
	for i, text := range o.Facts {
		if img := o.Label(text, line*4/5, facts.Dx()); img != nil {
			s.Stamp(img, image.Pt(facts.Min.X, facts.Min.Y+i*line))
		}
	}
	digits := map[rune]*image.NRGBA{}
	for _, r := range "0123456789:." {
		img := o.Label(string(r), head.Dy(), head.Dx()/12)
		if img == nil {
			return
		}
		digits[r] = img
		c.glyph.X, c.glyph.Y = max(c.glyph.X, img.Rect.Dx()), max(c.glyph.Y, img.Rect.Dy())
	}
	c.digits = digits
	c.clock = image.Pt(head.Max.X-c.glyph.X*len(clockText), head.Min.Y+(head.Dy()-c.glyph.Y)/2)
	if name := o.Label(o.Name, head.Dy(), c.clock.X-c.glyph.X-head.Min.X); name != nil {
		s.Stamp(name, image.Pt(head.Min.X, head.Min.Y+(head.Dy()-name.Rect.Dy())/2))
	}
}

// Bounds is the size of the card, from 0, 0.
func (c *Card) Bounds() image.Rectangle { return c.bounds }

// Draw draws all of the card as it is at a time.
func (c *Card) Draw(s Surface, at time.Time) {
	c.DrawStill(s)
	c.DrawMoving(s, at)
}

// DrawStill draws what never changes, all over the picture.
func (c *Card) DrawStill(s Surface) { s.Stamp(c.still, image.Point{}) }

// DrawMoving draws what changes, over what stands still.
func (c *Card) DrawMoving(s Surface, at time.Time) {
	c.drawBall(s, at)
	c.drawSweep(s, at)
	c.drawClock(s, at)
	code := encode(at)
	for n := range columns * rows {
		if code<<n>>63 == 1 {
			s.Fill(block(c.bounds, n), white)
		}
	}
}

// second is how much of its second a time is past, from 0 to below 1.
func second(at time.Time) float64 { return float64(at.Nanosecond()) / 1e9 }

// drawBall: it hits the floor of the bars at each full second and is back on the other
// side after two.
func (c *Card) drawBall(s Surface, at time.Time) {
	floor, size := barsArea.in(c.bounds), c.ball.Rect.Dx()
	part := second(at)
	across := math.Abs(float64(at.Unix()%4)+part-2) / 2
	x := float64(floor.Dx()-size) * across
	y := float64(floor.Dy()-size) * (1 - 4*part*(1-part))
	s.Stamp(c.ball, image.Pt(floor.Min.X+int(x), floor.Min.Y+int(y)))
}

// drawSweep: a mark that crosses the picture once a second, and a flash to begin with.
func (c *Card) drawSweep(s Surface, at time.Time) {
	r, part := sweepArea.in(c.bounds), second(at)
	if part < flash.Seconds() {
		s.Fill(r, white)
		return
	}
	wide := max(2, r.Dx()/48)
	x := r.Min.X + int(float64(r.Dx()-wide)*part)
	s.Fill(image.Rect(x, r.Min.Y, x+wide, r.Max.Y), white)
}

// flash is how long flash and beep of each second last.
const flash = 100 * time.Millisecond

func (c *Card) drawClock(s Surface, at time.Time) {
	if c.digits == nil {
		return
	}
	p := c.clock
	for _, r := range at.UTC().Format(clockText) {
		img := c.digits[r]
		s.Stamp(img, p.Add(image.Pt((c.glyph.X-img.Rect.Dx())/2, 0)))
		p.X += c.glyph.X
	}
}

// disc is a ball with light from above.
func disc(size int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	radius := float64(size) / 2
	for y := range size {
		for x := range size {
			dx, dy := float64(x)+0.5-radius, float64(y)+0.5-radius
			alpha := min(max(radius-math.Hypot(dx, dy), 0), 1)
			light := min(max(1-math.Hypot(dx+radius/3, dy+radius/3)/(1.6*radius), 0), 1)
			img.SetNRGBA(x, y, color.NRGBA{uint8(200 + 55*light), uint8(70 + 185*light), uint8(40 + 215*light*light), uint8(255 * alpha)})
		}
	}
	return img
}
