//go:build cgo

package av

// #cgo CFLAGS: -O3
// #include <libswscale/swscale.h>
// #include <libavutil/hwcontext.h>
// #include "paint.h"
// #include "reduce.h"
// #include "scale.h"
// #include "shim.h"
import "C"

import (
	"image"
	"unsafe"

	"github.com/asticode/go-astiav"

	"rtsprec/engine/fault"
)

// scaler draws frames into parts of frames of planar 4:2:0, scaled, with the colours of
// the destination. Factors of exactly 1, 2/3, 1/2, 1/3 and 1/4 go through reduce.c, all
// others through swscale. It belongs to one goroutine.
type scaler struct {
	coder    *coder
	contexts map[scaling]*scaleContext
	used     uint64
	scratch  *astiav.Frame // what swscale may not write straight into its place
	pool     *framePool    // of remake
}

// scaling is what a context of swscale is made for.
type scaling struct {
	from, to image.Point
	format   C.int
	colours  colours // of the destination, where swscale makes them out of RGB
}

type scaleContext struct {
	c    *C.struct_SwsContext
	used uint64
}

// maxScalings bounds the contexts that are kept: a layout has fewer cells of odd sizes,
// and an input that changes its size each second must not fill the memory.
const maxScalings = 16

func (c *coder) newScaler() *scaler {
	return &scaler{coder: c, contexts: map[scaling]*scaleContext{}}
}

// close frees everything. It may be called twice.
func (s *scaler) close() {
	for k, c := range s.contexts {
		s.drop(k, c)
	}
	if s.scratch != nil {
		s.coder.freeFrame(s.scratch)
		s.scratch = nil
	}
	if s.pool != nil {
		s.pool.close()
		s.pool = nil
	}
}

func (s *scaler) drop(k scaling, c *scaleContext) {
	C.sws_freeContext(c.c)
	delete(s.contexts, k)
	s.coder.live.free(scalers)
}

// remake returns a copy of p, which is in main memory and has some colours, of another size
// or with other colours, in planar 4:2:0. The size is even.
func (s *scaler) remake(p *picture, width, height int, have, want colours) (*picture, error) {
	if s.pool == nil || s.pool.width != width || s.pool.height != height {
		pool, err := s.coder.newFramePool(width, height, astiav.PixelFormatYuv420P)
		if err != nil {
			return nil, err
		}
		if s.pool != nil {
			s.pool.close()
		}
		s.pool = pool
	}
	f, err := s.pool.get()
	if err != nil {
		return nil, err
	}
	want.say(cFrame(f))
	if err := s.draw(viewOf(cFrame(f)), want, p.fitting(image.Pt(width, height)), have); err != nil {
		s.coder.freeFrame(f)
		return nil, err
	}
	out := s.coder.newPicture(f, p.pts, p.wall)
	out.damaged = p.damaged
	return out, nil
}

// draw scales one view, which lies in main memory, into another, whose colours it gets. That
// of the destination is even and planar 4:2:0.
func (s *scaler) draw(out view, want colours, in view, have colours) error {
	if in.rgb() {
		have = want // swscale sees to it
	}
	if done, err := s.reduce(out, in); err != nil {
		return err
	} else if !done {
		if err := s.scale(out, in, want); err != nil {
			return err
		}
	}
	if m, ok := have.to(want); ok {
		C.paint_convert(&out.data[0], &out.stride[0], C.int(out.w), C.int(out.h), &m)
	}
	return nil
}

// reduce draws where each plane shrinks by such a factor, else it is false.
func (s *scaler) reduce(out, in view) (bool, error) {
	pairs := in.format == C.AV_PIX_FMT_NV12 // what devices have
	if !pairs && !in.planar8() {
		return false, nil
	}
	for i := range 3 {
		ow, oh := out.plane(i)
		iw, ih := in.plane(i)
		if C.reduce_factor(C.int(iw), C.int(ow)) == C.reduce_not || C.reduce_factor(C.int(ih), C.int(oh)) == C.reduce_not || iw > C.reduce_max_width {
			return false, nil
		}
	}
	if pairs {
		aside, err := s.aside(in.w, in.h)
		if err != nil {
			return false, err
		}
		w, h := in.plane(1)
		C.paint_split(aside.data[1], aside.data[2], aside.stride[1], in.data[1], in.stride[1], C.int(w), C.int(h))
		for i := 1; i < 3; i++ {
			in.data[i], in.stride[i] = aside.data[i], aside.stride[i]
		}
	}
	for i := range 3 {
		ow, oh := out.plane(i)
		iw, ih := in.plane(i)
		C.reduce_plane(out.data[i], out.stride[i], in.data[i], in.stride[i], C.int(iw), C.int(ih),
			C.reduce_factor(C.int(iw), C.int(ow)), C.reduce_factor(C.int(ih), C.int(oh)))
	}
	return true, nil
}

// scale draws by swscale. Its vector code writes up to 31 pixels beyond the end of a row,
// and is slow where rows begin at odd addresses: such places are drawn aside and copied.
func (s *scaler) scale(out, in view, want colours) error {
	c, err := s.context(scaling{from: image.Pt(in.w, in.h), to: image.Pt(out.w, out.h), format: in.format}, in.rgb(), want)
	if err != nil {
		return err
	}
	place := out
	if !out.aligned() {
		if place, err = s.aside(out.w, out.h); err != nil {
			return err
		}
	}
	if err := failed(fault.Unsupported, "scale a picture", C.rp_scale(c, &place.data[0], &place.stride[0], &in.data[0], &in.stride[0], C.int(in.h))); err != nil {
		return err
	}
	for i := 0; i < 3 && place != out; i++ {
		w, h := out.plane(i)
		C.reduce_plane(out.data[i], out.stride[i], place.data[i], place.stride[i], C.int(w), C.int(h), C.reduce_by_1, C.reduce_by_1)
	}
	return nil
}

// aside returns a place of that size, aligned, that is good until the next call.
func (s *scaler) aside(w, h int) (view, error) {
	if s.scratch == nil || int(s.scratch.Width()) < w || int(s.scratch.Height()) < h {
		f, err := s.coder.newFrame()
		if err != nil {
			return view{}, err
		}
		if s.scratch != nil {
			w, h = max(w, s.scratch.Width()), max(h, s.scratch.Height())
		}
		f.SetWidth((w + 63) &^ 63)
		f.SetHeight(h)
		f.SetPixelFormat(astiav.PixelFormatYuv420P)
		if err := f.AllocBuffer(0); err != nil {
			s.coder.freeFrame(f)
			return view{}, fault.Wrap(fault.Busy, "take memory for a picture", err)
		}
		if s.scratch != nil {
			s.coder.freeFrame(s.scratch)
		}
		s.scratch = f
	}
	return viewOf(cFrame(s.scratch)).sub(image.Rect(0, 0, w, h)), nil
}

// context returns swscale's for a scaling, made when it is new. Ranges and colours of YUV
// are left as they are, RGB becomes what is wanted.
func (s *scaler) context(k scaling, rgb bool, want colours) (*C.struct_SwsContext, error) {
	if rgb {
		k.colours = want
	}
	s.used++
	if c := s.contexts[k]; c != nil {
		c.used = s.used
		return c.c, nil
	}
	sws := C.rp_scaler(C.int(k.from.X), C.int(k.from.Y), C.enum_AVPixelFormat(k.format), C.int(k.to.X), C.int(k.to.Y), cBool(k.colours.red == bt709.red), cBool(k.colours.full))
	if sws == nil {
		return nil, fault.New(fault.Unsupported, "pictures of %dx%d in this format cannot be scaled to %dx%d", k.from.X, k.from.Y, k.to.X, k.to.Y)
	}
	s.coder.live.add(scalers)
	if len(s.contexts) >= maxScalings {
		var oldest scaling
		age := s.used
		for k, c := range s.contexts {
			if c.used < age {
				oldest, age = k, c.used
			}
		}
		s.drop(oldest, s.contexts[oldest])
	}
	s.contexts[k] = &scaleContext{c: sws, used: s.used}
	return sws, nil
}

func cBool(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// view is a rectangle of a frame in main memory.
type view struct {
	data   [4]*C.uint8_t
	stride [4]C.ptrdiff_t
	w, h   int
	format C.int
	desc   *C.AVPixFmtDescriptor
}

// fitting is all of a picture that lies in main memory, to be shown in that size: it, or its
// small copy where that is large enough.
func (p *picture) fitting(size image.Point) view {
	v := viewOf(p.c())
	if s := p.small; s != nil && int(s.width) >= size.X && int(s.height) >= size.Y {
		v.w, v.h = int(s.width), int(s.height)
		for i := range s.data {
			v.data[i], v.stride[i] = s.data[i], s.stride[i]
		}
	}
	return v
}

func viewOf(f *C.AVFrame) view {
	v := view{w: int(f.width), h: int(f.height), format: f.format, desc: C.av_pix_fmt_desc_get(C.enum_AVPixelFormat(f.format))}
	for i := range v.data {
		v.data[i], v.stride[i] = f.data[i], C.ptrdiff_t(f.linesize[i])
	}
	return v
}

// sub is a part; it begins at an even pixel.
func (v view) sub(r image.Rectangle) view {
	var steps [4]C.int
	C.av_image_fill_max_pixsteps(&steps[0], nil, v.desc)
	for i := range v.data {
		if v.data[i] == nil || i == 1 && v.desc.flags&C.AV_PIX_FMT_FLAG_PAL != 0 {
			continue
		}
		x, y := r.Min.X, r.Min.Y
		if i == 1 || i == 2 {
			x, y = x>>v.desc.log2_chroma_w, y>>v.desc.log2_chroma_h
		}
		v.data[i] = (*C.uint8_t)(unsafe.Add(unsafe.Pointer(v.data[i]), C.ptrdiff_t(y)*v.stride[i]+C.ptrdiff_t(x)*C.ptrdiff_t(steps[i])))
	}
	v.w, v.h = r.Dx(), r.Dy()
	return v
}

// plane is the size of a plane in samples.
func (v view) plane(i int) (w, h int) {
	if i == 0 {
		return v.w, v.h
	}
	cw, ch := uint(v.desc.log2_chroma_w), uint(v.desc.log2_chroma_h)
	return (v.w + 1<<cw - 1) >> cw, (v.h + 1<<ch - 1) >> ch
}

// planar8 reports YUV of 8 bits in three planes.
func (v view) planar8() bool {
	const no = C.AV_PIX_FMT_FLAG_RGB | C.AV_PIX_FMT_FLAG_HWACCEL | C.AV_PIX_FMT_FLAG_PAL | C.AV_PIX_FMT_FLAG_BITSTREAM | C.AV_PIX_FMT_FLAG_ALPHA
	return v.desc.flags&no == 0 && v.desc.flags&C.AV_PIX_FMT_FLAG_PLANAR != 0 && v.desc.nb_components == 3 &&
		v.desc.comp[0].depth == 8 && v.desc.comp[1].plane == 1 && v.desc.comp[2].plane == 2
}

func (v view) rgb() bool { return v.desc.flags&(C.AV_PIX_FMT_FLAG_RGB|C.AV_PIX_FMT_FLAG_PAL) != 0 }

// aligned reports whether swscale may write here.
func (v view) aligned() bool {
	return v.w%64 == 0 && uintptr(unsafe.Pointer(v.data[0]))%32 == 0 && uintptr(unsafe.Pointer(v.data[1]))%32 == 0
}
