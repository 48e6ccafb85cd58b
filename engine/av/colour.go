//go:build cgo

package av

// #include "paint.h"
// #include "shim.h"
import "C"

import (
	"image/color"
	"math"
)

// colours is the kind of YUV that a picture has: the weights of red and blue in its
// brightness, and whether its samples use the full range of 8 bits (JPEG) or 16 to 235.
type colours struct {
	red, blue float64
	full      bool
}

// The two kinds of YUV that nearly everything has (ITU-R BT.601 and BT.709).
var (
	bt601 = colours{red: 0.299, blue: 0.114}
	bt709 = colours{red: 0.2126, blue: 0.0722}
)

// hdLines is where pictures that do not say which colours they have change from BT.601 to
// BT.709, as players take it.
const hdLines = 576

// coloursOfSize is what a picture of that many lines has that does not say.
func coloursOfSize(height int) colours {
	if height > hdLines {
		return bt709
	}
	return bt601
}

// coloursOf is what a frame says. One that does not say has the weights of otherwise:
// cameras that do not say mostly have the same in all their streams, of any size.
func coloursOf(f *C.AVFrame, otherwise colours) colours {
	c := otherwise
	switch f.colorspace {
	case C.AVCOL_SPC_BT709:
		c = bt709
	case C.AVCOL_SPC_BT470BG, C.AVCOL_SPC_SMPTE170M:
		c = bt601
	case C.AVCOL_SPC_FCC:
		c = colours{red: 0.3, blue: 0.11}
	case C.AVCOL_SPC_SMPTE240M:
		c = colours{red: 0.212, blue: 0.087}
	case C.AVCOL_SPC_BT2020_NCL, C.AVCOL_SPC_BT2020_CL:
		c = colours{red: 0.2627, blue: 0.0593}
	}
	switch f.format {
	case C.AV_PIX_FMT_YUVJ420P, C.AV_PIX_FMT_YUVJ422P, C.AV_PIX_FMT_YUVJ444P, C.AV_PIX_FMT_YUVJ440P, C.AV_PIX_FMT_YUVJ411P:
		c.full = true
	default:
		c.full = f.color_range == C.AVCOL_RANGE_JPEG
	}
	return c
}

// say writes into a frame which of the two kinds it has.
func (c colours) say(f *C.AVFrame) {
	f.color_range = C.AVCOL_RANGE_MPEG
	if c.full {
		f.color_range = C.AVCOL_RANGE_JPEG
	}
	f.colorspace = C.AVCOL_SPC_SMPTE170M
	if c.red == bt709.red {
		f.colorspace = C.AVCOL_SPC_BT709
	}
}

// yuv is a colour in this kind of YUV.
func (c colours) yuv(from color.Color) (y, u, v, alpha uint8) {
	n := color.NRGBAModel.Convert(from).(color.NRGBA)
	fy, fu, fv := c.of(float64(n.R)/255, float64(n.G)/255, float64(n.B)/255)
	return byteOf(fy), byteOf(fu), byteOf(fv), n.A
}

// of turns RGB of 0 to 1 into samples, not rounded.
func (c colours) of(r, g, b float64) (y, u, v float64) {
	l := c.red*r + (1-c.red-c.blue)*g + c.blue*b
	luma, chroma, black := c.scale()
	return black + luma*l, 128 + chroma*(b-l)/(2*(1-c.blue)), 128 + chroma*(r-l)/(2*(1-c.red))
}

func (c colours) scale() (luma, chroma, black float64) {
	if c.full {
		return 255, 255, 0
	}
	return 219, 224, 16
}

// to says how samples become those of another kind; ok is false where nothing is to do.
func (c colours) to(d colours) (m C.struct_paint_colours, ok bool) {
	if c == d {
		return m, false
	}
	luma, chroma, black := c.scale()
	// A column of the matrix is what becomes of one sample that is 1 where the others are 0.
	column := func(y, u, v float64) (dy, du, dv float64) {
		y, u, v = y/luma, u/chroma, v/chroma
		r, b := y+2*(1-c.red)*v, y+2*(1-c.blue)*u
		g := (y - c.red*r - c.blue*b) / (1 - c.red - c.blue)
		dy, du, dv = d.of(r, g, b)
		_, _, zero := d.scale()
		return dy - zero, du - 128, dv - 128
	}
	q := func(f float64) C.int { return C.int(math.Round(f * (1 << 14))) }
	yy, _, _ := column(1, 0, 0)
	yu, uu, vu := column(0, 1, 0)
	yv, uv, vv := column(0, 0, 1)
	_, _, zero := d.scale()
	m.yy, m.yu, m.yv, m.y0 = q(yy), q(yu), q(yv), q(zero-yy*black)
	m.uu, m.uv, m.vu, m.vv = q(uu), q(uv), q(vu), q(vv)
	return m, true
}

func byteOf(f float64) uint8 { return uint8(math.Round(min(max(f, 0), 255))) }
