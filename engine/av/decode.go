//go:build cgo

package av

import (
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// PictureDecoder implements media.Coder.
func (c *coder) PictureDecoder(media.Track, media.DecodeOptions) (media.PictureDecoder, error) {
	return nil, fault.New(fault.Unsupported, "not yet")
}
