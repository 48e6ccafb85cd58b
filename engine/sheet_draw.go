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

func (s *sheet) text(x, y float64, size int, ink color.NRGBA, text string) {
	s.words = append(s.words, sheetWords{x, y, size, ink, text})
}

func hexInk(c color.NRGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// html writes a page that needs nothing else.
func (s *sheet) html(w io.Writer, title string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "<!doctype html>\n<meta charset=\"utf-8\">\n<title>%s</title>\n", html.EscapeString(title))
	fmt.Fprintf(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" style=\"background:#fff\">\n", s.width, s.height)
	for _, l := range s.lines {
		dash := ""
		if l.dashed {
			dash = ` stroke-dasharray="4 3"`
		}
		fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="%g"%s points="`, hexInk(l.ink), l.thick, dash)
		for i := 0; i+1 < len(l.way); i += 2 {
			fmt.Fprintf(&b, "%.1f,%.1f ", l.way[i], l.way[i+1])
		}
		b.WriteString("\"/>\n")
	}
	for _, t := range s.words {
		fmt.Fprintf(&b, "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%d\" fill=\"%s\">%s</text>\n", t.x, t.y, t.size, hexInk(t.ink), html.EscapeString(t.text))
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// png writes the same as a picture.
func (s *sheet) png(w io.Writer) error {
	labels, err := compose.NewLabels()
	if err != nil {
		return err
	}
	img := image.NewNRGBA(image.Rect(0, 0, s.width, s.height))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
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
		dx, dy := half*(x1-x0)/n, half*(y1-y0)/n
		ox, oy := -dy, dx
		r.MoveTo(float32(x0-dx+ox), float32(y0-dy+oy))
		r.LineTo(float32(x1+dx+ox), float32(y1+dy+oy))
		r.LineTo(float32(x1+dx-ox), float32(y1+dy-oy))
		r.LineTo(float32(x0-dx-ox), float32(y0-dy-oy))
		r.ClosePath()
	}
	r.Draw(img, img.Rect, image.NewUniform(l.ink), image.Point{})
}
