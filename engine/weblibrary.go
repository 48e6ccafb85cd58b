package engine

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/web"
)

// webLibrary hands an archive to package web, which knows none.
type webLibrary struct {
	archive *archive.Library

	mu    sync.Mutex
	known map[string]described // by recording
}

// described is a recording as it was told last. A catalogue is never changed: as long as
// it is the same one, so is what is told of it.
type described struct {
	from *archive.Recording
	told web.Recording
}

func newWebLibrary(l *archive.Library) *webLibrary {
	return &webLibrary{archive: l, known: map[string]described{}}
}

// Recordings implements web.Library.
func (l *webLibrary) Recordings(context.Context) ([]web.Recording, error) {
	all := l.archive.Recordings()
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]web.Recording, 0, len(all))
	known := make(map[string]described, len(all))
	for _, rec := range all {
		d := l.known[rec.Name]
		if d.from != rec {
			d = described{rec, l.describe(rec)}
		}
		known[rec.Name] = d
		list = append(list, d.told)
	}
	l.known = known
	return list, nil
}

func (l *webLibrary) describe(rec *archive.Recording) web.Recording {
	s := rec.Summary()
	told := web.Recording{
		Name: rec.Name, State: string(rec.State), From: rec.Window.From, To: rec.Window.To, Planned: rec.Window.Planned,
		Bytes: s.Bytes, Error: s.Error, Cameras: []web.Camera{},
	}
	for i, c := range rec.Cameras {
		sum := s.Cameras[i]
		camera := web.Camera{
			Path: rec.Name + "/" + c.Name, Name: c.Name, Recording: rec.Name, State: string(rec.State),
			Bytes: sum.Bytes, Segments: sum.Segments, Coverage: sum.Coverage.Share(), Gaps: sum.Coverage.GapCount,
			Missing: time.Duration(sum.Coverage.Gaps + sum.Coverage.Unexplained).Seconds(), Tracks: []web.Track{},
		}
		// What cannot be described now has no tracks, and is in the list all the same.
		if from, to, tracks, err := l.archive.Describe(camera.Path); err == nil {
			camera.From, camera.To = from, to
			for _, t := range tracks {
				camera.Tracks = append(camera.Tracks, web.TrackOf(t))
			}
		}
		told.Cameras = append(told.Cameras, camera)
	}
	return told
}

// Timeline implements web.Library. Where a path names cameras of several recordings, the
// time between them is of the use "none".
func (l *webLibrary) Timeline(_ context.Context, camera string, from, to time.Time) (web.Timeline, error) {
	holdings, err := l.archive.Resolve(camera)
	if err != nil {
		return web.Timeline{}, err
	}
	t := web.Timeline{Camera: camera}
	for _, h := range holdings {
		for _, s := range h.Recording.Timeline(h.Camera) {
			s.From, s.To = later(s.From, from), earlier(s.To, to)
			if n := len(t.Spans); n > 0 && s.From.Before(t.Spans[n-1].To) {
				s.From = t.Spans[n-1].To // recordings that overlap: the earlier one tells
			}
			if !s.From.Before(s.To) {
				continue
			}
			if n := len(t.Spans); n > 0 && t.Spans[n-1].To.Before(s.From) {
				t.Spans = append(t.Spans, web.Span{Use: "none", From: t.Spans[n-1].To, To: s.From})
			}
			t.Spans = append(t.Spans, spanOf(s, h.Camera.Gaps))
		}
		for _, d := range h.Camera.Damage {
			if within(d.From, d.To, from, to) {
				t.Damage = append(t.Damage, web.Damage{From: d.From, To: d.To, Units: d.Units, Lost: d.Lost})
			}
		}
		for _, p := range h.Recording.Protected {
			if (len(p.Cameras) == 0 || slices.Contains(p.Cameras, h.Camera.Name)) && within(p.From, p.To, from, to) {
				t.Protected = append(t.Protected, web.Protected{From: p.From, To: p.To, Why: p.Why})
			}
		}
	}
	if n := len(t.Spans); n > 0 {
		t.From, t.To = t.Spans[0].From, t.Spans[n-1].To
	}
	return t, nil
}

func spanOf(s archive.Span, gaps []archive.Gap) web.Span {
	told := web.Span{Use: string(s.Use), From: s.From, To: s.To, Causes: s.Causes, Damage: s.Damage, Filled: s.Filled, Stream: s.Stream, Low: s.Low, Note: s.Why}
	if s.Use == archive.UseGap {
		for _, g := range gaps {
			if g.Note != "" && g.From.Before(s.To) && g.To.After(s.From) {
				told.Note = g.Note
				break
			}
		}
	}
	return told
}

// earlier and later take a zero time for none.
func earlier(a, b time.Time) time.Time {
	if b.IsZero() || a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// within reports whether a span touches from..to; zero times have no end.
func within(begin, end, from, to time.Time) bool {
	return (end.IsZero() || end.After(from)) && (to.IsZero() || begin.Before(to))
}

// Pieces implements web.Library.
func (l *webLibrary) Pieces(ctx context.Context, camera, audio string, from, to time.Time) ([]web.Piece, []string, error) {
	pieces, notes, err := l.archive.HLS(ctx, camera, audio, from, to)
	if err != nil {
		return nil, nil, err
	}
	p := piecer{}
	list := make([]web.Piece, len(pieces))
	for i := range pieces {
		list[i] = p.piece(&pieces[i])
	}
	return list, notes, nil
}

// piecer turns an archive's pieces into web's. Pieces with one header keep one.
type piecer struct {
	from *archive.Piece
	init *web.Piece
}

func (p *piecer) piece(a *archive.Piece) web.Piece {
	if a.Init != p.from {
		p.from, p.init = a.Init, nil
		if a.Init != nil {
			p.init = &web.Piece{URI: a.Init.URI, Offset: a.Init.Offset, Length: a.Init.Length, Codecs: codecsOf(a.Init.Tracks)}
		}
	}
	return web.Piece{
		URI: a.URI, Offset: a.Offset, Length: a.Length, Time: a.Time, Duration: a.Duration, Key: a.Key,
		Discontinuity: a.Discontinuity, Gap: a.Gap, Causes: a.Causes, Init: p.init,
	}
}

func codecsOf(tracks []media.Track) string {
	var names []string
	for _, t := range tracks {
		if name := web.Codecs(t); name != "" {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

// Live implements web.Library.
func (l *webLibrary) Live(ctx context.Context, camera string, sequence uint64, part int) (*web.Window, error) {
	w, err := l.archive.Live(ctx, camera, sequence, part)
	if err != nil {
		return nil, err
	}
	told := &web.Window{Sequence: w.Sequence, Discontinuities: w.Discontinuities, PartTarget: w.PartTarget, Ended: w.Ended, Notes: w.Notes}
	p := piecer{}
	for i := range w.Segments {
		s := &w.Segments[i]
		segment := web.Segment{Piece: p.piece(&s.Piece), Open: s.Open}
		for j := range s.Parts {
			segment.Parts = append(segment.Parts, p.piece(&s.Parts[j]))
		}
		told.Segments = append(told.Segments, segment)
	}
	return told, nil
}

// Open implements web.Library. Who may see one camera gets no piece of another: a URI
// says whose it is.
func (l *webLibrary) Open(_ context.Context, camera, audio, uri string) (web.Body, error) {
	holdings, err := l.archive.Resolve(camera)
	if err != nil {
		return nil, err
	}
	for _, h := range holdings {
		if archive.PieceOf(uri, h.Recording.Name, h.Camera.Name, audio) {
			return l.archive.Open(uri)
		}
	}
	return nil, fault.New(fault.NotFound, "no such piece of %s", camera)
}

// Clip implements web.Library. Browsers are who asks, so it holds what they play; where
// they play no picture at all, it is the media as recorded, for players that are none.
func (l *webLibrary) Clip(ctx context.Context, camera, audio string, from, to time.Time) (*web.Clip, error) {
	o := archive.ClipOptions{From: from, To: to, Audio: audio, Browser: true}
	_, _, tracks, err := l.archive.DescribeAt(camera, from)
	if err != nil {
		return nil, err
	}
	var notes []string
	for _, t := range tracks {
		if told := web.TrackOf(t); t.Codec.Video() && told.Browser == web.NotPlayed {
			o.Browser, notes = false, append(notes, told.Why)
		}
	}
	c, err := l.archive.Clip(ctx, camera, o)
	if err != nil {
		return nil, err
	}
	return &web.Clip{
		Body: clipBody{io.NewSectionReader(c, 0, c.Size()), c}, Start: c.Start, End: c.End, Notes: append(notes, c.Notes...),
	}, nil
}

// clipBody reads a clip from anywhere.
type clipBody struct {
	*io.SectionReader
	clip *archive.Clip
}

// Close lets go of the segments.
func (b clipBody) Close() error { return b.clip.Close() }

// The adapter is what web needs.
var _ web.Library = (*webLibrary)(nil)
