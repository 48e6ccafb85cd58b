package web

import (
	"net/http"
	"time"
)

// health answers whether recording works, not whether the process lives: 503 while some
// camera's media does not reach the disk although it should.
//
//	{"status": "ok", "recording": 3, "missing": []}
//	{"status": "failing", "recording": 3, "missing": [{"camera": "gate", "since": "...", "for_s": 71.5, "state": "retrying", "reason": "..."}]}
//
// So it is while nothing reaches a target of a relay, which is listed under "silent".
//
// The status is for everybody, so that a probe needs no password; which cameras they are
// is for those who may see them.
func (h *Handler) health(w http.ResponseWriter, r *http.Request, user string) error {
	type missing struct {
		Camera string    `json:"camera"`
		Since  time.Time `json:"since"`
		For    float64   `json:"for_s"`
		State  string    `json:"state"`
		Reason string    `json:"reason,omitempty"`
	}
	type silent struct {
		Target string  `json:"target"`
		For    float64 `json:"for_s"`
		State  string  `json:"state"`
		Reason string  `json:"reason,omitempty"`
	}
	report := struct {
		Status    string    `json:"status"`
		Recording int       `json:"recording"` // cameras whose media should be reaching the disk
		Failing   int       `json:"failing"`   // of them, those whose media does not
		Missing   []missing `json:"missing"`
		Silent    []silent  `json:"silent,omitempty"`
	}{Status: "ok", Missing: []missing{}}

	state := h.state()
	for _, t := range state.Targets {
		if age := h.o.Clock.Wall().Sub(t.Latest); age > h.o.Stale {
			report.Silent = append(report.Silent, silent{t.Name, age.Seconds(), t.State, t.Reason})
		}
	}
	for _, c := range state.Cameras {
		if c.Recorded == nil || c.Recorded.Expected.IsZero() {
			continue
		}
		report.Recording++
		if since, ok := h.stale(c); ok {
			report.Failing++
			report.Missing = append(report.Missing, missing{
				c.Path, since.UTC(), h.o.Clock.Wall().Sub(since).Seconds(), c.State, c.Reason})
		}
	}
	seen := map[string]bool{}
	for _, c := range h.seenState(user).Cameras {
		seen[c.Path] = true
	}
	shown := report.Missing[:0]
	for _, m := range report.Missing {
		if seen[m.Camera] {
			shown = append(shown, m)
		}
	}
	report.Missing = shown
	status := http.StatusOK
	if report.Failing > 0 || len(report.Silent) > 0 {
		report.Status, status = "failing", http.StatusServiceUnavailable
	}
	answer(w, status, report)
	return nil
}

// stale reports since when a camera's media has not reached the disk although it should.
func (h *Handler) stale(c CameraState) (since time.Time, ok bool) {
	since = c.Recorded.Expected
	if c.Recorded.OnDisk.After(since) {
		since = c.Recorded.OnDisk
	}
	return since, h.o.Clock.Wall().Sub(since) > h.o.Stale
}
