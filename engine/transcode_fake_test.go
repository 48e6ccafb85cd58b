package engine

import (
	"image"
	"sync/atomic"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// fakeCoder is a codec engine whose codecs only hand on times, as slowly as it is told.
type fakeCoder struct {
	media.Coder
	encode  time.Duration                    // what a picture costs
	broken  func(au media.AccessUnit) error  // of decoding; nil: none
	size    func(au media.AccessUnit) [2]int // nil: 640x360
	refuses bool                             // to open decoders
	live    atomic.Int64                     // pictures and codecs that were not given back
	opened  []media.EncodeOptions
}

type fakePicture struct {
	c    *fakeCoder
	au   media.AccessUnit
	size [2]int
}

func (p *fakePicture) Size() (int, int)      { return p.size[0], p.size[1] }
func (p *fakePicture) PTS() media.Ticks      { return p.au.PTS }
func (p *fakePicture) Wall() time.Time       { return p.au.Wall }
func (p *fakePicture) Damaged() bool         { return p.au.Damaged }
func (p *fakePicture) Device() string        { return "" }
func (p *fakePicture) Retain() media.Picture { p.c.live.Add(1); return p }
func (p *fakePicture) Release()              { p.c.live.Add(-1) }

type fakeDecoder struct{ c *fakeCoder }

func (c *fakeCoder) PictureDecoder(media.Track, media.DecodeOptions) (media.PictureDecoder, error) {
	if c.refuses {
		return nil, fault.New(fault.Unsupported, "no such decoder")
	}
	c.live.Add(1)
	return &fakeDecoder{c}, nil
}

func (d *fakeDecoder) Decode(au media.AccessUnit) ([]media.Picture, error) {
	if d.c.broken != nil {
		if err := d.c.broken(au); err != nil {
			return nil, err
		}
	}
	size := [2]int{640, 360}
	if d.c.size != nil {
		size = d.c.size(au)
	}
	d.c.live.Add(1)
	return []media.Picture{&fakePicture{d.c, au, size}}, nil
}
func (d *fakeDecoder) Flush() ([]media.Picture, error) { return nil, nil }
func (d *fakeDecoder) Resize(image.Point)              {}
func (d *fakeDecoder) Device() string                  { return "" }
func (d *fakeDecoder) Close()                          { d.c.live.Add(-1) }

type fakeEncoder struct {
	c *fakeCoder
	o media.EncodeOptions
	n int
}

func (c *fakeCoder) PictureEncoder(o media.EncodeOptions) (media.PictureEncoder, error) {
	c.live.Add(1)
	c.opened = append(c.opened, o)
	return &fakeEncoder{c: c, o: o}, nil
}

func (e *fakeEncoder) Track() media.Track {
	return media.Track{Codec: e.o.Codec, ClockRate: 90000, Config: []byte{0, 0, 0, 2, 0x67, byte(e.o.Height / 8)}}
}

func (e *fakeEncoder) Encode(p media.Picture, key bool) ([]media.AccessUnit, error) {
	time.Sleep(e.c.encode)
	f := p.(*fakePicture)
	e.n++
	return []media.AccessUnit{{
		PTS: f.PTS(), DTS: f.PTS(), Wall: f.Wall(), Key: key || e.n%25 == 1, Damaged: f.Damaged(),
		Data: []byte{0, 0, 0, 2, 0x65, byte(e.n)},
	}}, nil
}
func (e *fakeEncoder) SetBitrate(int, int) error          { return nil }
func (e *fakeEncoder) Flush() ([]media.AccessUnit, error) { return nil, nil }
func (e *fakeEncoder) Device() string                     { return "" }
func (e *fakeEncoder) Close()                             { e.c.live.Add(-1) }

type fakeSoundDecoder struct {
	c    *fakeCoder
	from media.Track
	to   media.SoundFormat
}

func (c *fakeCoder) SoundDecoder(t media.Track, to media.SoundFormat) (media.SoundDecoder, error) {
	c.live.Add(1)
	return &fakeSoundDecoder{c, t, to}, nil
}

func (d *fakeSoundDecoder) Decode(au media.AccessUnit) ([]media.Sound, error) {
	return []media.Sound{{SoundFormat: d.to, PTS: au.PTS * int64(d.to.Rate) / int64(d.from.ClockRate), Wall: au.Wall, Samples: make([]float32, d.to.Rate/50)}}, nil
}
func (d *fakeSoundDecoder) Flush() ([]media.Sound, error) { return nil, nil }
func (d *fakeSoundDecoder) Close()                        { d.c.live.Add(-1) }

type fakeSoundEncoder struct {
	c *fakeCoder
	o media.SoundEncodeOptions
}

func (c *fakeCoder) SoundEncoder(o media.SoundEncodeOptions) (media.SoundEncoder, error) {
	c.live.Add(1)
	return &fakeSoundEncoder{c, o}, nil
}

func (e *fakeSoundEncoder) Track() media.Track {
	return media.Track{Codec: e.o.Codec, ClockRate: e.o.Format.Rate, SampleRate: e.o.Format.Rate, Channels: e.o.Format.Channels, Config: []byte{0x12, 0x10}}
}

func (e *fakeSoundEncoder) Encode(s media.Sound) ([]media.AccessUnit, error) {
	return []media.AccessUnit{{PTS: s.PTS, DTS: s.PTS, Wall: s.Wall, Key: true, Data: []byte{1}}}, nil
}
func (e *fakeSoundEncoder) Flush() ([]media.AccessUnit, error) { return nil, nil }
func (e *fakeSoundEncoder) Close()                             { e.c.live.Add(-1) }
