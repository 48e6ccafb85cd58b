package archive

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"rtsprec/engine/segment"
)

// filling is what a backfilled stretch was got for.
type filling struct {
	gap    span
	middle time.Time // of the gap, which other stretches may fill too
	counts time.Time // when what counts of the deciding track begins; zero: with its first unit
}

// window is units of a track by their ordinals.
type window struct {
	from, to int    // to is the first one behind it
	last     uint32 // how long the last one lasts: what follows it in the file may be far away
}

// concerns reports whether a segment may hold media of the range, or what decoding goes on
// from in a file that does: behind a gap in its middle need be no key frame.
func (c *Camera) concerns(s *Segment, from, to time.Time) bool {
	if s.Origin != originReplay || s.touches(from, to) || !to.IsZero() && !s.Start.Before(to) {
		return s.touches(from, to)
	}
	begin, end := c.filledBy(s.N)
	return slices.ContainsFunc(c.Segments, func(host *Segment) bool {
		return host.Origin != originReplay && host.Start.Before(begin) && host.End.After(end) && host.touches(from, to)
	})
}

// fill says what a backfilled stretch is for, and leaves out the sound that does not count.
// Pictures that do not may be needed to begin with.
func (s *stretch) fill(c *Camera, n uint64) *stretch {
	from, to := c.filledBy(n)
	s.filling = &filling{span{from, to}, c.filledMiddle(n), c.countsFrom(n, s.deciding())}
	for _, i := range s.sounds {
		if s.at(i, 0).Before(c.countsFrom(n, i)) {
			p := s.part(func(track int, at time.Time) bool {
				return s.Header.Tracks[track].Codec.Video() || !at.Before(c.countsFrom(n, track))
			})
			if p.picture >= 0 || len(p.sounds) > 0 { // else the journal makes no sense
				return p
			}
		}
	}
	return s
}

// weave divides the files that have a gap in their middle which another one fills, and
// puts all in the order of capture.
func (s *strip) weave() {
	hosts := map[int64]*stretch{} // that were divided, by the middle of the gap
	for _, fill := range slices.Clone(s.stretches) {
		if fill.filling == nil || fill.gap.empty() {
			continue
		}
		host := hosts[fill.middle.UnixNano()]
		if host == nil {
			host = s.divide(fill)
		}
		switch {
		case host == nil: // it fills what was between two files
		case alike(host, fill):
			hosts[fill.middle.UnixNano()], fill.woven = host, true
		default:
			s.notes = append(s.notes, fmt.Sprintf("%s is left out: it fills a gap in the middle of another file with another codec", fill.name))
			s.stretches = slices.DeleteFunc(s.stretches, func(one *stretch) bool { return one == fill })
		}
	}
	s.sort()
}

// divide divides the file that has the gap of a filling in its middle, if one has and they
// can be one stream, and returns it.
func (s *strip) divide(fill *stretch) *stretch {
	for i, host := range s.stretches {
		if host.filling != nil || host.camera != fill.camera {
			continue
		}
		before, after := host.split(fill.middle) // tracks do not end together
		if before == nil {
			continue
		}
		if alike(host, fill) {
			s.stretches = slices.Replace(s.stretches, i, i+1, before, after)
		}
		return host
	}
	return nil
}

// alike reports whether the tracks that decide can be one.
func alike(a, b *stretch) bool {
	old, now := a.Header.Tracks[a.deciding()], b.Header.Tracks[b.deciding()]
	return old.Codec == now.Codec && old.ClockRate == now.ClockRate
}

// begins is when a stretch's turn comes.
func (s *stretch) begins() time.Time {
	if s.filling != nil {
		return later(s.start(), s.counts)
	}
	return s.start()
}

// split divides a stretch by the times of decoding; nil where that leaves one side without
// anything of the track that decides.
func (s *stretch) split(at time.Time) (before, after *stretch) {
	t := s.Tracks[s.deciding()]
	if !t.Start.Before(at) || !t.End.After(at) {
		return nil, nil
	}
	before = s.part(func(_ int, u time.Time) bool { return !u.After(at) })
	after = s.part(func(_ int, u time.Time) bool { return u.After(at) })
	if before.Tracks[s.deciding()].Units == 0 || after.Tracks[s.deciding()].Units == 0 {
		return nil, nil
	}
	before.woven, after.woven = true, true
	return before, after
}

// part is the units of a stretch that are decoded at such times, which follow each other.
func (s *stretch) part(within func(track int, at time.Time) bool) *stretch {
	x := *s.Index
	x.Tracks = make([]segment.TrackInfo, len(s.Tracks))
	windows := make([]window, len(s.Tracks))
	for track := range s.Tracks {
		var units []segment.Place
		w, n := window{}, s.window(track).from
		for u := range s.Places(track) {
			if within(track, s.at(track, u.DTS)) {
				if len(units) == 0 {
					w.from = n
				}
				units, w.to = append(units, u), n+1
			}
			n++
		}
		if len(units) > 0 {
			w.last = s.usual(track, units)
			units[len(units)-1].Duration = w.last
			x.Tracks[track] = s.info(track, units)
		}
		windows[track] = w
	}
	p := newStretch(s.name, s.file, &x)
	p.camera, p.filling, p.windows = s.camera, s.filling, windows
	return p
}

// usual is how long the last of some units lasts at most, in ticks: as long as the others.
func (s *stretch) usual(track int, units []segment.Place) uint32 {
	last, pace := units[len(units)-1], s.tick(track, s.Header.Start.Add(s.interval(track)))
	if n := int64(len(units) - 1); n > 0 {
		pace = (last.DTS - units[0].DTS) / n
	}
	return uint32(min(int64(last.Duration), max(pace, 1)))
}

// info sums up units of a track.
func (s *stretch) info(track int, units []segment.Place) segment.TrackInfo {
	t := segment.TrackInfo{Units: int64(len(units)), Start: s.at(track, units[0].DTS+int64(units[0].Offset))}
	for _, u := range units {
		begin := u.DTS + int64(u.Offset)
		t.Start, t.End = earlier(t.Start, s.at(track, begin)), later(t.End, s.at(track, begin+int64(u.Duration)))
	}
	return t
}

// window is which units of the file's are the stretch's.
func (s *stretch) window(track int) window {
	if s.windows == nil {
		return window{to: math.MaxInt}
	}
	return s.windows[track]
}

// Places walks over the units of a track that are the stretch's, in order of decoding.
func (s *stretch) Places(track int) iter.Seq[segment.Place] {
	all := s.Index.Places(track)
	if s.windows == nil {
		return all
	}
	return func(yield func(segment.Place) bool) {
		w, n := s.windows[track], 0
		for u := range all {
			if n+1 == w.to {
				u.Duration = w.last
			}
			if n >= w.to || n >= w.from && !yield(u) {
				return
			}
			n++
		}
	}
}
