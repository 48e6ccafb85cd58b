// Package av is the codec engine: it decodes, encodes, scales and draws, in software and
// on devices, by FFmpeg. It is the only package that needs cgo; without it, New returns
// nil and everything else works.
package av

import "log/slog"

// Options are what the codec engine is told. The zero value is good.
type Options struct {
	Log *slog.Logger // what FFmpeg says, at debug level; nil: nobody
}
