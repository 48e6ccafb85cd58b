// Package av is the codec engine: it decodes, encodes, scales and draws, in software and
// on devices, by FFmpeg. It is the only package that needs cgo; without it, New returns
// nil and everything else works.
//
// Memory of FFmpeg is not Go's: each context, frame, packet, scaler and resampler is
// counted by the engine that made it ([Live]), so that tests can say that nothing is left
// once everything was closed and released. Setting up goes through go-astiav; what happens
// for each unit, and what that binding lacks, is a small C file of our own (shim.h), in as
// few calls from Go to C as there can be.
package av

import "log/slog"

// Options are what the codec engine is told. The zero value is good.
type Options struct {
	Log *slog.Logger // what FFmpeg says, at debug level; nil: nobody
}
