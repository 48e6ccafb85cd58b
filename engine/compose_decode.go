package engine

import (
	"context"
	"fmt"
	"image"
	"sync/atomic"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// decoding is a Sink that decodes an input's picture, and its sound where that is wanted,
// and puts them into the input's lines. One decoder serves one run. It never fails: what
// cannot be decoded is counted, told, and passed over.
type decoding struct {
	deps   Deps
	name   string
	device string
	live   bool
	format media.SoundFormat
	lines  decodedLines
	shown  *atomic.Uint64 // the largest size at which it is shown, see packSize

	run      media.Run
	video    *decodingTrack // nil: the run has no picture
	sound    *decodingTrack // nil: no sound, or nobody wants it
	pictures media.PictureDecoder
	sounds   media.SoundDecoder
	size     uint64 // what the decoder was told

	broken brokenUnits
}

// decodedLines is where what was decoded goes. shift is added to capture times.
type decodedLines struct {
	pictures *pictureLine // nil: not wanted
	sounds   *soundTo     // nil: not wanted
	shift    time.Duration
}

// decodingTrack is a track whose decoder is made with its first key frame.
type decodingTrack struct {
	media.Track
	open   bool // a key frame has come
	failed bool // it cannot be decoded
}

// lateMost is how old a live unit may be when its turn comes. Beyond it decoding is too
// slow, and goes on at the next key frame.
const lateMost = 2 * time.Second

// Begin implements media.Sink.
func (d *decoding) Begin(_ context.Context, run media.Run) error {
	d.finish()
	d.run, d.video, d.sound = run, nil, nil
	for _, t := range run.Tracks {
		switch one := (&decodingTrack{Track: t}); {
		case t.Codec.Video() && d.video == nil && d.lines.pictures != nil:
			d.video = one
		case !t.Codec.Video() && d.sound == nil && d.lines.sounds != nil:
			d.sound = one
		}
	}
	if d.lines.pictures != nil {
		d.lines.pictures.blinded(d.video == nil)
	}
	return nil
}

// Write implements media.Sink. It waits where a line has no room.
func (d *decoding) Write(ctx context.Context, au media.AccessUnit) error {
	switch {
	case d.video != nil && au.Track == d.video.ID:
		return d.picture(ctx, au)
	case d.sound != nil && au.Track == d.sound.ID:
		return d.listen(ctx, au)
	}
	return nil
}

// any reports whether the run has anything that is wanted, and can be decoded.
func (d *decoding) any() bool {
	return d.video != nil && !d.video.failed || d.sound != nil && !d.sound.failed
}

func (d *decoding) picture(ctx context.Context, au media.AccessUnit) error {
	t := d.video
	if au.Config != nil {
		t.Config = au.Config
	}
	late := d.live && !au.Arrival.IsZero() && d.deps.Clock.Now().Sub(au.Arrival) > lateMost
	if t.failed || !au.Key && (!t.open || late) {
		t.open = t.open && !late
		return nil
	}
	if !t.open && au.Key && d.pictures != nil { // what is inside does not lead here
		if err := d.flush(ctx); err != nil {
			return err
		}
	}
	t.open = true
	if d.pictures == nil && !d.openPictures() {
		return nil
	}
	if size := d.shown.Load(); size != d.size {
		d.size = size
		d.pictures.Resize(unpackSize(size))
	}
	list, err := d.pictures.Decode(au)
	if err != nil {
		d.broken.add(d, err)
	}
	return d.put(ctx, list)
}

func (d *decoding) openPictures() bool {
	d.size = d.shown.Load()
	var err error
	d.pictures, err = d.deps.Coder.PictureDecoder(d.video.Track, media.DecodeOptions{
		Device: d.device, Shown: unpackSize(d.size), Light: true, Observe: d.note,
	})
	if err != nil {
		d.pictures, d.video.failed = nil, true
		d.note("its picture cannot be shown: " + err.Error())
	}
	return err == nil
}

func (d *decoding) put(ctx context.Context, list []media.Picture) error {
	for i, p := range list {
		if err := d.lines.pictures.put(ctx, p, p.Wall().Add(d.lines.shift)); err != nil {
			for _, rest := range list[i+1:] {
				rest.Release()
			}
			return fault.Because("show "+d.name, err)
		}
	}
	return nil
}

func (d *decoding) listen(ctx context.Context, au media.AccessUnit) error {
	t := d.sound
	if au.Config != nil {
		t.Config = au.Config
	}
	if t.failed {
		return nil
	}
	if d.sounds == nil {
		var err error
		if d.sounds, err = d.deps.Coder.SoundDecoder(t.Track, d.format); err != nil {
			d.sounds, t.failed = nil, true
			d.note("its sound cannot be heard: " + err.Error())
			return nil
		}
	}
	list, err := d.sounds.Decode(au)
	if err != nil {
		d.broken.add(d, err)
	}
	return d.hear(ctx, list)
}

func (d *decoding) hear(ctx context.Context, list []media.Sound) error {
	for _, s := range list {
		s.Wall = s.Wall.Add(d.lines.shift)
		if err := d.lines.sounds.put(ctx, s); err != nil {
			return fault.Because("hear "+d.name, err)
		}
	}
	return nil
}

// flush puts what is inside the decoder into its line.
func (d *decoding) flush(ctx context.Context) error {
	list, err := d.pictures.Flush()
	if err != nil {
		d.broken.add(d, err)
	}
	return d.put(ctx, list)
}

// End implements media.Sink: what is inside the decoders comes out.
func (d *decoding) End(ctx context.Context, _ media.Gap) error {
	var err error
	if d.pictures != nil {
		err = d.flush(ctx)
	}
	if d.sounds != nil {
		list, _ := d.sounds.Flush() // what cannot be finished is a few milliseconds
		err = joinFaults(err, d.hear(ctx, list))
	}
	d.finish()
	d.video, d.sound = nil, nil
	return err
}

// Close implements media.Sink.
func (d *decoding) Close(ctx context.Context) error { return d.End(ctx, media.Gap{}) }

// finish closes the decoders.
func (d *decoding) finish() {
	if d.pictures != nil {
		d.pictures.Close()
		d.pictures = nil
	}
	if d.sounds != nil {
		d.sounds.Close()
		d.sounds = nil
	}
}

func (d *decoding) note(text string) { d.deps.observe(Notice{Camera: d.name, Message: text}) }

// brokenUnits counts what cannot be decoded and tells it at most once a minute.
type brokenUnits struct {
	all    atomic.Uint64
	untold int
	told   time.Time
}

func (b *brokenUnits) add(d *decoding, err error) {
	b.all.Add(1)
	b.untold++
	now := d.deps.Clock.Now()
	if !b.told.IsZero() && now.Sub(b.told) < time.Minute {
		return
	}
	d.deps.observe(Notice{Camera: d.name, Message: fmt.Sprintf("cannot be decoded: %v", err), Count: b.untold})
	b.untold, b.told = 0, now
}

func packSize(p image.Point) uint64   { return uint64(uint32(p.X))<<32 | uint64(uint32(p.Y)) }
func unpackSize(v uint64) image.Point { return image.Pt(int(v>>32), int(uint32(v))) }
