package engine

import (
	"fmt"
	"image"
	"slices"
	"strings"
	"time"

	"rtsprec/engine/rate"
	"rtsprec/presets"
)

// AdaptChange says that a target gets another picture from now on.
type AdaptChange struct {
	Target  string    `json:"target"`
	At      time.Time `json:"at"`
	Step    int       `json:"step"` // 0: the source itself
	Name    string    `json:"name"`
	Bitrate int       `json:"bitrate"` // bit/s that the way takes
	Reasons []string  `json:"reasons"`
}

// Type implements Event.
func (AdaptChange) Type() string { return "quality" }

// Serious implements Event.
func (AdaptChange) Serious() bool { return false }

// Text implements Event.
func (e AdaptChange) Text(*time.Location) string {
	what := "gets " + e.Name
	if e.Step == 0 {
		what = "gets the source itself again"
	}
	return fmt.Sprintf("%s: %s (%s)", e.Target, what, strings.Join(e.Reasons, "; "))
}

// AdaptPoint is how a way was at an instant.
type AdaptPoint struct {
	At       time.Time
	Source   int // bit/s of what comes
	Target   int // bit/s that the controller allows
	Sent     int // bit/s that went out since the last point
	Capacity int // bit/s, as last seen full; 0: never
	Step     int
	Queueing time.Duration
	Loss     float64
	State    rate.State
}

// point notes how things are, five times a second and for a day at most.
func (a *adapter) point(now time.Time, f rate.Feedback, d rate.Decision, source float64) {
	if len(a.points) >= mostPoints {
		return
	}
	p := AdaptPoint{
		At: now, Source: int(source), Target: d.Bitrate, Capacity: d.Capacity, Queueing: d.Queueing, Loss: d.Loss, State: d.State,
	}
	if a.loop.steps != nil {
		p.Step = a.loop.steps.At()
	}
	if n := len(a.points); n > 0 {
		if took := now.Sub(a.points[n-1].At).Seconds(); took > 0 && f.Sent >= a.sent {
			p.Sent = int(float64(f.Sent-a.sent) * 8 / took)
		}
	}
	a.sent = f.Sent
	a.points = append(a.points, p)
}

// now is what the target gets, in a word or two: "source", "720p25 1.8 Mbit/s".
func (a *adapter) now() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.loop.steps == nil || a.loop.steps.At() == 0 {
		return "source"
	}
	return fmt.Sprintf("%s %.1f Mbit/s", a.loop.name(a.loop.steps.At()), float64(a.loop.bitrate)/1e6)
}

// history is what has become of the way so far.
func (a *adapter) history() ([]AdaptChange, []AdaptPoint) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.changes), slices.Clone(a.points)
}

func sizeOf(r presets.Rung) image.Point { return image.Pt(r.Width, r.Height) }
