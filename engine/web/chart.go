package web

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"rtsprec/engine/access"
	"rtsprec/engine/fault"
)

// Charts draws timelines. Its method may be called from many goroutines.
type Charts interface {
	// Chart draws what each instant of some cameras of a recording is, as a PNG. Zero times
	// are the ends of its window, a width of 0 is its own choice. What is not there is a
	// fault.NotFound, a range without time a fault.Usage.
	Chart(ctx context.Context, recording string, cameras []string, from, to time.Time, width int) ([]byte, error)
}

// How wide a chart may be asked for.
const minChart, maxChart = 400, 3840

// chart answers a PNG: ?recording=, from=, to= and width= are wanted, not needed. It has
// the cameras that the user may replay.
func (h *Handler) chart(w http.ResponseWriter, r *http.Request, user string) error {
	values := r.URL.Query()
	var from, to time.Time
	for name, t := range map[string]*time.Time{"from": &from, "to": &to} {
		s := values.Get(name)
		if s == "" {
			continue
		}
		var err error
		if *t, err = ParseTime(s); err != nil {
			return fault.Because(name, err)
		}
	}
	width, given, err := parseNumber(values, "width")
	switch {
	case err != nil:
		return err
	case given && (width < minChart || width > maxChart):
		return fault.New(fault.Usage, "width: %d to %d pixels", minChart, maxChart)
	}
	list, err := h.seen(r.Context(), user)
	if err != nil {
		return err
	}
	name := values.Get("recording")
	for _, rec := range list {
		if rec.Name != name || h.o.Charts == nil {
			continue
		}
		var cameras []string
		for _, c := range rec.Cameras {
			if h.may(user, c.Path, access.Replay) {
				cameras = append(cameras, c.Name)
			}
		}
		if len(cameras) == 0 {
			break
		}
		leave, err := enter(h.clips)
		if err != nil {
			return err
		}
		defer leave()
		data, err := h.o.Charts.Chart(r.Context(), name, cameras, from, to, int(width))
		if err != nil {
			return err
		}
		header := w.Header()
		header.Set("Content-Type", "image/png")
		header.Set("Cache-Control", "private, no-store")
		header.Set("Content-Length", strconv.Itoa(len(data)))
		_, err = w.Write(data)
		return err
	}
	return fault.New(fault.NotFound, "there is no recording %s", fmt.Sprintf("%q", shorten(name)))
}
