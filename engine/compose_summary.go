package engine

import (
	"slices"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// composing is the event that a composition begins with.
func (c *composer) composing() Composing {
	o := c.o
	e := Composing{
		Layout: o.Layout.Name, Width: o.Size.X, Height: o.Size.Y, FPS: o.FPS, Video: describe(media.Track{Codec: o.Encoder.Video}),
		File: o.Out.File, At: o.At, Until: o.Until, Length: o.Length.Seconds(),
	}
	if !c.silent() {
		e.Audio = o.Audio
	}
	for _, in := range c.inputs {
		e.Inputs = append(e.Inputs, in.Name)
	}
	e.Unseen = c.stage.unseen()
	for _, t := range o.Out.Targets {
		e.Targets = append(e.Targets, t.name())
	}
	if c.hidden == "" {
		e.Dir = o.Out.Dir
	}
	if c.out.serve != nil {
		e.URLs = c.out.serve.urls()
	}
	return e
}

// progress is how things stand: the inputs first, then the composition, then where it goes.
func (c *composer) progress(now time.Time) Progress {
	p := Progress{At: now, From: c.opened(), Until: c.end()}
	state := c.stage.state()
	p.Layout, p.Speaker = state.Layout, state.Speaker
	for i, in := range c.inputs {
		one := CameraProgress{Name: in.Name, State: state.Inputs[i].State, FPS: state.Inputs[i].FPS, Reason: in.why()}
		if in.feed != nil {
			one = in.feed.progress(now)
			if one.State == string(statePlaying) {
				one.State = state.Inputs[i].State
			}
			waiting, _ := in.queue.held()
			one.Queue += waiting
		}
		if c.out.job != nil && c.o.Isolate {
			c.out.job.tally.fill(&one, now)
		}
		p.Cameras = append(p.Cameras, one)
	}
	p.Cameras = append(p.Cameras, c.out.progress(now)...)
	return p
}

func (c *composer) summary() (*ComposeSummary, error) {
	s := &ComposeSummary{Pictures: c.pictured.Load(), Dropped: c.dropped.Load(), Inputs: []ComposeInputSummary{}}
	if ns := c.started.Load(); ns != 0 {
		s.From = time.Unix(0, ns).UTC()
		s.To = time.Unix(0, max(ns, c.reached.Load())).UTC()
	}
	var feeds []*feed
	missing := error(nil)
	came := 0
	for _, in := range c.inputs {
		one := in.summary()
		if one.Answered {
			came++
		} else if missing == nil {
			missing = fault.New(in.failure(), "nothing came of %s: %s", in.Name, one.Trouble)
		}
		s.Inputs = append(s.Inputs, one)
		if in.feed != nil && c.o.Isolate {
			feeds = append(feeds, in.feed)
		}
	}
	for _, l := range c.out.lines {
		s.Targets = append(s.Targets, l.summary())
	}
	var err error
	if job := c.out.job; job != nil { // read back: what a reader will find
		job.tellDamage(c.deps, c.deps.Clock.Now(), true)
		if s.Recording, err = job.summarise(c.deps, feeds); err != nil {
			return nil, err
		}
		err = s.Recording.verdict(feeds)
	}
	switch {
	case missing != nil && came == 0:
		return s, missing
	case err == nil && missing != nil:
		err = fault.Wrap(fault.Incomplete, "", missing)
	}
	return s, err
}

// Missed reports whether an input never came.
func (s *ComposeSummary) Missed() bool {
	return slices.ContainsFunc(s.Inputs, func(in ComposeInputSummary) bool { return !in.Answered })
}

func (in *composeInput) summary() ComposeInputSummary {
	s := ComposeInputSummary{Name: in.Name}
	s.Pictures, s.Dropped = in.pictures.counts()
	in.mu.Lock()
	for _, d := range in.strands {
		s.Broken += d.broken.all.Load()
	}
	in.mu.Unlock()
	if s.Answered = s.Pictures > 0 || in.pictures.soundOnly() && in.why() == ""; !s.Answered {
		s.Trouble = in.why()
	}
	return s
}

// why is what kept an input away, or ended it; empty: nothing.
func (in *composeInput) why() string {
	if in.feed != nil {
		_, _, why := in.feed.answered()
		return why
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.trouble
}

func (in *composeInput) failure() fault.Kind {
	if in.feed != nil {
		if _, kind, _ := in.feed.answered(); kind == fault.Denied {
			return kind
		}
		return fault.Unreachable
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.kind
}
