package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
)

// strip is the segments of one camera that touch a range, in order of capture, open for
// reading. Backfilled ones stand where they belong.
type strip struct {
	camera    string
	holdings  []Holding
	stretches []*stretch
	files     []vfs.File // of the stretches
	lost      []span     // of files that cannot be read
	notes     []string
}

// stretch is one segment of a strip, or a part of one that another fills in its middle.
type stretch struct {
	name string // of the file, relative to its recording
	file vfs.File
	*segment.Index
	picture int   // index of the first track of video with units, -1 without
	sounds  []int // indices of the tracks of sound with units

	*filling // nil: it was not backfilled
	camera   *Camera
	windows  []window // by track: the units that are the stretch's; nil: all of the file
	woven    bool     // it is such a part, or stands between two
}

// openStrip opens what the holdings have between from and to; a zero to is the end.
// Files that cannot be read are left out, and noted.
func openStrip(ctx context.Context, fsys vfs.FS, holdings []Holding, from, to time.Time) (*strip, error) {
	s := &strip{holdings: holdings}
	if err := bounded(holdings, from, to); err != nil {
		return nil, err
	}
	for _, h := range holdings {
		s.camera = h.Camera.Name
		for _, seg := range h.Camera.Segments {
			if err := ctx.Err(); err != nil {
				s.Close()
				return nil, fault.Because("assemble", err)
			}
			if !h.Camera.concerns(seg, from, to) || seg.Origin == originReplay && !seg.Sealed { // it may come to nothing
				continue
			}
			one, err := openStretch(fsys, h.Recording, seg)
			switch {
			case err != nil && !seg.Sealed && seg.Units() == 0: // just begun
			case err != nil:
				s.notes = append(s.notes, fmt.Sprintf("%s is left out: %v", seg.Name(), err))
				s.lost = append(s.lost, span{seg.Start, seg.End})
			case one.picture < 0 && len(one.sounds) == 0:
				one.file.Close() // nothing was written yet
			default:
				one.camera = h.Camera
				if seg.Origin == originReplay {
					one = one.fill(h.Camera, seg.N)
				}
				s.stretches, s.files = append(s.stretches, one), append(s.files, one.file)
			}
		}
	}
	s.weave()
	return s, nil
}

// maxUnits bounds the tables of one file, and with them memory, to some 400 MB: three days
// of pictures and sound.
const maxUnits = 20_000_000

func bounded(holdings []Holding, from, to time.Time) error {
	units := int64(0)
	for _, h := range holdings {
		for _, seg := range slices.Concat(h.Camera.Segments, h.Camera.Beside) {
			if seg.touches(from, to) {
				units += seg.Units()
			}
		}
	}
	if units > maxUnits {
		return fault.New(fault.Usage, "the range holds %d units, and one file takes %d: choose a shorter one", units, maxUnits)
	}
	return nil
}

// touches reports whether a segment may hold media of the range. An open one grows.
func (s *Segment) touches(from, to time.Time) bool {
	first, last := s.Start, s.End
	for _, t := range s.Tracks {
		if t.Units > 0 {
			first, last = earlier(first, t.Start), later(last, t.End)
		}
	}
	return (to.IsZero() || first.Before(to)) && (!s.Sealed || last.After(from))
}

// hold opens a segment's file under one of the names it may have by now.
func hold(fsys vfs.FS, dir string, s *Segment) (vfs.File, error) {
	var err error
	for _, name := range []string{s.Name(), s.File, s.File + part} {
		var f vfs.File
		if f, err = fsys.Hold(filepath.Join(dir, filepath.FromSlash(name))); err == nil {
			return f, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return nil, vfs.Fault("open a segment", err)
}

func openStretch(fsys vfs.FS, rec *Recording, seg *Segment) (*stretch, error) {
	f, err := hold(fsys, rec.Dir, seg)
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	if err == nil {
		var x *segment.Index
		if x, err = segment.ReadIndex(f, seg.credible(rec, size)); err == nil {
			return newStretch(seg.File, f, x), nil
		}
	}
	f.Close()
	return nil, vfs.Fault("read a segment", err)
}

// credible is how much of a file of so many bytes is taken for media. Of one that nobody
// writes any more that is what was committed: behind it a crash may have left anything.
func (s *Segment) credible(rec *Recording, size int64) int64 {
	switch {
	case s.Sealed:
		return size
	case rec.State != Live:
		return min(size, s.Size)
	case s.cut > 0: // the rest was written again to another segment
		return min(size, s.cut)
	}
	return size
}

func newStretch(name string, f vfs.File, x *segment.Index) *stretch {
	s := &stretch{name: name, file: f, Index: x, picture: -1}
	for i, t := range x.Header.Tracks {
		switch {
		case x.Tracks[i].Units == 0:
		case !t.Codec.Video():
			s.sounds = append(s.sounds, i)
		case s.picture < 0:
			s.picture = i
		}
	}
	return s
}

// deciding is the track whose time is the segment's.
func (s *stretch) deciding() int {
	if s.picture >= 0 {
		return s.picture
	}
	return s.sounds[0]
}

func (s *stretch) start() time.Time { return s.Tracks[s.deciding()].Start }

// first is when anything of it is presented first.
func (s *stretch) first() time.Time {
	first := s.start()
	for _, t := range s.Tracks {
		if t.Units > 0 {
			first = earlier(first, t.Start)
		}
	}
	return first
}

// tick converts a capture time to the clock of a track, from Header.Start on.
func (s *stretch) tick(track int, at time.Time) int64 {
	return media.FromDuration(at.Sub(s.Header.Start), s.Header.Tracks[track].ClockRate)
}

// at is the capture time of a tick.
func (s *stretch) at(track int, tick int64) time.Time {
	return s.Header.Start.Add(media.ToDuration(tick, s.Header.Tracks[track].ClockRate))
}

// interval is the usual time between two units of a track.
func (s *stretch) interval(track int) time.Duration {
	t := s.Tracks[track]
	return t.End.Sub(t.Start) / time.Duration(max(t.Units, 1))
}

// jpegSize is how large the first picture is, 0 when that cannot be told.
func (s *stretch) jpegSize() (width, height int) {
	for u := range s.Places(s.picture) {
		config, err := jpeg.DecodeConfig(io.NewSectionReader(s.file, u.At, int64(u.Size)))
		if err != nil {
			return 0, 0
		}
		return config.Width, config.Height
	}
	return 0, 0
}

// run is units of one track that lie in the file without anything between.
type run struct {
	track   int
	at, end int64
	units   []segment.Place // ticks from Header.Start
}

// runs lists all of the stretch, in order of their place.
func (s *stretch) runs() []run {
	var list []run
	for track := range s.Tracks {
		units := make([]segment.Place, 0, s.Tracks[track].Units)
		for u := range s.Places(track) {
			units = append(units, u)
		}
		w, n := s.window(track), 0
		for count, at := range s.Runs(track) {
			first, last := max(n, w.from), min(n+count, w.to)
			n += count
			if first >= last {
				continue
			}
			r := run{track: track, at: at, units: units[first-w.from : last-w.from]}
			if first > n-count {
				r.at = r.units[0].At
			}
			end := r.units[len(r.units)-1]
			r.end = end.At + int64(end.Size)
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b run) int { return cmp.Compare(a.at, b.at) })
	return list
}

// Close closes the files.
func (s *strip) Close() {
	for _, f := range s.files {
		f.Close()
	}
}

// NoMedia says that a range holds no media, and what there is around it. It is found in
// an error of kind fault.NotFound.
type NoMedia struct {
	Camera        string
	From, To      time.Time
	Before, After time.Time // end of the media before, begin of the media after; zero: none
}

// Error says it with times in UTC.
func (e *NoMedia) Error() string { return e.Text(clock) }

// Text says it with times as show writes them.
func (e *NoMedia) Text(show func(time.Time) string) string {
	text := e.Camera + " has no media"
	if !e.From.IsZero() {
		text += " from " + show(e.From)
	}
	if !e.To.IsZero() {
		text += " to " + show(e.To)
	}
	switch {
	case e.Before.IsZero() && e.After.IsZero():
		return text + ": it has none at all"
	case e.After.IsZero():
		return text + ": the last ends at " + show(e.Before)
	case e.Before.IsZero():
		return text + ": the first begins at " + show(e.After)
	}
	return text + ": what is before ends at " + show(e.Before) + ", what is after begins at " + show(e.After)
}

// noMedia finds out what is around a range in which there is none.
func noMedia(holdings []Holding, from, to time.Time) error {
	e := &NoMedia{From: from, To: to}
	for _, h := range holdings {
		e.Camera = h.Camera.Name
		for _, s := range h.Camera.Segments {
			if s.Units() == 0 {
				continue
			}
			if !s.End.After(from) {
				e.Before = later(e.Before, s.End)
			}
			if !to.IsZero() && !s.Start.Before(to) && (e.After.IsZero() || s.Start.Before(e.After)) {
				e.After = s.Start
			}
		}
	}
	return fault.Wrap(fault.NotFound, "", e)
}
