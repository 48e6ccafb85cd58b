package archive

import (
	"cmp"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
)

// headKey names a segment in the cache of what segments begin with.
type headKey struct {
	dir, camera string
	n           uint64
}

// maxHeads bounds that cache.
const maxHeads = 1024

// hold opens a segment's file for reading, under whichever name it has now, and keeps
// retention from it until it is closed.
func (r *Recording) hold(fsys vfs.FS, s *Segment) (vfs.File, error) {
	names := []string{s.File + part, s.File}
	if s.Sealed {
		names = names[1:]
	}
	var err error
	for range 2 { // it may be renamed between two looks
		for _, name := range names {
			var f vfs.File
			if f, err = fsys.Hold(filepath.Join(r.Dir, filepath.FromSlash(name))); err == nil {
				return f, nil
			}
		}
	}
	return nil, vfs.Fault("open "+s.File, err)
}

// Describe says what is recorded under a path now: from when to when there is media, and
// the tracks of the newest. fault.NotFound: nothing.
func (l *Library) Describe(path string) (from, to time.Time, tracks []media.Track, err error) {
	return l.DescribeAt(path, time.Time{})
}

// DescribeAt is Describe with the tracks of the media at that time, or of the first after it.
func (l *Library) DescribeAt(path string, at time.Time) (from, to time.Time, tracks []media.Track, err error) {
	held, err := l.Resolve(path)
	if err != nil {
		return from, to, nil, err
	}
	var best []item
	for _, h := range held {
		for _, s := range h.Camera.Segments {
			if s.Units() == 0 {
				continue
			}
			if from.IsZero() || s.Start.Before(from) {
				from = s.Start
			}
			to = later(to, s.End)
			best = append(best, item{h.Recording, h.Camera, s})
		}
	}
	if len(best) == 0 {
		return from, to, nil, fault.New(fault.NotFound, "nothing is recorded as %.200q yet", path)
	}
	slices.SortStableFunc(best, byStart)
	if at.IsZero() {
		slices.Reverse(best)
	} else {
		i := slices.IndexFunc(best, func(x item) bool { return x.End.After(at) })
		best = best[max(i, 0):]
	}
	for _, x := range best {
		if tracks, err = l.tracks(x); err == nil {
			return from, to, tracks, nil
		}
	}
	return from, to, nil, err
}

// tracks reads what a segment begins with.
func (l *Library) tracks(x item) ([]media.Track, error) {
	key := headKey{x.rec.Dir, x.Camera, x.N}
	l.mu.Lock()
	tracks, known := l.heads[key]
	l.mu.Unlock()
	if known {
		return tracks, nil
	}
	f, err := x.rec.hold(l.fs, x.Segment)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, vfs.Fault("read "+x.File, err)
	}
	found, err := segment.Scan(f, size, segment.ScanOptions{Quick: true})
	if err != nil {
		return nil, err
	}
	for i, t := range found.Header.Tracks {
		if i < len(x.Tracks) && x.Tracks[i].Units == 0 && x.Sealed {
			continue // it never came
		}
		t.ID = media.TrackID(len(tracks))
		tracks = append(tracks, t)
	}
	l.mu.Lock()
	if len(l.heads) >= maxHeads {
		clear(l.heads)
	}
	if x.Sealed {
		l.heads[key] = tracks
	}
	l.mu.Unlock()
	return tracks, nil
}

// item is a segment to be played.
type item struct {
	rec *Recording
	cam *Camera
	*Segment
}

func byStart(a, b item) int {
	return cmp.Or(a.cam.begins(a.Segment).Compare(b.cam.begins(b.Segment)), cmp.Compare(a.rec.Dir, b.rec.Dir), cmp.Compare(a.N, b.N))
}

// reading is a segment being read, one fragment after the other.
type reading struct {
	item
	file  vfs.File
	found *segment.File
	next  int   // fragment
	to    []int // by track of the segment: that of the run, -1: not played
	lead  int   // the segment's track that decides; -1: none
}

// read opens a segment and finds its fragments: of a sealed one by its index.
func (l *Library) read(x item, tracks []media.Track) (*reading, error) {
	f, err := x.rec.hold(l.fs, x.Segment)
	if err != nil {
		return nil, err
	}
	r := &reading{item: x, file: f, lead: -1}
	size, err := f.Size()
	if err == nil {
		r.found, err = segment.Scan(f, size, segment.ScanOptions{Quick: true})
	}
	if err == nil {
		err = r.match(tracks)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return r, nil
}

// match finds the run's track for each of the segment's.
func (r *reading) match(tracks []media.Track) error {
	taken := map[int]bool{}
	some, video, wanted := false, false, slices.ContainsFunc(tracks, func(t media.Track) bool { return t.Codec.Video() })
	for i, t := range r.found.Header.Tracks {
		at := slices.IndexFunc(tracks, func(o media.Track) bool { return !taken[int(o.ID)] && sameKind(o, t) })
		r.to = append(r.to, at)
		if at >= 0 {
			taken[at], some = true, true
			if r.lead < 0 || t.Codec.Video() && !r.found.Header.Tracks[r.lead].Codec.Video() {
				r.lead = i
			}
			continue
		}
		video = video || t.Codec.Video()
	}
	if !some || video && wanted {
		return errOther
	}
	return nil
}

var errOther = errors.New("recorded in another codec")

// sameKind reports whether units of b may go on in a track described as a.
func sameKind(a, b media.Track) bool {
	return a.Codec == b.Codec && a.ClockRate == b.ClockRate && a.Channels == b.Channels &&
		a.SampleRate == b.SampleRate && a.Bits == b.Bits && a.AAL2 == b.AAL2
}

// seek goes to the last fragment that decoding can start at and that begins at or before
// the time, or to the first one, and returns where that is.
func (r *reading) seek(at time.Time) {
	r.next = 0
	for i, f := range r.found.Fragments {
		// Others may begin with a picture that is shown after the next key frame.
		if f.Key && f.Time.After(at) {
			break
		}
		if f.Key {
			r.next = i
		}
	}
}

// more looks whether an open file has grown.
func (r *reading) more() (int, error) {
	size, err := r.file.Size()
	if err != nil {
		return 0, vfs.Fault("read "+r.File, err)
	}
	return r.found.Grow(size)
}

// end is where the media ends that counts, in bytes.
func (r *reading) end() int64 {
	if r.cut > 0 {
		return r.cut
	}
	return r.found.Sound
}

// fragment reads the next fragment's units; ok is false at the end of what there is.
// Where it cannot be read it is passed over.
func (r *reading) fragment(key bool) (units []segment.Unit, ok bool, err error) {
	for ; r.next < len(r.found.Fragments); r.next++ {
		f := r.found.Fragments[r.next]
		if f.Offset >= r.end() {
			return nil, false, nil
		}
		if key && !f.Key && r.found.Header.Tracks[max(r.lead, 0)].Codec != media.MJPEG {
			continue
		}
		units, err = r.units(r.next)
		r.next++
		return units, true, err
	}
	return nil, false, nil
}

// before is fragment in the other direction, keys only.
func (r *reading) before() (units []segment.Unit, ok bool, err error) {
	for r.next--; r.next >= 0; r.next-- {
		f := r.found.Fragments[r.next]
		if f.Offset < r.end() && (f.Key || r.found.Header.Tracks[max(r.lead, 0)].Codec == media.MJPEG) {
			units, err = r.units(r.next)
			return units, true, err
		}
	}
	return nil, false, nil
}

func (r *reading) units(i int) (units []segment.Unit, err error) {
	for u, e := range r.found.Samples(i, i+1) {
		if e != nil {
			return nil, e
		}
		units = append(units, u)
	}
	return units, nil
}

func (r *reading) close() { r.file.Close() }

// decoded is when a unit is decoded, by capture time.
func (r *reading) decoded(u segment.Unit) time.Time {
	return r.found.Header.Start.Add(media.ToDuration(u.DTS, r.found.Header.Tracks[u.Track].ClockRate))
}
