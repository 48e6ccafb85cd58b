package engine

import (
	"image"
	"strconv"
	"strings"
	"sync"
	"time"

	"rtsprec/engine/compose"
	"rtsprec/engine/fault"
	"rtsprec/presets"
)

// stage is what a composition shows at the moment: a layout, a speaker, and the place of
// every input. Commands change it between two pictures.
type stage struct {
	c       *composer
	layouts []presets.Layout
	assign  map[string]int

	mu     sync.Mutex // guards what follows: others ask for the state
	layout presets.Layout
	leader int // who was made the speaker; -1: nobody
	plan   *compose.Plan
	states []string // of the inputs, as they are shown
	fresh  bool     // the plan is a new one
}

func newStage(c *composer) (*stage, error) {
	s := &stage{c: c, layouts: c.o.Layouts, assign: map[string]int{}, leader: -1, states: make([]string, len(c.inputs))}
	for i := range s.states {
		s.states[i] = inputWaiting
	}
	for cell, name := range c.o.Assign {
		i, err := s.input(name)
		if err != nil {
			return nil, err
		}
		s.assign[cell] = i
	}
	if c.o.Speaker != "" {
		i, err := s.input(c.o.Speaker)
		if err != nil {
			return nil, err
		}
		s.leader = i
	}
	return s, s.set(c.o.Layout, s.leader, s.assign)
}

// input finds an input by its name, or by its number from 1 on.
func (s *stage) input(name string) (int, error) {
	var names []string
	for i, in := range s.c.inputs {
		if strings.EqualFold(in.Name, name) {
			return i, nil
		}
		names = append(names, in.Name)
	}
	if n, err := strconv.Atoi(name); err == nil && n >= 1 && n <= len(s.c.inputs) {
		return n - 1, nil
	}
	return 0, fault.New(fault.Usage, "there is no input %q: there are %s", name, strings.Join(names, ", "))
}

// set shows a layout and a speaker, or, where that cannot be, leaves everything as it is.
func (s *stage) set(layout presets.Layout, leader int, assign map[string]int) error {
	scene := compose.Scene{Layout: layout, Size: s.c.o.Size, Inputs: len(s.c.inputs), Assign: assign, Speaker: leader}
	plan, err := scene.Plan()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.layout, s.leader, s.plan, s.fresh = layout, leader, plan, true
	s.c.followSpeaker(s.speaker())
	for i, in := range s.c.inputs {
		size := plan.Shown(i)
		if size.X == 0 {
			size = hiddenSize
		}
		in.shown.Store(packSize(size))
		in.turn(s.c.o.Size)
	}
	return nil
}

// current is what is to be drawn, and whether that is another plan than the last time.
func (s *stage) current() (plan *compose.Plan, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh, s.fresh = s.fresh, false
	return s.plan, fresh
}

// look takes the pictures of an instant, and sees how the inputs are.
func (s *stage) look(at time.Time) {
	for i, in := range s.c.inputs {
		state := in.state(at, s.c.slack())
		s.mu.Lock()
		was := s.states[i]
		s.states[i] = state
		s.mu.Unlock()
		if state != was && was != inputWaiting {
			s.c.deps.observe(InputShown{Camera: in.Name, State: state})
		}
	}
}

// stateOf is how an input was when it was looked at last.
func (s *stage) stateOf(input int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.states[input]
}

// unseen names the inputs for which there is no cell.
func (s *stage) unseen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for i, in := range s.c.inputs {
		if s.plan.Shown(i).X == 0 {
			names = append(names, in.Name)
		}
	}
	return names
}

// hiddenSize is the size at which what is not shown is decoded.
var hiddenSize = image.Pt(2, 2)

// answer does what was asked for.
func (s *stage) answer(r controlRequest) {
	err := s.do(r.command)
	r.answer <- controlAnswer{s.state(), err}
}

func (s *stage) do(command Command) error {
	switch command.Do {
	case "state":
		return nil
	case "next":
		return s.show(s.after(s.layout.Name), s.leader)
	case "layout":
		for _, l := range s.layouts {
			if strings.EqualFold(l.Name, command.Name) {
				return s.show(l, s.leader)
			}
		}
		return fault.New(fault.Usage, "there is no layout %q: there are %s", command.Name, strings.Join(s.names(), ", "))
	case "speaker":
		i, err := s.input(command.Name)
		if err != nil {
			return err
		}
		return s.show(s.layout, i)
	}
	return fault.New(fault.Usage, "a composition does not know %q: it knows layout, speaker, next and state", command.Do)
}

// show is set, told. Cells that were given inputs belong to the layout of the start.
func (s *stage) show(layout presets.Layout, leader int) error {
	assign := s.assign
	if layout.Name != s.c.o.Layout.Name {
		assign = nil
	}
	if err := s.set(layout, leader, assign); err != nil {
		return err
	}
	state := s.state()
	s.c.deps.observe(Scene{Layout: state.Layout, Speaker: state.Speaker})
	return nil
}

// after is the layout that follows one, round and round.
func (s *stage) after(name string) presets.Layout {
	for i, l := range s.layouts {
		if l.Name == name {
			return s.layouts[(i+1)%len(s.layouts)]
		}
	}
	if len(s.layouts) == 0 {
		return s.layout
	}
	return s.layouts[0]
}

func (s *stage) names() []string {
	var names []string
	for _, l := range s.layouts {
		names = append(names, l.Name)
	}
	return names
}

// speaking is speaker for others.
func (s *stage) speaking() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.speaker()
}

// speaker is the input whose sound follows the picture: the one in the speaker's cell, or
// whoever was chosen, or the first.
func (s *stage) speaker() int {
	switch {
	case s.plan.Speaker >= 0:
		return s.plan.Speaker
	case s.leader >= 0:
		return s.leader
	}
	return 0
}

func (s *stage) state() ComposeState {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := ComposeState{Layout: s.layout.Name, Layouts: s.names(), Inputs: []ComposeInputState{}}
	speaker := s.speaker()
	if s.plan.Speaker >= 0 || s.leader >= 0 {
		state.Speaker = s.c.inputs[speaker].Name
	}
	now := s.c.deps.Clock.Now()
	for i, in := range s.c.inputs {
		one := ComposeInputState{Name: in.Name, State: s.states[i], FPS: in.pictures.rate(now), Sound: s.c.hears(i, speaker)}
		for _, cell := range s.plan.Cells {
			if cell.Input == i {
				one.Cell = cell.ID
			}
		}
		state.Inputs = append(state.Inputs, one)
	}
	return state
}
