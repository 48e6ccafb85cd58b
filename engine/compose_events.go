package engine

import (
	"fmt"
	"strings"
	"time"
)

// Composing says that a composition begins.
type Composing struct {
	Inputs  []string  `json:"inputs"`
	Unseen  []string  `json:"not_shown,omitempty"` // of the inputs: the layout has no cell for them
	Layout  string    `json:"layout"`
	Width   int       `json:"width"`
	Height  int       `json:"height"`
	FPS     float64   `json:"fps"`
	Video   string    `json:"video"`
	Audio   string    `json:"audio,omitempty"`
	Dir     string    `json:"dir,omitempty"`
	File    string    `json:"file,omitempty"`
	Targets []string  `json:"targets,omitempty"`
	URLs    []string  `json:"urls,omitempty"` // where it can be watched
	At      time.Time `json:"at,omitzero"`
	Until   time.Time `json:"until,omitzero"`
	Length  float64   `json:"length_s,omitempty"`
}

// Scene says that the layout or the speaker is another from now on.
type Scene struct {
	Path    string `json:"path,omitempty"` // of a server
	Layout  string `json:"layout"`
	Speaker string `json:"speaker,omitempty"`
}

// InputShown says that what is seen of an input is another from now on: its live picture,
// its last one, or a slate.
type InputShown struct {
	Camera string `json:"camera"`
	State  string `json:"state"` // as in ComposeInputState
}

// Late says that there was no time to put some pictures together. It is told at most
// once a minute.
type Late struct {
	Path     string `json:"path,omitempty"` // of a server
	Pictures uint64 `json:"pictures"`       // since the last one was told
}

// Broken says that a recorded input cannot be played, or not to its end.
type Broken struct {
	Camera string `json:"camera"`
	Kind   string `json:"kind"` // fault.Kind
	Reason string `json:"reason"`
}

// Types, as they stand in JSON.
func (Composing) Type() string  { return "composing" }
func (Scene) Type() string      { return "scene" }
func (InputShown) Type() string { return "input" }
func (Late) Type() string       { return "late" }
func (Broken) Type() string     { return "broken" }

// Serious: what a cron job's mail should hold.
func (Composing) Serious() bool  { return false }
func (Scene) Serious() bool      { return false }
func (InputShown) Serious() bool { return false }
func (Late) Serious() bool       { return true }
func (Broken) Serious() bool     { return true }

// Text says what is composed and where it goes.
func (e Composing) Text(*time.Location) string {
	layout := e.Layout
	if len(e.Unseen) > 0 {
		layout += " (no cell for " + strings.Join(e.Unseen, ", ") + ")"
	}
	s := fmt.Sprintf("composing %s as %s, %s %dx%d at %g fps", strings.Join(e.Inputs, ", "), layout, e.Video, e.Width, e.Height, e.FPS)
	if e.Audio != "" {
		s += ", sound: " + e.Audio
	}
	var to []string
	for _, place := range append([]string{e.Dir, e.File}, append(e.Targets, e.URLs...)...) {
		if place != "" {
			to = append(to, place)
		}
	}
	return s + "; to " + strings.Join(to, ", ")
}

// Text names the layout.
func (e Scene) Text(*time.Location) string {
	text := "layout: " + e.Layout
	if e.Speaker != "" {
		text += ", speaker: " + e.Speaker
	}
	return ofPath(e.Path) + text
}

// Text says what is seen.
func (e InputShown) Text(*time.Location) string {
	switch e.State {
	case inputLive:
		return e.Camera + ": shown live"
	case inputFrozen:
		return e.Camera + ": its last picture stands"
	case inputEnded:
		return e.Camera + ": has ended"
	case inputSound:
		return e.Camera + ": has no picture, only sound"
	}
	return e.Camera + ": a slate stands in its place"
}

// Text says why.
func (e Broken) Text(*time.Location) string {
	return e.Camera + ": not played on: " + e.Reason
}

// Text says how many.
func (e Late) Text(*time.Location) string {
	return ofPath(e.Path) + fmt.Sprintf("%s left out: this machine is too slow for the composition", plural(int(e.Pictures), "picture"))
}

// ofPath begins a sentence about a composition of a server.
func ofPath(path string) string {
	if path == "" {
		return ""
	}
	return path + ": "
}
