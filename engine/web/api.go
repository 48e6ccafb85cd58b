package web

import (
	"context"
	"net/http"

	"rtsprec/engine/access"
	"rtsprec/engine/fault"
)

// seen lists the recordings with the cameras that the user may see: those it may replay
// or watch live. A recording of which it may see nothing is not there.
func (h *Handler) seen(ctx context.Context, user string) ([]Recording, error) {
	all, err := h.o.Library.Recordings(ctx)
	if err != nil {
		return nil, err
	}
	list := []Recording{}
	for _, rec := range all {
		cameras := []Camera{}
		for _, c := range rec.Cameras {
			if h.may(user, c.Path, access.Replay) || h.may(user, c.Path, access.Read) {
				cameras = append(cameras, c)
			}
		}
		// A recording without cameras (one that cannot be read) is for who may see all.
		if len(cameras) > 0 || len(rec.Cameras) == 0 && h.may(user, rec.Name, access.Replay) {
			rec.Cameras = cameras
			list = append(list, rec)
		}
	}
	if len(list) == 0 && user == "" && !h.o.Access.Open() {
		return nil, fault.New(fault.Denied, "log in to see what is here")
	}
	return list, nil
}

// recordings answers {"recordings": [Recording]}, by name.
func (h *Handler) recordings(w http.ResponseWriter, r *http.Request, user string) error {
	list, err := h.seen(r.Context(), user)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, struct {
		Recordings []Recording `json:"recordings"`
	}{list})
	return nil
}

// cameras answers {"cameras": [Camera]}, by recording and name.
func (h *Handler) cameras(w http.ResponseWriter, r *http.Request, user string) error {
	list, err := h.seen(r.Context(), user)
	if err != nil {
		return err
	}
	cameras := []Camera{}
	for _, rec := range list {
		cameras = append(cameras, rec.Cameras...)
	}
	answer(w, http.StatusOK, struct {
		Cameras []Camera `json:"cameras"`
	}{cameras})
	return nil
}

// timeline answers a Timeline. Without from and to it is the whole of the camera's
// window.
func (h *Handler) timeline(w http.ResponseWriter, r *http.Request, user string) error {
	q, err := parseQuery(r.URL.Query())
	if err != nil {
		return err
	}
	if err := h.need(user, access.Replay, q.Camera); err != nil {
		return err
	}
	t, err := h.o.Library.Timeline(r.Context(), q.Camera, q.From, q.To)
	if err != nil {
		return err
	}
	// An empty list is [], never null.
	if t.Spans == nil {
		t.Spans = []Span{}
	}
	if t.Damage == nil {
		t.Damage = []Damage{}
	}
	if t.Protected == nil {
		t.Protected = []Protected{}
	}
	answer(w, http.StatusOK, t)
	return nil
}

// live answers a State with the cameras that the user may see.
func (h *Handler) live(w http.ResponseWriter, r *http.Request, user string) error {
	s := h.seenState(user)
	if len(s.Cameras) == 0 && user == "" && !h.o.Access.Open() {
		return fault.New(fault.Denied, "log in to see what is here")
	}
	answer(w, http.StatusOK, s)
	return nil
}

// seenState is the hub's state with the cameras that the user may see.
func (h *Handler) seenState(user string) State {
	s := h.state()
	cameras := []CameraState{}
	for _, c := range s.Cameras {
		path := c.Path
		allow := func(r access.Right) bool { return h.o.Access.Allow(user, path, r) }
		if allow(access.Read) || allow(access.Replay) || c.Recorded != nil && h.may(user, c.Recorded.Camera, access.Replay) {
			cameras = append(cameras, c)
		}
	}
	s.Cameras = cameras
	s.Server.Refused += h.refused.Load()
	s.Server.Sent += h.sent.Load()
	return s
}
