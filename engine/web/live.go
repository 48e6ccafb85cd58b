package web

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"rtsprec/engine/access"
	"rtsprec/engine/fault"
)

// maxWait bounds how long a request waits for media that is not there yet.
const maxWait = 20 * time.Second

// livePlaylist answers the playlist of what is being recorded. With _HLS_msn, and
// _HLS_part, it waits until that segment or part is listed (rfc8216bis 6.2.5.2).
func (h *Handler) livePlaylist(w http.ResponseWriter, r *http.Request, user string) error {
	q, err := parseQuery(r.URL.Query())
	if err != nil {
		return err
	}
	sequence, part, err := awaited(r.URL.Query(), "_HLS_msn", "_HLS_part")
	if err != nil {
		return err
	}
	win, err := h.window(r, user, q, sequence, part)
	if err == nil && !win.Ended && len(win.Segments) < 2 {
		// Players that know no parts need a segment, or they give up.
		win, err = h.window(r, user, q, win.Sequence+1, 0)
	}
	if err != nil {
		return err
	}
	var b bytes.Buffer
	writeLive(&b, win, q.liveURLs())
	return answerPlaylist(w, r, &b)
}

// awaited reads which part of which segment is waited for; zeros: none. A segment without
// a part is waited for until it is whole, which is when the next one is there.
func awaited(v url.Values, segment, part string) (sequence uint64, n int, err error) {
	s, given, err := parseNumber(v, segment)
	if err != nil {
		return 0, 0, err
	}
	p, partGiven, err := parseNumber(v, part)
	switch {
	case err != nil:
		return 0, 0, err
	case partGiven && !given:
		return 0, 0, fault.New(fault.Usage, "%s without %s", part, segment)
	case !given:
		return 0, 0, nil
	case !partGiven:
		return uint64(s) + 1, 0, nil
	}
	return uint64(s), int(min(p, 1<<20)), nil
}

// window asks the library for live media that the user may watch, and waits for the part
// that is awaited, if it can be there soon.
func (h *Handler) window(r *http.Request, user string, q query, sequence uint64, part int) (*Window, error) {
	if err := h.need(user, access.Read, q.Camera); err != nil {
		return nil, err
	}
	leave, err := enter(h.waiting)
	if err != nil {
		return nil, err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(r.Context(), maxWait)
	defer cancel()
	win, err := h.o.Library.Live(ctx, q.Camera, 0, 0)
	if err == nil && !win.Ended && !win.has(sequence, part) && (sequence > 0 || part > 0) {
		if newest, _ := win.next(); sequence > newest+2 {
			return nil, fault.New(fault.Usage, "segment %d is too far ahead: the newest is %d", sequence, newest)
		}
		win, err = h.o.Library.Live(ctx, q.Camera, sequence, part)
	}
	if err != nil && ctx.Err() != nil && r.Context().Err() == nil {
		return nil, fault.New(fault.Timeout, "nothing new was recorded for %v", maxWait)
	}
	return win, err
}

// has reports whether the part, or something later, is in the window.
func (win *Window) has(sequence uint64, part int) bool {
	next, n := win.next()
	return sequence < next || sequence == next && part < n
}

// liveInit answers what stands before live media: ?uri= as the playlist names it. Who may
// only watch live gets nothing else of the file.
func (h *Handler) liveInit(w http.ResponseWriter, r *http.Request, user string) error {
	q, err := parseQuery(r.URL.Query())
	if err != nil {
		return err
	}
	win, err := h.window(r, user, q, 0, 0)
	if err != nil {
		return err
	}
	for _, s := range win.Segments {
		if s.Init != nil && s.Init.URI == r.URL.Query().Get("uri") {
			return h.serveOne(w, r, q.Camera, *s.Init)
		}
	}
	return fault.New(fault.NotFound, "no such piece of %s: it is over", q.Camera)
}

// liveSegment answers a whole segment: ?n=SEQUENCE.
func (h *Handler) liveSegment(w http.ResponseWriter, r *http.Request, user string) error {
	return h.liveMedia(w, r, user, func(v url.Values) (uint64, int, bool, error) {
		sequence, given, err := parseNumber(v, "n")
		return uint64(sequence), -1, given, err
	})
}

// livePart answers a part, and waits for it when it is the next one: ?n=SEQUENCE&part=.
func (h *Handler) livePart(w http.ResponseWriter, r *http.Request, user string) error {
	return h.liveMedia(w, r, user, func(v url.Values) (uint64, int, bool, error) {
		_, given, err := parseNumber(v, "part")
		if err != nil || !given {
			return 0, 0, false, err
		}
		sequence, part, err := awaited(v, "n", "part")
		return sequence, part, true, err
	})
}

func (h *Handler) liveMedia(w http.ResponseWriter, r *http.Request, user string,
	which func(url.Values) (sequence uint64, part int, given bool, err error)) error {
	values := r.URL.Query()
	q, err := parseQuery(values)
	if err != nil {
		return err
	}
	sequence, part, given, err := which(values)
	switch {
	case err != nil:
		return err
	case !given:
		return fault.New(fault.Usage, "say which: the playlist does")
	}
	win, err := h.window(r, user, q, sequence, max(part, 0))
	if err != nil {
		return err
	}
	s, ok := win.find(sequence)
	p := s.Piece
	if ok && part >= 0 {
		if ok = part < len(s.Parts); ok {
			p = s.Parts[part]
		}
	}
	if !ok || p.Gap || part < 0 && s.Open {
		return fault.New(fault.NotFound, "no such piece of %s: it is over, or became another one", q.Camera)
	}
	return h.serveOne(w, r, q.Camera, p)
}

// maxSegment bounds the bytes of a live segment that are held to answer it.
const maxSegment = 64 << 20

// serveOne answers a piece as if it were all there is of its resource.
func (h *Handler) serveOne(w http.ResponseWriter, r *http.Request, camera string, p Piece) error {
	body, err := h.o.Library.Open(r.Context(), camera, "", p.URI)
	if err != nil {
		return err
	}
	defer body.Close()
	if p.Length == 0 {
		serveMedia(w, r, body)
		return nil
	}
	if p.Length > maxSegment {
		return fault.New(fault.Unsupported, "a segment of more than %d MiB", maxSegment>>20)
	}
	data := make([]byte, p.Length)
	if _, err = body.Seek(p.Offset, io.SeekStart); err == nil {
		_, err = io.ReadFull(body, data)
	}
	if err != nil {
		return fault.Because("read a piece", err)
	}
	serveMedia(w, r, bytes.NewReader(data))
	return nil
}

// liveURLs says where the live resources of the queried camera are, relative to the
// playlist.
func (q query) liveURLs() liveURLs {
	at := func(what string, sequence uint64, part int) string {
		v := q.values()
		v.Set("n", strconv.FormatUint(sequence, 10))
		if part >= 0 {
			v.Set("part", strconv.Itoa(part))
		}
		return what + "?" + v.Encode()
	}
	return liveURLs{
		Init: func(uri string) string {
			v := q.values()
			v.Set("uri", uri)
			return "init.mp4?" + v.Encode()
		},
		Segment: func(sequence uint64) string { return at("segment.mp4", sequence, -1) },
		Part:    func(sequence uint64, part int) string { return at("part.mp4", sequence, part) },
	}
}
