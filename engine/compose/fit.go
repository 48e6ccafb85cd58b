package compose

import (
	"image"
	"math"

	"rtsprec/presets"
)

// Place says which part of a picture of size pixels, each pixel times as wide as high,
// goes where in its cell: src is inside the picture, dst inside Inner, with even edges. A
// pixel shape that is no positive number counts as 1. Nothing is shown (empty
// rectangles) of a picture without pixels.
func (p Placed) Place(size image.Point, pixel float64) (src, dst image.Rectangle) {
	if size.X <= 0 || size.Y <= 0 || p.Inner.Empty() {
		return image.Rectangle{}, image.Rectangle{}
	}
	if !(pixel > 0.01 && pixel < 100) {
		pixel = 1
	}
	src, dst = image.Rectangle{Max: size}, p.Inner
	shape := float64(size.X) * pixel / float64(size.Y)
	cell := float64(dst.Dx()) / float64(dst.Dy())
	// A difference of less than a pixel pair is none: the cell is full.
	near := math.Abs(shape/cell-1) < 2/float64(min(dst.Dx(), dst.Dy()))
	switch {
	case p.Fit == presets.Stretch || near:
	case p.Fit == presets.Crop:
		src = crop(size, cell/shape)
	default:
		dst = letterbox(dst, shape/cell)
	}
	return src, dst
}

// crop keeps the middle of a picture; ratio is how much wider the cell is than it.
func crop(size image.Point, ratio float64) image.Rectangle {
	w, h := size.X, size.Y
	if ratio < 1 {
		w = keep(size.X, ratio)
	} else {
		h = keep(size.Y, 1/ratio)
	}
	// Even offsets keep the colours of 4:2:0 in their place.
	x, y := (size.X-w)/2&^1, (size.Y-h)/2&^1
	return image.Rect(x, y, x+w, y+h)
}

// keep is a share of a length, even where the length allows it.
func keep(length int, share float64) int {
	return min(length, max(min(2, length), 2*int(math.Round(float64(length)*share/2))))
}

// letterbox puts a picture into the middle of r; ratio is how much wider it is than r.
func letterbox(r image.Rectangle, ratio float64) image.Rectangle {
	w, h := r.Dx(), r.Dy()
	if ratio > 1 {
		h = max(2, 2*int(math.Round(float64(h)/ratio/2)))
	} else {
		w = max(2, 2*int(math.Round(float64(w)*ratio/2)))
	}
	x, y := r.Min.X+(r.Dx()-w)/2&^1, r.Min.Y+(r.Dy()-h)/2&^1
	return image.Rect(x, y, x+w, y+h)
}

// Bare returns what is left of an area when the covers are taken away, as rectangles that
// do not overlap: what has to be filled with a background before pictures are drawn.
func Bare(area image.Rectangle, covers ...image.Rectangle) []image.Rectangle {
	left := []image.Rectangle{area}
	if area.Empty() {
		return nil
	}
	for _, c := range covers {
		var next []image.Rectangle
		for _, r := range left {
			next = append(next, without(r, c)...)
		}
		left = next
	}
	return left
}

// without is r less c, in four parts at most.
func without(r, c image.Rectangle) []image.Rectangle {
	c = c.Intersect(r)
	if c.Empty() {
		return []image.Rectangle{r}
	}
	var parts []image.Rectangle
	for _, part := range []image.Rectangle{
		image.Rect(r.Min.X, r.Min.Y, r.Max.X, c.Min.Y), image.Rect(r.Min.X, c.Max.Y, r.Max.X, r.Max.Y),
		image.Rect(r.Min.X, c.Min.Y, c.Min.X, c.Max.Y), image.Rect(c.Max.X, c.Min.Y, r.Max.X, c.Max.Y),
	} {
		if part.Dx() > 0 && part.Dy() > 0 {
			parts = append(parts, part)
		}
	}
	return parts
}
