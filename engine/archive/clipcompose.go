package archive

import (
	"context"
	"fmt"
	"iter"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
)

// composer puts what a plan chose into one file.
type composer struct {
	*plan
	browser bool
	silent  bool // the sound of the strip itself is left out
	movie   segment.Assembly
	payload payload
	lanes   []*lane
	notes   []string
	told    map[string]bool
}

// lane is one track of the file.
type lane struct {
	source  media.Track   // as it is recorded
	out     media.Track   // as it stands in the file
	entries []media.Track // sample descriptions so far
	last    int64         // DTS of the last unit
	end     int64         // of its duration, in ticks
	used    bool
	first   int64       // DTS of the first unit
	sound   *conversion // the last one
	width   int         // MJPEG: of its pictures; 0: not known
	height  int
}

// route says what becomes of a stretch's track: the lane, -1 where it is left out, and the
// sample description.
type route struct {
	lane, entry int
	cut         *choice // of the deciding track; nil: by time
}

// clump is units of one run, ready for the file.
type clump struct {
	s      *stretch
	track  int
	route  route
	joined bool            // nothing but framing lies between the clump before and this one
	units  []segment.Place // ticks of the clip
	all    []segment.Place // of the whole run, as they are in the file
	index  int             // of units[0] in all
	prior  []run           // of the stretch, up to this one
}

// compose adds the media of a strip, and of another's sound beside it.
func (c *composer) compose(ctx context.Context, s *strip, sound *strip) error {
	for i, one := range s.stretches { // players take the first track of the file
		if one.picture >= 0 && c.cuts[i].first <= c.cuts[i].last {
			c.route(one.Header.Tracks[one.picture], 0, one)
			break
		}
	}
	beside := func() (clump, bool) { return clump{}, false }
	if sound != nil {
		next, stop := iter.Pull(c.clumps(ctx, sound, nil))
		defer stop()
		beside = next
	}
	other, more := beside()
	for k := range c.clumps(ctx, s, c.cuts) {
		at := c.time(k)
		for more && c.time(other) <= at {
			c.add(other)
			other, more = beside()
		}
		c.add(k)
	}
	for more {
		c.add(other)
		other, more = beside()
	}
	return fault.Because("assemble", ctx.Err())
}

// time is when a clump begins.
func (c *composer) time(k clump) time.Duration {
	return media.ToDuration(k.units[0].DTS, c.lanes[k.route.lane].source.ClockRate)
}

// clumps walks over the units of a strip that belong into the file, in the order of the
// files. Without choices they are chosen by time, and only sound is wanted.
func (c *composer) clumps(ctx context.Context, s *strip, cuts []choice) iter.Seq[clump] {
	return func(yield func(clump) bool) {
		for i, one := range s.stretches {
			if ctx.Err() != nil {
				return
			}
			var cut *choice
			if cuts != nil {
				if cut = &cuts[i]; cut.last < cut.first && !one.woven {
					continue
				}
			}
			if !c.stretch(one, cut, cuts == nil, yield) {
				return
			}
		}
	}
}

// stretch walks over one file.
func (c *composer) stretch(s *stretch, cut *choice, onlySound bool, yield func(clump) bool) bool {
	routes := c.routes(s, cut, onlySound)
	late := time.Duration(0)
	if cut != nil {
		late = cut.late
	}
	seen := make([]int64, len(s.Tracks))
	runs := s.runs()
	whole := false // the run before went in up to its last unit
	for i, r := range runs {
		before := seen[r.track]
		seen[r.track] += int64(len(r.units))
		to := routes[r.track]
		if to.lane < 0 {
			whole = false
			continue
		}
		first, last := c.wanted(s, r, to, before, late)
		if first > last {
			whole = false
			continue
		}
		k := clump{s: s, track: r.track, route: to, joined: whole && first == 0, all: r.units, index: first, prior: runs[:i+1]}
		k.units = c.placed(s, r.track, to.lane, r.units[first:last+1], late)
		whole = last == len(r.units)-1
		if !yield(k) {
			return false
		}
	}
	return true
}

// wanted returns the first and the last unit of a run that belong into the file. before is
// how many units of its track lie before it.
func (c *composer) wanted(s *stretch, r run, to route, before int64, late time.Duration) (first, last int) {
	if to.cut != nil {
		return int(max(to.cut.first-before, 0)), int(min(to.cut.last-before, int64(len(r.units)-1)))
	}
	rate := s.Header.Tracks[r.track].ClockRate
	first, last = len(r.units), -1
	for i, u := range r.units {
		begin := s.at(r.track, u.DTS).Add(late)
		end := begin.Add(media.ToDuration(int64(u.Duration), rate))
		if _, gone := c.shift(begin); gone || !end.After(c.from) || !c.to.IsZero() && !begin.Before(c.to) {
			if first <= last {
				break // a hole in the middle of a run ends it: at most one quarter of a second
			}
			continue
		}
		first, last = min(first, i), i
	}
	return first, last
}

// placed gives units their times in the file.
func (c *composer) placed(s *stretch, track, to int, units []segment.Place, late time.Duration) []segment.Place {
	k := c.lanes[to]
	rate := s.Header.Tracks[track].ClockRate
	out := make([]segment.Place, len(units))
	base := s.Header.Start.Add(late).Sub(c.from)
	for i, u := range units {
		by, _ := c.shift(s.at(track, u.DTS).Add(late))
		dts := u.DTS + media.FromDuration(base-by, rate)
		pts := dts + int64(u.Offset)
		if !k.used {
			k.used, k.first = true, dts
		} else if dts <= k.last {
			dts = k.last + 1
		}
		k.last = dts
		k.end = dts + int64(u.Duration)
		u.DTS, u.Offset = dts, int32(pts-dts)
		if !s.Header.Tracks[track].Codec.Video() {
			u.Offset = 0
		}
		out[i] = u
	}
	return out
}

// add puts a clump into the file.
func (c *composer) add(k clump) {
	to := c.lanes[k.route.lane]
	if to.out.Codec == segment.FLAC {
		sound := newConversion(k, uint64(k.units[0].DTS-to.first), to.sound)
		to.sound = sound
		for i := range k.units {
			k.units[i].Size = sound.sizes[i]
		}
		c.movie.Add(k.route.lane, k.route.entry, c.payload.convert(sound), k.units)
		return
	}
	first, last := k.all[k.index], k.all[k.index+len(k.units)-1]
	size := last.At + int64(last.Size) - first.At
	c.movie.Add(k.route.lane, k.route.entry, c.payload.add(k.s.file, first.At, size, k.joined), k.units)
}

// routes finds a lane for every track of a stretch that is wanted.
func (c *composer) routes(s *stretch, cut *choice, onlySound bool) []route {
	routes := make([]route, len(s.Tracks))
	for i := range routes {
		routes[i].lane = -1
	}
	if s.picture >= 0 && !onlySound {
		routes[s.picture] = c.route(s.Header.Tracks[s.picture], 0, s)
	}
	if cut != nil {
		routes[s.deciding()].cut = cut
	}
	if cut != nil && c.silent {
		return routes
	}
	ordinals := map[string]int{}
	for _, i := range s.sounds {
		t := s.Header.Tracks[i]
		key := fmt.Sprintf("%s %d %d", t.Codec, t.SampleRate, t.Channels)
		r := c.route(t, ordinals[key], s)
		r.cut = routes[i].cut
		routes[i] = r
		ordinals[key]++
	}
	return routes
}

// route finds the lane for the n-th track of its kind, or makes one.
func (c *composer) route(t media.Track, n int, s *stretch) route {
	out, why := t, ""
	if c.browser {
		out, why = playable(t)
	}
	if why != "" {
		c.note(why)
		return route{lane: -1}
	}
	for i, k := range c.lanes {
		if !fits(k.source, t) {
			continue
		}
		if n > 0 {
			n--
			continue
		}
		for e, have := range k.entries {
			if media.SameConfig(t.Codec, have.Config, t.Config) {
				return route{lane: i, entry: e}
			}
		}
		k.entries = append(k.entries, t)
		return route{lane: i, entry: c.movie.Describe(i, out)}
	}
	if len(c.lanes) > 0 && !t.Codec.Video() {
		for _, k := range c.lanes {
			if !k.source.Codec.Video() && k.used {
				c.note(fmt.Sprintf("from %s on the sound is %s: it is in a track of its own", s.start().UTC().Format(time.RFC3339), t.Codec.Title()))
			}
		}
	}
	c.lanes = append(c.lanes, &lane{source: t, out: out, entries: []media.Track{t}})
	i := c.movie.Track(out)
	if t.Codec == media.MJPEG {
		k := c.lanes[i]
		k.width, k.height = s.jpegSize()
		c.movie.Picture(i, k.width, k.height)
	}
	return route{lane: i}
}

// fits reports whether two tracks can be one, whatever their configurations.
func fits(a, b media.Track) bool {
	return a.Codec == b.Codec && a.ClockRate == b.ClockRate && a.SampleRate == b.SampleRate && a.Channels == b.Channels && a.Bits == b.Bits &&
		(a.Codec.Video() || media.SameConfig(a.Codec, a.Config, b.Config))
}

// note says something once.
func (c *composer) note(text string) {
	if !c.told[text] {
		c.told[text] = true
		c.notes = append(c.notes, text)
	}
}
