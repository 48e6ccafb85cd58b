//go:build cgo

package av

// #include "shim.h"
import "C"

import (
	"unsafe"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// resampler turns sound of one format into interleaved floats of another.
type resampler struct {
	coder *coder
	c     *C.SwrContext
	from  soundKind
	to    media.SoundFormat
}

// soundKind is how samples come in.
type soundKind struct {
	rate, channels int
	format         C.int
}

func kindOfFrame(f *C.AVFrame) soundKind {
	return soundKind{rate: int(f.sample_rate), channels: int(f.ch_layout.nb_channels), format: f.format}
}

// newResampler makes one for frames like frame or, where that is nil, for interleaved
// floats of a format.
func (c *coder) newResampler(frame *C.AVFrame, from, to media.SoundFormat) (*resampler, error) {
	r := &resampler{coder: c, to: to, from: soundKind{rate: from.Rate, channels: from.Channels, format: C.AV_SAMPLE_FMT_FLT}}
	if frame != nil {
		r.from = kindOfFrame(frame)
	}
	r.c = C.rp_resampler(frame, C.int(from.Rate), C.int(from.Channels), C.int(to.Rate), C.int(to.Channels))
	if r.c == nil {
		return nil, fault.New(fault.Unsupported, "sound of %d Hz in %d channels cannot become %d Hz in %d",
			r.from.rate, r.from.channels, to.Rate, to.Channels)
	}
	c.live.add(resamplers)
	return r, nil
}

// delay is how many samples of the output are still inside.
func (r *resampler) delay() int64 { return int64(C.swr_get_delay(r.c, C.int64_t(r.to.Rate))) }

// frame converts a frame; nil takes out what is left inside.
func (r *resampler) frame(f *C.AVFrame) ([]float32, error) {
	count := C.int(0)
	if f != nil {
		count = f.nb_samples
	}
	return r.convert(f, nil, count)
}

// floats converts interleaved floats.
func (r *resampler) floats(in []float32) ([]float32, error) {
	return r.convert(nil, (*C.float)(unsafe.SliceData(in)), C.int(len(in)/r.from.channels))
}

func (r *resampler) convert(f *C.AVFrame, in *C.float, count C.int) ([]float32, error) {
	room := C.swr_get_out_samples(r.c, count)
	if room <= 0 {
		return nil, nil
	}
	out := make([]float32, int(room)*r.to.Channels)
	n := C.rp_resample(r.c, f, in, count, (*C.float)(unsafe.SliceData(out)), room)
	if n < 0 {
		return nil, failed(fault.Damaged, "resample sound", n)
	}
	return out[:int(n)*r.to.Channels], nil
}

// close frees it. It may be called on nil.
func (r *resampler) close() {
	if r != nil && r.c != nil {
		c := r.c
		C.swr_free(&c)
		r.c = nil
		r.coder.live.free(resamplers)
	}
}
