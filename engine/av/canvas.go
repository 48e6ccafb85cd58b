//go:build cgo

package av

import (
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// Canvas implements media.Coder.
func (c *coder) Canvas(media.CanvasOptions) (media.Canvas, error) {
	return nil, fault.New(fault.Unsupported, "no canvas yet")
}
