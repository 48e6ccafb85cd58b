//go:build cgo

package av

// #include "device.h"
// #include "shim.h"
import "C"

import (
	"context"
	"strings"
	"sync"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// device is a way to decode and encode beside software.
type device struct {
	name string
	kind C.enum_AVHWDeviceType // NONE: its codecs find it themselves
	// format is of pictures in its memory; NONE: its codecs give and take pictures of main memory.
	format     C.enum_AVPixelFormat
	takesOur   bool                   // its encoders take pictures of main memory as well
	takesRates bool                   // and another bitrate at any time
	decoders   map[media.Codec]string // FFmpeg's names
	encoders   map[media.Codec]string
	look       func() (detail string, err error) // whether it is worth a try, and what it calls itself

	// fail makes a device of a test fail: it is asked before each thing that is done.
	fail func(op deviceOp) error
}

// deviceOp is what is done on a device.
type deviceOp int

const (
	openDecoder deviceOp = iota
	decodeUnit
	openEncoder
	encodePicture
)

// title is what Device methods say; software is "".
func (d *device) title() string {
	if d == nil {
		return ""
	}
	return d.name
}

// trouble is what a test wants to happen.
func (d *device) trouble(op deviceOp) error {
	if d == nil || d.fail == nil {
		return nil
	}
	return d.fail(op)
}

// knownDevices are those that this build knows, in the order in which they
// are tried. Intel's QSV is only there to say why it is not: distributions have its
// dispatcher (libvpl, libmfx) as a shared library alone, which brings libwayland and others
// along, and a binary that starts everywhere may need nothing but libc, libva and libdrm.
// VAAPI drives the same hardware.
func knownDevices() []*device {
	return []*device{
		{
			name: "cuda", kind: C.AV_HWDEVICE_TYPE_CUDA, format: C.AV_PIX_FMT_CUDA, takesOur: true, takesRates: true, look: lookCUDA,
			decoders: map[media.Codec]string{media.H264: "h264", media.H265: "hevc", media.MPEG4: "mpeg4", media.MJPEG: "mjpeg"},
			encoders: map[media.Codec]string{media.H264: "h264_nvenc", media.H265: "hevc_nvenc"},
		},
		{
			name: "vaapi", kind: C.AV_HWDEVICE_TYPE_VAAPI, format: C.AV_PIX_FMT_VAAPI, look: lookVAAPI,
			decoders: map[media.Codec]string{media.H264: "h264", media.H265: "hevc", media.MPEG4: "mpeg4", media.MJPEG: "mjpeg"},
			encoders: map[media.Codec]string{media.H264: "h264_vaapi", media.H265: "hevc_vaapi"},
		},
		{
			name: "v4l2", kind: C.AV_HWDEVICE_TYPE_NONE, format: C.AV_PIX_FMT_NONE, takesOur: true, look: lookV4L2,
			decoders: map[media.Codec]string{media.H264: "h264_v4l2m2m", media.H265: "hevc_v4l2m2m", media.MPEG4: "mpeg4_v4l2m2m"},
			encoders: map[media.Codec]string{media.H264: "h264_v4l2m2m", media.H265: "hevc_v4l2m2m"},
		},
		{name: "qsv", kind: C.AV_HWDEVICE_TYPE_NONE, format: C.AV_PIX_FMT_NONE, look: func() (string, error) {
			return "", fault.New(fault.Unsupported, "not in this build: Intel's library is for dynamic linking alone; vaapi drives the same hardware")
		}},
	}
}

// software is what Devices calls it, and what DecodeOptions.Device takes for it, too.
const software = "software"

// deviceFor finds the device that an option names: nil is software. "auto" is the first
// that was tried and does it.
func (c *coder) deviceFor(name string, codec media.Codec, use deviceUse) (*device, error) {
	switch name {
	case "", "none", software:
		return nil, nil
	case "auto":
		for _, d := range c.known {
			if d.codecs(use)[codec] != "" && c.try(context.Background(), d, codec, use) == nil {
				return d, nil
			}
		}
		return nil, nil
	}
	var names []string
	for _, d := range c.known {
		if d.name == name {
			return d, nil
		}
		names = append(names, d.name)
	}
	return nil, fault.New(fault.Usage, "there is no device called %q: auto, none, %s", name, strings.Join(names, ", "))
}

// deviceUse is decoding or encoding.
type deviceUse int

const (
	decoding deviceUse = iota
	encoding
)

func (d *device) codecs(use deviceUse) map[media.Codec]string {
	if use == encoding {
		return d.encoders
	}
	return d.decoders
}

// opened shares one context of each device among all decoders and encoders: a context of
// its own costs each some hundred megabytes of the device's memory.
type opened struct {
	mu       sync.Mutex
	contexts map[*device]*deviceContext
}

type deviceContext struct {
	ref   *C.AVBufferRef
	users int
}

// takeDevice returns the context of a device, opened for the first user; giveDevice gives
// it back. It is nil for a device that needs none.
func (c *coder) takeDevice(d *device) (*C.AVBufferRef, error) {
	if d.kind == C.AV_HWDEVICE_TYPE_NONE {
		return nil, nil
	}
	c.opened.mu.Lock()
	defer c.opened.mu.Unlock()
	if have := c.opened.contexts[d]; have != nil {
		have.users++
		return have.ref, nil
	}
	if _, err := d.look(); err != nil {
		return nil, err
	}
	var ref *C.AVBufferRef
	if err := failed(fault.Unsupported, "open "+d.name, C.av_hwdevice_ctx_create(&ref, d.kind, nil, nil, 0)); err != nil {
		return nil, err
	}
	c.live.add(devices)
	if c.opened.contexts == nil {
		c.opened.contexts = map[*device]*deviceContext{}
	}
	c.opened.contexts[d] = &deviceContext{ref: ref, users: 1}
	return ref, nil
}

func (c *coder) giveDevice(d *device) {
	c.opened.mu.Lock()
	defer c.opened.mu.Unlock()
	have := c.opened.contexts[d]
	if have == nil {
		return
	}
	if have.users--; have.users == 0 {
		C.av_buffer_unref(&have.ref)
		delete(c.opened.contexts, d)
		c.live.free(devices)
	}
}

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
