package archive

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
)

// folder turns journal lines into a catalogue, also while the journal grows. Lines may be
// hostile: what makes no sense becomes a problem of the recording and changes nothing
// else.
type folder struct {
	rec      *Recording // what snapshots begin with
	lean     bool       // forget what only Verify needs
	cameras  map[string]*shelf
	segments map[segmentKey]*Segment // that are not pruned
	open     map[segmentKey]*Segment // of those
	gaps     map[uint64]*pendingGap
	order    []uint64 // of gaps, as first seen
	instead  map[*Segment][]journal.Instead
	runs     map[string][]journal.Track // of each camera's latest run
	replays  map[uint64]bool            // runs that were somebody's recording
	guards   map[uint64]journal.Protect
	closed   *journal.Close // the last one, unless something came after it
	media    span           // from the first to the last that is sealed
}

type segmentKey struct {
	camera string
	n      uint64
}

type pendingGap struct {
	journal.Gap
	codec   media.Codec // of Track; empty: unknown, or all tracks
	decides bool
	line    uint64
}

// fold makes the catalogue of what lines say. plan names the cameras; more may be in
// the lines.
func fold(dir string, plan journal.Plan, log *journal.Log) *Recording {
	f := newFolder(dir, plan)
	f.rec.End, f.rec.Problems = log.End, log.Problems
	for _, line := range log.Lines {
		f.line(line)
	}
	return f.snapshot()
}

func newFolder(dir string, plan journal.Plan) *folder {
	f := &folder{
		rec:      &Recording{Dir: dir},
		cameras:  map[string]*shelf{},
		segments: map[segmentKey]*Segment{},
		open:     map[segmentKey]*Segment{},
		gaps:     map[uint64]*pendingGap{},
		instead:  map[*Segment][]journal.Instead{},
		runs:     map[string][]journal.Track{},
		replays:  map[uint64]bool{},
		guards:   map[uint64]journal.Protect{},
	}
	f.plan(plan)
	return f
}

// plan takes over the plan as it is now.
func (f *folder) plan(p journal.Plan) {
	f.rec.Plan = p.Public()
	for _, c := range p.Cameras {
		f.camera(c.Name)
	}
}

// credible reports whether times can be those of a recording. Spans of such times
// fit into a time.Duration.
func credible(times ...time.Time) bool {
	for _, t := range times {
		if !t.IsZero() && (t.Year() < 1970 || t.Year() > 2200) {
			return false
		}
	}
	return true
}

func (f *folder) line(l journal.Line) {
	f.rec.hasLines = true
	switch e := l.Entry.(type) {
	case *journal.Open:
		if e.Why != "repair" {
			f.closed = nil
		}
	case *journal.Run:
		if e.Origin == originReplay {
			f.replays[e.Run] = true
		} else {
			f.runs[e.Camera] = e.Tracks
		}
	case *journal.Segment:
		if e.Fill == 0 && !e.Beside {
			f.closed = nil
		}
		f.segment(l.Seq, e)
	case *journal.Commit:
		for _, c := range e.Files {
			f.commit(l.Seq, c)
		}
	case *journal.Seal:
		f.seal(l.Seq, e)
	case *journal.Gap:
		f.gap(l.Seq, e)
	case *journal.Lead:
		if c := f.camera(e.Camera); c != nil && e.From.Before(e.To) && credible(e.From, e.To) {
			c.Leads = append(c.Leads, Lead{From: e.From, To: e.To, Waited: e.Waited})
		}
	case *journal.Damage:
		if c := f.camera(e.Camera); c != nil && credible(e.From, e.To) {
			c.Damage = insert(c.Damage, Damage{From: e.From, To: e.To, Track: e.Track, Units: e.Units, Lost: e.Lost},
				func(d Damage) time.Time { return d.From })
		}
	case *journal.Beside:
		f.stands(l.Seq, e)
	case *journal.Quality:
		f.quality(l.Seq, e)
	case *journal.Backfill:
		f.backfill(l.Seq, e)
	case *journal.Prune:
		f.prune(l.Seq, e)
	case *journal.Protect:
		f.protect(l.Seq, e)
	case *journal.Clock:
		if (e.What == "step" || e.What == "host") && credible(e.At) {
			f.rec.Steps = insert(f.rec.Steps, Step{Camera: e.Camera, At: e.At, By: e.Offset}, func(s Step) time.Time { return s.At })
		}
	case *journal.Close:
		if credible(e.At) {
			f.closed = e
		}
	}
}

// camera finds or adds a camera. It returns nil for a name that is not one.
func (f *folder) camera(name string) *shelf {
	if c := f.cameras[name]; c != nil {
		return c
	}
	if journal.ValidCameraName(name) != nil {
		return nil
	}
	c := &shelf{Camera: Camera{Name: name}}
	f.cameras[name] = c
	f.rec.Cameras = append(f.rec.Cameras, &c.Camera)
	return c
}

func (f *folder) problem(seq uint64, format string, args ...any) {
	const enough = 100
	if len(f.rec.Problems) < enough {
		f.rec.Problems = append(f.rec.Problems, journal.Problem{Why: fmt.Sprintf("line %d: ", seq) + fmt.Sprintf(format, args...)})
	}
}

func (f *folder) segment(seq uint64, e *journal.Segment) {
	c := f.camera(e.Camera)
	key := segmentKey{e.Camera, e.N}
	switch {
	case c == nil || !fs.ValidPath(e.File) || !strings.HasPrefix(e.File, e.Camera+"/"):
		f.problem(seq, "a segment outside its camera's folder: %q", e.File)
		return
	case !credible(e.Start):
		f.problem(seq, "a segment that begins in the year %d", e.Start.Year())
		return
	case f.segments[key] != nil:
		f.problem(seq, "segment %d of %s for the second time", e.N, e.Camera)
		return
	}
	s := &Segment{Camera: e.Camera, N: e.N, Run: e.Run, File: e.File, Start: e.Start, End: e.Start, Origin: f.origin(e.Run), Stream: e.Stream, Limit: e.Limit, beside: e.Beside, instead: len(e.Instead) > 0}
	for _, t := range e.Tracks {
		s.Tracks = append(s.Tracks, SegmentTrack{Track: t, Start: e.Start, End: e.Start})
	}
	f.segments[key], f.open[key] = s, s
	c.add(s)
	if len(e.Instead) > 0 {
		f.instead[s] = e.Instead
	}
}

func (f *folder) commit(seq uint64, e journal.Committed) {
	s := f.segments[segmentKey{e.Camera, e.N}]
	switch {
	case s == nil:
		f.problem(seq, "a commit of segment %d of %q, which was never begun", e.N, e.Camera)
	case s.Sealed:
	case e.From < segment.BodyOffset || e.Size < e.From || len(e.Ends) > len(s.Tracks) || len(e.Units) > len(s.Tracks), !credible(e.Ends...):
		f.problem(seq, "a commit of segment %d of %s that makes no sense", e.N, e.Camera)
	default:
		s.commits = append(s.commits, e)
		s.take(e)
		f.cameras[s.Camera].changed = true
		f.replace(s)
	}
}

// replace cuts off what s holds instead of another segment, now that s is known to have
// it.
func (f *folder) replace(s *Segment) {
	for _, i := range f.instead[s] {
		old := f.segments[segmentKey{s.Camera, i.N}]
		if old == nil || old == s || old.Sealed {
			continue
		}
		if from := max(i.From, segment.BodyOffset); old.cut == 0 || from < old.cut {
			old.cut = from
			old.settle()
			f.cameras[s.Camera].changed = true
		}
	}
	delete(f.instead, s)
}

func (f *folder) seal(seq uint64, e *journal.Seal) {
	s := f.segments[segmentKey{e.Camera, e.N}]
	if s == nil {
		s = f.orphan(seq, e)
	}
	switch {
	case s == nil:
	case s.Sealed:
		f.problem(seq, "segment %d of %s is sealed for the second time", e.N, e.Camera)
	case len(e.Ends) > len(s.Tracks) || len(e.Starts) > len(s.Tracks) || len(e.Units) > len(s.Tracks) || e.End.Before(e.Start),
		!credible(slices.Concat(e.Starts, e.Ends, []time.Time{e.Start, e.End})...):
		f.problem(seq, "a seal of segment %d of %s that makes no sense", e.N, e.Camera)
	default:
		s.line = seq
		s.Sealed, s.seal, s.commits, s.cut = true, e, nil, 0
		s.Size = e.Size
		s.reach(e.Starts, e.Ends, e.Units)
		if !e.Start.IsZero() {
			s.Start, s.End = e.Start, e.End
		}
		f.shelve(s)
	}
}

// shelve takes in that a segment is sealed.
func (f *folder) shelve(s *Segment) {
	key := segmentKey{s.Camera, s.N}
	delete(f.open, key)
	c := f.cameras[s.Camera]
	c.changed = true
	if s.Size == 0 { // nothing is left of it
		c.drop(s)
	} else {
		f.replace(s)
	}
	delete(f.instead, s)
	if s.Units() > 0 && !s.beside {
		f.widen(&f.media, s)
	}
	if f.lean {
		s.seal = nil
	}
}

// orphan is a segment of which only the seal line is left. Its name follows from the
// seal, as long as the first unit stood at the segment's start.
func (f *folder) orphan(seq uint64, e *journal.Seal) *Segment {
	f.problem(seq, "a seal of segment %d of %q, which was never begun", e.N, e.Camera)
	c := f.camera(e.Camera)
	if c == nil {
		return nil
	}
	s := &Segment{Camera: e.Camera, N: e.N, File: e.Camera + "/" + segment.FileName(e.Start, e.N)}
	s.Tracks = make([]SegmentTrack, len(e.Ends))
	f.segments[segmentKey{e.Camera, e.N}] = s
	c.add(s)
	return s
}

// settle makes an open segment what its commits say.
func (s *Segment) settle() {
	s.Size = 0
	for i := range s.Tracks {
		s.Tracks[i].End, s.Tracks[i].Units = s.Tracks[i].Start, 0
	}
	for _, c := range s.commits {
		s.take(c)
	}
}

// take counts a commit, unless its range was written again elsewhere.
func (s *Segment) take(c journal.Committed) {
	if s.cut == 0 || c.Size <= s.cut {
		s.Size = max(s.Size, c.Size)
		s.reach(nil, c.Ends, c.Units)
	}
}

// reach takes over how far each track has come.
func (s *Segment) reach(starts, ends []time.Time, units []int64) {
	for i := range s.Tracks {
		t := &s.Tracks[i]
		if i < len(starts) && !starts[i].IsZero() {
			t.Start = starts[i]
		}
		if i < len(ends) && ends[i].After(t.Start) {
			t.End = ends[i]
		}
		if i < len(units) {
			t.Units = units[i]
		}
	}
	if i := s.deciding(); i >= 0 {
		s.End = s.Tracks[i].End
	}
}

// deciding is the index of the track whose time is the segment's: the first video
// track, or the longest one without video; -1 without tracks.
func (s *Segment) deciding() int {
	best := -1
	for i, t := range s.Tracks {
		switch {
		case t.Skipped != "":
		case t.Codec.Video():
			return i
		case best < 0 || t.End.Sub(t.Start) > s.Tracks[best].End.Sub(s.Tracks[best].Start):
			best = i
		}
	}
	return best
}

func (f *folder) gap(seq uint64, e *journal.Gap) {
	if f.camera(e.Camera) == nil || e.From.IsZero() || !e.To.IsZero() && e.To.Before(e.From) || !credible(e.From, e.To) {
		f.problem(seq, "a gap that makes no sense")
		return
	}
	known := f.gaps[e.ID]
	if known == nil {
		f.order = append(f.order, e.ID)
	} else if known.Camera != e.Camera {
		f.problem(seq, "gap %d is of %s and of %s", e.ID, known.Camera, e.Camera)
		return
	}
	p := &pendingGap{Gap: *e, decides: true, line: seq}
	if tracks := f.runs[e.Camera]; e.Track != nil && *e.Track >= 0 && *e.Track < len(tracks) {
		p.codec, p.decides = tracks[*e.Track].Codec, *e.Track == leading(tracks)
	}
	f.gaps[e.ID] = p
	f.cameras[e.Camera].gapsChanged = true
}

// leading is the track of a run that decides: the first video track, or the first of all.
func leading(tracks []journal.Track) int {
	first := -1
	for i, t := range tracks {
		switch {
		case t.Skipped != "":
		case t.Codec.Video():
			return i
		case first < 0:
			first = i
		}
	}
	return first
}
