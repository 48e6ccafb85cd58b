package compose

// Command asks a composition for something.
type Command struct {
	Do   string `json:"do"`             // "layout", "speaker", "next" (layout) or "state"
	Name string `json:"name,omitempty"` // of a layout or an input; of a speaker also its number from 1 on
	// Path is which composition of a server is meant; empty: the only one.
	Path string `json:"path,omitempty"`
}

// View is what a composition shows. Its JSON form may only grow.
type View struct {
	Path    string      `json:"path,omitempty"` // on a server
	Layout  string      `json:"layout"`
	Layouts []string    `json:"layouts"`
	Speaker string      `json:"speaker,omitempty"`
	Inputs  []InputView `json:"inputs"`
}

// InputView is one input of it.
type InputView struct {
	Name  string  `json:"name"`
	State string  `json:"state"`          // "connecting", "live", "frozen" (its last picture stands), "dead", "sound" (only) or "ended"
	Cell  string  `json:"cell,omitempty"` // where it is shown; empty: nowhere
	FPS   float64 `json:"fps"`
	Sound bool    `json:"sound,omitempty"` // it can be heard
}
