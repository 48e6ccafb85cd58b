package web

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rtsprec/engine/access"
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// Options is what a Handler is made of. Library and Clock are needed.
type Options struct {
	Library Library
	Hub     Hub    // nil: nothing is live; recordings are served all the same
	Stills  Stills // nil: there are none
	Charts  Charts // nil: there are none
	// Compositions are the paths that are composed here; nil: none.
	Compositions Compositions
	Access       *access.List  // nil: everybody may see everything
	Guard        *access.Guard // nil: no limit to failed logins
	Clock        media.Clock
	Log          *slog.Logger // nil: none
	Version      string       // of rtsprec, for the page and the metrics
	// Stale is how long a camera's media may fail to reach the disk before /healthz says
	// so; 0: 10 s.
	Stale time.Duration
}

// Handler answers requests. It holds no goroutine and needs no closing.
type Handler struct {
	o       Options
	log     *slog.Logger
	mux     *http.ServeMux
	page    *page
	clips   chan struct{} // a place for each clip and playlist being assembled
	waiting chan struct{} // a place for each request that waits for live media
	refused atomic.Uint64 // logins
	sent    atomic.Uint64 // bytes of answers
	blocks  sync.Pool     // of *block
	stall   time.Duration // see there
}

// What strangers can make the handler do at a time.
const (
	maxClips   = 32
	maxWaiting = 256
)

// New returns the handler of everything this package serves. It starts nothing.
func New(o Options) *Handler {
	h := newHandler(o)
	h.handle("/api/v1/recordings", h.recordings)
	h.handle("/api/v1/cameras", h.cameras)
	h.handle("/api/v1/timeline", h.timeline)
	h.handle("/api/v1/live", h.live)
	h.handle(compositionPath, h.composition)
	h.handle("/hls/index.m3u8", h.master)
	h.handle("/hls/media.m3u8", h.vod)
	h.handle("/hls/piece.mp4", h.piece)
	h.handle("/hls/live.m3u8", h.livePlaylist)
	h.handle("/hls/init.mp4", h.liveInit)
	h.handle("/hls/segment.mp4", h.liveSegment)
	h.handle("/hls/part.mp4", h.livePart)
	h.handle("/clip", h.clip)
	h.handle("/still.jpg", h.still)
	h.handle("/timeline.png", h.chart)
	h.handle("/login", h.loginPage)
	h.handle("/page/", h.asset)
	h.handle("/", h.home)
	return h
}

// NewStatus returns a handler of /metrics and /healthz alone. A Library is not needed.
func NewStatus(o Options) *Handler { return newHandler(o) }

// newHandler returns a handler of how things stand, to which others are added.
func newHandler(o Options) *Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Stale <= 0 {
		o.Stale = 10 * time.Second
	}
	h := &Handler{
		o: o, log: o.Log, mux: http.NewServeMux(), page: newPage(),
		clips: make(chan struct{}, maxClips), waiting: make(chan struct{}, maxWaiting),
		blocks: sync.Pool{New: newBlock}, stall: stall,
	}
	h.handle("/metrics", h.metrics)
	h.handle("/healthz", h.health)
	return h
}

// action answers one request of a user who is known to be it; "" is anybody. An error is
// turned into a status and a sentence, as long as nothing was written.
type action func(w http.ResponseWriter, r *http.Request, user string) error

func (h *Handler) handle(pattern string, do action) {
	h.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		user, ok := h.login(w, r)
		if !ok {
			return
		}
		if err := do(w, r, user); err != nil {
			h.fail(w, r, user, err)
		}
	})
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	pw := &progressWriter{ResponseWriter: w, control: http.NewResponseController(w), sent: &h.sent, blocks: &h.blocks, stall: h.stall}
	secure(pw.Header())
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead && !(r.Method == http.MethodPost && r.URL.Path == compositionPath):
		pw.Header().Set("Allow", "GET, HEAD")
		refuseBody(pw)
		h.answerError(pw, http.StatusMethodNotAllowed, "there is nothing here to be changed")
	case r.ContentLength != 0:
		refuseBody(pw)
		h.answerError(pw, http.StatusRequestEntityTooLarge, "a request has no body here")
	case strings.Contains(r.URL.Path, "\x00"):
		h.answerError(pw, http.StatusBadRequest, "no such name")
	default:
		h.mux.ServeHTTP(pw, r)
	}
}

// fail turns an error into an answer. Nothing that failed inside is told to strangers in
// more than its own words, and none of those hold a password.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, user string, err error) {
	if r.Context().Err() != nil {
		return // nobody listens any more
	}
	switch kind := fault.KindOf(err); kind {
	case fault.Denied:
		h.deny(w, user, err.Error())
	case fault.Usage:
		h.answerError(w, http.StatusBadRequest, err.Error())
	case fault.NotFound:
		h.answerError(w, http.StatusNotFound, err.Error())
	case fault.Unsupported:
		h.answerError(w, http.StatusUnsupportedMediaType, err.Error())
	case fault.Busy, fault.Timeout:
		w.Header().Set("Retry-After", "1")
		h.answerError(w, http.StatusServiceUnavailable, err.Error())
	default:
		h.log.Error("a request failed", "path", r.URL.Path, "kind", kind.String(), "error", err)
		h.answerError(w, http.StatusInternalServerError, err.Error())
	}
}

// answerError writes {"error": why}.
func (h *Handler) answerError(w http.ResponseWriter, status int, why string) {
	answer(w, status, struct {
		Error string `json:"error"`
	}{why})
}

// answer writes v as JSON. Answers tell how things are now, so nobody keeps them.
func answer(w http.ResponseWriter, status int, v any) {
	header := w.Header()
	for _, name := range []string{"Content-Disposition", "Content-Length", "ETag", "Last-Modified"} {
		header.Del(name)
	}
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // who does not read it is gone
}

// state is what the hub knows, or nothing.
func (h *Handler) state() State {
	if h.o.Hub == nil {
		return State{At: h.o.Clock.Wall(), Cameras: []CameraState{}}
	}
	return h.o.Hub.State()
}

// enter takes a place, or fails with fault.Busy when all are taken.
func enter(places chan struct{}) (leave func(), err error) {
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	default:
		return nil, fault.New(fault.Busy, "too many requests of this kind at a time; try again")
	}
}
