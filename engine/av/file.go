//go:build cgo

package av

import (
	"context"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// File implements media.Coder.
func (c *coder) File(ctx context.Context, path string, start time.Time) (media.Source, error) {
	return nil, fault.New(fault.Unsupported, "not yet")
}
