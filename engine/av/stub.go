//go:build !cgo

package av

import "rtsprec/engine/media"

// New returns nil: this build has no codecs.
func New(Options) media.Coder { return nil }
