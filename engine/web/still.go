package web

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"rtsprec/engine/access"
	"rtsprec/engine/fault"
)

// Stills makes pictures of cameras. Its methods may be called from many goroutines.
type Stills interface {
	// Still is the newest key frame of a camera, as a path of the library or the path on
	// which it is live, or the one at or before a time. width is in pixels, 0 the picture's
	// own. A camera that is not there, or has no picture, is a fault.NotFound; too many
	// asking at a time a fault.Busy.
	Still(ctx context.Context, camera string, at time.Time, width int) (Still, error)
}

// Still is a picture of a camera.
type Still struct {
	JPEG []byte
	At   time.Time // when it was captured
}

// How wide a still may be asked for.
const minStill, maxStill = 16, 3840

// still answers a JPEG: ?camera=, at= and width= are wanted, not needed.
func (h *Handler) still(w http.ResponseWriter, r *http.Request, user string) error {
	values := r.URL.Query()
	q, err := parseQuery(values)
	if err != nil {
		return err
	}
	var at time.Time
	if s := values.Get("at"); s != "" {
		if at, err = ParseTime(s); err != nil {
			return fault.Because("at", err)
		}
	}
	width, given, err := parseNumber(values, "width")
	switch {
	case err != nil:
		return err
	case given && (width < minStill || width > maxStill):
		return fault.New(fault.Usage, "width: %d to %d pixels", minStill, maxStill)
	}
	if err := h.needStill(user, q.Camera, at); err != nil {
		return err
	}
	if h.o.Stills == nil {
		return fault.New(fault.NotFound, "no still of %s: this build of rtsprec has no decoder", q.Camera)
	}
	s, err := h.o.Stills.Still(r.Context(), q.Camera, at, int(width))
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", "image/jpeg")
	header.Set("Cache-Control", "private, no-cache") // kept, and asked about each time
	header.Set("ETag", fmt.Sprintf(`"%x-%x"`, s.At.UnixNano(), width))
	header.Set("X-Still-Time", s.At.UTC().Format(time.RFC3339Nano))
	http.ServeContent(w, r, "", s.At, bytes.NewReader(s.JPEG))
	return nil
}

// needStill: who may replay a camera may see any picture of it, and who may watch it live
// the newest one while it is live.
func (h *Handler) needStill(user, camera string, at time.Time) error {
	live := slices.ContainsFunc(h.state().Cameras, func(c CameraState) bool {
		return c.Path == camera || c.Recorded != nil && c.Recorded.Camera == camera
	})
	if live && at.IsZero() && h.may(user, camera, access.Read) {
		return nil
	}
	return h.need(user, access.Replay, camera)
}
