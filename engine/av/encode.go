//go:build cgo

package av

import (
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// PictureEncoder implements media.Coder.
func (c *coder) PictureEncoder(media.EncodeOptions) (media.PictureEncoder, error) {
	return nil, fault.New(fault.Unsupported, "not yet")
}
