//go:build cgo

package av

import (
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// Still implements media.Coder.
func (c *coder) Still(media.Picture, media.StillOptions) ([]byte, error) {
	return nil, fault.New(fault.Unsupported, "no stills yet")
}
