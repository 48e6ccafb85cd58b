//go:build cgo

package av

// #include <libavutil/hwcontext.h>
// #include "shim.h"
import "C"

import (
	"context"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// Devices implements media.Coder.
func (c *coder) Devices(context.Context) []media.Device { return nil }

// download returns p in main memory: another reference to p itself where it is there.
func (c *coder) download(p *picture) (*picture, error) {
	if p.c().hw_frames_ctx == nil {
		return p.Retain().(*picture), nil
	}
	f, err := c.newFrame()
	if err != nil {
		return nil, err
	}
	ret := C.av_hwframe_transfer_data(cFrame(f), p.c(), 0)
	if ret >= 0 {
		ret = C.av_frame_copy_props(cFrame(f), p.c())
	}
	if ret < 0 {
		c.freeFrame(f)
		return nil, failed(fault.Busy, "take a picture from "+p.device, ret)
	}
	out := c.newPicture(f, p.pts, p.wall)
	out.damaged = p.damaged
	return out, nil
}
