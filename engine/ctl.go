package engine

import "context"

// Command asks a running composition for something.
type Command struct {
	Do   string `json:"do"`             // "layout", "speaker", "next" (layout) or "state"
	Name string `json:"name,omitempty"` // of a layout or an input; of a speaker also its number from 1 on
}

// ComposeState is what a composition shows.
type ComposeState struct {
	Layout  string              `json:"layout"`
	Layouts []string            `json:"layouts"`
	Speaker string              `json:"speaker,omitempty"`
	Inputs  []ComposeInputState `json:"inputs"`
}

// ComposeInputState is one input of it.
type ComposeInputState struct {
	Name  string  `json:"name"`
	State string  `json:"state"`          // "live", "frozen" (its last picture stands), "dead" or "ended"
	Cell  string  `json:"cell,omitempty"` // where it is shown; empty: nowhere
	FPS   float64 `json:"fps"`
	Sound bool    `json:"sound,omitempty"` // it can be heard
}

// Controller is the way to a running composition. Make it with NewController and hand it
// over in ComposeOptions.
type Controller struct{ asked chan controlRequest }

type controlRequest struct {
	command Command
	answer  chan controlAnswer // buffered
}

type controlAnswer struct {
	state ComposeState
	err   error
}

// NewController returns one that nobody listens to yet.
func NewController() *Controller { return &Controller{asked: make(chan controlRequest)} }

// Do has a command done and returns what is shown then. It waits for the composition to
// begin, at most until ctx ends. fault.Usage: there is no such layout or input.
func (c *Controller) Do(ctx context.Context, command Command) (ComposeState, error) {
	r := controlRequest{command, make(chan controlAnswer, 1)}
	select {
	case c.asked <- r:
		a := <-r.answer
		return a.state, a.err
	case <-ctx.Done():
		return ComposeState{}, ctx.Err()
	}
}
