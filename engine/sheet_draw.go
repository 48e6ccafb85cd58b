package engine

import (
	"fmt"
	"html"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"
	"strings"

	"golang.org/x/image/vector"

	"rtsprec/engine/compose"
)

// sheet is a drawing of lines and words, in pixels, that can be written as a page or as a
// picture.
type sheet struct {
	width, height int
	areas         []sheetLine // filled, below everything
	lines         []sheetLine
	words         []sheetWords
}

type sheetLine struct {
	ink    color.NRGBA
	thick  float64
	dashed bool
	way    []float64 // x, y, x, y, ...
}

type sheetWords struct {
	x, y float64 // left end of the base line
	size int
	ink  color.NRGBA
	text string
}

func (s *sheet) line(ink color.NRGBA, thick float64, dashed bool, way ...float64) {
	if len(way) >= 4 {
		s.lines = append(s.lines, sheetLine{ink, thick, dashed, way})
	}
}

// area fills what a way goes around.
func (s *sheet) area(ink color.NRGBA, way ...float64) {
	s.areas = append(s.areas, sheetLine{ink: ink, way: way})
}

func (s *sheet) text(x, y float64, size int, ink color.NRGBA, text string) {
	s.words = append(s.words, sheetWords{x, y, size, ink, text})
}

func hexInk(c color.NRGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// html writes a page that needs nothing else.
func (s *sheet) html(w io.Writer, title string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "<!doctype html>\n<meta charset=\"utf-8\">\n<title>%s</title>\n", html.EscapeString(title))
	fmt.Fprintf(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" style=\"background:#fff\">\n", s.width, s.height)
	for _, l := range s.areas {
		fmt.Fprintf(&b, "<polygon fill=\"%s\" points=\"%s\"/>\n", hexInk(l.ink), l.points())
	}
	for _, l := range s.lines {
		dash := ""
		if l.dashed {
			dash = fmt.Sprintf(` stroke-dasharray="%g %g"`, dashes[0], dashes[1])
		}
		fmt.Fprintf(&b, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"%g\"%s points=\"%s\"/>\n", hexInk(l.ink), l.thick, dash, l.points())
	}
	for _, t := range s.words {
		fmt.Fprintf(&b, "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%d\" fill=\"%s\">%s</text>\n", t.x, t.y, t.size, hexInk(t.ink), html.EscapeString(t.text))
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// points is the way as SVG has it.
func (l sheetLine) points() string {
	var b strings.Builder
	for i := 0; i+1 < len(l.way); i += 2 {
		fmt.Fprintf(&b, "%.1f,%.1f ", l.way[i], l.way[i+1])
	}
	return b.String()
}

// png writes the same as a picture.
func (s *sheet) png(w io.Writer) error {
	labels, err := compose.NewLabels()
	if err != nil {
		return err
	}
	img := image.NewNRGBA(image.Rect(0, 0, s.width, s.height))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
	for _, l := range s.areas {
		l.fill(img)
	}
	for _, l := range s.lines {
		l.stroke(img)
	}
	for _, t := range s.words {
		text := labels.Text(t.text, t.size+4, s.width, t.ink)
		if text == nil {
			continue
		}
		at := image.Pt(int(t.x), int(t.y)-t.size)
		draw.Draw(img, text.Bounds().Add(at), text, text.Bounds().Min, draw.Over)
	}
	return png.Encode(w, img)
}

// fill draws what the line goes around.
func (l sheetLine) fill(img *image.NRGBA) {
	r := vector.NewRasterizer(img.Rect.Dx(), img.Rect.Dy())
	for i := 0; i+1 < len(l.way); i += 2 {
		if i == 0 {
			r.MoveTo(float32(l.way[0]), float32(l.way[1]))
			continue
		}
		r.LineTo(float32(l.way[i]), float32(l.way[i+1]))
	}
	r.ClosePath()
	r.Draw(img, img.Rect, image.NewUniform(l.ink), image.Point{})
}

// dashes are those of a dashed line: on, off, in pixels.
var dashes = [2]float64{4, 3}

// stroke draws each piece of a line as a thin quadrangle.
func (l sheetLine) stroke(img *image.NRGBA) {
	r := vector.NewRasterizer(img.Rect.Dx(), img.Rect.Dy())
	half := max(l.thick, 1) / 2
	for i := 0; i+3 < len(l.way); i += 2 {
		x0, y0, x1, y1 := l.way[i], l.way[i+1], l.way[i+2], l.way[i+3]
		n := math.Hypot(x1-x0, y1-y0)
		if n == 0 {
			continue
		}
		piece := func(from, to float64) { // in pixels of its length
			dx, dy := half*(x1-x0)/n, half*(y1-y0)/n
			ax, ay, bx, by := x0+(x1-x0)*from/n-dx, y0+(y1-y0)*from/n-dy, x0+(x1-x0)*to/n+dx, y0+(y1-y0)*to/n+dy
			r.MoveTo(float32(ax-dy), float32(ay+dx))
			r.LineTo(float32(bx-dy), float32(by+dx))
			r.LineTo(float32(bx+dy), float32(by-dx))
			r.LineTo(float32(ax+dy), float32(ay-dx))
			r.ClosePath()
		}
		if !l.dashed {
			piece(0, n)
			continue
		}
		for at := 0.0; at < n; at += dashes[0] + dashes[1] {
			piece(at, min(at+dashes[0], n))
		}
	}
	r.Draw(img, img.Rect, image.NewUniform(l.ink), image.Point{})
}
