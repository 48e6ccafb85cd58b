package engine

import (
	"context"
	"image"
	"time"

	"rtsprec/engine/media"
)

// encodeAll encodes what is decoded until there is no more.
func (l *pictureLane) encodeAll(ctx context.Context) {
	defer close(l.done)
	for p := range l.pictures {
		select {
		case l.taken <- struct{}{}:
		default:
		}
		if !l.hurry.Load() {
			l.encode(ctx, p)
		}
		p.Release()
	}
	if !l.hurry.Load() {
		l.flush(ctx)
	}
}

// mostStrikes is how often in a row encoding may fail before it is given up for the run.
const mostStrikes = 5

// encode encodes one picture.
func (l *pictureLane) encode(ctx context.Context, p media.Picture) {
	if l.strikes >= mostStrikes || !l.ready(ctx, p) {
		return
	}
	units, err := l.enc.Encode(p, l.cuts(p.Wall()))
	if err != nil {
		l.strike("pictures cannot be encoded", err)
		l.enc.Close()
		l.enc = nil // another one begins with the next picture
		return
	}
	if len(units) > 0 {
		l.strikes = 0
	}
	l.emit(ctx, units)
}

// cuts reports whether a recording shall cut at a picture of that time, which needs a key
// frame.
func (l *pictureLane) cuts(wall time.Time) bool {
	if l.t.o.cut <= 0 {
		return false
	}
	instant := wall.UTC().Truncate(l.t.o.cut)
	due := !l.instant.IsZero() && instant.After(l.instant)
	l.instant = instant
	return due
}

func (l *pictureLane) strike(what string, err error) {
	l.fails(what, err)
	if l.strikes++; l.strikes == mostStrikes {
		l.observe("pictures are no longer encoded until the next session")
	}
}

// ready makes sure of an encoder for a picture. A stream that changes its size gets
// another, unless what it makes has the same size.
func (l *pictureLane) ready(ctx context.Context, p media.Picture) bool {
	w, h := p.Size()
	size := image.Pt(w, h)
	if l.enc != nil && size != l.source {
		l.source = size
		if w, h := l.t.o.pictureSize(w, h); l.target != image.Pt(w, h) {
			l.flush(ctx)
			l.enc.Close()
			l.enc = nil
		}
	}
	if l.enc == nil {
		if err := l.openEncoder(size); err != nil {
			l.strike("pictures cannot be encoded", err)
			return false
		}
	}
	return true
}

// flush ends the stream of the encoder.
func (l *pictureLane) flush(ctx context.Context) {
	if l.enc == nil {
		return
	}
	units, err := l.enc.Flush()
	if err != nil {
		l.fails("the last pictures cannot be encoded", err)
	}
	l.emit(ctx, units)
}

// emit gives units to the sink as a camera would send them: parameter sets are in band too.
func (l *pictureLane) emit(ctx context.Context, units []media.AccessUnit) {
	for _, au := range units {
		if l.stale && au.Config == nil {
			au.Config = l.enc.Track().Config
		}
		l.stale = false
		if au.Config != nil {
			if media.SameConfig(l.to, l.config, au.Config) {
				au.Config = nil
			} else {
				l.config = au.Config
			}
		}
		if au.Key && l.to.NALs() && media.ConfigOf(l.to, au.Data, nil) == nil {
			au.Data = append(l.config[:len(l.config):len(l.config)], au.Data...)
		}
		au.Track, au.Arrival = l.from.ID, l.t.deps.Clock.Now()
		l.remarks.settle(&au)
		l.t.emit(ctx, au)
	}
}
