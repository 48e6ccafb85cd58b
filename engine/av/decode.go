//go:build cgo

package av

// #include "frames.h"
// #include "shim.h"
import "C"

import (
	"image"
	"math"
	"unsafe"

	"github.com/asticode/go-astiav"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// PictureDecoder implements media.Coder.
func (c *coder) PictureDecoder(t media.Track, o media.DecodeOptions) (media.PictureDecoder, error) {
	if !t.Codec.Video() {
		return nil, fault.New(fault.Usage, "decode %s as pictures", t.Codec.Title())
	}
	on, err := c.deviceFor(o.Device, t.Codec, decoding)
	if err != nil {
		return nil, err
	}
	if on != nil {
		return c.newDeviceDecoder(t, o, on)
	}
	d, err := c.newDecoder(t, o, nil)
	if err != nil {
		return nil, err
	}
	return d, nil
}

// newDecoder makes a decoder on a device; nil is software.
func (c *coder) newDecoder(t media.Track, o media.DecodeOptions, on *device) (*decoder, error) {
	d := &decoder{coder: c, device: on, track: t, options: o, last: math.MinInt64}
	if err := d.open(); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// decoder is the media.PictureDecoder in software, or on a device until that fails.
type decoder struct {
	coder   *coder
	device  *device // nil: software
	taken   bool    // its context is ours
	track   media.Track
	options media.DecodeOptions
	reorder int // pictures that may be held back; -1: not known

	context *astiav.CodecContext
	packet  *C.AVPacket
	spare   *astiav.Frame // what the next picture is received into; nil: none at hand
	flights flights
	last    media.Ticks // PTS of the last picture that came out
	lowres  int         // MJPEG: pictures are decoded 1<<lowres times smaller
	width   int         // of the last picture, before lowres
	height  int
	closed  bool
}

// open makes the codec context for d.track as it is now.
func (d *decoder) open() error {
	name := map[media.Codec]string{media.H264: "h264", media.H265: "hevc", media.MPEG4: "mpeg4", media.MJPEG: "mjpeg"}[d.track.Codec]
	where := ""
	if d.device != nil {
		name, where = d.device.decoders[d.track.Codec], " on "+d.device.name
	}
	codec := astiav.FindDecoderByName(name)
	if codec == nil {
		return fault.New(fault.Unsupported, "this build does not decode %s%s", d.track.Codec.Title(), where)
	}
	info, _ := media.Inspect(d.track)
	d.reorder = info.Reorder
	if d.packet == nil {
		if d.packet = C.av_packet_alloc(); d.packet == nil {
			return fault.New(fault.Busy, "no memory for a decoder")
		}
		d.coder.live.add(packets)
	}
	context, err := d.coder.newCodec(codec)
	if err != nil {
		return err
	}
	if config := decoderConfig(d.track.Codec, d.track.Config); len(config) > 0 {
		if err := context.SetExtraData(config); err != nil {
			d.coder.freeCodec(context)
			return fault.Wrap(fault.Busy, "configure a decoder", err)
		}
	}
	context.SetThreadCount(max(1, min(d.options.Threads, 16)))
	C.rp_picture_decoder(cCodec(context), C.int(d.lowres))
	if err := d.board(context); err != nil {
		d.coder.freeCodec(context)
		return err
	}
	if d.device == nil && C.frames_keep(cCodec(context), C.int64_t(d.coder.memory)) < 0 {
		d.coder.freeCodec(context)
		return fault.New(fault.Busy, "no memory for a decoder")
	}
	if err := context.Open(codec, nil); err != nil {
		d.coder.freeCodec(context)
		return fault.Wrap(fault.Unsupported, "decode "+d.track.Codec.Title()+where, err)
	}
	d.context = context
	d.skip()
	return nil
}

// Decode implements media.PictureDecoder.
func (d *decoder) Decode(au media.AccessUnit) ([]media.Picture, error) {
	if d.closed {
		return nil, fault.New(fault.Bug, "decode after Close")
	}
	head, config := d.configure(au)
	if d.reorder < 0 && au.PTS > au.DTS && d.track.Codec == media.H264 {
		// The stream does not say that it reorders, but its times do. Two pictures are what
		// encoders need for pyramids of B-frames.
		d.reorder = 2
		C.rp_expect_reorder(cCodec(d.context), 2)
	}
	if len(au.Data) == 0 {
		return nil, fault.New(fault.Damaged, "a unit without data")
	}
	if err := d.device.trouble(decodeUnit); err != nil {
		return nil, err
	}
	pictures, err := d.decode(au, head, config)
	if err != nil && au.Key && d.device == nil && d.track.Codec != media.MJPEG {
		more, again := d.restart(au)
		pictures, err = append(pictures, more...), again
	}
	d.coder.drainLog()
	return pictures, err
}

// decode sends a unit and returns what comes out.
func (d *decoder) decode(au media.AccessUnit, head, config []byte) ([]media.Picture, error) {
	number := d.flights.depart(au.PTS, au.Wall, au.Damaged)
	ret := C.rp_send(cCodec(d.context), d.packet, bytesOf(au.Data), C.int(len(au.Data)), bytesOf(head), C.int(len(head)),
		bytesOf(config), C.int(len(config)), C.int64_t(au.PTS), C.int64_t(number), C.int(flag(au.Key)))
	pictures, err := d.receive()
	if ret < 0 {
		err = failed(fault.Damaged, "decode "+d.track.Codec.Title(), ret)
	}
	return pictures, err
}

// restart gives a key that was refused to a new decoder: a damaged header can leave one in
// a state that no sound stream brings it out of (MPEG-4: the studio profile).
func (d *decoder) restart(au media.AccessUnit) ([]media.Picture, error) {
	C.avcodec_send_packet(cCodec(d.context), nil)
	pictures, _ := d.receive()
	old := d.context
	if err := d.open(); err != nil {
		return pictures, err
	}
	d.coder.freeCodec(old)
	more, err := d.decode(au, nil, nil)
	return append(pictures, more...), err
}

// configure follows a change of the configuration. What it returns goes with the unit: in
// front of it, or as a record beside it.
func (d *decoder) configure(au media.AccessUnit) (head, config []byte) {
	if au.Config == nil || media.SameConfig(d.track.Codec, au.Config, d.track.Config) {
		return nil, nil
	}
	d.track.Config = au.Config
	info, _ := media.Inspect(d.track)
	d.reorder = info.Reorder
	if d.track.Codec.NALs() {
		return nil, decoderConfig(d.track.Codec, au.Config)
	}
	return au.Config, nil
}

// receive takes out all pictures that are ready. Pictures whose time does not rise are
// dropped: they are the leftovers of a broken order.
func (d *decoder) receive() ([]media.Picture, error) {
	var pictures []media.Picture
	for {
		if d.spare == nil {
			frame, err := d.coder.newFrame()
			if err != nil {
				return pictures, err
			}
			d.spare = frame
		}
		ret := C.avcodec_receive_frame(cCodec(d.context), cFrame(d.spare))
		if ret == C.RP_AGAIN || ret == C.RP_EOF {
			return pictures, nil
		}
		if ret < 0 {
			return pictures, failed(fault.Damaged, "decode "+d.track.Codec.Title(), ret)
		}
		p := d.picture()
		if p != nil {
			pictures = append(pictures, p)
		}
	}
}

// picture makes a picture of the frame that was received, or nil.
func (d *decoder) picture() *picture {
	frame := cFrame(d.spare)
	unit, ok := d.flights.arrive(int64(C.rp_number(frame)))
	if !ok && d.device != nil {
		unit, ok = d.flights.at(int64(frame.pts))
	}
	if !ok || unit.pts <= d.last {
		C.av_frame_unref(frame)
		return nil
	}
	d.last = unit.pts
	p := d.coder.newPicture(d.spare, unit.pts, unit.wall)
	d.spare = nil
	if frame.hw_frames_ctx != nil {
		p.device = d.device.name
	}
	w, h := int(frame.width)<<d.lowres, int(frame.height)<<d.lowres
	p.small = C.frames_small_of(cCodec(d.context), frame)
	if s := p.small; s != nil && d.options.Light && int(s.width) >= d.options.Shown.X && int(s.height) >= d.options.Shown.Y && C.frames_keep_small(frame) == 0 {
		p.small = nil
	}
	p.pixel = d.track.Pixel
	p.damaged = unit.damaged || C.rp_corrupt(frame) != 0
	if w != d.width || h != d.height {
		d.width, d.height = w, h
		d.skip()
	}
	return p
}

// Flush implements media.PictureDecoder.
func (d *decoder) Flush() ([]media.Picture, error) {
	if d.closed {
		return nil, nil
	}
	C.avcodec_send_packet(cCodec(d.context), nil)
	pictures, err := d.receive()
	C.avcodec_flush_buffers(cCodec(d.context))
	d.last = math.MinInt64
	return pictures, err
}

// Resize implements media.PictureDecoder.
func (d *decoder) Resize(shown image.Point) {
	d.options.Shown = shown
	if !d.closed {
		d.skip()
	}
}

// reduction is how many times smaller a picture is made while it is decoded, so that little
// or nothing is left to be scaled: 1 where it is better not.
func reduction(size, shown image.Point) int {
	if shown.X < 1 || shown.Y < 1 {
		return 1
	}
	for f := 4; f > 1; f-- {
		if size.X%f != 0 || size.Y%f != 0 {
			continue
		}
		small := size.Div(f)
		// Two scalings of nearly the same size blur: the second one gets a quarter more.
		if small == shown || small.X*4 >= shown.X*5 && small.Y*4 >= shown.Y*5 {
			return f
		}
	}
	return 1
}

// skip leaves out of decoding what cannot be seen at the size shown: the loop filter at
// half the size or less, that of pictures which no other refers to at four fifths or less,
// and of MJPEG whole octaves. What is shown at half the size or less is made smaller while
// it is decoded.
func (d *decoder) skip() {
	shown := d.options.Shown
	if d.width == 0 {
		info, _ := media.Inspect(d.track)
		d.width, d.height = info.Width, info.Height
	}
	halves := 0
	for shown.X > 0 && shown.Y > 0 && halves < 3 && shown.X<<(halves+1) <= d.width && shown.Y<<(halves+1) <= d.height {
		halves++
	}
	filter := 0
	switch {
	case halves > 0:
		filter = 2
	case shown.X > 0 && shown.Y > 0 && shown.X*5 <= d.width*4 && shown.Y*5 <= d.height*4:
		filter = 1
	}
	C.rp_skip_loop_filter(cCodec(d.context), C.int(filter))
	C.frames_reduce(cCodec(d.context), C.int(reduction(image.Pt(d.width, d.height), shown)))
	if d.track.Codec == media.MJPEG && d.device == nil && halves != d.lowres {
		// Pictures of MJPEG stand alone, so a new decoder goes on where the old one was.
		old, lowres := d.context, d.lowres
		d.lowres = halves
		if err := d.open(); err != nil {
			d.context, d.lowres = old, lowres
			return
		}
		d.coder.freeCodec(old)
	}
}

// Device implements media.PictureDecoder.
func (d *decoder) Device() string { return d.device.title() }

// Close implements media.PictureDecoder.
func (d *decoder) Close() {
	if d.closed {
		return
	}
	d.closed = true
	if d.context != nil {
		d.coder.freeCodec(d.context)
	}
	d.alight()
	d.coder.freePacket(&d.packet)
	if d.spare != nil {
		d.coder.freeFrame(d.spare)
	}
	d.coder.drainLog()
}

func bytesOf(b []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.SliceData(b)) }

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
