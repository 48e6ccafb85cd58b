package engine

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
)

// composition is what makes the picture of a path that is composed, from its first viewer
// (or the server's start) on.
type composition struct {
	*Controller

	mu     sync.Mutex
	kind   fault.Kind // of why there is no picture
	reason string     // empty: there is one, or nothing went wrong yet
}

// Between tries to compose after one failed: encoders that are all taken come back.
const (
	composeAgainFirst = time.Second
	composeAgainMost  = 30 * time.Second
)

// check says what makes no sense, as fault.Usage. It touches nothing.
func (o ComposeOptions) check() error {
	o.Out = ComposeOut{Sink: composedInto{}}
	o.Inputs = slices.Clone(o.Inputs)
	for i := range o.Inputs {
		if in := &o.Inputs[i]; in.Path == "" && in.Camera == nil {
			return fault.New(fault.Usage, "what is composed live is live: paths and cameras, and %s is neither", in.Name)
		}
		o.Inputs[i].Camera = &journal.Camera{} // whether it can be had is not asked here
	}
	_, err := newComposer(Deps{}, o)
	return err
}

// cameras are all that a path dials.
func (p ServePath) cameras() []journal.Camera {
	var list []journal.Camera
	if p.Camera != nil {
		list = append(list, *p.Camera)
	}
	if p.Compose != nil {
		for _, in := range p.Compose.Inputs {
			if in.Camera != nil {
				list = append(list, *in.Camera)
			}
		}
	}
	return list
}

// composeOn composes a path's picture until ctx ends. What fails is tried again.
func (p *livePath) composeOn(ctx context.Context, c *composition) {
	o := *p.conf.Compose
	o.Control = c.Controller
	o.Out = ComposeOut{Name: p.name, Sink: composedInto{p}}
	o.Inputs = slices.Clone(o.Inputs)
	for i := range o.Inputs {
		if in := &o.Inputs[i]; in.Path != "" {
			in.Camera = pathCamera(in.Name, in.Path)
		}
	}
	d := p.hub.deps
	d.Dial, d.Observe = p.hub.dial, p.retell
	p.hub.clock.hold()
	for again := composeAgainFirst; ; again = min(2*again, composeAgainMost) {
		_, err := Compose(ctx, d, o)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = fault.New(fault.Ended, "the composition ended")
		}
		c.mu.Lock()
		c.kind, c.reason = fault.KindOf(err), err.Error()
		c.mu.Unlock()
		p.End(context.WithoutCancel(ctx), media.Gap{Causes: causesOf(fault.KindOf(err)), Note: err.Error()})
		p.hub.deps.observe(CameraDown{Camera: p.name, Kind: fault.KindOf(err).String(), Reason: err.Error(), Tries: 1})
		select {
		case <-time.After(again):
		case <-ctx.Done():
			return
		}
	}
}

// answered is why there is no picture; empty: there is, or nothing went wrong yet.
func (c *composition) answered() (fault.Kind, string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kind, c.reason
}

// retell tells what a composition observes, so that nobody takes its inputs for paths.
// How things stand the server says itself.
func (p *livePath) retell(e Event) {
	named := func(input string) string {
		if input == p.name {
			return input
		}
		return p.name + " (" + input + ")"
	}
	switch e := e.(type) {
	case Progress, Composing:
	case CameraUp:
		e.Camera = named(e.Camera)
		p.hub.deps.observe(e)
	case CameraDown:
		e.Camera = named(e.Camera)
		p.hub.deps.observe(e)
	case InputShown:
		e.Camera = named(e.Camera)
		p.hub.deps.observe(e)
	case Notice:
		e.Camera = named(e.Camera)
		p.hub.deps.observe(e)
	case Scene:
		e.Path = p.name
		p.hub.deps.observe(e)
	case Late:
		e.Path = p.name
		p.hub.deps.observe(e)
	default:
		p.hub.deps.observe(e)
	}
}

// composedInto is the Sink of a composition: its path, with the figures of what comes.
type composedInto struct{ *livePath }

// Begin implements media.Sink.
func (s composedInto) Begin(ctx context.Context, run media.Run) error {
	if c := s.composing(); c != nil {
		c.mu.Lock()
		c.kind, c.reason = 0, ""
		c.mu.Unlock()
	}
	return s.livePath.Begin(ctx, run)
}

// Write implements media.Sink.
func (s composedInto) Write(ctx context.Context, au media.AccessUnit) error {
	now := s.hub.deps.Clock.Now()
	s.mu.Lock()
	s.latest = now
	s.meter.add(au.Arrival, len(au.Data), au.Track == pictureTrack)
	s.mu.Unlock()
	return s.livePath.Write(ctx, au)
}

// composing is the composition that makes the path's picture; nil: none does now.
func (p *livePath) composing() *composition {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.composed
}

// Composed implements web.Compositions.
func (h *hub) Composed() []string {
	var names []string
	for _, p := range h.list() {
		if p.conf.Compose != nil {
			names = append(names, p.name)
		}
	}
	return names
}

// Do implements Steered and web.Compositions: a command for one of the compositions.
func (h *hub) Do(ctx context.Context, command Command) (ComposeState, error) {
	p, err := h.steered(command.Path)
	if err != nil {
		return ComposeState{}, err
	}
	c := p.composing()
	if c == nil {
		return ComposeState{}, fault.New(fault.NotFound, "nobody watches %s, so it is not composed now", p.name)
	}
	state, err := c.Do(ctx, command)
	state.Path = p.name
	return state, err
}

// steered finds a path that is composed; "" is the only one.
func (h *hub) steered(name string) (*livePath, error) {
	names := h.Composed()
	var found *livePath
	for _, p := range h.list() {
		if p.conf.Compose != nil && (p.name == name || name == "") {
			found = p
		}
	}
	switch {
	case len(names) == 0:
		return nil, fault.New(fault.NotFound, "no path here is composed")
	case name == "" && len(names) > 1:
		return nil, fault.New(fault.Usage, "which composition? There are %s", strings.Join(names, ", "))
	case found == nil:
		return nil, fault.New(fault.NotFound, "there is no composition %q: there are %s", name, strings.Join(names, ", "))
	}
	return found, nil
}
