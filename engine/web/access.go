package web

import (
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"slices"
	"strconv"

	"rtsprec/engine/access"
	"rtsprec/engine/fault"
)

// login finds out who asks, by Basic (RFC 7617). Without credentials it is anybody: the
// empty name. ok is false when the request was answered already.
func (h *Handler) login(w http.ResponseWriter, r *http.Request) (user string, ok bool) {
	if h.o.Access.Open() {
		return "", true
	}
	name, password, given := r.BasicAuth()
	if !given {
		return "", true
	}
	addr, now := addressOf(r), h.o.Clock.Now()
	if wait := h.o.Guard.Blocked(addr, now); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		h.answerError(w, http.StatusTooManyRequests, "too many wrong passwords from this address; wait a little")
		return "", false
	}
	if !h.o.Access.Check(name, password) {
		h.refused.Add(1)
		// A floor under floods: who fails too often is not heard, and not logged, for a while.
		blocked := h.o.Guard.Failed(addr, now)
		h.log.Warn("wrong user or password", "address", addr.String(), "refused_for_a_while", blocked)
		h.challenge(w, "user or password is wrong")
		return "", false
	}
	h.o.Guard.Passed(addr)
	return name, true
}

// challenge asks for a user and a password.
func (h *Handler) challenge(w http.ResponseWriter, why string) {
	w.Header().Set("WWW-Authenticate", `Basic realm="rtsprec", charset="UTF-8"`)
	h.answerError(w, http.StatusUnauthorized, why)
}

// deny tells a user that it may not: anybody is asked who it is, a known user is not.
func (h *Handler) deny(w http.ResponseWriter, user, why string) {
	if user == "" {
		h.challenge(w, why)
		return
	}
	h.answerError(w, http.StatusForbidden, fmt.Sprintf("user %s: %s", user, why))
}

// may reports whether the user has the right on a camera of the library: granted for its
// path there, or for the path under which the camera is live.
func (h *Handler) may(user, camera string, right access.Right) bool {
	if h.o.Access.Allow(user, camera, right) {
		return true
	}
	return slices.ContainsFunc(h.state().Cameras, func(c CameraState) bool {
		return c.Recorded != nil && c.Recorded.Camera == camera && h.o.Access.Allow(user, c.Path, right)
	})
}

// need is may as an error of kind fault.Denied.
func (h *Handler) need(user string, right access.Right, cameras ...string) error {
	for _, camera := range cameras {
		if camera != "" && !h.may(user, camera, right) {
			return fault.New(fault.Denied, "no right to %s %s", right, camera)
		}
	}
	return nil
}

// addressOf is where a request comes from; the zero Addr where that is not an IP address.
func addressOf(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr()
}
