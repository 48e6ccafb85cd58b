package web

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rtsprec/engine/access"
	"rtsprec/engine/fault"
)

// master answers the playlist that a player is given: of a recording when there is a
// from, else of what is being recorded now. The sound of another camera is put beside what
// was recorded; live it is a rendition of its own, and dates say what belongs together.
func (h *Handler) master(w http.ResponseWriter, r *http.Request, user string) error {
	q, err := parseQuery(r.URL.Query())
	if err != nil {
		return err
	}
	v, err := h.variantOf(r, user, q)
	if err != nil {
		return err
	}
	h.describe(r, q.Camera, &v)
	if q.Audio != "" && q.From.IsZero() {
		other := q
		other.Camera = q.Audio
		sound, err := h.variantOf(r, user, other)
		if err != nil {
			return err
		}
		v.Audio, v.AudioName = sound.URL, q.Audio
		v.Codecs = joinCodecs(v.Codecs, sound.Codecs)
		v.Peak, v.Mean = v.Peak+sound.Peak, v.Mean+sound.Mean
	}
	var b bytes.Buffer
	writeMaster(&b, v)
	return answerPlaylist(w, r, &b)
}

// variantOf asks for one camera's part of a master playlist.
func (h *Handler) variantOf(r *http.Request, user string, q query) (v variant, err error) {
	var pieces []Piece
	if q.From.IsZero() {
		win, err := h.window(r, user, q, 0, 0)
		if err != nil {
			return v, err
		}
		v.URL, v.Notes = "live.m3u8?"+q.values().Encode(), win.Notes
		for _, s := range win.Segments {
			pieces = append(pieces, s.Piece)
		}
	} else {
		if pieces, v.Notes, err = h.pieces(r, user, q); err != nil {
			return v, err
		}
		values := q.values()
		if q.Audio != "" {
			values.Set("audio", q.Audio)
		}
		v.URL = "media.m3u8?" + values.Encode()
	}
	v.Codecs = codecsOf(pieces)
	v.Peak, v.Mean = rates(pieces)
	return v, nil
}

// joinCodecs is the picture of one and the sound of the other.
func joinCodecs(picture, sound string) string {
	var list []string
	for codec := range strings.SplitSeq(picture, ",") {
		if isPicture(codec) {
			list = append(list, codec)
		}
	}
	for codec := range strings.SplitSeq(sound, ",") {
		if codec != "" && !isPicture(codec) {
			list = append(list, codec)
		}
	}
	return strings.Join(list, ",")
}

func isPicture(codec string) bool {
	return strings.HasPrefix(codec, "avc") || strings.HasPrefix(codec, "hvc") || strings.HasPrefix(codec, "mp4v")
}

// vod answers the playlist of a recording.
func (h *Handler) vod(w http.ResponseWriter, r *http.Request, user string) error {
	q, err := parseQuery(r.URL.Query())
	if err != nil {
		return err
	}
	pieces, notes, err := h.pieces(r, user, q)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	writeVOD(&b, pieces, notes, q.pieceURL)
	return answerPlaylist(w, r, &b)
}

// pieces asks the library for a range that the user may replay. Without an end it is an
// hour.
func (h *Handler) pieces(r *http.Request, user string, q query) ([]Piece, []string, error) {
	if q.To.IsZero() && !q.From.IsZero() {
		q.To = q.From.Add(time.Hour)
	}
	if err := q.needRange(); err != nil {
		return nil, nil, err
	}
	if err := h.need(user, access.Replay, q.Camera, q.Audio); err != nil {
		return nil, nil, err
	}
	leave, err := enter(h.clips)
	if err != nil {
		return nil, nil, err
	}
	defer leave()
	return h.o.Library.Pieces(r.Context(), q.Camera, q.Audio, q.From, q.To)
}

// piece answers the bytes that a playlist names.
func (h *Handler) piece(w http.ResponseWriter, r *http.Request, user string) error {
	q, err := parseQuery(r.URL.Query())
	if err != nil {
		return err
	}
	uri := r.URL.Query().Get("uri")
	if uri == "" || len(uri) > 4*maxPath {
		return fault.New(fault.Usage, "uri: no piece of a playlist")
	}
	if err := h.need(user, access.Replay, q.Camera, q.Audio); err != nil {
		return err
	}
	body, err := h.o.Library.Open(r.Context(), q.Camera, q.Audio, uri)
	if err != nil {
		return err
	}
	defer body.Close()
	serveMedia(w, r, body)
	return nil
}

// serveMedia answers MP4 with ranges.
func serveMedia(w http.ResponseWriter, r *http.Request, body io.ReadSeeker) {
	w.Header().Set("Content-Type", "video/mp4")
	w.Header().Set("Cache-Control", "no-store")
	http.ServeContent(w, r, "", time.Time{}, body)
}

// answerPlaylist writes a playlist, or nothing but its header.
func answerPlaylist(w http.ResponseWriter, r *http.Request, b *bytes.Buffer) error {
	w.Header().Set("Content-Type", "application/vnd.apple.mpegurl")
	w.Header().Set("Cache-Control", "no-store")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b.Bytes()))
	return nil
}

// describe adds the newest size of the camera's picture, and the mean of its bitrate where
// the pieces do not tell how large they will be.
func (h *Handler) describe(r *http.Request, camera string, v *variant) {
	list, err := h.o.Library.Recordings(r.Context())
	if err != nil {
		return
	}
	for _, rec := range list {
		for _, c := range rec.Cameras {
			if c.Path != camera {
				continue
			}
			for _, t := range c.Tracks {
				v.Width, v.Height = max(v.Width, t.Width), max(v.Height, t.Height)
			}
			if span := c.To.Sub(c.From).Seconds() * c.Coverage; v.Mean == 0 && span > 0 {
				v.Mean = int(float64(8*c.Bytes) / span)
				v.Peak = 2 * v.Mean
			}
		}
	}
}

// values is the query as another URL repeats it, for one camera.
func (q query) values() url.Values {
	v := url.Values{"camera": {q.Camera}}
	if !q.From.IsZero() {
		v.Set("from", q.From.UTC().Format(time.RFC3339Nano))
	}
	if !q.To.IsZero() {
		v.Set("to", q.To.UTC().Format(time.RFC3339Nano))
	}
	return v
}

// pieceURL is where a piece of the queried camera is, relative to the playlist.
func (q query) pieceURL(uri string) string {
	v := url.Values{"camera": {q.Camera}, "uri": {uri}}
	if q.Audio != "" {
		v.Set("audio", q.Audio)
	}
	return "piece.mp4?" + v.Encode()
}
