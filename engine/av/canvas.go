//go:build cgo

package av

// #include "paint.h"
// #include "shim.h"
import "C"

import (
	"image"
	"image/color"
	"time"

	"github.com/asticode/go-astiav"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// The sizes that a canvas may have.
const (
	minCanvas = 16
	maxCanvas = 8192
)

// canvas draws pictures into frames of planar 4:2:0 from a pool: an encoder may still hold
// some of those that it has handed over.
type canvas struct {
	coder      *coder
	pool       *framePool
	scaler     *scaler
	stamps     stampCache
	colours    colours
	background color.Color
	size       image.Rectangle
	frame      *astiav.Frame // being drawn; nil until something is
	begun      bool
	closed     bool
}

// Canvas implements media.Coder.
func (c *coder) Canvas(o media.CanvasOptions) (media.Canvas, error) {
	for _, side := range []int{o.Width, o.Height} {
		if side%2 != 0 || side < minCanvas || side > maxCanvas {
			return nil, fault.New(fault.Usage, "a picture of %dx%d: both sides are even, %d to %d", o.Width, o.Height, minCanvas, maxCanvas)
		}
	}
	pool, err := c.newFramePool(o.Width, o.Height, astiav.PixelFormatYuv420P)
	if err != nil {
		return nil, err
	}
	if o.Background == nil {
		o.Background = color.Black
	}
	v := &canvas{
		coder: c, pool: pool, scaler: c.newScaler(), colours: coloursOfSize(o.Height),
		background: o.Background, size: image.Rect(0, 0, o.Width, o.Height),
	}
	return v, nil
}

// target is the frame that is drawn. The first one begins as background; the others are
// drawn all over, as media.Canvas says.
func (v *canvas) target() (*C.AVFrame, error) {
	if v.closed {
		return nil, fault.New(fault.Bug, "a closed canvas is drawn on")
	}
	if v.frame == nil {
		f, err := v.pool.get()
		if err != nil {
			return nil, err
		}
		v.colours.say(cFrame(f))
		v.frame = f
		if !v.begun {
			v.begun = true
			v.fill(cFrame(f), v.size, v.background)
		}
	}
	return cFrame(v.frame), nil
}

// Draw implements media.Canvas.
func (v *canvas) Draw(p media.Picture, src, dst image.Rectangle) error {
	mine, err := own(p)
	if err != nil {
		return err
	}
	f, err := v.target()
	if err != nil {
		return err
	}
	w, h := mine.Size()
	part, to, ok := clipped(src, image.Rect(0, 0, w, h), dst, v.size)
	if !ok {
		return nil
	}
	here, err := v.coder.download(mine)
	if err != nil {
		return err
	}
	defer here.Release()
	in := here.c()
	from := viewOf(in).sub(part)
	if part == image.Rect(0, 0, w, h) {
		from = here.fitting(to.Size())
	}
	return v.scaler.draw(viewOf(f).sub(to), v.colours, from, coloursOf(in, v.colours))
}

// clipped is what of a picture, all of which is full, falls onto which part of the canvas,
// when its part src is scaled into dst. The result is even but at the far edges of a
// picture of odd size; ok is false where nothing is seen.
func clipped(src, full, dst, canvas image.Rectangle) (part, to image.Rectangle, ok bool) {
	if src.Empty() {
		src = full
	}
	src = even(src).Intersect(full)
	dst = even(dst)
	to = dst.Intersect(canvas)
	if src.Empty() || to.Empty() {
		return part, to, false
	}
	if to == dst {
		return src, to, true
	}
	fx, fy := float64(src.Dx())/float64(dst.Dx()), float64(src.Dy())/float64(dst.Dy())
	part.Min.X = src.Min.X + int(float64(to.Min.X-dst.Min.X)*fx)&^1
	part.Min.Y = src.Min.Y + int(float64(to.Min.Y-dst.Min.Y)*fy)&^1
	part.Max.X = min(src.Max.X, src.Max.X-int(float64(dst.Max.X-to.Max.X)*fx)&^1)
	part.Max.Y = min(src.Max.Y, src.Max.Y-int(float64(dst.Max.Y-to.Max.Y)*fy)&^1)
	part.Min.X = min(part.Min.X, (src.Max.X-1)&^1)
	part.Min.Y = min(part.Min.Y, (src.Max.Y-1)&^1)
	part.Max.X = max(part.Max.X, min(part.Min.X+2, src.Max.X))
	part.Max.Y = max(part.Max.Y, min(part.Min.Y+2, src.Max.Y))
	return part, to, true
}

// far bounds coordinates, so that their differences stay numbers.
const far = 1 << 24

// even moves odd edges to the next even pixel.
func even(r image.Rectangle) image.Rectangle {
	e := func(n int) int { return (min(max(n, -far), far) + 1) &^ 1 }
	return image.Rectangle{Min: image.Pt(e(r.Min.X), e(r.Min.Y)), Max: image.Pt(e(r.Max.X), e(r.Max.Y))}
}

// Fill implements media.Canvas.
func (v *canvas) Fill(r image.Rectangle, c color.Color) {
	f, err := v.target()
	if r = even(r).Intersect(v.size); err != nil || r.Empty() || c == nil {
		return
	}
	v.fill(f, r, c)
}

func (v *canvas) fill(f *C.AVFrame, r image.Rectangle, c color.Color) {
	out := viewOf(f).sub(r)
	y, u, w, alpha := v.colours.yuv(c)
	for i, value := range [...]uint8{y, u, w} {
		pw, ph := out.plane(i)
		C.paint_fill(out.data[i], out.stride[i], C.int(pw), C.int(ph), C.uint8_t(value), C.uint8_t(alpha))
	}
}

// Picture implements media.Canvas. What was damaged in the pictures that were drawn is
// not damage of the whole: it is as it was meant to be.
func (v *canvas) Picture(pts media.Ticks, wall time.Time) (media.Picture, error) {
	if _, err := v.target(); err != nil {
		return nil, err
	}
	p := v.coder.newPicture(v.frame, pts, wall)
	v.frame = nil
	return p, nil
}

// Close implements media.Canvas. Pictures that were handed over live on.
func (v *canvas) Close() {
	if v.closed {
		return
	}
	v.closed = true
	if v.frame != nil {
		v.coder.freeFrame(v.frame)
		v.frame = nil
	}
	v.scaler.close()
	v.pool.close()
}
