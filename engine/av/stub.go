//go:build !cgo

package av

import "rtsprec/engine/media"

// New returns nil: this build has no codecs.
func New(Options) media.Coder { return nil }

// Live returns 0: nothing of FFmpeg is alive in a build without codecs.
func Live(media.Coder) int { return 0 }
