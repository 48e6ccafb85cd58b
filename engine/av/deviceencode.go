//go:build cgo

package av

// #include "device.h"
// #include "shim.h"
import "C"

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/asticode/go-astiav"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// place is where an encoder's pictures are on its device.
type place struct {
	taken  bool           // the device's context is ours
	frames *C.AVBufferRef // they come from there; nil: from main memory
	own    bool           // and it is we who take them there
}

// encoderOf finds FFmpeg's encoder.
func (d *device) encoderOf(codec media.Codec) (*astiav.Codec, error) {
	if d == nil {
		return encoderOf(codec)
	}
	if c := astiav.FindEncoderByName(d.encoders[codec]); c != nil {
		return c, nil
	}
	return nil, fault.New(fault.Unsupported, "this build does not encode %s on %s", codec.Title(), d.name)
}

// encoderOptions are encoderOptions for a device; x264's presets are mapped.
func (d *device) encoderOptions(o media.EncodeOptions) (*astiav.Dictionary, error) {
	options := map[string]string{}
	switch {
	case d == nil || d.kind == C.AV_HWDEVICE_TYPE_NONE && d.fail != nil:
		return encoderOptions(o)
	case d.kind == C.AV_HWDEVICE_TYPE_CUDA:
		// p1 is the fastest, p7 the best.
		options["preset"] = "p" + strconv.Itoa(min(7, 1+slices.Index(presets, o.Preset)*7/len(presets)))
		options["forced-idr"] = "1"
		options["tune"] = "hq"
		if o.LowLatency {
			options["tune"], options["zerolatency"], options["delay"] = "ull", "1", "0"
		}
		options["rc"] = "vbr"
		if o.Quality > 0 {
			options["cq"] = strconv.Itoa(o.Quality)
		}
	case d.kind == C.AV_HWDEVICE_TYPE_VAAPI:
		switch {
		case o.Quality > 0:
			options["rc_mode"], options["qp"] = "CQP", strconv.Itoa(o.Quality)
		case o.MaxBitrate > 0 && o.MaxBitrate <= o.Bitrate:
			options["rc_mode"] = "CBR"
		}
		if o.LowLatency {
			options["async_depth"] = "1"
		}
	}
	if o.Profile != "" && d.kind != C.AV_HWDEVICE_TYPE_NONE {
		options["profile"] = o.Profile
		if o.Profile == "baseline" && d.kind == C.AV_HWDEVICE_TYPE_VAAPI {
			options["profile"] = "constrained_baseline"
		}
	}
	dict := astiav.NewDictionary()
	for k, v := range options {
		if err := dict.Set(k, v, 0); err != nil {
			dict.Free()
			return nil, err
		}
	}
	return dict, nil
}

// board makes an encoder's new context one of its device.
func (e *encoder) board(context *astiav.CodecContext) error {
	d := e.device
	if d == nil {
		return nil
	}
	if err := d.trouble(openEncoder); err != nil {
		return err
	}
	if d.kind == C.AV_HWDEVICE_TYPE_NONE {
		return nil
	}
	if !e.place.taken {
		if _, err := e.coder.takeDevice(d); err != nil {
			return err
		}
		e.place.taken = true
	}
	if e.place.frames == nil && !d.takesOur {
		if err := e.ownFrames(); err != nil {
			return err
		}
	}
	if e.place.frames == nil {
		return nil
	}
	return failed(fault.Busy, "encode on "+d.name, C.rp_device_encoder(cCodec(context), e.place.frames))
}

// ownFrames makes the room to which pictures of main memory are taken.
func (e *encoder) ownFrames() error {
	ref, err := e.coder.takeDevice(e.device)
	if err != nil {
		return err
	}
	defer e.coder.giveDevice(e.device)
	var frames *C.AVBufferRef
	ret := C.rp_device_frames(&frames, ref, e.device.format, C.int(e.options.Width), C.int(e.options.Height))
	if err := failed(fault.Busy, "make room on "+e.device.name, ret); err != nil {
		return err
	}
	e.setFrames(frames, true)
	return nil
}

// setFrames changes where pictures come from; frames is ours from now on.
func (e *encoder) setFrames(frames *C.AVBufferRef, own bool) {
	if e.place.frames != nil {
		C.av_buffer_unref(&e.place.frames)
		e.coder.live.free(devices)
	}
	if e.place.frames, e.place.own = frames, own; frames != nil {
		e.coder.live.add(devices)
	}
}

// leave gives back what an encoder has of a device.
func (e *encoder) leave() {
	e.setFrames(nil, false)
	if e.place.taken {
		e.place.taken = false
		e.coder.giveDevice(e.device)
	}
}

// bring returns the picture as the encoder takes it, where it takes it.
func (e *encoder) bring(p *picture) (*picture, error) {
	if e.device == nil || e.device.format == C.AV_PIX_FMT_NONE {
		return e.fit(p)
	}
	if e.stays(p) {
		if e.place.frames == nil || e.place.frames.data != p.c().hw_frames_ctx.data {
			ref := C.av_buffer_ref(p.c().hw_frames_ctx)
			if ref == nil {
				return nil, fault.New(fault.Busy, "no memory for an encoder")
			}
			e.setFrames(ref, false)
			e.reopen = true
		}
		return p.Retain().(*picture), nil
	}
	here, err := e.fit(p)
	if err != nil {
		return nil, err
	}
	if e.place.frames != nil && !e.place.own {
		e.setFrames(nil, false)
		e.reopen = true
	}
	if e.device.takesOur {
		return here, nil
	}
	defer here.Release()
	if e.place.frames == nil {
		if err := e.ownFrames(); err != nil {
			return nil, err
		}
	}
	f, err := e.coder.newFrame()
	if err != nil {
		return nil, err
	}
	if ret := C.rp_upload(cFrame(f), e.place.frames, here.c()); ret < 0 {
		e.coder.freeFrame(f)
		return nil, failed(fault.Busy, "take a picture to "+e.device.name, ret)
	}
	there := e.coder.newPicture(f, p.pts, p.wall)
	there.damaged, there.device = p.damaged, e.device.name
	return there, nil
}

// stays reports whether a picture can be encoded where it lies. The first one decides
// about the colours, as in fit.
func (e *encoder) stays(p *picture) bool {
	w, h := p.Size()
	if p.device != e.device.name || w != e.options.Width || h != e.options.Height || p.c().format != C.int(e.device.format) {
		return false
	}
	have := coloursOf(p.c(), e.colours)
	if !e.begun && !have.full && (have.red == bt601.red || have.red == bt709.red) && have != e.colours {
		e.colours = have
		e.reopen = true
	}
	return have == e.colours
}

// unpack turns what devices write (H.264 Annex B, with the parameter sets in each key
// frame) into units as all others are.
func (e *encoder) unpack(data []byte) []byte {
	codec := e.options.Codec
	if !codec.NALs() || e.device.fail != nil {
		return data
	}
	if !bytes.HasPrefix(data, []byte{0, 0, 1}) && !bytes.HasPrefix(data, []byte{0, 0, 0, 1}) {
		return data
	}
	var unit []byte
	data = lengthsOf(data)
	if config := media.ConfigOf(codec, data, e.track.Config); config != nil {
		e.track.Config, e.config = config, config
	}
	for nal := range media.NALs(data) {
		if !bare(codec, nal) {
			unit = media.AppendNAL(unit, nal)
		}
	}
	return unit
}

// bare reports parameter sets and access unit delimiters.
func bare(codec media.Codec, nal []byte) bool {
	if len(nal) == 0 {
		return true
	}
	if codec == media.H265 {
		kind := nal[0] >> 1 & 0x3f
		return kind >= 32 && kind <= 35
	}
	kind := nal[0] & 0x1f
	return kind >= 7 && kind <= 9
}

// maxPending bounds the pictures that are kept because they went into a device and did not
// come out yet.
const maxPending = 32

// deviceEncoder encodes on a device as long as that goes well, and in software from then
// on, beginning with a key frame: no picture is lost.
type deviceEncoder struct {
	*encoder
	pending []*picture
	wanted  map[media.Ticks]bool // key frames asked for, by PTS of pending pictures
}

// newDeviceEncoder falls back to software at once where the device cannot be opened.
func (c *coder) newDeviceEncoder(o media.EncodeOptions, on *device) (media.PictureEncoder, error) {
	e, err := c.newEncoder(o, on)
	if err == nil {
		return &deviceEncoder{encoder: e, wanted: map[media.Ticks]bool{}}, nil
	}
	soft, softErr := c.newEncoder(o, nil)
	if softErr != nil {
		return nil, softErr
	}
	if o.Observe != nil {
		o.Observe(err.Error() + "; encoding goes on in software")
	}
	return soft, nil
}

// Encode implements media.PictureEncoder.
func (e *deviceEncoder) Encode(p media.Picture, key bool) ([]media.AccessUnit, error) {
	if e.device == nil {
		return e.encoder.Encode(p, key)
	}
	units, err := e.encoder.Encode(p, key)
	if fault.Is(err, fault.Usage) || e.closed {
		return units, err
	}
	e.pending = append(e.pending, p.Retain().(*picture))
	if key {
		e.wanted[p.PTS()] = true
	}
	e.came(units)
	if err == nil && len(e.pending) > maxPending {
		err = fault.New(fault.Unsupported, "%d pictures went into %s and do not come out", len(e.pending), e.device.name)
	}
	if err == nil {
		return units, nil
	}
	more, err := e.fallBack(err)
	return append(units, more...), err
}

// came lets go of the pictures that came out.
func (e *deviceEncoder) came(units []media.AccessUnit) {
	for _, au := range units {
		i := slices.IndexFunc(e.pending, func(p *picture) bool { return p.pts == au.PTS })
		if i < 0 {
			continue
		}
		e.pending[i].Release()
		delete(e.wanted, au.PTS)
		e.pending = slices.Delete(e.pending, i, i+1)
	}
}

// fallBack encodes again in software what did not come out, and all that follows.
func (e *deviceEncoder) fallBack(why error) ([]media.AccessUnit, error) {
	old := e.encoder
	soft, err := e.coder.newEncoder(old.options, nil)
	if err != nil {
		return nil, err
	}
	if o := old.options; o.Observe != nil {
		o.Observe(old.device.name + " failed: " + why.Error() + "; encoding goes on in software")
	}
	soft.lastDTS = old.lastDTS
	if soft.config == nil && !media.SameConfig(soft.options.Codec, soft.track.Config, old.track.Config) {
		soft.config = soft.track.Config
	}
	old.Close()
	e.encoder = soft
	var units []media.AccessUnit
	for i, p := range e.pending {
		out, failed := soft.Encode(p, i == 0 || e.wanted[p.pts])
		if units = append(units, out...); failed != nil {
			err = failed // it lay on the device, which is gone
		}
		p.Release()
	}
	e.pending, e.wanted = nil, nil
	if len(units) > 0 || soft.begun {
		err = nil
	}
	return units, err
}

// Flush implements media.PictureEncoder.
func (e *deviceEncoder) Flush() ([]media.AccessUnit, error) {
	units, err := e.encoder.Flush()
	if e.device == nil {
		return units, err
	}
	e.came(units)
	if err == nil {
		e.drop()
		return units, nil
	}
	more, err := e.fallBack(err)
	units = append(units, more...)
	if err != nil {
		return units, err
	}
	more, err = e.encoder.Flush()
	return append(units, more...), err
}

// drop lets go of all pictures.
func (e *deviceEncoder) drop() {
	release(asPictures(e.pending))
	e.pending, e.wanted = nil, map[media.Ticks]bool{}
}

func asPictures(in []*picture) (out []media.Picture) {
	for _, p := range in {
		out = append(out, p)
	}
	return out
}

// Close implements media.PictureEncoder.
func (e *deviceEncoder) Close() {
	e.drop()
	e.encoder.Close()
}
