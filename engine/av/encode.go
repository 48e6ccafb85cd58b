//go:build cgo

package av

// #include "shim.h"
import "C"

import (
	"math"
	"time"

	"github.com/asticode/go-astiav"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// PictureEncoder implements media.Coder.
func (c *coder) PictureEncoder(o media.EncodeOptions) (media.PictureEncoder, error) {
	o, err := checkEncoding(o)
	if err != nil {
		return nil, err
	}
	on, err := c.deviceFor(o.Device, o.Codec, encoding)
	if err != nil {
		return nil, err
	}
	if on != nil {
		return c.newDeviceEncoder(o, on)
	}
	e, err := c.newEncoder(o, nil)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// newEncoder makes an encoder on a device; nil is software. The options were checked.
func (c *coder) newEncoder(o media.EncodeOptions, on *device) (*encoder, error) {
	e := &encoder{coder: c, device: on, options: o, colours: coloursOfSize(o.Height), last: math.MinInt64, lastDTS: math.MinInt64}
	e.colours.full = o.Codec == media.MJPEG // as JFIF says
	if err := e.open(); err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// encoder is the media.PictureEncoder in software, or on a device until that fails.
type encoder struct {
	coder   *coder
	device  *device // nil: software
	place   place   // on it
	options media.EncodeOptions
	colours colours // of what is encoded
	track   media.Track

	context *astiav.CodecContext
	packet  *C.AVPacket
	view    *astiav.Frame // what is sent: another reference to a picture's pixels
	scaler  *scaler
	flights flights
	begun   bool // a picture went in
	reopen  bool // with other options, at the next picture

	base, last media.Ticks // PTS of the first and the last picture
	clock      int64       // time of the last picture in the encoder's time base
	keyDue     media.Ticks // when the next key frame is
	lastDTS    media.Ticks // of what came out
	config     []byte      // to be told with the next unit
	closed     bool
}

// open makes the codec context for e.options.
func (e *encoder) open() error {
	o := e.options
	codec, err := e.device.encoderOf(o.Codec)
	if err != nil {
		return err
	}
	if e.packet == nil {
		if e.packet = C.av_packet_alloc(); e.packet == nil {
			return fault.New(fault.Busy, "no memory for an encoder")
		}
		e.coder.live.add(packets)
	}
	if e.view == nil {
		if e.view, err = e.coder.newFrame(); err != nil {
			return err
		}
	}
	context, err := e.coder.newCodec(codec)
	if err != nil {
		return err
	}
	C.rp_picture_encoder(cCodec(context), &C.struct_rp_encoding{
		width: C.int(o.Width), height: C.int(o.Height), fps: C.double(o.FPS),
		bitrate: C.int64_t(o.Bitrate), max_bitrate: C.int64_t(o.MaxBitrate), buffer: C.int64_t(bufferBits(o)),
		gop: C.int(maxKeyDistance(o)), b_frames: C.int(o.BFrames), threads: C.int(o.Threads), quality: C.int(quantizer(o)),
		full: C.int(flag(e.colours.full)), bt709: C.int(flag(e.colours.red == bt709.red)), ticks: C.int(timeBase(o.Codec)),
	})
	if o.Pixel > 0 {
		cCodec(context).sample_aspect_ratio = C.av_d2q(C.double(o.Pixel), 255)
	}
	options, err := e.device.encoderOptions(o)
	if err == nil {
		err = e.board(context)
	}
	if err == nil {
		err = context.Open(codec, options)
	}
	if options != nil {
		options.Free()
	}
	if err != nil {
		e.coder.freeCodec(context)
		e.coder.drainLog()
		return fault.Wrap(fault.Unsupported, "encode "+o.Codec.Title(), err)
	}
	e.context = context
	track := media.Track{Codec: o.Codec, ClockRate: 90000, Config: configOf(o.Codec, context.ExtraData())}
	if e.track.Codec != "" && !media.SameConfig(o.Codec, track.Config, e.track.Config) {
		e.config = track.Config
	}
	e.track = track
	return nil
}

// Track implements media.PictureEncoder.
func (e *encoder) Track() media.Track { return e.track }

// Encode implements media.PictureEncoder.
func (e *encoder) Encode(p media.Picture, key bool) ([]media.AccessUnit, error) {
	in, err := own(p)
	switch {
	case err != nil:
		return nil, err
	case e.closed:
		return nil, fault.New(fault.Bug, "encode after Close")
	case e.begun && in.pts <= e.last:
		return nil, fault.New(fault.Usage, "encode a picture whose time does not rise: %d after %d", in.pts, e.last)
	}
	fitting, err := e.bring(in)
	if err != nil {
		return nil, err
	}
	defer fitting.Release()
	units, err := e.renew()
	if err != nil {
		return units, err
	}
	if err := e.device.trouble(encodePicture); err != nil {
		return units, err
	}
	key = e.time(in.pts, key)
	number := e.flights.depart(in.pts, in.wall, in.damaged)
	if ret := C.rp_view(cFrame(e.view), fitting.c(), C.int64_t(e.clock), C.int64_t(number), C.int(flag(key))); ret < 0 {
		return units, failed(fault.Busy, "encode a picture", ret)
	}
	ret := C.avcodec_send_frame(cCodec(e.context), cFrame(e.view))
	C.av_frame_unref(cFrame(e.view))
	if ret < 0 {
		e.coder.drainLog()
		return units, failed(fault.Bug, "encode a picture", ret)
	}
	return e.receive(units)
}

// fit returns the picture as the encoder takes it, in main memory, of its size and
// colours. The first picture decides which colours those are.
func (e *encoder) fit(p *picture) (*picture, error) {
	if e.scaler == nil {
		e.scaler = e.coder.newScaler()
	}
	here, err := e.coder.download(p)
	if err != nil {
		return nil, err
	}
	otherwise := e.colours
	if !e.begun {
		otherwise = coloursOfSize(int(here.c().height))
	}
	have := coloursOf(here.c(), otherwise)
	if !e.begun && !e.colours.full && have.red != e.colours.red && (have.red == bt601.red || have.red == bt709.red) {
		e.colours.red, e.colours.blue = have.red, have.blue
		e.reopen = true
	}
	w, h := here.Size()
	format := here.format()
	planar := format == astiav.PixelFormatYuv420P || format == astiav.PixelFormatYuvj420P
	if w == e.options.Width && h == e.options.Height && planar && have == e.colours {
		return here, nil
	}
	defer here.Release()
	return e.scaler.remake(here, e.options.Width, e.options.Height, have, e.colours)
}

// renew opens the encoder anew where that is due, and returns what the old one still had.
func (e *encoder) renew() ([]media.AccessUnit, error) {
	if !e.reopen {
		return nil, nil
	}
	e.reopen = false
	var units []media.AccessUnit
	old := e.context
	if e.begun {
		var err error
		if units, err = e.drain(); err != nil {
			return units, err
		}
	}
	if err := e.open(); err != nil {
		return units, err
	}
	e.coder.freeCodec(old)
	e.keyDue = math.MinInt64
	return units, nil
}

// time moves the encoder's clock to a picture and says whether it is a key frame: where it
// is asked for, and at least every GOP of the pictures' own time, whatever their rate.
func (e *encoder) time(pts media.Ticks, key bool) bool {
	ticks := int64(timeBase(e.options.Codec))
	gop := media.FromDuration(e.options.GOP, 90000)
	if !e.begun {
		e.begun, e.base, e.clock, e.keyDue = true, pts, -1, math.MinInt64
	}
	e.last = pts
	e.clock = max(e.clock+1, (pts-e.base)*ticks/90000)
	half := media.Ticks(90000 / e.options.FPS / 2)
	switch {
	case !key && (e.keyDue == math.MinInt64 || pts+half >= e.keyDue):
		key = true
		if e.keyDue == math.MinInt64 || pts-e.keyDue >= gop {
			e.keyDue = pts
		}
		e.keyDue += gop
	case key:
		e.keyDue = pts + gop
	}
	return key
}

// receive appends what is ready.
func (e *encoder) receive(units []media.AccessUnit) ([]media.AccessUnit, error) {
	for {
		ret := C.avcodec_receive_packet(cCodec(e.context), e.packet)
		if ret == C.RP_AGAIN || ret == C.RP_EOF {
			return units, nil
		}
		if ret < 0 {
			e.coder.drainLog()
			return units, failed(fault.Bug, "encode a picture", ret)
		}
		if au, ok := e.unit(); ok {
			units = append(units, au)
		}
		C.av_packet_unref(e.packet)
	}
}

// unit makes a unit of the packet that was received.
func (e *encoder) unit() (media.AccessUnit, bool) {
	p := e.packet
	picture, ok := e.flights.arrive(int64(C.rp_packet_number(p)))
	if !ok && e.device != nil {
		picture, ok = e.flights.at(e.base + int64(p.pts)*90000/int64(timeBase(e.options.Codec)))
	}
	data := C.GoBytes(unsafePointer(p.data), p.size)
	if e.device != nil {
		data = e.unpack(data)
	} else if e.options.Codec == media.H264 {
		data = withoutVersion(data)
	}
	if !ok || len(data) == 0 {
		return media.AccessUnit{}, false
	}
	dts := e.base + int64(p.dts)*90000/int64(timeBase(e.options.Codec))
	dts = min(max(dts, e.lastDTS), picture.pts)
	e.lastDTS = dts
	au := media.AccessUnit{
		PTS: picture.pts, DTS: dts, Wall: picture.wall, Damaged: picture.damaged,
		Key: p.flags&C.AV_PKT_FLAG_KEY != 0, Config: e.config, Data: data,
	}
	e.config = nil
	return au, true
}

// SetBitrate implements media.PictureEncoder.
func (e *encoder) SetBitrate(bitrate, maxBitrate int) error {
	o := e.options
	if bitrate < 1 || maxBitrate < 0 || o.Quality > 0 {
		return fault.New(fault.Usage, "a bitrate of %d for an encoder of constant quality %d", bitrate, o.Quality)
	}
	if bitrate == o.Bitrate && maxBitrate == o.MaxBitrate {
		return nil
	}
	bounded := (o.MaxBitrate > 0) == (maxBitrate > 0)
	o.Bitrate, o.MaxBitrate = bitrate, maxBitrate
	e.options = o
	if bounded && (e.device == nil && o.Codec == media.H264 || e.device != nil && e.device.takesRates) {
		C.rp_bitrate(cCodec(e.context), C.int64_t(bitrate), C.int64_t(maxBitrate), C.int64_t(bufferBits(o)))
		return nil
	}
	e.reopen = true
	return nil
}

// drain returns everything that is inside and ends the stream.
func (e *encoder) drain() ([]media.AccessUnit, error) {
	if ret := C.avcodec_send_frame(cCodec(e.context), nil); ret < 0 && ret != C.RP_EOF {
		return nil, failed(fault.Bug, "end an encoder", ret)
	}
	return e.receive(nil)
}

// Flush implements media.PictureEncoder.
func (e *encoder) Flush() ([]media.AccessUnit, error) {
	if e.closed || !e.begun {
		return nil, nil
	}
	units, err := e.drain()
	e.reopen = true // should more come
	return units, err
}

// Device implements media.PictureEncoder.
func (e *encoder) Device() string { return e.device.title() }

// Close implements media.PictureEncoder.
func (e *encoder) Close() {
	if e.closed {
		return
	}
	e.closed = true
	if e.context != nil {
		e.coder.freeCodec(e.context)
	}
	e.leave()
	e.coder.freePacket(&e.packet)
	if e.view != nil {
		e.coder.freeFrame(e.view)
	}
	if e.scaler != nil {
		e.scaler.close()
	}
	e.coder.drainLog()
}

// bufferBits is the size of the rate control's buffer; 0 where the rate is not bounded.
func bufferBits(o media.EncodeOptions) int64 {
	return int64(float64(o.MaxBitrate) * o.Buffer.Seconds())
}

// maxKeyDistance bounds the pictures from one key frame to the next. Key frames come by
// time (see encoder.time); this is for the case that pictures come twice as fast as told.
func maxKeyDistance(o media.EncodeOptions) int {
	return int(math.Ceil(2*o.FPS*o.GOP.Seconds())) + 1
}

// defaultGOP and defaultBuffer are what zero values mean.
const (
	defaultGOP    = 2 * time.Second
	defaultBuffer = time.Second
)
