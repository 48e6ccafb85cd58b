//go:build cgo

package av

// #include "device.h"
// #include "shim.h"
import "C"

import (
	"errors"
	"image"

	"github.com/asticode/go-astiav"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

const (
	// heldFrames may be held of a device beside those that a decoder needs: by an encoder,
	// and by who waits for other pictures.
	heldFrames = 12
	// keptUnits and keptBytes bound what is kept to begin a group of pictures again.
	keptUnits = 1000
	keptBytes = 16 << 20
	// maxSilent units without a picture, and maxBroken refused one after the other, mean that a
	// device has failed: no stream reorders over more than 16, and some come late.
	maxSilent = 48
	maxBroken = 8
)

// board makes a decoder's new context one of its device.
func (d *decoder) board(context *astiav.CodecContext) error {
	if d.device == nil {
		return nil
	}
	if err := d.device.trouble(openDecoder); err != nil {
		return err
	}
	ref, err := d.coder.takeDevice(d.device)
	if err != nil || ref == nil {
		return err
	}
	d.taken = true
	return failed(fault.Busy, "decode on "+d.device.name, C.rp_device_decoder(cCodec(context), ref, d.device.format, heldFrames))
}

// alight gives the device back. The context is gone by then.
func (d *decoder) alight() {
	if d.taken {
		d.taken = false
		d.coder.giveDevice(d.device)
	}
}

// deviceDecoder decodes on a device as long as that goes well, and in software from then
// on: it keeps the units since the last key, and gives them to software as well.
type deviceDecoder struct {
	*decoder // in use
	kept     []media.AccessUnit
	bytes    int
	begin    media.Track // as it was before the first unit that is kept
	broken   int         // units refused in a row
	silent   int         // units in a row without a picture
	waiting  bool        // software waits for a key
}

// newDeviceDecoder falls back to software at once where the device cannot be opened.
func (c *coder) newDeviceDecoder(t media.Track, o media.DecodeOptions, on *device) (media.PictureDecoder, error) {
	d, err := c.newDecoder(t, o, on)
	if err == nil {
		return &deviceDecoder{decoder: d, begin: t}, nil
	}
	soft, softErr := c.newDecoder(t, o, nil)
	if softErr != nil {
		return nil, softErr
	}
	if o.Observe != nil {
		o.Observe(err.Error() + "; decoding goes on in software")
	}
	return soft, nil
}

// Decode implements media.PictureDecoder.
func (d *deviceDecoder) Decode(au media.AccessUnit) ([]media.Picture, error) {
	if d.device == nil {
		if d.waiting && !au.Key {
			d.configure(au) // what comes after needs to know
			return nil, nil
		}
		d.waiting = false
		return d.decoder.Decode(au)
	}
	d.keep(au)
	pictures, err := d.decoder.Decode(au)
	pictures, trouble := d.land(pictures)
	if trouble == nil {
		trouble = d.judge(au, len(pictures), err)
	}
	if trouble == nil {
		return pictures, err
	}
	more, err := d.fallBack(trouble)
	return append(pictures, more...), err
}

// keep remembers a unit until the next key.
func (d *deviceDecoder) keep(au media.AccessUnit) {
	if au.Key {
		d.kept, d.bytes, d.begin = nil, 0, d.track
	} else if d.kept == nil {
		return // there is nothing to begin with
	}
	d.bytes += len(au.Data)
	if d.kept = append(d.kept, au); len(d.kept) > keptUnits || d.bytes > keptBytes {
		d.kept = nil
	}
}

// land takes pictures that are to be shown somewhere into main memory: they may wait there
// as long as they like, while those of a device are few.
func (d *deviceDecoder) land(pictures []media.Picture) ([]media.Picture, error) {
	if d.options.Shown == (image.Point{}) {
		return pictures, nil
	}
	for i, p := range pictures {
		here, err := d.coder.download(p.(*picture))
		if err != nil {
			for _, p := range pictures[i:] {
				p.Release()
			}
			return pictures[:i], err
		}
		p.Release()
		pictures[i] = here
	}
	return pictures, nil
}

// judge says why the device has failed, or nil: the unit may be at fault, too.
func (d *deviceDecoder) judge(au media.AccessUnit, pictures int, err error) error {
	d.silent++
	if pictures > 0 {
		d.silent, d.broken = 0, 0
	}
	code, coded := errors.AsType[astiav.Error](err)
	switch {
	case err != nil && !coded && len(au.Data) == 0, au.Damaged && errors.Is(code, astiav.ErrInvaliddata):
		return nil
	case err != nil && !errors.Is(code, astiav.ErrInvaliddata):
		return err
	case err != nil:
		if d.broken++; d.broken >= maxBroken {
			return err
		}
	case d.silent >= maxSilent:
		return fault.New(fault.Unsupported, "%d units went into %s and no picture came out", d.silent, d.device.name)
	}
	return nil
}

// fallBack goes on in software, from the last key on. Pictures that were out already do
// not come again.
func (d *deviceDecoder) fallBack(why error) ([]media.Picture, error) {
	o, track, last := d.options, d.begin, d.last
	if d.kept == nil {
		track = d.track
	}
	name := d.device.name
	soft, err := d.coder.newDecoder(track, o, nil)
	if err != nil {
		return nil, err
	}
	d.decoder.Close()
	d.decoder = soft
	if o.Observe != nil {
		o.Observe(name + " failed: " + why.Error() + "; decoding goes on in software")
	}
	soft.width, soft.height = 0, 0
	var pictures []media.Picture
	d.waiting = d.kept == nil
	for _, au := range d.kept {
		out, err := soft.Decode(au)
		if err != nil && !fault.Is(err, fault.Damaged) {
			return pictures, err
		}
		for _, p := range out {
			if p.PTS() <= last {
				p.Release()
				continue
			}
			pictures = append(pictures, p)
		}
	}
	soft.last = max(soft.last, last)
	d.kept = nil
	return pictures, nil
}

// Flush implements media.PictureDecoder.
func (d *deviceDecoder) Flush() ([]media.Picture, error) {
	d.kept, d.silent, d.broken = nil, 0, 0
	pictures, err := d.decoder.Flush()
	if d.device == nil {
		return pictures, err
	}
	pictures, trouble := d.land(pictures)
	if trouble != nil {
		_, err = d.fallBack(trouble)
	}
	return pictures, err
}
