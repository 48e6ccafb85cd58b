//go:build cgo

package av

// #include "paint.h"
import "C"

import (
	"image"
	"image/color"
)

// stamp is an image in the YUV of a canvas, 4:2:0, each plane with its alpha. It is Go's
// memory: C only reads it during a call.
type stamp struct {
	w, h          int // even
	y, u, v       []uint8
	alpha, chroma []uint8 // alpha of y; of u and v
	used          uint64
}

// maxStamps bounds what is remembered: the labels of a wall of cameras whose clocks tick,
// and a little more.
const maxStamps = 64

// stampCache remembers stamps by their images.
type stampCache struct {
	stamps map[*image.NRGBA]*stamp
	used   uint64
}

// get returns the stamp of an image, whose part beyond the size of a canvas is left out.
func (s *stampCache) get(img *image.NRGBA, c colours) *stamp {
	s.used++
	if st := s.stamps[img]; st != nil {
		st.used = s.used
		return st
	}
	if len(s.stamps) >= maxStamps {
		var oldest *image.NRGBA
		age := s.used
		for k, st := range s.stamps {
			if st.used < age {
				oldest, age = k, st.used
			}
		}
		delete(s.stamps, oldest)
	}
	if s.stamps == nil {
		s.stamps = map[*image.NRGBA]*stamp{}
	}
	st := newStamp(img, c)
	st.used = s.used
	s.stamps[img] = st
	return st
}

func newStamp(img *image.NRGBA, c colours) *stamp {
	size := img.Rect.Size()
	size.X, size.Y = min(size.X, maxCanvas), min(size.Y, maxCanvas)
	w, h := (size.X+1)&^1, (size.Y+1)&^1
	st := &stamp{
		w: w, h: h, y: make([]uint8, w*h), alpha: make([]uint8, w*h),
		u: make([]uint8, w*h/4), v: make([]uint8, w*h/4), chroma: make([]uint8, w*h/4),
	}
	for y := range size.Y {
		for x := range size.X {
			n := img.NRGBAAt(img.Rect.Min.X+x, img.Rect.Min.Y+y)
			st.y[y*w+x], _, _, st.alpha[y*w+x] = c.yuv(n)
		}
	}
	for y := 0; y < h; y += 2 {
		for x := 0; x < w; x += 2 {
			i := y/2*(w/2) + x/2
			n, alpha := mean(img, img.Rect.Min.Add(image.Pt(x, y)))
			_, st.u[i], st.v[i], _ = c.yuv(n)
			st.chroma[i] = alpha
		}
	}
	return st
}

// mean is the colour of four pixels, each counting by its alpha; outside the image there
// is nothing.
func mean(img *image.NRGBA, at image.Point) (c color.NRGBA, alpha uint8) {
	var r, g, b, a int
	for i := range 4 {
		n := img.NRGBAAt(at.X+i%2, at.Y+i/2)
		r, g, b, a = r+int(n.R)*int(n.A), g+int(n.G)*int(n.A), b+int(n.B)*int(n.A), a+int(n.A)
	}
	if a == 0 {
		return color.NRGBA{}, 0
	}
	return color.NRGBA{R: uint8(r / a), G: uint8(g / a), B: uint8(b / a), A: 255}, uint8((a + 2) / 4)
}

// Stamp implements media.Canvas.
func (v *canvas) Stamp(img *image.NRGBA, at image.Point) {
	f, err := v.target()
	if err != nil || img == nil || img.Rect.Empty() {
		return
	}
	st := v.stamps.get(img, v.colours)
	at = even(image.Rectangle{Min: at}).Min
	r := image.Rectangle{Min: at, Max: at.Add(image.Pt(st.w, st.h))}
	to := r.Intersect(v.size)
	if to.Empty() {
		return
	}
	out, skip := viewOf(f).sub(to), to.Min.Sub(r.Min)
	for i, plane := range [...]struct{ value, alpha []uint8 }{{st.y, st.alpha}, {st.u, st.chroma}, {st.v, st.chroma}} {
		stride, x, y := st.w, skip.X, skip.Y
		if i > 0 {
			stride, x, y = stride/2, x/2, y/2
		}
		w, h := out.plane(i)
		first := y*stride + x
		C.paint_blend(out.data[i], out.stride[i], (*C.uint8_t)(&plane.value[first]), (*C.uint8_t)(&plane.alpha[first]), C.ptrdiff_t(stride), C.int(w), C.int(h))
	}
}
