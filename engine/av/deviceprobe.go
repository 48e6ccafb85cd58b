//go:build cgo

package av

import (
	"context"
	"errors"
	"image"
	"image/color"
	"slices"
	"sync"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// patience is how long a device may take to decode or encode a few pictures. Drivers that
// hang cannot be stopped: what tried them is left behind.
const patience = 10 * time.Second

// tries remembers what was tried of devices.
type tries struct {
	mu   sync.Mutex
	done map[attempt]*result
}

type attempt struct {
	device *device
	codec  media.Codec
	use    deviceUse
}

type result struct {
	ready chan struct{}
	err   error
}

// Devices implements media.Coder.
func (c *coder) Devices(ctx context.Context) []media.Device {
	var all []media.Device
	for _, d := range c.known {
		all = append(all, c.tried(ctx, d))
	}
	soft := media.Device{Name: software, Detail: versionText()}
	for _, codec := range videoCodecs {
		if d, err := c.newDecoder(media.Track{Codec: codec, ClockRate: 90000}, media.DecodeOptions{}, nil); err == nil {
			d.Close()
			soft.Decode = append(soft.Decode, codec)
		}
		if _, err := encoderOf(codec); err == nil {
			soft.Encode = append(soft.Encode, codec)
		}
	}
	for _, codec := range soundCodecs {
		e, err := c.SoundEncoder(media.SoundEncodeOptions{Codec: codec})
		if err != nil {
			continue
		}
		soft.Encode = append(soft.Encode, codec)
		if d, err := c.SoundDecoder(e.Track(), media.SoundFormat{}); err == nil {
			d.Close()
			soft.Decode = append(soft.Decode, codec)
		}
		e.Close()
	}
	return append(all, soft)
}

var (
	videoCodecs = []media.Codec{media.H264, media.H265, media.MPEG4, media.MJPEG}
	soundCodecs = []media.Codec{media.AAC, media.Opus, media.PCMA, media.PCMU, media.L16, media.G722, media.G726}
)

// tried is what a device can do, and the first reason why it cannot.
func (c *coder) tried(ctx context.Context, d *device) media.Device {
	found := media.Device{Name: d.name}
	detail, err := d.look()
	if found.Detail = detail; err != nil {
		found.Why = err.Error()
		return found
	}
	var why error
	for _, codec := range videoCodecs {
		for _, use := range []deviceUse{decoding, encoding} {
			if d.codecs(use)[codec] == "" {
				continue
			}
			switch err := c.try(ctx, d, codec, use); {
			case err != nil && why == nil:
				why = err
			case err != nil:
			case use == decoding:
				found.Decode = append(found.Decode, codec)
			default:
				found.Encode = append(found.Encode, codec)
			}
		}
	}
	if why != nil && len(found.Decode)+len(found.Encode) == 0 {
		found.Why = why.Error()
	}
	return found
}

// try says whether a device does it: it really decodes or encodes a few pictures, once,
// and what comes out must look like what went in.
func (c *coder) try(ctx context.Context, d *device, codec media.Codec, use deviceUse) error {
	if _, err := d.look(); err != nil {
		return err
	}
	key := attempt{d, codec, use}
	c.tries.mu.Lock()
	r := c.tries.done[key]
	if r == nil {
		r = &result{ready: make(chan struct{})}
		if c.tries.done == nil {
			c.tries.done = map[attempt]*result{}
		}
		c.tries.done[key] = r
		go func() {
			defer close(r.ready)
			r.err = c.sample(d, codec, use)
		}()
	}
	c.tries.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-r.ready:
		return r.err
	case <-ctx.Done():
		return fault.New(fault.Timeout, "%s did not answer within %v", d.name, patience)
	}
}

// The sample is small; devices refuse what is much smaller.
const (
	sampleWidth, sampleHeight = 640, 360
	samplePictures            = 10
	sampleError               = 16 // mean difference of samples, of 255
)

// sample does on the device what it is tried for, and the other half in software.
func (c *coder) sample(d *device, codec media.Codec, use deviceUse) error {
	in, err := c.samplePictures()
	defer release(in)
	if err != nil {
		return err
	}
	decoder, encoder := d, (*device)(nil)
	if use == encoding {
		decoder, encoder = nil, d
	}
	track, units, err := c.sampleUnits(in, codec, encoder)
	if err != nil {
		return err
	}
	dec, err := c.newDecoder(track, media.DecodeOptions{}, decoder)
	if err != nil {
		return err
	}
	defer dec.Close()
	var out []media.Picture
	defer func() { release(out) }()
	for _, au := range units {
		pictures, err := dec.Decode(au)
		if out = append(out, pictures...); err != nil {
			return err
		}
	}
	rest, err := dec.Flush()
	if out = append(out, rest...); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	if len(out) == 0 {
		return fault.New(fault.Unsupported, "%s: no picture came out", d.name)
	}
	return c.alike(d, in, out)
}

// samplePictures are bars that move.
func (c *coder) samplePictures() (in []media.Picture, err error) {
	v, err := c.Canvas(media.CanvasOptions{Width: sampleWidth, Height: sampleHeight})
	if err != nil {
		return nil, err
	}
	defer v.Close()
	for i := range samplePictures {
		for x := range 16 {
			v.Fill(image.Rect(x*40, 0, x*40+40, sampleHeight), color.Gray{uint8((x*48 + i*8) % 256)})
		}
		p, err := v.Picture(media.Ticks(i*3600), time.Time{})
		if err != nil {
			return in, err
		}
		in = append(in, p)
	}
	return in, nil
}

func (c *coder) sampleUnits(in []media.Picture, codec media.Codec, on *device) (media.Track, []media.AccessUnit, error) {
	o, err := checkEncoding(media.EncodeOptions{Codec: codec, Width: sampleWidth, Height: sampleHeight, Bitrate: 2_000_000, LowLatency: true})
	if err != nil {
		return media.Track{}, nil, err
	}
	enc, err := c.newEncoder(o, on)
	if err != nil {
		return media.Track{}, nil, err
	}
	defer enc.Close()
	var units []media.AccessUnit
	for _, p := range in {
		out, err := enc.Encode(p, false)
		if units = append(units, out...); err != nil {
			return media.Track{}, nil, err
		}
	}
	out, err := enc.Flush()
	return enc.Track(), append(units, out...), err
}

// alike compares the brightness of pictures: a driver may answer and paint it green.
func (c *coder) alike(d *device, in, out []media.Picture) error {
	for _, p := range out {
		i := slices.IndexFunc(in, func(q media.Picture) bool { return q.PTS() == p.PTS() })
		if i < 0 {
			continue
		}
		here, err := c.download(p.(*picture))
		if err != nil {
			return err
		}
		got, want := here.Luma(), in[i].(*picture).Luma()
		bad := got == nil || got.Rect != want.Rect
		if !bad {
			sum, n := 0, 0
			for y := 4; y < sampleHeight; y += 9 {
				for x := 4; x < sampleWidth; x += 9 {
					sum, n = sum+max(int(got.GrayAt(x, y).Y)-int(want.GrayAt(x, y).Y), int(want.GrayAt(x, y).Y)-int(got.GrayAt(x, y).Y)), n+1
				}
			}
			bad = sum > n*sampleError
		}
		here.Release()
		if bad {
			return fault.New(fault.Unsupported, "%s: what comes out is not what went in", d.name)
		}
	}
	return nil
}

func release(pictures []media.Picture) {
	for _, p := range pictures {
		p.Release()
	}
}
