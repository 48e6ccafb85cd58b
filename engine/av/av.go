//go:build cgo

package av

import (
	"github.com/asticode/go-astiav"

	"rtsprec/engine/media"
)

// New returns the codec engine of this build.
func New(Options) media.Coder { _ = astiav.CodecIDH264; return nil }
