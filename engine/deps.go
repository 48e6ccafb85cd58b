// Package engine is what rtsprec does, as blocking functions: Record, Resume, Serve,
// Relay, Export, Probe, Verify, List. Each takes the outside world as [Deps], tells what happens through
// Deps.Observe, and returns when its work is done or its context ends.
//
// Cancelling the context is the orderly way to stop: sources are closed, what was
// received is written and sealed, and the result is as good as if the planned end had
// come. A process that dies in the middle is covered by recovery, not by code here.
package engine

import (
	"context"
	"log/slog"

	"rtsprec/engine/media"
	"rtsprec/engine/rtsp"
	"rtsprec/engine/vfs"
)

// Deps is the world as the engine sees it. All fields but Observe, Log and Coder are needed.
type Deps struct {
	FS      vfs.FS
	Clock   media.Clock
	Dial    func(ctx context.Context, o rtsp.Options) (Session, error) // DialRTSP outside tests
	Observe func(Event)                                                // called from many goroutines, must not block
	Log     *slog.Logger                                               // debugging only; nil: none
	Coder   media.Coder                                                // nil: this build has no codecs
	Version string                                                     // of rtsprec, for the journal
}

// Session is a live run that can be asked how it is doing.
type Session interface {
	media.Source
	Stats() rtsp.Stats
}

// DialRTSP opens a session with an RTSP camera.
func DialRTSP(ctx context.Context, o rtsp.Options) (Session, error) {
	c, err := rtsp.Dial(ctx, o)
	if err != nil {
		return nil, err // never a typed nil
	}
	return c, nil
}

func (d Deps) observe(e Event) {
	if d.Observe != nil {
		d.Observe(e)
	}
}

func (d Deps) log() *slog.Logger {
	if d.Log != nil {
		return d.Log
	}
	return slog.New(slog.DiscardHandler)
}
