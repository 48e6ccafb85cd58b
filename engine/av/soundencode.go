//go:build cgo

package av

// #include "shim.h"
import "C"

import (
	"slices"
	"time"
	"unsafe"

	"github.com/asticode/go-astiav"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// soundCoding is how a codec is encoded.
type soundCoding struct {
	encoder  string
	rates    []int // that it can do, rising; nil: any
	channels int   // at most
	format   C.enum_AVSampleFormat
	bits     C.int // as FFmpeg counts them
	clock    int   // Hz of the track's clock; 0: the sample rate
	standard media.SoundFormat
}

func soundCodingOf(o media.SoundEncodeOptions) (soundCoding, bool) {
	telephone := media.SoundFormat{Rate: 8000, Channels: 1}
	studio := media.SoundFormat{Rate: 48000, Channels: 2}
	switch o.Codec {
	case media.AAC:
		return soundCoding{encoder: "aac", channels: 2, format: C.AV_SAMPLE_FMT_FLTP, standard: studio,
			rates: []int{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000}}, true
	case media.Opus:
		return soundCoding{encoder: "libopus", channels: 2, format: C.AV_SAMPLE_FMT_FLT, standard: studio,
			rates: []int{8000, 12000, 16000, 24000, 48000}, clock: 48000}, true
	case media.PCMA:
		return soundCoding{encoder: "pcm_alaw", channels: 2, format: C.AV_SAMPLE_FMT_S16, standard: telephone}, true
	case media.PCMU:
		return soundCoding{encoder: "pcm_mulaw", channels: 2, format: C.AV_SAMPLE_FMT_S16, standard: telephone}, true
	case media.L16:
		return soundCoding{encoder: "pcm_s16be", channels: 2, format: C.AV_SAMPLE_FMT_S16, standard: studio}, true
	case media.G722:
		return soundCoding{encoder: "g722", channels: 1, format: C.AV_SAMPLE_FMT_S16, rates: []int{16000}, clock: 8000,
			standard: media.SoundFormat{Rate: 16000, Channels: 1}}, true
	case media.G726:
		c := soundCoding{encoder: "g726le", channels: 1, format: C.AV_SAMPLE_FMT_S16, rates: []int{8000}, standard: telephone, bits: 4}
		if o.AAL2 {
			c.encoder = "g726"
		}
		if o.Bits != 0 {
			c.bits = C.int(o.Bits)
		}
		return c, true
	}
	return soundCoding{}, false
}

// fit is the nearest format that the codec can do: the rate that is not below, or the
// highest.
func (s soundCoding) fit(f media.SoundFormat) media.SoundFormat {
	if f.Rate == 0 {
		f.Rate = s.standard.Rate
	}
	if f.Channels == 0 {
		f.Channels = s.standard.Channels
	}
	f.Channels = min(f.Channels, s.channels)
	if s.rates != nil {
		i, _ := slices.BinarySearch(s.rates, f.Rate)
		f.Rate = s.rates[min(i, len(s.rates)-1)]
	}
	return f
}

// SoundEncoder implements media.Coder.
func (c *coder) SoundEncoder(o media.SoundEncodeOptions) (media.SoundEncoder, error) {
	coding, ok := soundCodingOf(o)
	if !ok {
		return nil, fault.New(fault.Usage, "encode sound as %q; there is aac, opus, pcma, pcmu, l16, g722, g726", o.Codec)
	}
	if coding.bits != 0 && (coding.bits < 2 || coding.bits > 5) {
		return nil, fault.New(fault.Usage, "encode G.726 with %d bits a sample: 2 to 5", coding.bits)
	}
	if err := checkFormat(o.Format); err != nil {
		return nil, err
	}
	o.Format = coding.fit(o.Format)
	if o.Bitrate <= 0 {
		o.Bitrate = 64000 * o.Format.Channels
	}
	o.Bitrate = min(o.Bitrate, 256000*o.Format.Channels) // what Opus takes; AAC has no use for more
	if o.Codec == media.G726 {
		o.Bitrate = int(coding.bits) * o.Format.Rate // by which FFmpeg knows the bits
	}
	e := &soundEncoder{coder: c, options: o, coding: coding}
	if err := e.open(); err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// soundEncoder is the media.SoundEncoder.
type soundEncoder struct {
	coder   *coder
	options media.SoundEncodeOptions
	coding  soundCoding
	track   media.Track
	block   int // samples a unit

	context *astiav.CodecContext
	packet  *C.AVPacket
	frame   *astiav.Frame
	sample  *resampler // nil while sound comes as it is encoded

	waiting []float32   // less than a block
	begun   bool        // at is known
	at      media.Ticks // of the first sample waiting, in samples of the encoder
	wall    time.Time   // of the same
	sent    []blockTime // of blocks inside the encoder, the oldest first
	lastPTS media.Ticks // of what came out, in samples
	out     bool        // something came out
	ended   bool        // Flush was called
	closed  bool
}

// blockTime says when a block begins.
type blockTime struct {
	pts  media.Ticks
	wall time.Time
}

func (e *soundEncoder) open() error {
	codec := astiav.FindEncoderByName(e.coding.encoder)
	if codec == nil {
		return fault.New(fault.Unsupported, "this build does not encode %s", e.options.Codec.Title())
	}
	var err error
	if e.frame == nil {
		if e.frame, err = e.coder.newFrame(); err != nil {
			return err
		}
	}
	if e.packet == nil {
		if e.packet = C.av_packet_alloc(); e.packet == nil {
			return fault.New(fault.Busy, "no memory for an encoder")
		}
		e.coder.live.add(packets)
	}
	context, err := e.coder.newCodec(codec)
	if err != nil {
		return err
	}
	f := e.options.Format
	C.rp_sound_encoder(cCodec(context), &C.struct_rp_sound_encoding{
		rate: C.int(f.Rate), channels: C.int(f.Channels), bits: e.coding.bits,
		bitrate: C.int64_t(e.options.Bitrate), format: e.coding.format,
	})
	if err := context.Open(codec, nil); err != nil {
		e.coder.freeCodec(context)
		e.coder.drainLog()
		return fault.Wrap(fault.Unsupported, "encode "+e.options.Codec.Title(), err)
	}
	e.context = context
	e.block = f.Rate / 50
	if e.options.Codec == media.AAC || e.options.Codec == media.Opus {
		e.block = context.FrameSize()
	}
	cCodec(context).frame_size = C.int(e.block)
	e.track = media.Track{Codec: e.options.Codec, ClockRate: e.coding.clock, SampleRate: f.Rate, Channels: f.Channels,
		AAL2: e.options.AAL2 && e.options.Codec == media.G726, Config: configOf(e.options.Codec, context.ExtraData())}
	if e.track.ClockRate == 0 {
		e.track.ClockRate = f.Rate
	}
	switch e.options.Codec {
	case media.Opus:
		e.track.SampleRate = 48000 // whatever went in
	case media.L16:
		e.track.Bits = 16
	case media.G726:
		e.track.Bits = int(e.coding.bits)
	}
	return nil
}

// Track implements media.SoundEncoder.
func (e *soundEncoder) Track() media.Track { return e.track }

// Encode implements media.SoundEncoder.
func (e *soundEncoder) Encode(s media.Sound) ([]media.AccessUnit, error) {
	switch {
	case e.closed:
		return nil, fault.New(fault.Bug, "encode after Close")
	case s.Rate < 1 || s.Channels < 1 || s.Channels > 2 || len(s.Samples)%s.Channels != 0:
		return nil, fault.New(fault.Usage, "encode %d samples of sound of %d Hz in %d channels", len(s.Samples), s.Rate, s.Channels)
	case len(s.Samples) == 0:
		return nil, nil
	}
	if e.ended {
		old := e.context
		if err := e.open(); err != nil {
			return nil, err
		}
		e.coder.freeCodec(old)
		e.ended, e.begun = false, false
	}
	s, err := e.convert(s)
	if err != nil {
		return nil, err
	}
	units, samples, err := e.place(s)
	if err != nil {
		return units, err
	}
	e.waiting = append(e.waiting, samples...)
	return e.encode(units, false)
}

// convert brings sound into the encoder's format.
func (e *soundEncoder) convert(s media.Sound) (media.Sound, error) {
	want := e.options.Format
	if s.SoundFormat == want {
		e.sample.close()
		e.sample = nil
		return s, nil
	}
	if e.sample == nil || e.sample.from.rate != s.Rate || e.sample.from.channels != s.Channels {
		e.sample.close()
		var err error
		if e.sample, err = e.coder.newResampler(nil, s.SoundFormat, want); err != nil {
			return s, err
		}
	}
	delay := e.sample.delay()
	samples, err := e.sample.floats(s.Samples)
	return media.Sound{
		SoundFormat: want, Samples: samples,
		PTS:  rescale(s.PTS, int64(want.Rate), int64(s.Rate)) - delay,
		Wall: s.Wall.Add(-time.Duration(delay) * time.Second / time.Duration(want.Rate)),
	}, err
}

// place decides when the samples of s are. They follow those before, as sound has no gaps
// of its own and times are rounded; but where they are a unit off, what waits is ended
// with silence and a new count begins, or what came before already is left out.
func (e *soundEncoder) place(s media.Sound) (units []media.AccessUnit, samples []float32, err error) {
	channels, rate := e.options.Format.Channels, time.Duration(e.options.Format.Rate)
	samples = s.Samples
	next := e.at + media.Ticks(len(e.waiting)/channels)
	off := s.PTS - next
	switch {
	case e.begun && off < -media.Ticks(e.block):
		drop := min(int(-off), len(samples)/channels)
		samples = samples[drop*channels:]
		s.PTS += media.Ticks(drop)
		s.Wall = s.Wall.Add(time.Duration(drop) * time.Second / rate)
	case e.begun && off > media.Ticks(e.block):
		if units, err = e.encode(nil, true); err != nil {
			return units, nil, err
		}
	}
	if !e.begun || off > media.Ticks(e.block) {
		e.begun, e.at = true, s.PTS
	}
	if len(samples) > 0 {
		e.wall = s.Wall.Add(-time.Duration(len(e.waiting)/channels) * time.Second / rate)
	}
	return units, samples, nil
}

// encode sends all whole blocks that wait, and with all the last one filled up with
// silence, and appends what comes out.
func (e *soundEncoder) encode(units []media.AccessUnit, all bool) ([]media.AccessUnit, error) {
	size := e.block * e.options.Format.Channels
	if rest := len(e.waiting) % size; all && rest > 0 {
		e.waiting = append(e.waiting, make([]float32, size-rest)...)
	}
	var err error
	from := e.waiting
	for len(from) >= size && err == nil {
		e.sent = append(e.sent, blockTime{pts: e.at, wall: e.wall})
		frame := cFrame(e.frame)
		ret := C.rp_sound_frame(frame, cCodec(e.context), (*C.float)(unsafe.SliceData(from)), C.int(e.block), C.int64_t(e.at))
		if ret >= 0 {
			ret = C.avcodec_send_frame(cCodec(e.context), frame)
		}
		C.av_frame_unref(frame)
		if ret < 0 {
			return units, failed(fault.Bug, "encode sound", ret)
		}
		from = from[size:]
		e.at += media.Ticks(e.block)
		e.wall = e.wall.Add(time.Duration(e.block) * time.Second / time.Duration(e.options.Format.Rate))
		units, err = e.receive(units)
	}
	e.waiting = e.waiting[:copy(e.waiting, from)]
	return units, err
}

// receive appends what is ready.
func (e *soundEncoder) receive(units []media.AccessUnit) ([]media.AccessUnit, error) {
	for {
		ret := C.avcodec_receive_packet(cCodec(e.context), e.packet)
		if ret == C.RP_AGAIN || ret == C.RP_EOF {
			return units, nil
		}
		if ret < 0 {
			e.coder.drainLog()
			return units, failed(fault.Bug, "encode sound", ret)
		}
		pts := media.Ticks(e.packet.pts)
		data := C.GoBytes(unsafe.Pointer(e.packet.data), e.packet.size)
		C.av_packet_unref(e.packet)
		if len(data) == 0 || len(e.sent) == 0 || e.out && pts <= e.lastPTS {
			continue
		}
		e.out, e.lastPTS = true, pts
		for len(e.sent) > 1 && e.sent[1].pts <= pts {
			e.sent = e.sent[1:]
		}
		wall := e.sent[0].wall.Add(time.Duration(pts-e.sent[0].pts) * time.Second / time.Duration(e.options.Format.Rate))
		at := rescale(pts, int64(e.track.ClockRate), int64(e.options.Format.Rate))
		units = append(units, media.AccessUnit{PTS: at, DTS: at, Wall: wall, Key: true, Data: data})
	}
}

// Flush implements media.SoundEncoder.
func (e *soundEncoder) Flush() ([]media.AccessUnit, error) {
	if e.closed || e.ended || !e.begun {
		return nil, nil
	}
	var units []media.AccessUnit
	if e.sample != nil {
		if samples, err := e.sample.frame(nil); err == nil {
			e.waiting = append(e.waiting, samples...)
		}
		e.sample.close()
		e.sample = nil
	}
	units, err := e.encode(nil, true)
	if err != nil {
		return units, err
	}
	e.ended = true
	if ret := C.avcodec_send_frame(cCodec(e.context), nil); ret < 0 {
		return units, failed(fault.Bug, "end an encoder", ret)
	}
	units, err = e.receive(units)
	e.sent = nil
	return units, err
}

// Close implements media.SoundEncoder.
func (e *soundEncoder) Close() {
	if e.closed {
		return
	}
	e.closed = true
	if e.context != nil {
		e.coder.freeCodec(e.context)
	}
	e.coder.freePacket(&e.packet)
	if e.frame != nil {
		e.coder.freeFrame(e.frame)
	}
	e.sample.close()
	e.coder.drainLog()
}
