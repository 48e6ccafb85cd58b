package engine

import (
	"cmp"
	"context"
	"fmt"
	"image"
	"runtime"
	"sync/atomic"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// pictureLane codes a track of pictures anew, in two steps: one goroutine decodes (the
// caller's own, where that waits), one encodes.
type pictureLane struct {
	t        *transcoder
	from     media.Track // Config is the newest
	to       media.Codec
	track    media.Track // as it was announced
	units    media.Sink  // takes units to be decoded
	pictures chan media.Picture
	done     chan struct{} // closed when the encoding goroutine has ended
	hurry    atomic.Bool   // what is left is thrown away

	taken   chan struct{} // has a token when the encoder took a picture
	arrival time.Time     // of the unit that is decoded

	dec  media.PictureDecoder // nil until its configuration is known
	last media.Ticks          // PTS of the last picture that was passed on
	some bool                 // there was one
	due  media.Ticks          // when the next one is
	left leftOut

	enc     media.PictureEncoder // nil: none yet, or it failed
	source  image.Point          // size of the pictures it was made for
	target  image.Point          // and of what it makes
	config  []byte               // in force at the sink
	stale   bool                 // the encoder's configuration was not told yet
	instant time.Time            // the last multiple of the files' length
	strikes int                  // failures since a picture was encoded
	remarks remarks
	slow    repeats
	broken  repeats
}

// newPictureLane opens the codecs and begins to encode; ctx is for what is written.
func newPictureLane(ctx context.Context, t *transcoder, run media.Run, from media.Track, to media.Codec) (*pictureLane, error) {
	l := &pictureLane{
		t: t, from: from, to: to, pictures: make(chan media.Picture, picturesWaiting), done: make(chan struct{}), taken: make(chan struct{}, 1),
		track: media.Track{Codec: to, ClockRate: 90000},
	}
	if err := l.prepare(); err != nil {
		l.closeCodecs()
		return nil, err
	}
	l.units = pictureIntake{l}
	if !t.o.wait {
		q := newQueue(l.units, unitsWaiting)
		q.start(context.WithoutCancel(ctx)) // until end
		q.Begin(ctx, run)
		l.units = q
	}
	go l.encodeAll(ctx)
	return l, nil
}

// prepare opens the codecs as far as enough is known, so that what cannot be is found out
// before it is promised.
func (l *pictureLane) prepare() error {
	info, err := media.Inspect(l.from)
	if err == nil {
		if err := l.openDecoder(); err != nil {
			return err
		}
	}
	size := image.Pt(info.Width, info.Height)
	known := err == nil && size.X > 0 && size.Y > 0
	if !known {
		size = image.Pt(640, 360)
	}
	if err := l.openEncoder(size); err != nil {
		return err
	}
	if !known {
		l.enc.Close()
		l.enc = nil
		return nil
	}
	l.track.Config = l.enc.Track().Config
	l.config, l.stale = l.track.Config, false
	return nil
}

func (l *pictureLane) openDecoder() (err error) {
	o := media.DecodeOptions{Device: l.t.o.Device, Observe: l.observe}
	if l.t.o.Size != (image.Point{}) {
		if info, _ := media.Inspect(l.from); info.Width > 0 && info.Height > 0 {
			w, h := l.t.o.pictureSize(info.Width, info.Height)
			o.Shown = image.Pt(w, h)
		}
	}
	l.dec, err = l.t.deps.Coder.PictureDecoder(l.from, o)
	return err
}

// openEncoder opens an encoder for pictures of a size. The one there was stays where that
// fails.
func (l *pictureLane) openEncoder(size image.Point) error {
	o := l.t.o.pictureOptions(l.from, l.to, size)
	o.Observe = l.observe
	enc, err := l.t.deps.Coder.PictureEncoder(o)
	if err != nil {
		return err
	}
	l.enc, l.source, l.target, l.stale = enc, size, image.Pt(o.Width, o.Height), true
	return nil
}

// pictureOptions say how pictures of a size are encoded.
func (o TranscodeOptions) pictureOptions(from media.Track, to media.Codec, size image.Point) media.EncodeOptions {
	w, h := o.pictureSize(size.X, size.Y)
	info, _ := media.Inspect(from)
	fps := info.FPS
	if fps < 1 || fps > 240 {
		fps = 25
	}
	if pace := o.pace(); pace > 0 {
		fps = min(fps, pace)
	}
	e := o.settings().Picture(w, h, fps)
	if e.Codec != to {
		e.Codec, e.Profile = to, ""
	}
	e.Device, e.Pixel = o.Device, cmp.Or(from.Pixel, info.Pixel) // scaled evenly, they keep their shape
	e.Threads = min(1+int(float64(w*h)*fps/(1920*1080*31)), 4, runtime.NumCPU())
	if o.wait {
		e.Threads = min(runtime.NumCPU(), 8)
	}
	return e
}

func (l *pictureLane) observe(note string) {
	l.t.deps.observe(Notice{Camera: l.t.o.name, Message: note})
}

func (l *pictureLane) fails(what string, err error) {
	l.broken.tell(l.t.deps, 1, Notice{Camera: l.t.o.name, Message: what + ": " + fault.Redact(err.Error())})
}

// write implements trackCoder.
func (l *pictureLane) write(ctx context.Context, au media.AccessUnit) error {
	return l.units.Write(ctx, au)
}

// end implements trackCoder.
func (l *pictureLane) end(ctx context.Context) (lost bool) {
	l.units.Close(ctx)
	l.closeCodecs()
	l.slow.rest(l.t.deps)
	l.broken.rest(l.t.deps)
	return l.hurry.Load()
}

func (l *pictureLane) closeCodecs() {
	if l.dec != nil {
		l.dec.Close()
	}
	if l.enc != nil {
		l.enc.Close()
	}
	l.dec, l.enc = nil, nil
}

// pictureIntake is the first step, as a Sink.
type pictureIntake struct{ *pictureLane }

// Begin implements media.Sink.
func (pictureIntake) Begin(context.Context, media.Run) error { return nil }

// End implements media.Sink.
func (pictureIntake) End(context.Context, media.Gap) error { return nil }

// Write implements media.Sink.
func (l pictureIntake) Write(ctx context.Context, au media.AccessUnit) error {
	l.remarks.note(au)
	l.arrival = au.Arrival
	if au.Config != nil {
		l.from.Config = au.Config
	}
	if l.dec == nil {
		if !au.Key || media.ValidConfig(l.from.Codec, l.from.Config) != nil {
			return nil // as a recorder would: it cannot begin here
		}
		if err := l.openDecoder(); err != nil {
			l.fails("pictures cannot be decoded", err)
			return nil
		}
	}
	pictures, err := l.dec.Decode(au)
	if err != nil {
		l.fails("pictures cannot be decoded", err)
	}
	l.pass(ctx, pictures, l.t.o.wait)
	return nil
}

// Close implements media.Sink: it flushes both steps and joins the second. What is not
// done when ctx ends is thrown away.
func (l pictureIntake) Close(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { l.hurry.Store(true) })
	defer stop()
	if l.dec != nil && ctx.Err() == nil {
		pictures, err := l.dec.Flush()
		if err != nil {
			l.fails("the last pictures cannot be decoded", err)
		}
		l.pass(ctx, pictures, true)
	}
	if ctx.Err() != nil {
		l.hurry.Store(true)
	}
	close(l.pictures)
	<-l.done
	return nil
}

// pass hands pictures to the encoder: those that their times say, and, where the encoder
// is behind and nobody can wait, as many as it takes.
func (l *pictureLane) pass(ctx context.Context, pictures []media.Picture, wait bool) {
	for _, p := range pictures {
		if p.Wall().Before(l.t.o.since) || !l.picks(p.PTS()) {
			p.Release()
			continue
		}
		if !wait && !l.room(ctx) {
			l.leave(p)
			continue
		}
		if l.left.pictures > 0 {
			l.account(p)
		}
		select {
		case l.pictures <- p:
		case <-ctx.Done():
			p.Release()
		}
	}
}

// room waits until the encoder takes another picture, as long as what comes is not late:
// units wait cheaply, and a machine that is busy for a moment costs no picture.
func (l *pictureLane) room(ctx context.Context) bool {
	for len(l.pictures) == cap(l.pictures) {
		left := lateAfter - l.t.deps.Clock.Now().Sub(l.arrival)
		if left <= 0 {
			return false
		}
		timer := time.NewTimer(left)
		select {
		case <-l.taken:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return false
		}
	}
	return true
}

// picks reports whether a picture is one of those that are wanted a second. A quarter of
// the interval is allowed for times that are not even.
func (l *pictureLane) picks(pts media.Ticks) bool {
	if l.some && pts <= l.last {
		return false // an encoder wants them to rise
	}
	if b := l.t.o.between; b != nil && (pts < media.FromDuration(b[0], 90000) || pts >= media.FromDuration(b[1], 90000)) {
		return false
	}
	if pace := l.t.o.pace(); pace > 0 {
		interval := media.Ticks(90000 / pace)
		if l.some && pts < l.due-interval/4 {
			return false
		}
		if l.due += interval; !l.some || l.due < pts {
			l.due = pts + interval
		}
	}
	l.last, l.some = pts, true
	return true
}

// leave leaves a picture out, because the encoder is behind.
func (l *pictureLane) leave(p media.Picture) {
	l.left.add(p.Wall())
	l.t.left.Add(1)
	p.Release()
	l.slow.tell(l.t.deps, 1, Notice{
		Camera: l.t.o.name, Message: "a picture is left out: encoding is slower than they come",
		Hint: "a smaller --size, a lower --fps or a faster --preset",
	})
}

// account lets a picture tell of those before it that were left out.
func (l *pictureLane) account(p media.Picture) {
	k := remark{at: p.Wall(), lost: l.left.pictures, damaged: true}
	k.gap = l.left.until(p.Wall())
	l.remarks.add(k)
}

// leftOut are pictures that were left out one after the other, for want of time.
type leftOut struct {
	pictures int
	from     time.Time // capture of the first
}

// longLeft is from where on pictures that are left out one after the other are a gap.
const longLeft = time.Second

func (l *leftOut) add(at time.Time) {
	if l.pictures == 0 {
		l.from = at
	}
	l.pictures++
}

// until ends them with a picture that is not left out; nil: they were too few for a gap.
func (l *leftOut) until(at time.Time) (gap *media.Gap) {
	if l.pictures > 0 && at.Sub(l.from) >= longLeft {
		gap = &media.Gap{
			From: l.from, To: at, Causes: media.Because(media.Overflow),
			Note: fmt.Sprintf("%d pictures left out, encoding was slower than they came", l.pictures),
		}
	}
	*l = leftOut{}
	return gap
}
