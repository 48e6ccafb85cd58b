//go:build cgo

package av

import (
	"context"

	"rtsprec/engine/media"
)

// Devices implements media.Coder.
func (c *coder) Devices(context.Context) []media.Device { return nil }
