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
	win, err := h.o.Library.Live(r.Context(), q.Camera, 0, 0)
	if err != nil || sequence == 0 && part == 0 || win.Ended || win.has(sequence, part) {
		return win, err
	}
	if newest, _ := win.next(); sequence > newest+2 {
		return nil, fault.New(fault.Usage, "segment %d is too far ahead: the newest is %d", sequence, newest)
	}
	leave, err := enter(h.waiting)
	if err != nil {
		return nil, err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(r.Context(), maxWait)
	defer cancel()
	win, err = h.o.Library.Live(ctx, q.Camera, sequence, part)
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
			return h.serveParts(w, r, q.Camera, []Piece{*s.Init})
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
	pieces := s.Parts
	if ok && part >= 0 {
		if ok = part < len(pieces); ok {
			pieces = pieces[part : part+1]
		}
	}
	if !ok || len(pieces) == 0 || part < 0 && s.Open {
		return fault.New(fault.NotFound, "no such piece of %s: it is over, or became another one", q.Camera)
	}
	return h.serveParts(w, r, q.Camera, pieces)
}

// serveParts answers some pieces as one.
func (h *Handler) serveParts(w http.ResponseWriter, r *http.Request, camera string, pieces []Piece) error {
	var media bytes.Buffer
	var body Body
	var open string
	defer func() {
		if body != nil {
			body.Close()
		}
	}()
	for _, p := range pieces {
		if body == nil || open != p.URI {
			if body != nil {
				body.Close()
			}
			var err error
			if body, err = h.o.Library.Open(r.Context(), camera, p.URI); err != nil {
				return err
			}
			open = p.URI
		}
		if err := copyPiece(&media, body, p); err != nil {
			return err
		}
	}
	serveMedia(w, r, bytes.NewReader(media.Bytes()))
	return nil
}

// maxSegment bounds the bytes of a live segment that are held to answer it.
const maxSegment = 64 << 20

// copyPiece copies the bytes of p.
func copyPiece(out *bytes.Buffer, body io.ReadSeeker, p Piece) error {
	if _, err := body.Seek(p.Offset, io.SeekStart); err != nil {
		return fault.Because("read a piece", err)
	}
	length := p.Length
	if length == 0 {
		length = maxSegment
	}
	if int64(out.Len())+p.Length > maxSegment {
		return fault.New(fault.Unsupported, "a segment of more than %d MiB", maxSegment>>20)
	}
	if _, err := io.CopyN(out, body, length); err != nil && !(err == io.EOF && p.Length == 0) {
		return fault.Because("read a piece", err)
	}
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
