//go:build cgo

package av

import (
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// SoundEncoder implements media.Coder.
func (c *coder) SoundEncoder(media.SoundEncodeOptions) (media.SoundEncoder, error) {
	return nil, fault.New(fault.Unsupported, "not yet")
}
