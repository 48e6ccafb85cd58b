//go:build cgo

package av

// #include "shim.h"
import "C"

import (
	"time"

	"github.com/asticode/go-astiav"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// SoundDecoder implements media.Coder.
func (c *coder) SoundDecoder(t media.Track, to media.SoundFormat) (media.SoundDecoder, error) {
	name, err := soundDecoderName(t)
	if err != nil {
		return nil, err
	}
	if err := checkFormat(to); err != nil {
		return nil, err
	}
	return c.newSoundDecoder(name, t, to)
}

// checkFormat refuses formats that nothing can play; zeros are the caller's way of saying
// "as it is".
func checkFormat(f media.SoundFormat) error {
	if f.Rate != 0 && (f.Rate < 1000 || f.Rate > 192000) || f.Channels < 0 || f.Channels > 2 {
		return fault.New(fault.Usage, "sound of %d Hz in %d channels: 1000 to 192000 Hz, one channel or two", f.Rate, f.Channels)
	}
	return nil
}

// soundDecoderName is FFmpeg's name of the decoder for a track. What FFmpeg calls g726 is
// packed from the most significant bit, as AAL2 does.
func soundDecoderName(t media.Track) (string, error) {
	name := map[media.Codec]string{
		media.AAC: "aac", media.Opus: "opus", media.PCMA: "pcm_alaw", media.PCMU: "pcm_mulaw",
		media.L16: "pcm_s16be", media.G722: "g722", media.G726: "g726le",
	}[t.Codec]
	switch {
	case name == "":
		return "", fault.New(fault.Usage, "decode %s as sound", t.Codec.Title())
	case t.Codec == media.G726 && (t.Bits < 2 || t.Bits > 5):
		return "", fault.New(fault.Unsupported, "decode G.726 of %d bits a sample", t.Bits)
	case t.Codec == media.G726 && t.AAL2:
		return "g726", nil
	}
	return name, nil
}

// soundDecoder is the media.SoundDecoder.
type soundDecoder struct {
	coder   *coder
	name    string
	track   media.Track
	to      media.SoundFormat // zeros are filled in by the first frame
	context *astiav.CodecContext
	packet  *C.AVPacket
	frame   *astiav.Frame
	sample  *resampler
	flights flights
	number  int64 // of the unit that the last frame came from
	within  int64 // samples of that unit that came out already, at the decoder's rate
	pts     media.Ticks
	wall    time.Time // when what comes next out of the resampler begins
	closed  bool
}

func (c *coder) newSoundDecoder(name string, t media.Track, to media.SoundFormat) (*soundDecoder, error) {
	if t.ClockRate < 1 {
		return nil, fault.New(fault.Usage, "decode %s with a clock of %d Hz", t.Codec.Title(), t.ClockRate)
	}
	d := &soundDecoder{coder: c, name: name, track: t, to: to}
	if err := d.open(); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// open makes the codec context for d.track as it is now.
func (d *soundDecoder) open() error {
	t := d.track
	codec := astiav.FindDecoderByName(d.name)
	if codec == nil {
		return fault.New(fault.Unsupported, "this build does not decode %s", t.Codec.Title())
	}
	var err error
	if d.frame == nil {
		if d.frame, err = d.coder.newFrame(); err != nil {
			return err
		}
	}
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
	if len(t.Config) > 0 {
		if err := context.SetExtraData(t.Config); err != nil {
			d.coder.freeCodec(context)
			return fault.Wrap(fault.Busy, "configure a decoder", err)
		}
	}
	context.SetThreadCount(1)
	rate, channels, bits := t.SampleRate, t.Channels, 0
	if rate == 0 {
		rate = t.ClockRate
	}
	if t.Codec == media.G726 {
		bits = t.Bits
	}
	C.rp_sound_decoder(cCodec(context), C.int(rate), C.int(min(max(channels, 1), 64)), C.int(bits))
	if err := context.Open(codec, nil); err != nil {
		d.coder.freeCodec(context)
		d.coder.drainLog()
		return fault.Wrap(fault.Unsupported, "decode "+t.Codec.Title(), err)
	}
	d.context = context
	return nil
}

// Decode implements media.SoundDecoder.
func (d *soundDecoder) Decode(au media.AccessUnit) ([]media.Sound, error) {
	if d.closed {
		return nil, fault.New(fault.Bug, "decode after Close")
	}
	var out []media.Sound
	if au.Config != nil && !media.SameConfig(d.track.Codec, au.Config, d.track.Config) {
		out, _ = d.drain()
		d.track.Config = au.Config
		old := d.context
		if err := d.open(); err != nil {
			return out, err
		}
		d.coder.freeCodec(old)
	}
	if len(au.Data) == 0 {
		return out, fault.New(fault.Damaged, "a unit without data")
	}
	number := d.flights.depart(au.PTS, au.Wall, au.Damaged)
	ret := C.rp_send(cCodec(d.context), d.packet, bytesOf(au.Data), C.int(len(au.Data)), nil, 0, nil, 0, C.AV_NOPTS_VALUE, C.int64_t(number), 1)
	sound, err := d.receive()
	if ret < 0 {
		err = failed(fault.Damaged, "decode "+d.track.Codec.Title(), ret)
	}
	d.coder.drainLog()
	return append(out, sound...), err
}

// receive takes out all sound that is ready.
func (d *soundDecoder) receive() ([]media.Sound, error) {
	var out []media.Sound
	frame := cFrame(d.frame)
	for {
		ret := C.avcodec_receive_frame(cCodec(d.context), frame)
		if ret == C.RP_AGAIN || ret == C.RP_EOF {
			return out, nil
		}
		if ret < 0 {
			return out, failed(fault.Damaged, "decode "+d.track.Codec.Title(), ret)
		}
		sounds, err := d.take(frame)
		C.av_frame_unref(frame)
		out = append(out, sounds...)
		if err != nil {
			return out, err
		}
	}
}

// take converts one frame.
func (d *soundDecoder) take(frame *C.AVFrame) (out []media.Sound, err error) {
	number := int64(C.rp_number(frame))
	unit, ok := d.flights.arrive(number)
	if !ok || frame.nb_samples <= 0 || frame.sample_rate <= 0 || frame.ch_layout.nb_channels <= 0 {
		return nil, nil
	}
	if d.sample == nil || d.sample.from != kindOfFrame(frame) {
		if out, err = d.change(frame); err != nil {
			return out, err
		}
	}
	if number != d.number {
		d.number, d.within = number, 0
	}
	rate := int64(frame.sample_rate)
	ahead := time.Duration(d.within)*time.Second/time.Duration(rate) - time.Duration(d.sample.delay())*time.Second/time.Duration(d.to.Rate)
	pts := rescale(unit.pts, int64(d.to.Rate), int64(d.track.ClockRate)) + rescale(d.within, int64(d.to.Rate), rate) - d.sample.delay()
	d.within += int64(frame.nb_samples)
	samples, err := d.sample.frame(frame)
	if err != nil || len(samples) == 0 {
		return out, err
	}
	wall := unit.wall.Add(ahead)
	d.after(pts, wall, samples)
	return append(out, media.Sound{SoundFormat: d.to, PTS: pts, Wall: wall, Samples: samples}), nil
}

// after remembers where the sound after samples begins.
func (d *soundDecoder) after(pts media.Ticks, wall time.Time, samples []float32) {
	n := len(samples) / d.to.Channels
	d.pts, d.wall = pts+media.Ticks(n), wall.Add(time.Duration(n)*time.Second/time.Duration(d.to.Rate))
}

// change makes the resampler for another kind of frame, and returns what the old one
// still had.
func (d *soundDecoder) change(frame *C.AVFrame) ([]media.Sound, error) {
	out := d.rest()
	if d.to.Rate == 0 {
		d.to.Rate = int(frame.sample_rate)
	}
	if d.to.Channels == 0 {
		d.to.Channels = min(int(frame.ch_layout.nb_channels), 2)
	}
	var err error
	d.sample, err = d.coder.newResampler(frame, media.SoundFormat{}, d.to)
	return out, err
}

// rest takes out what is left in the resampler and closes it.
func (d *soundDecoder) rest() []media.Sound {
	if d.sample == nil {
		return nil
	}
	samples, err := d.sample.frame(nil)
	d.sample.close()
	d.sample = nil
	if err != nil || len(samples) == 0 {
		return nil
	}
	return []media.Sound{{SoundFormat: d.to, PTS: d.pts, Wall: d.wall, Samples: samples}}
}

// drain takes out everything that is inside.
func (d *soundDecoder) drain() ([]media.Sound, error) {
	C.avcodec_send_packet(cCodec(d.context), nil)
	out, err := d.receive()
	return append(out, d.rest()...), err
}

// Flush implements media.SoundDecoder.
func (d *soundDecoder) Flush() ([]media.Sound, error) {
	if d.closed {
		return nil, nil
	}
	out, err := d.drain()
	C.avcodec_flush_buffers(cCodec(d.context))
	return out, err
}

// Close implements media.SoundDecoder.
func (d *soundDecoder) Close() {
	if d.closed {
		return
	}
	d.closed = true
	if d.context != nil {
		d.coder.freeCodec(d.context)
	}
	d.coder.freePacket(&d.packet)
	if d.frame != nil {
		d.coder.freeFrame(d.frame)
	}
	d.sample.close()
	d.coder.drainLog()
}

// rescale is t*to/from, rounded to the nearest, without overflow for any time that a run
// can have.
func rescale(t, to, from int64) int64 {
	return int64(C.av_rescale(C.int64_t(t), C.int64_t(to), C.int64_t(from)))
}
