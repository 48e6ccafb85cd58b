//go:build cgo

package av

import (
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// SoundDecoder implements media.Coder.
func (c *coder) SoundDecoder(media.Track, media.SoundFormat) (media.SoundDecoder, error) {
	return nil, fault.New(fault.Unsupported, "not yet")
}
