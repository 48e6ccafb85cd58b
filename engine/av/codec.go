//go:build cgo

package av

// #include "frames.h"
// #include "shim.h"
import "C"

import (
	"unsafe"

	"github.com/asticode/go-astiav"

	"rtsprec/engine/fault"
)

// newCodec returns a codec context; freeCodec frees it.
func (c *coder) newCodec(codec *astiav.Codec) (*astiav.CodecContext, error) {
	context := astiav.AllocCodecContext(codec)
	if context == nil {
		return nil, fault.New(fault.Busy, "no memory for a codec")
	}
	c.live.add(codecs)
	return context, nil
}

func (c *coder) freeCodec(context *astiav.CodecContext) {
	kept := C.frames_of(cCodec(context))
	context.Free()
	C.av_buffer_unref(&kept)
	c.live.free(codecs)
}

// freePacket frees *p, if there is one, and forgets it.
func (c *coder) freePacket(p **C.AVPacket) {
	if packet := *p; packet != nil {
		C.av_packet_free(&packet)
		*p = nil
		c.live.free(packets)
	}
}

func cCodec(c *astiav.CodecContext) *C.AVCodecContext { return (*C.AVCodecContext)(c.UnsafePointer()) }

func unsafePointer[T any](p *T) unsafe.Pointer { return unsafe.Pointer(p) }
