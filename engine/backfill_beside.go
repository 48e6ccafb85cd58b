package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/record"
)

// What was recorded from a camera's sub-stream is asked for again, as the main stream, from
// whatever plays the camera's own recording. It is kept beside: the recording stays what it
// is. Gaps come first, and beside a camera that is being recorded it takes no more than
// half of what its main stream does, so that it does not make the way too narrow again.

const (
	// besideSettled is how long the main stream must have been back.
	besideSettled = 15 * time.Second
	// besideShare is the part of the main stream's rate that is taken while it is recorded.
	besideShare = 0.5
	// kept is the Splice of what is kept beside.
	kept = "beside"
	// besideLeast bounds that from below, in bytes a second.
	besideLeast = 32_000
)

// lesser lists what of a camera may be fetched.
func (b *backfiller) lesser(camera string, last bool) []archive.Quality {
	settled := besideSettled
	if last {
		settled = 0
	}
	for _, r := range b.library.Recordings() {
		if c := r.Camera(camera); c != nil {
			return c.Lesser(settled)
		}
	}
	return nil
}

// keyOf is under what the tries of a span are remembered.
func keyOf(camera string, q archive.Quality) fillKey {
	return fillKey{camera, uint64(q.From.UnixNano())}
}

// enhance fetches what was recorded from the sub-stream, when that is due.
func (b *backfiller) enhance(ctx context.Context, camera, source string, q archive.Quality, last bool) {
	t := b.tryOf(keyOf(camera, q))
	if b.d.Clock.Now().Before(t.due) || t.vain || last && t.n >= fillTries || ctx.Err() != nil {
		return
	}
	t.n++
	units, err := b.fetch(ctx, camera, source, q, last)
	if ctx.Err() != nil {
		return
	}
	t.due = b.d.Clock.Now().Add(min(fillFirst<<min(t.n-1, 8), fillLongest))
	if err == nil {
		b.d.observe(Backfilled{Camera: camera, From: q.From.UTC(), To: q.To.UTC(), Units: units, Splice: kept, Source: fault.URL(source)})
		return
	}
	t.vain = fault.Is(err, fault.Unsupported)
	if err.Error() != t.told {
		t.told = err.Error()
		b.d.observe(Notice{Camera: camera, Message: fmt.Sprintf("the main stream of %s is not fetched yet: %v", q.From.UTC().Format(time.RFC3339), err)})
	}
}

// fetch keeps the main stream of a span beside it, and says how many units that is.
func (b *backfiller) fetch(ctx context.Context, camera, source string, q archive.Quality, last bool) (units int, err error) {
	b.mu.Lock()
	zone := b.zones[deviceOf(source)]
	b.mu.Unlock()
	o, err := replayOptions(source, q.From.Add(-2*keyUsual), q.To.Add(keyUsual), zone)
	if err != nil {
		return 0, err
	}
	rate := b.rate
	if !last {
		rate = min(rate, max(int64(float64(b.mainRate(camera))*besideShare), besideLeast))
	}
	s, err := b.openAt(ctx, camera, o, rate)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	run := s.Run()
	if err := better(run, q); err != nil {
		return 0, err
	}
	w, err := b.rec.Fill(record.Filling{Camera: camera, Beside: true, Run: run, Source: source})
	if err != nil {
		return 0, err
	}
	from, to, units, err := copySpan(ctx, s, w, q)
	if err == nil && units == 0 {
		err = fault.New(fault.NotFound, "the source has nothing of that time")
	}
	if err == nil {
		err = w.Commit(from, to, kept)
	}
	if err != nil {
		w.Discard()
	}
	return units, err
}

// better fails where what a source plays is no larger than what is recorded.
func better(run media.Run, q archive.Quality) error {
	lead := run.Tracks[leadOf(run)]
	info, _ := media.Inspect(lead)
	if !lead.Codec.Video() || info.Width > 0 && q.Width > 0 && info.Width*info.Height <= q.Width*q.Height {
		return fault.New(fault.Unsupported, "the source plays nothing better than the sub-stream")
	}
	return nil
}

// mainRate is at how many bytes a second a camera's main stream is recorded.
func (b *backfiller) mainRate(camera string) int64 {
	var bytes int64
	var length time.Duration
	for _, r := range b.library.Recordings() {
		c := r.Camera(camera)
		if c == nil {
			continue
		}
		for _, s := range c.Segments {
			if s.Stream != media.SubStream {
				bytes, length = bytes+s.Size, length+s.End.Sub(s.Start)
			}
		}
	}
	if length < time.Second {
		return 0
	}
	return int64(float64(bytes) / length.Seconds())
}

// copySpan writes what s plays of a span, from the last key frame before it on.
func copySpan(ctx context.Context, s Session, w *record.Filler, q archive.Quality) (from, to time.Time, units int, err error) {
	run := s.Run()
	lead := leadOf(run)
	var group []media.AccessUnit // from a key frame before the span
	bytes := 0
	write := func(au media.AccessUnit) error {
		units++
		if at := decoded(run, au); au.Track == lead {
			if from.IsZero() {
				from = at
			}
			to = later(to, at)
		}
		return w.Write(au)
	}
	for {
		au, err := s.Next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return from, to, units, nil
		case err != nil:
			return from, to, units, err
		}
		at := decoded(run, au)
		if au.Track == lead && at.After(q.To) {
			return from, to, units, nil
		}
		if from.IsZero() && !at.After(q.From) {
			if au.Track == lead && au.Key {
				group, bytes = nil, 0
			}
			if group = append(group, au); bytes+len(au.Data) > heldMost {
				return from, to, units, fault.New(fault.Unsupported, "the source has no key frame near")
			}
			bytes += len(au.Data)
			continue
		}
		for _, one := range append(group, au) {
			if from.IsZero() && !(one.Track == lead && one.Key) {
				continue
			}
			if err := write(one); err != nil {
				return from, to, units, err
			}
		}
		group = nil
	}
}
