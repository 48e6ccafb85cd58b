package rtsp

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// footage is what can be played of a recorded path: a description's range. Its npt
// counts from From, gaps included, and stays what it was when the session was described.
type footage struct {
	library  Library
	path     string
	From, To time.Time
	Tracks   []media.Track
	bounded  bool // the address names the end: what is recorded later is not part of it
}

// lookUp looks up what is recorded under a path. query is the address's, of which start
// and end count. The error is a *rangeError, or one with a kind (NotFound: nothing is
// recorded there).
func lookUp(library Library, path, query string) (*footage, error) {
	if library == nil {
		return nil, fault.New(fault.NotFound, "nothing is recorded here")
	}
	asked, ok, err := queryRange(query)
	if err != nil {
		return nil, err
	}
	f := &footage{library: library, path: path}
	if f.From, f.To, f.Tracks, err = library.Describe(path); err != nil {
		return nil, err
	}
	if len(f.Tracks) == 0 || f.From.IsZero() {
		return nil, fault.New(fault.NotFound, "nothing is recorded under %q yet", path)
	}
	if !ok {
		return f, nil
	}
	if err := f.within(asked.From, asked.To); err != nil {
		return nil, err
	}
	if asked.From.set && asked.From.at.After(f.From) {
		f.From = asked.From.at
	}
	if asked.To.set {
		f.bounded = true
		if asked.To.at.Before(f.To) {
			f.To = asked.To.at
		}
	}
	return f, nil
}

// within says what is wrong with a range of which nothing is recorded.
func (f *footage) within(from, to bound) error {
	switch {
	case from.set && !from.at.Before(f.To):
		return invalidRange("nothing is recorded at or after %s: the recording ends at %s", text(from.at), text(f.To))
	case to.set && !to.at.After(f.From):
		return invalidRange("nothing is recorded before %s: the recording begins at %s", text(to.at), text(f.From))
	}
	return nil
}

func text(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// ranges are the values of the description's range attributes: players seek by one or
// the other. npt is the first, because GStreamer takes the first and counts a clock from
// 1900 when it seeks by npt all the same.
func (f *footage) ranges() []string {
	return []string{nptRange(0, f.To.Sub(f.From)).String(), clockRange(f.From, f.To).String()}
}

// resolve turns what a request asks for into recorded time. Of a reverse range from is the
// later one, and a request that has it the other way round is understood. now is what
// npt=now means here: where the session stands.
func (f *footage) resolve(r timeRange, reverse bool, now time.Time) (from, to time.Time, err error) {
	f.follow()
	low, high := f.clock(r.From, now), f.clock(r.To, now)
	if reverse && (!low.set || !high.set || !low.at.Before(high.at)) {
		low, high = high, low
	}
	if low.set && high.set && !low.at.Before(high.at) {
		return from, to, invalidRange("the range ends before it begins")
	}
	if err := f.within(low, high); err != nil {
		return from, to, err
	}
	from = f.From
	if low.set && low.at.After(from) {
		from = low.at
	}
	if f.bounded || reverse {
		to = f.To
	}
	if high.set && (to.IsZero() || high.at.Before(to)) {
		to = high.at
	}
	if reverse {
		return to, from, nil
	}
	return from, to, nil
}

// follow takes in what was recorded since.
func (f *footage) follow() {
	if f.bounded {
		return
	}
	if _, end, _, err := f.library.Describe(f.path); err == nil && end.After(f.To) {
		f.To = end
	}
}

// clock makes a bound one of recorded time.
func (f *footage) clock(b bound, now time.Time) bound {
	switch {
	case !b.set:
		return bound{}
	case b.now:
		return bound{set: true, at: now}
	case !b.at.IsZero() && b.at.Year() == 1900:
		// GStreamer's way, in its ONVIF mode, to count from the start of an npt range.
		return bound{set: true, at: f.From.Add(b.at.Sub(time.Unix(ntpEpoch, 0)))}
	case b.at.IsZero():
		return bound{set: true, at: f.From.Add(b.npt)}
	}
	return b
}

// answer is the range that is played, in the unit that was asked for.
func (f *footage) answer(unit rangeUnit, from, to time.Time) string {
	if unit != rangeNPT {
		return clockRange(from, to).String()
	}
	end := time.Duration(-1)
	if !to.IsZero() {
		end = max(0, to.Sub(f.From))
	}
	return nptRange(max(0, from.Sub(f.From)), end).String()
}

// onlyPictures is a source of which only the picture is played, under the number that it has
// in the description.
type onlyPictures struct {
	media.Source
	as media.TrackID
}

// Next implements media.Source.
func (s onlyPictures) Next(ctx context.Context) (media.AccessUnit, error) {
	au, err := s.Source.Next(ctx)
	au.Track = s.as
	return au, err
}

// open opens the source and takes its first unit of those tracks that are set up.
func (f *footage) open(ctx context.Context, from, to time.Time, o playOrder, wanted func(media.TrackID) bool) (media.Source, media.AccessUnit, error) {
	source, err := f.library.Play(ctx, f.path, from, to, o.keysOnly(), o.reverse())
	if fault.Is(err, fault.NotFound) {
		err = invalidRange("nothing is recorded from %s on", text(from))
	}
	if err != nil {
		return nil, media.AccessUnit{}, err
	}
	if i := slices.IndexFunc(f.Tracks, func(t media.Track) bool { return t.Codec.Video() }); o.keysOnly() && len(source.Run().Tracks) == 1 && i >= 0 {
		source = onlyPictures{source, media.TrackID(i)}
	}
	for {
		au, err := source.Next(ctx)
		if err == nil && !wanted(au.Track) {
			continue
		}
		if err == nil {
			return source, au, nil
		}
		source.Close()
		if errors.Is(err, io.EOF) {
			err = invalidRange("nothing is recorded from %s on", text(from))
		}
		return nil, au, err
	}
}
