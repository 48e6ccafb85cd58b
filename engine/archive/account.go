package archive

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// account settles each camera's window from what the files proved, and looks for time
// that nothing explains.
func (v *verifier) account() {
	byCamera := map[string][]*file{}
	for _, f := range v.files {
		byCamera[f.camera] = append(byCamera[f.camera], f)
	}
	v.report.Window = v.window()
	v.rec.Window = v.report.Window
	for _, c := range v.rec.Cameras {
		v.camera(c, byCamera[c.Name])
		delete(byCamera, c.Name)
	}
	var unknown []string // cameras of which nothing is left but media
	for name := range byCamera {
		unknown = append(unknown, name)
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		v.camera(&Camera{Name: name}, byCamera[name])
	}
}

// window is the catalogue's; without a journal, what there is media for.
func (v *verifier) window() Window {
	w := v.rec.Window
	if v.rec.hasLines {
		return w
	}
	for _, f := range v.files {
		if s, g := f.deciding(); g != nil && credible(s.From, s.To) {
			if w.From.IsZero() || s.From.Before(w.From) && v.rec.Plan.Opened.IsZero() {
				w.From = s.From
			}
			w.To = later(w.To, s.To)
		}
	}
	return w
}

// deciding returns the time of the file and the track that it is the time of: the
// first video track with units, or the longest one.
func (f *file) deciding() (span, *gauge) {
	var best *gauge
	for _, g := range f.tracks {
		switch {
		case g.units == 0:
		case best == nil, g.codec.Video() && !best.codec.Video(),
			!best.codec.Video() && g.end.Sub(g.start) > best.end.Sub(best.start):
			best = g
		}
	}
	if best == nil {
		return span{}, nil
	}
	return span{best.start, best.end}, best
}

// tally gathers what files hold of one kind of track.
type tally struct {
	TrackCoverage
	pieces []piece
}

func (t *tally) add(g *gauge) {
	t.Codec = g.codec
	t.Units += g.units
	t.pieces = append(t.pieces, g.pieces()...)
}

// camera writes one camera's part of the report.
func (v *verifier) camera(c *Camera, files []*file) {
	report := CameraReport{Name: c.Name, Gaps: slices.Clone(c.Gaps), Damage: c.Damage, Quality: c.Quality()}
	var all, video, sound tally
	var doubt []span
	for _, f := range files {
		doubt = append(doubt, f.doubt)
		report.Bytes += f.size
		report.Segments++
		if f.open {
			report.Open++
		}
		if f.segment != nil && f.segment.beside {
			if s := f.segment; s.Source != "" {
				report.Beside = append(report.Beside, Beside{From: s.Start, To: s.End, File: f.name, Bytes: f.size, Source: s.Source})
			}
			continue // what it is of is recorded
		}
		if _, g := f.deciding(); g != nil {
			all.add(g)
		}
		for _, g := range f.tracks {
			if g.codec.Video() {
				video.add(g)
			} else {
				sound.add(g)
			}
		}
	}
	for _, s := range c.Segments { // what is gone was told already
		doubt = append(doubt, v.goneSpan(s, files))
	}
	gaps, leads := c.missing()
	l := v.rec.settle(c, all.pieces, gaps, leads)
	report.Coverage = l.coverage(c.countGaps(l.window), c.lesser(), c.limited())
	report.Units = video.Units + sound.Units
	for _, t := range []*tally{&video, &sound} {
		if t.Codec == "" {
			continue
		}
		t.Decides = t.Codec.Video() || video.Codec == ""
		t.Coverage = v.trackCoverage(c, t, leads)
		report.Tracks = append(report.Tracks, t.TrackCoverage)
	}
	v.unexplained(c, &report, l.unexplained.minus(unite(doubt)))
	v.contradictions(c, all.pieces)
	v.overlaps(c, files)
	v.report.Cameras = append(v.report.Cameras, report)
}

func (v *verifier) goneSpan(s *Segment, files []*file) span {
	for _, f := range files {
		if f.segment != nil && f.segment.N == s.N {
			return span{}
		}
	}
	return span{s.Start, s.End}
}

// trackCoverage settles one kind of track beside the camera.
func (v *verifier) trackCoverage(c *Camera, t *tally, leads []span) Coverage {
	var gaps []span
	for _, g := range c.Gaps {
		if g.codec == "" || g.codec.Video() == t.Codec.Video() {
			gaps = append(gaps, g.span())
		}
	}
	l := v.rec.settle(c, t.pieces, gaps, leads)
	return l.coverage(len(spans(gaps).within(l.window)), nil, nil)
}

// unexplained tells of time for which there is neither media nor a cause.
func (v *verifier) unexplained(c *Camera, report *CameraReport, holes spans) {
	for _, hole := range holes {
		report.Gaps = append(report.Gaps, Gap{From: hole.From, To: hole.To, Unexplained: true})
		v.add(Finding{Kind: UnexplainedGap, Severity: Missing, Invariant: 4, Camera: c.Name, From: hole.From, To: hole.To,
			Text: fmt.Sprintf("%s without media, and the journal does not say why", hole.length().Round(time.Millisecond))})
	}
	slices.SortStableFunc(report.Gaps, func(a, b Gap) int { return a.From.Compare(b.From) })
}

// contradictions tells of journaled gaps for which there is media.
func (v *verifier) contradictions(c *Camera, pieces []piece) {
	have := unite(spansOf(pieces))
	for _, g := range c.Gaps {
		if !g.decides {
			continue
		}
		if n := have.within(g.span()).total(); n > silence {
			v.add(Finding{Kind: GapHasMedia, Severity: Note, Invariant: 4, Camera: c.Name, From: g.From, To: g.To,
				Text: fmt.Sprintf("the journal has a gap here (%s), and there are %s of media in it", g.Causes, n.Round(time.Millisecond))})
		}
	}
}

// overlaps tells of segments that claim the same time. Where a clock was set back that
// is no fault.
func (v *verifier) overlaps(c *Camera, files []*file) {
	type claim struct {
		span
		file *file
	}
	var claims []claim
	for _, f := range files {
		if f.segment != nil && f.segment.Origin == originReplay {
			continue // it may fill a gap in the middle of another one
		}
		if s, g := f.deciding(); g != nil && !s.empty() {
			claims = append(claims, claim{s, f})
		}
	}
	slices.SortFunc(claims, func(a, b claim) int { return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.file.name, b.file.name)) })
	for i := 1; i < len(claims); i++ {
		last, next := claims[i-1], claims[i]
		both := next.clip(last.span)
		if both.length() <= overlapSlack {
			continue
		}
		found := Finding{Kind: Overlap, Severity: Broken, Invariant: 4, Camera: c.Name, File: next.file.name, From: both.From, To: both.To,
			Text: fmt.Sprintf("%s of the same time are in %s too", both.length().Round(time.Millisecond), last.file.name)}
		if v.rec.steppedBack(c.Name, both) {
			found.Severity = Note
			found.Text += ": a clock was set back"
		}
		v.add(found)
		if last.To.After(next.To) {
			claims[i] = last // it reaches over the one behind it
		}
	}
}

// overlapSlack is what two segments may overlap by: the end of one is where its last
// unit is believed to end.
const overlapSlack = 250 * time.Millisecond
