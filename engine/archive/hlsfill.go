package archive

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"rtsprec/engine/media"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
)

// turn is what is played in one go of a segment that others fill in its middle, or of one
// that does, all by the numbers of segments; 0: none. The pieces of all turns of a segment
// follow each other as one stream, with one header: a browser notices no seam, and needs no
// key frame behind one, as the units are those that were lost.
type turn struct {
	after  uint64 // behind what that one fills
	before uint64 // in front of what that one fills
	host   uint64 // it fills that one
}

// word is the turn as it stands in a URI; "" for a whole segment.
func (t turn) word() string {
	if t == (turn{}) {
		return ""
	}
	return fmt.Sprintf("~%d-%d-%d", t.after, t.before, t.host)
}

// parseTurn is the reverse of word.
func parseTurn(word string) (t turn, ok bool) {
	numbers := strings.Split(strings.TrimPrefix(word, "~"), "-")
	if len(numbers) != 3 {
		return t, false
	}
	for i, n := range []*uint64{&t.after, &t.before, &t.host} {
		v, err := strconv.ParseUint(numbers[i], 10, 64)
		if err != nil {
			return t, false
		}
		*n = v
	}
	return t, t.word() == word
}

// fillings lists the segments that fill gaps in the middle of another, by time.
func (c *Camera) fillings(host *Segment) (list []*Segment) {
	if host.Origin == originReplay {
		return nil
	}
	for _, s := range c.Segments {
		if from, to := c.filledBy(s.N); s.Origin == originReplay && s.Sealed && host.Start.Before(from) && host.End.After(to) {
			list = append(list, s)
		}
	}
	begins := func(s *Segment) time.Time { from, _ := c.filledBy(s.N); return from }
	slices.SortFunc(list, func(a, b *Segment) int { return begins(a).Compare(begins(b)) })
	return list
}

// weave lists a segment with what fills its gaps; nil where there is none of that, or in
// another codec. used are the fillings.
func (l *Library) weave(ctx context.Context, h held, sound string) (out *listed, used []*Segment, err error) {
	fills := h.camera.fillings(h.segment)
	if len(fills) == 0 {
		return nil, nil, nil
	}
	turns := make([]turn, len(fills)+1)
	for i, f := range fills {
		turns[i].before, turns[i+1].after = f.N, f.N
	}
	name := resource{recording: h.recording.Name, camera: h.segment.Camera, n: h.segment.N, sound: sound}
	out = &listed{}
	add := func(s *Segment, t turn) error {
		c, file, err := l.slicerOf(ctx, h.recording, h.camera, s, t, sound)
		if c == nil || err != nil {
			return err
		}
		defer file.Close()
		if c.beside != nil {
			defer c.beside.Close()
		}
		if out.init == nil {
			out.init = c.initPiece(name)
			out.notes, out.slack = c.notes, slackOf(c.interval(c.deciding()))
		}
		part := name
		part.n, part.turn = s.N, t
		out.cut(c, part)
		return nil
	}
	for i, t := range turns {
		if err := add(h.segment, t); err != nil {
			return nil, nil, err
		}
		if i == len(fills) {
			break
		}
		err := add(fills[i], turn{host: h.segment.N})
		if err == errOther {
			return nil, nil, nil
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return out, fills, nil
}

// cut cuts what a slicer has into pieces.
func (l *listed) cut(c *slicer, name resource) {
	fragments, last := c.extent()
	for first := fragments; first <= last; {
		next := first + 1
		for next <= last && (!c.Fragments[next].Key || c.Fragments[next].Time.Sub(c.Fragments[first].Time) < pieceLength) {
			next++
		}
		p := c.piece(name, first, next-1)
		p.Init = l.init
		if p.Duration > 0 {
			l.pieces = append(l.pieces, p)
		}
		first = next
	}
}

// extent is the fragments that the units of a stretch are in.
func (c *slicer) extent() (first, last int) {
	if c.windows == nil {
		return 0, len(c.Fragments) - 1
	}
	if c.reach != nil {
		return c.reach[0], c.reach[1]
	}
	first, last = len(c.Fragments), -1
	for _, r := range c.runs() {
		i, found := slices.BinarySearchFunc(c.Fragments, r.at, func(f segment.Fragment, at int64) int { return cmp.Compare(f.Offset, at) })
		if !found {
			i--
		}
		first, last = min(first, i), max(last, i)
	}
	c.reach = &[2]int{first, last}
	return first, last
}

// slicerOf opens a turn of a segment. No slicer and no error: the turn has no picture, or
// nothing to be heard where there is none. errOther: it is in another codec than what it fills.
func (l *Library) slicerOf(ctx context.Context, rec *Recording, camera *Camera, s *Segment, t turn, sound string) (*slicer, vfs.File, error) {
	whole := s
	if t.host > 0 {
		i := slices.IndexFunc(camera.Segments, func(one *Segment) bool { return one.N == t.host })
		if i < 0 {
			return nil, nil, errOther
		}
		whole = camera.Segments[i]
	}
	host, err := l.indexed(rec, whole)
	if err != nil {
		return nil, nil, err
	}
	c, err := l.slicer(ctx, host, sound)
	if err != nil {
		host.file.Close()
		return nil, nil, err
	}
	fail := func(err error) (*slicer, vfs.File, error) {
		host.file.Close()
		if c.beside != nil {
			c.beside.Close()
		}
		return nil, nil, err
	}
	c.direct = false
	if t.host == 0 {
		c.stretch = host.between(camera, t)
	} else {
		fill, err := l.indexed(rec, s)
		if err != nil {
			return fail(err)
		}
		host.file.Close()
		host = fill
		if !c.follow(fill.part(func(track int, at time.Time) bool { return !at.Before(camera.countsFrom(s.N, track)) })) {
			return fail(errOther)
		}
	}
	if c.picture < 0 && len(c.sounds) == 0 {
		return fail(nil)
	}
	return c, host.file, nil
}

// indexed opens a segment with its units.
func (l *Library) indexed(rec *Recording, s *Segment) (*stretch, error) {
	f, err := hold(l.fs, rec.Dir, s)
	if err != nil {
		return nil, err
	}
	x := l.slicing.get(rec.Dir, s.Name())
	if x == nil || !s.Sealed { // it grows
		size, err := f.Size()
		if err == nil {
			x, err = segment.ReadIndex(f, s.credible(rec, size))
		}
		if err != nil {
			f.Close()
			return nil, vfs.Fault("read a segment", err)
		}
		l.slicing.put(rec.Dir, s.Name(), x)
	}
	return newStretch(s.File, f, x), nil
}

// between is the part of a stretch between two gaps.
func (s *stretch) between(c *Camera, t turn) *stretch {
	return s.part(func(_ int, at time.Time) bool {
		return (t.after == 0 || at.After(c.filledMiddle(t.after))) && (t.before == 0 || !at.After(c.filledMiddle(t.before)))
	})
}

// follow makes the slicer one of what fills a gap, with the header that it has; false where that
// does not describe it.
func (c *slicer) follow(fill *stretch) bool {
	from := make([]int, len(c.from))
	for out, in := range c.from {
		t := c.Header.Tracks[in]
		from[out] = slices.IndexFunc(fill.Header.Tracks, func(o media.Track) bool {
			return sameKind(o, t) && media.SameConfig(t.Codec, o.Config, t.Config)
		})
		if from[out] < 0 && t.Codec.Video() {
			return false
		}
	}
	c.shift = fill.Header.Start.Sub(c.Header.Start)
	c.stretch, c.from = fill, from
	return true
}
