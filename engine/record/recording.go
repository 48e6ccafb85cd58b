// Package record writes recordings and repairs those that were interrupted.
package record

import (
	"context"
	"log/slog"
	"time"

	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
)

// Options says where and how to record. Dir, FS and Clock are needed; Plan only by
// [Create].
type Options struct {
	Dir     string
	FS      vfs.FS
	Clock   media.Clock
	Plan    journal.Plan
	Observe func(Event)  // see Event; may be nil
	Log     *slog.Logger // debugging only; nil: none
	Version string       // of rtsprec, for the journal
}

// Recording is a recording being written.
type Recording struct{}

// Recovery is what [Open] found and did, for people.
type Recovery struct {
	Plan    journal.Plan
	Closed  bool     // its window was ended in order: only resume with a new plan makes sense
	Repairs []string // one line each; empty when everything was in order
}

// ClockObserver is implemented by the sinks of a Recording: whoever reads a camera's
// clock tells what it saw, about once a minute and track. Camera is filled in.
type ClockObserver interface {
	ObserveClock(c journal.Clock)
}

// Create begins a recording in a new or empty directory.
func Create(o Options) (*Recording, error) { return nil, nil }

// Open repairs the recording in o.Dir and makes it ready to go on.
func Open(o Options) (*Recording, Recovery, error) { return nil, Recovery{}, nil }

// Camera returns the sink of a camera of the plan.
func (r *Recording) Camera(name string) (media.Sink, error) { return nil, nil }

// Run commits what is written until ctx is done.
func (r *Recording) Run(ctx context.Context) error { return nil }

// Close ends every run, commits, seals, and with a why ends the window at that time.
func (r *Recording) Close(ctx context.Context, why string, at time.Time) error { return nil }

// Window returns the window as far as it is known.
func (r *Recording) Window() (from, to time.Time) { return time.Time{}, time.Time{} }
