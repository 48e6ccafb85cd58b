//go:build cgo

package av

// #include "frames.h"
// #include "shim.h"
import "C"

import (
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/asticode/go-astiav"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// picture is the media.Picture: a frame of FFmpeg with a count of references. Its pixels
// are never written once it exists.
type picture struct {
	frame   *astiav.Frame
	live    *ledger
	refs    atomic.Int32
	pts     media.Ticks
	wall    time.Time
	damaged bool
	device  string
	small   *C.struct_frames_small // a smaller copy; nil: there is none
	pixel   float64                // its shape, where the container says it; 0: as the frame does
}

// newPicture makes a picture of frame, which it owns from now on and which newFrame made.
func (c *coder) newPicture(frame *astiav.Frame, pts media.Ticks, wall time.Time) *picture {
	p := &picture{frame: frame, live: &c.live, pts: pts, wall: wall}
	p.refs.Store(1)
	return p
}

func (p *picture) Size() (width, height int) { f := p.c(); return int(f.width), int(f.height) }
func (p *picture) PTS() media.Ticks          { return p.pts }
func (p *picture) Wall() time.Time           { return p.wall }
func (p *picture) Damaged() bool             { return p.damaged }
func (p *picture) Device() string            { return p.device }

// Pixel implements media.Shaped.
func (p *picture) Pixel() float64 {
	if shape := p.c().sample_aspect_ratio; p.pixel == 0 && shape.num > 0 && shape.den > 0 {
		return float64(shape.num) / float64(shape.den)
	}
	return p.pixel
}

func (p *picture) Retain() media.Picture {
	if p.refs.Add(1) <= 1 {
		panic("av: a picture was retained after its last release")
	}
	return p
}

func (p *picture) Release() {
	switch n := p.refs.Add(-1); {
	case n == 0:
		p.frame.Free()
		p.live.free(frames)
	case n < 0:
		panic("av: a picture was released once too often")
	}
}

// c is the frame for C. It is valid while a reference is held.
func (p *picture) c() *C.AVFrame { return cFrame(p.frame) }

// format is how the pixels lie.
func (p *picture) format() astiav.PixelFormat { return p.frame.PixelFormat() }

// planes are the start and the bytes a row of each plane, in main memory.
func (p *picture) planes() (data [4]unsafe.Pointer, stride [4]int) {
	f := p.c()
	for i := range data {
		data[i], stride[i] = unsafe.Pointer(f.data[i]), int(f.linesize[i])
	}
	return data, stride
}

func cFrame(f *astiav.Frame) *C.AVFrame { return (*C.AVFrame)(f.UnsafePointer()) }

// own returns p as a picture of this package.
func own(p media.Picture) (*picture, error) {
	if p, ok := p.(*picture); ok {
		return p, nil
	}
	return nil, fault.New(fault.Usage, "a picture that another engine made")
}

// newFrame returns an empty frame; freeFrame or a picture that is released frees it.
func (c *coder) newFrame() (*astiav.Frame, error) {
	f := astiav.AllocFrame()
	if f == nil {
		return nil, fault.New(fault.Busy, "no memory for a picture")
	}
	c.live.add(frames)
	return f, nil
}

func (c *coder) freeFrame(f *astiav.Frame) {
	f.Free()
	c.live.free(frames)
}

// framePool hands out frames of one size and format, and uses their memory again once
// they are released. Frames may outlive it.
type framePool struct {
	coder         *coder
	pool          *C.AVBufferPool
	width, height int
	format        astiav.PixelFormat
}

// newFramePool makes a pool; it takes no memory before the first frame.
func (c *coder) newFramePool(width, height int, format astiav.PixelFormat) (*framePool, error) {
	pool := C.rp_pool(C.int(width), C.int(height), C.enum_AVPixelFormat(format))
	if pool == nil {
		return nil, fault.New(fault.Usage, "no pictures of %dx%d", width, height)
	}
	c.live.add(pools)
	return &framePool{coder: c, pool: pool, width: width, height: height, format: format}, nil
}

// get returns a frame that is writable, its pixels undefined, rows aligned to 64 bytes.
func (p *framePool) get() (*astiav.Frame, error) {
	f, err := p.coder.newFrame()
	if err != nil {
		return nil, err
	}
	ret := C.rp_pool_get(p.pool, cFrame(f), C.int(p.width), C.int(p.height), C.enum_AVPixelFormat(p.format))
	if ret < 0 {
		p.coder.freeFrame(f)
		return nil, failed(fault.Busy, "take memory for a picture", ret)
	}
	return f, nil
}

// close gives the pool up. It may be called twice.
func (p *framePool) close() {
	if pool := p.pool; pool != nil {
		C.av_buffer_pool_uninit(&pool)
		p.pool = nil
		p.coder.live.free(pools)
	}
}
