package archive

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
)

// Piece is a stretch of fragmented MP4: one line of a media playlist (RFC 8216), or the
// initialisation of such lines.
type Piece struct {
	URI            string // for [Library.Open]; relative, nothing in it needs escaping
	Offset, Length int64  // bytes of it; Length 0: the whole
	Time           time.Time
	Duration       time.Duration
	Key            bool          // decoding may start here
	Discontinuity  bool          // its timestamps do not follow the one before: another Init, or time was lost
	Gap            bool          // there is no media for this time: EXT-X-GAP; URI is empty
	Causes         media.Causes  // of the gap
	Init           *Piece        // what comes before it; the same pointer as long as it does not change
	Tracks         []media.Track // of an Init: what it describes
}

// Body is the bytes of a resource that a Piece names.
type Body interface {
	io.ReadSeekCloser
	io.ReaderAt
	Size() int64
}

// pieceLength is how long a piece of a finished recording is at least.
const pieceLength = 4 * time.Second

// HLS lists the media of a path between two times as pieces of some seconds, with gaps.
// Where a browser plays every track they are byte ranges of the segments, otherwise new
// headers around the same payload, sound converted or left out, which notes says.
// Timestamps count from the beginning of each segment: where that changes there is a
// discontinuity. sound is another path whose sound goes beside the picture, by capture
// time, instead of its own; empty: its own. Zero times are the ends. fault.NotFound: no
// media there; fault.Unsupported: no browser plays the picture.
func (l *Library) HLS(ctx context.Context, path, sound string, from, to time.Time) (pieces []Piece, notes []string, err error) {
	if err := checkRange(ClipOptions{From: from, To: to}); err != nil {
		return nil, nil, err
	}
	holdings, err := l.Resolve(path)
	if err != nil {
		return nil, nil, err
	}
	if sound != "" {
		if _, err := l.Resolve(sound); err != nil {
			return nil, nil, err
		}
	}
	list := lister{from: from, to: to}
	var refused error
	woven := map[*Segment]bool{} // what fills gaps in the middle of others, and was listed with them
	for _, h := range fillingsLast(inOrder(holdings)) {
		if err := ctx.Err(); err != nil {
			return nil, nil, fault.Because("list media", err)
		}
		if woven[h.segment] || !h.segment.touches(from, to) {
			continue
		}
		one, used, err := l.weave(ctx, h, sound)
		if one == nil && err == nil {
			one, err = l.piecesOf(ctx, h, sound)
		}
		for _, s := range used {
			woven[s] = true
		}
		switch {
		case fault.Is(err, fault.Unsupported):
			refused = err
		case err != nil:
			list.note(fmt.Sprintf("%s is left out: %v", h.segment.Name(), err))
		default:
			list.add(one, holdings)
		}
	}
	if len(list.pieces) == 0 {
		if refused != nil {
			return nil, nil, refused
		}
		return nil, nil, noMedia(holdings, from, to)
	}
	if refused != nil {
		list.note(refused.Error())
	}
	return list.pieces, list.notes, nil
}

// held is a segment and the recording it is in.
type held struct {
	recording *Recording
	camera    *Camera
	segment   *Segment
}

// inOrder lists the segments of several holdings by time.
func inOrder(holdings []Holding) []held {
	var list []held
	for _, h := range holdings {
		for _, s := range h.Camera.Segments {
			list = append(list, held{h.Recording, h.Camera, s})
		}
	}
	slices.SortStableFunc(list, func(a, b held) int { return a.segment.Start.Compare(b.segment.Start) })
	return list
}

// fillingsLast puts what fills the middle of another segment behind that.
func fillingsLast(list []held) []held {
	slices.SortStableFunc(list, func(a, b held) int {
		return a.camera.begins(a.segment).Compare(b.camera.begins(b.segment))
	})
	return list
}

// listed is a segment as pieces.
type listed struct {
	init   *Piece
	pieces []Piece
	notes  []string
	slack  time.Duration // silence up to this is no gap
}

// piecesOf cuts a segment into pieces.
func (l *Library) piecesOf(ctx context.Context, h held, sound string) (*listed, error) {
	f, err := hold(l.fs, h.recording.Dir, h.segment)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, vfs.Fault("read a segment", err)
	}
	x, err := segment.ReadFragments(f, h.segment.credible(h.recording, size))
	if err != nil && !h.segment.Sealed && h.segment.Units() == 0 {
		return &listed{}, nil // just begun
	}
	if err != nil {
		return nil, err
	}
	s := newStretch(h.segment.File, f, x)
	if s.picture < 0 && len(s.sounds) == 0 {
		return &listed{}, nil
	}
	c, err := l.slicer(ctx, s, sound)
	if err != nil {
		return nil, err
	}
	if c.beside != nil {
		defer c.beside.Close()
	}
	name := resource{recording: h.recording.Name, camera: h.segment.Camera, n: h.segment.N, sound: sound}
	out := &listed{init: c.initPiece(name), notes: c.notes, slack: slackOf(s.interval(s.deciding()))}
	out.cut(c, name)
	return out, nil
}

// slicer decides how a segment is cut, with the sound of another path unless that is empty.
func (l *Library) slicer(ctx context.Context, s *stretch, sound string) (*slicer, error) {
	c, err := newSlicer(s, sound != "")
	if err != nil || sound == "" {
		return c, err
	}
	holdings, err := l.Resolve(sound)
	if err != nil {
		return nil, err
	}
	last := s.Fragments[len(s.Fragments)-1]
	beside, err := openStrip(ctx, l.fs, holdings, s.first(), last.Time.Add(last.Span))
	if err != nil {
		return nil, err
	}
	beside.camera = sound
	if c.hear(beside); c.beside == nil {
		beside.Close()
	}
	c.direct = false
	return c, nil
}

// initPiece names the header of a segment's pieces.
func (c *slicer) initPiece(name resource) *Piece {
	p := &Piece{Tracks: c.header.Tracks, Time: c.Header.Start}
	if c.direct {
		p.Offset, p.Length = c.InitRange()
	} else {
		name.kind = sliceInit
	}
	p.URI = name.uri()
	return p
}

// piece names fragments first to last.
func (c *slicer) piece(name resource, first, last int) Piece {
	a, b := c.Fragments[first], c.Fragments[last]
	p := Piece{Time: a.Time, Duration: a.Span, Key: a.Key}
	if first < last {
		p.Duration = c.end(last).Sub(a.Time)
	}
	if c.windows != nil { // the file has more there
		from, to := c.covers(first, last)
		p.Time, p.Duration, p.Key = from, to.Sub(from), a.Key && from.Equal(a.Time)
	}
	if c.direct {
		p.Offset, p.Length = a.Offset, b.Offset+b.Size-a.Offset
	} else {
		name.kind, name.first, name.last = sliceMedia, first, last
	}
	p.URI = name.uri()
	return p
}

// end is when what fragment i begins has been presented. Where pictures are reordered a
// fragment's time is not that of its earliest picture, unless it begins with a key frame.
func (c *slicer) end(i int) time.Time {
	switch {
	case i+1 == len(c.Fragments):
		return c.Tracks[c.deciding()].End
	case c.Fragments[i+1].Key:
		return c.Fragments[i+1].Time
	}
	return c.Fragments[i].Time.Add(c.Fragments[i].Span)
}

// covers is the time that fragments first to last have of a part of a file.
func (c *slicer) covers(first, last int) (from, to time.Time) {
	t := c.Tracks[c.deciding()]
	to = t.End
	if _, end := c.extent(); last < end {
		to = earlier(to, c.end(last))
	}
	return later(c.Fragments[first].Time, t.Start), to
}

// lister puts the pieces of segments one behind the other.
type lister struct {
	from, to time.Time
	pieces   []Piece
	notes    []string
	end      time.Time
}

func (l *lister) note(text string) {
	if !slices.Contains(l.notes, text) {
		l.notes = append(l.notes, text)
	}
}

func (l *lister) add(one *listed, holdings []Holding) {
	fresh := true
	for _, p := range one.pieces {
		end := p.Time.Add(p.Duration)
		if !end.After(l.from) || !l.to.IsZero() && !p.Time.Before(l.to) {
			continue
		}
		if !l.end.IsZero() && p.Time.Sub(l.end) > one.slack {
			gap := Piece{Gap: true, Time: l.end, Duration: p.Time.Sub(l.end), Discontinuity: true}
			for _, h := range holdings {
				for _, g := range h.Camera.Gaps {
					if !g.span().clip(span{l.end, p.Time}).empty() {
						gap.Causes |= g.Causes
					}
				}
			}
			l.pieces = append(l.pieces, gap)
		}
		p.Discontinuity = fresh && len(l.pieces) > 0
		fresh = false
		l.pieces = append(l.pieces, p)
		l.end = later(l.end, end)
		for _, n := range one.notes {
			l.note(n)
		}
	}
}
