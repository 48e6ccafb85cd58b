package compose

import (
	"image"
	"image/color"
	"image/draw"
	"strings"
	"time"
	"unicode"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"rtsprec/engine/fault"
	"rtsprec/presets"
)

// SlateColor is what a cell is filled with behind a slate.
func SlateColor() color.NRGBA { return color.NRGBA{28, 30, 36, 255} }

// Labels draws text and remembers what it drew: the same text of the same look is the same
// image, so that what stamps it converts it once. Images are not to be changed.
type Labels struct {
	font  *opentype.Font
	faces map[int]font.Face // by height of a line in pixels
	drawn map[textKey]*drawnText
	clock uint64 // of uses
}

// Bounds of what is remembered; the longest unused go first.
const (
	maxFaces = 32
	maxDrawn = 256
)

type textKey struct {
	text          string
	height, width int
	color, box    color.NRGBA
	bold          bool
}

type drawnText struct {
	img  *image.NRGBA
	used uint64
}

// NewLabels reads the font.
func NewLabels() (*Labels, error) {
	f, err := opentype.Parse(gomedium.TTF)
	if err != nil {
		return nil, fault.Wrap(fault.Bug, "read the font of labels", err)
	}
	return &Labels{font: f, faces: map[int]font.Face{}, drawn: map[textKey]*drawnText{}}, nil
}

// Expand fills in a label's text for a picture of an input.
func Expand(l presets.Label, name string, wall time.Time, zone *time.Location) string {
	if zone == nil || l.UTC {
		zone = time.UTC
	}
	t := wall.In(zone)
	clock, date := t.Format("15:04:05"), t.Format("2006-01-02")
	if wall.IsZero() {
		clock, date = "", ""
	}
	text := strings.NewReplacer("{name}", name, "{time}", clock, "{date}", date, "{zone}", t.Format("MST")).Replace(l.Text)
	return strings.TrimSpace(text)
}

// Label draws a text as the cell's label says. at is where its top left corner goes, on
// even pixels. img is nil where nothing is to be shown.
func (l *Labels) Label(c Placed, text string) (img *image.NRGBA, at image.Point) {
	if !c.Label.Show {
		return nil, image.Point{}
	}
	height := int(c.Label.Size*float64(min(c.Dst.Dy(), c.Dst.Dx()*3/4)) + 0.5)
	height = min(max(height, leastLine), c.Inner.Dy()*3/5) // with its box and margin it fits
	margin := max(2, height/4) &^ 1
	img = l.draw(textKey{text: oneLine(text), height: height, width: c.Inner.Dx() - 2*margin, color: c.Label.Color, box: c.Label.Box})
	if img == nil {
		return nil, image.Point{}
	}
	return img, corner(c.Inner.Inset(min(margin, c.Inner.Dx()/4, c.Inner.Dy()/4)), img.Rect.Size(), c.Label.At)
}

// leastLine is the height of a line in pixels below which nobody can read it.
const leastLine = 12

// corner is where something of a size goes in r.
func corner(r image.Rectangle, size image.Point, where presets.Position) image.Point {
	at := image.Pt(r.Min.X+(r.Dx()-size.X)/2, r.Min.Y+(r.Dy()-size.Y)/2)
	place := string(where)
	switch {
	case strings.HasPrefix(place, "top"):
		at.Y = r.Min.Y
	case strings.HasPrefix(place, "bottom"):
		at.Y = r.Max.Y - size.Y
	}
	switch {
	case strings.HasSuffix(place, "left"):
		at.X = r.Min.X
	case strings.HasSuffix(place, "right"):
		at.X = r.Max.X - size.X
	}
	return image.Pt(at.X&^1, at.Y&^1)
}

// Slate draws what stands on a cell whose input has no picture: the name, and below it
// smaller what is wrong. The cell is filled with SlateColor before. at is as in Label.
func (l *Labels) Slate(c Placed, name, why string) (img *image.NRGBA, at image.Point) {
	size := c.Inner.Size()
	height := min(max(min(size.Y, size.X*3/4)/9, leastLine), size.Y/2)
	if 2*height+leastLine > size.Y {
		why = "" // the name is what counts
	}
	key := textKey{text: oneLine(name) + "\n" + oneLine(why), height: height, width: size.X * 9 / 10, color: color.NRGBA{225, 228, 235, 255}, bold: true}
	img = l.draw(key)
	if img == nil {
		return nil, image.Point{}
	}
	return img, corner(c.Inner, img.Rect.Size(), "center")
}

// Text draws a line of text on nothing, so many pixels high and at most so many wide. It is
// nil where nothing can be read.
func (l *Labels) Text(text string, height, width int, c color.NRGBA) *image.NRGBA {
	return l.draw(textKey{text: text, height: height, width: width, color: c, bold: true})
}

// oneLine keeps what two lines are made of to one each.
func oneLine(text string) string { return strings.ReplaceAll(text, "\n", " ") }

// Write draws a line of text onto an image, at most width pixels wide, and returns how wide
// it is. at is the top left corner of the line, which is height pixels high.
func (l *Labels) Write(on draw.Image, at image.Point, height, width int, c color.Color, text string) int {
	face := l.face(height)
	text = shorten(face, printable(oneLine(text)), width)
	d := font.Drawer{Dst: on, Src: image.NewUniform(c), Face: face, Dot: fixed.P(at.X, at.Y+baseline(face, height))}
	d.DrawString(text)
	return d.Dot.X.Ceil() - at.X
}

// Width is how wide a text would be, in pixels.
func (l *Labels) Width(height int, text string) int {
	return font.MeasureString(l.face(height), printable(oneLine(text))).Ceil()
}

// baseline is where letters stand in a line of a height.
func baseline(face font.Face, height int) int {
	m := face.Metrics()
	return (height-m.Ascent.Ceil()-m.Descent.Ceil())/2 + m.Ascent.Ceil()
}

// draw returns the image of a text, drawn or remembered.
func (l *Labels) draw(key textKey) *image.NRGBA {
	key.text = printable(key.text)
	if strings.TrimSpace(key.text) == "" || key.width < 4 || key.height < 4 {
		return nil
	}
	l.clock++
	if d := l.drawn[key]; d != nil {
		d.used = l.clock
		return d.img
	}
	img := l.paint(key)
	if len(l.drawn) >= maxDrawn {
		l.forget()
	}
	l.drawn[key] = &drawnText{img, l.clock}
	return img
}

// forget drops the half that was not used for longest.
func (l *Labels) forget() {
	for key, d := range l.drawn {
		if l.clock-d.used > maxDrawn/2 {
			delete(l.drawn, key)
		}
	}
	if len(l.drawn) >= maxDrawn {
		clear(l.drawn)
	}
}

// paint draws a text: lines below each other, all but the first at three fifths.
func (l *Labels) paint(key textKey) *image.NRGBA {
	first, second, _ := strings.Cut(key.text, "\n")
	type line struct {
		text  string
		face  font.Face
		width int
		high  int
	}
	var lines []line
	width, height, pad := 0, 0, 0
	for i, text := range []string{first, second} {
		if text == "" {
			continue
		}
		high := key.height
		if i > 0 {
			high = max(leastLine*3/4, key.height*3/5)
		}
		face := l.face(high)
		if pad == 0 && !key.bold {
			pad = max(2, high/4)
		}
		text = shorten(face, text, key.width-2*pad)
		w := font.MeasureString(face, text).Ceil()
		lines = append(lines, line{text, face, w, high})
		width, height = max(width, w), height+high
	}
	if len(lines) == 0 || width == 0 || even(width+2*pad) > max(key.width, 2) {
		return nil // there is no room for any of it
	}
	img := image.NewNRGBA(image.Rect(0, 0, even(width+2*pad), even(height+height/8)))
	draw.Draw(img, img.Rect, image.NewUniform(key.box), image.Point{}, draw.Src)
	y := height / 16
	for _, n := range lines {
		x := (img.Rect.Dx() - n.width) / 2
		d := font.Drawer{Dst: img, Src: image.NewUniform(key.color), Face: n.face, Dot: fixed.P(x, y+baseline(n.face, n.high))}
		d.DrawString(n.text)
		y += n.high
	}
	return img
}

func even(n int) int { return (n + 1) &^ 1 }

// face is the font with lines of a height in pixels.
func (l *Labels) face(height int) font.Face {
	if f := l.faces[height]; f != nil {
		return f
	}
	if len(l.faces) >= maxFaces {
		for h, f := range l.faces {
			f.Close()
			delete(l.faces, h)
		}
	}
	// Size is the em's height at 72 dpi; ascent and descent of the Go fonts take about
	// 1.2 of it. The error is of options that are not given.
	f, err := opentype.NewFace(l.font, &opentype.FaceOptions{Size: max(4, float64(height)/1.2), DPI: 72, Hinting: font.HintingVertical})
	if err != nil {
		return nil
	}
	l.faces[height] = f
	return f
}

// shorten cuts a text to a width, with an ellipsis for what is missing.
func shorten(face font.Face, text string, width int) string {
	if font.MeasureString(face, text).Ceil() <= width {
		return text
	}
	const ellipsis = "…"
	room := fixed.I(width) - font.MeasureString(face, ellipsis)
	var used fixed.Int26_6
	end := 0
	for i, r := range text {
		advance, ok := face.GlyphAdvance(r)
		if !ok {
			advance, _ = face.GlyphAdvance(unicode.ReplacementChar)
		}
		if used += advance; used > room {
			break
		}
		end = i + len(string(r))
	}
	return strings.TrimRight(text[:end], " ") + ellipsis
}

// printable replaces what has no picture: control characters, broken UTF-8. At most
// presets.MaxText bytes are kept of a line.
func printable(text string) string {
	first, second, two := strings.Cut(strings.ToValidUTF8(text, "\uFFFD"), "\n")
	clean := func(s string) string {
		s = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return ' '
			}
			return r
		}, s)
		if len(s) > 2*presets.MaxText {
			s = strings.ToValidUTF8(s[:2*presets.MaxText], "")
		}
		return s
	}
	if !two {
		return clean(first)
	}
	return clean(first) + "\n" + clean(second)
}
