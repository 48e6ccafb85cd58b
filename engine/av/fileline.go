//go:build cgo

package av

// #include "shim.h"
import "C"

import (
	"bytes"
	"encoding/binary"
	"math"

	"rtsprec/engine/media"
)

// line turns the packets of one stream of a file into units of a track.
type line struct {
	coder   *coder
	track   media.Track
	base    C.AVRational       // of the stream's times
	lengths int                // bytes of the length before a NAL unit; 0: start codes
	adts    bool               // AAC units may have headers (ISO 14496-3 1.A.2)
	last    media.Ticks        // DTS of the last unit
	undated []media.AccessUnit // the first units, whose DTS is not known yet
	sound   media.SoundDecoder
}

// newLine makes one for a stream; nil without an error where media has no such codec.
func (c *coder) newLine(stream *C.AVStream) (*line, error) {
	p := stream.codecpar
	extra := C.GoBytes(unsafePointer(p.extradata), p.extradata_size)
	l := &line{coder: c, base: stream.time_base, last: math.MinInt64}
	l.track = media.Track{ClockRate: 90000}
	if p.codec_type == C.AVMEDIA_TYPE_AUDIO {
		l.track = media.Track{ClockRate: int(p.sample_rate), SampleRate: int(p.sample_rate), Channels: int(p.ch_layout.nb_channels)}
		if p.sample_rate < 1 || l.track.Channels < 1 {
			return nil, nil
		}
	}
	switch {
	case stream.disposition&C.AV_DISPOSITION_ATTACHED_PIC != 0:
		return nil, nil
	case p.codec_id == C.AV_CODEC_ID_H264:
		l.track.Codec = media.H264
		if len(extra) > 4 && extra[0] == 1 {
			l.lengths = int(extra[4]&3) + 1
		}
	case p.codec_id == C.AV_CODEC_ID_HEVC:
		l.track.Codec = media.H265
		if len(extra) > 21 && extra[0] == 1 {
			l.lengths = int(extra[21]&3) + 1
		}
	case p.codec_id == C.AV_CODEC_ID_MPEG4:
		l.track.Codec = media.MPEG4
	case p.codec_id == C.AV_CODEC_ID_MJPEG:
		l.track.Codec = media.MJPEG
	case p.codec_type != C.AVMEDIA_TYPE_AUDIO:
		return nil, nil
	case p.codec_id == C.AV_CODEC_ID_AAC:
		l.track.Codec, l.adts = media.AAC, len(extra) == 0
	case p.codec_id == C.AV_CODEC_ID_OPUS && l.track.Channels <= 2:
		l.track.Codec, l.track.ClockRate = media.Opus, 48000
	case p.codec_id == C.AV_CODEC_ID_PCM_ALAW:
		l.track.Codec = media.PCMA
	case p.codec_id == C.AV_CODEC_ID_PCM_MULAW:
		l.track.Codec = media.PCMU
	case p.codec_id == C.AV_CODEC_ID_PCM_S16BE:
		l.track.Codec, l.track.Bits = media.L16, 16
	default:
		return l.decodeSound(p, extra)
	}
	l.track.Config = configOf(l.track.Codec, extra)
	if shape := stream.sample_aspect_ratio; l.track.Codec.Video() && shape.num > 0 && shape.den > 0 {
		l.track.Pixel = float64(shape.num) / float64(shape.den)
	}
	return l, nil
}

// decodeSound makes L16 of what media has no codec for; nil where FFmpeg has none either.
func (l *line) decodeSound(p *C.AVCodecParameters, extra []byte) (*line, error) {
	from := l.track
	from.Codec, from.Config = media.Codec(C.GoString(C.avcodec_get_name(p.codec_id))), extra
	decoder := C.avcodec_find_decoder(p.codec_id)
	if decoder == nil {
		return nil, nil
	}
	to := media.SoundFormat{Rate: from.SampleRate, Channels: min(from.Channels, 2)}
	sound, err := l.coder.newSoundDecoder(C.GoString(decoder.name), from, to)
	if err != nil {
		return nil, err
	}
	l.sound = sound
	l.track.Codec, l.track.Bits, l.track.Channels = media.L16, 16, to.Channels
	return l, nil
}

// units makes units of a packet. zero is when the file begins, in microseconds.
func (l *line) units(p *C.AVPacket, zero int64) []media.AccessUnit {
	pts, dts := int64(p.pts), int64(p.dts)
	if pts == C.AV_NOPTS_VALUE {
		pts = dts
	}
	if pts == C.AV_NOPTS_VALUE {
		return nil // nobody knows when it is to be shown
	}
	au := media.AccessUnit{PTS: l.ticks(pts, zero), Key: true}
	au.DTS = au.PTS
	if known := dts != C.AV_NOPTS_VALUE; known {
		au.DTS = min(l.ticks(dts, zero), au.PTS)
	} else if l.track.Codec.Video() {
		au.DTS = min(l.last, au.PTS)
	}
	au.Data = C.GoBytes(unsafePointer(p.data), p.size)
	if l.sound != nil {
		out, _ := l.sound.Decode(au) // what is broken is not there, as in any player
		return l.linear(out)
	}
	var size C.size_t
	if config := C.rp_new_config(p, &size); config != nil && size < 1<<20 {
		l.configure(&au, C.GoBytes(unsafePointer(config), C.int(size)))
	}
	return l.date(l.finish(au), int64(p.duration))
}

// date gives a DTS to the first units of a file that leaves them out, as Matroska does:
// they are as far apart as their length says, before the first that is known.
func (l *line) date(units []media.AccessUnit, duration int64) []media.AccessUnit {
	const most = 32 // no codec reorders more
	switch {
	case len(units) == 0:
		return nil
	case l.last == math.MinInt64 && len(l.undated) < most:
		l.undated = append(l.undated, units...)
		return nil
	}
	units = append(l.undated, units...)
	step := max(l.ticks(duration, 0), 1)
	for i := len(l.undated) - 1; i >= 0; i-- {
		units[i].DTS = min(units[i+1].DTS-step, units[i].PTS)
	}
	l.undated = nil
	return units
}

// finish brings the data of a unit into the form of its codec.
func (l *line) finish(au media.AccessUnit) []media.AccessUnit {
	codec := l.track.Codec
	switch {
	case codec.NALs():
		au.Data = l.nals(au.Data)
	case codec == media.AAC && l.adts:
		var config []byte
		if au.Data, config = withoutADTS(au.Data); len(l.track.Config) == 0 && config != nil {
			l.track.Config, au.Config = config, config
		}
	}
	if len(au.Data) == 0 {
		return nil
	}
	if codec.Video() {
		au.Key = media.IsKey(codec, au.Data)
		if config := media.ConfigOf(codec, au.Data, l.track.Config); config != nil {
			l.track.Config, au.Config = config, config
		}
	}
	au.DTS = max(au.DTS, l.last)
	au.PTS = max(au.PTS, au.DTS) // where a file has its times wrong
	l.last = au.DTS
	return []media.AccessUnit{au}
}

// configure follows a change of the configuration beside the stream.
func (l *line) configure(au *media.AccessUnit, extra []byte) {
	config := configOf(l.track.Codec, extra)
	if config != nil && !media.SameConfig(l.track.Codec, config, l.track.Config) {
		l.track.Config, au.Config = config, config
	}
}

// ticks is a time of the stream on the track's clock, 0 at the beginning of the file.
func (l *line) ticks(t, zero int64) media.Ticks {
	return int64(C.av_rescale_q(C.int64_t(t), l.base, C.AVRational{1, C.int(l.track.ClockRate)})) - rescale(zero, int64(l.track.ClockRate), 1e6)
}

// nals puts NAL units behind lengths of four bytes. What does not add up is left out.
func (l *line) nals(b []byte) []byte {
	switch {
	case l.lengths == 0:
		return lengthsOf(b)
	case l.lengths == 4 && media.ValidNALs(b) == nil:
		return b
	}
	out := make([]byte, 0, len(b)+16)
	for len(b) > l.lengths {
		n := 0
		for _, v := range b[:l.lengths] {
			n = n<<8 | int(v)
		}
		b = b[l.lengths:]
		if n > len(b) {
			break
		}
		out, b = media.AppendNAL(out, b[:n]), b[n:]
	}
	return out
}

// linear makes units of L16.
func (l *line) linear(sounds []media.Sound) (units []media.AccessUnit) {
	for _, s := range sounds {
		data := make([]byte, 0, 2*len(s.Samples))
		for _, v := range s.Samples {
			data = binary.BigEndian.AppendUint16(data, uint16(int16(min(max(math.Round(float64(v)*32768), -32768), 32767))))
		}
		pts := max(s.PTS, l.last)
		l.last = pts
		units = append(units, media.AccessUnit{PTS: pts, DTS: pts, Key: true, Data: data})
	}
	return units
}

// end returns what is still inside.
func (l *line) end() []media.AccessUnit {
	if l.sound == nil {
		units := l.undated
		l.undated = nil
		for i := range units {
			units[i].DTS = units[i].PTS
		}
		return units
	}
	out, _ := l.sound.Flush()
	return l.linear(out)
}

func (l *line) close() {
	if l.sound != nil {
		l.sound.Close()
	}
}

// withoutADTS takes the header off a unit of AAC, where there is one, and makes an
// AudioSpecificConfig of it.
func withoutADTS(b []byte) (unit, config []byte) {
	if len(b) < 7 || b[0] != 0xff || b[1]&0xf6 != 0xf0 {
		return b, nil
	}
	header := 9 - 2*int(b[1]&1) // with a checksum or without
	if len(b) < header {
		return nil, nil
	}
	object, rate, channels := b[2]>>6+1, b[2]>>2&0xf, b[2]&1<<2|b[3]>>6
	return bytes.Clone(b[header:]), []byte{object<<3 | rate>>1, rate<<7 | channels<<3}
}
