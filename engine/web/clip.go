package web

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
	"unicode"

	"rtsprec/engine/access"
	"rtsprec/engine/fault"
)

// clip answers one plain MP4, with Content-Length and byte ranges.
func (h *Handler) clip(w http.ResponseWriter, r *http.Request, user string) error {
	q, err := parseQuery(r.URL.Query())
	if err == nil {
		err = q.needRange()
	}
	if err != nil {
		return err
	}
	if err := h.need(user, access.Replay, q.Camera, q.Audio); err != nil {
		return err
	}
	c, err := h.openClip(r, q)
	if err != nil {
		return err
	}
	defer c.Close()
	size, err := c.Seek(0, io.SeekEnd)
	if err != nil {
		return fault.Because("measure the clip", err)
	}
	header := w.Header()
	header.Set("Content-Type", "video/mp4")
	header.Set("Content-Disposition", attachment(q.Camera, c.Start))
	header.Set("Cache-Control", "no-store")
	header.Set("ETag", fmt.Sprintf(`"%x-%x-%x"`, size, c.Start.UnixNano(), c.End.UnixNano()))
	header.Set("X-Clip-Start", c.Start.UTC().Format(time.RFC3339Nano))
	header.Set("X-Clip-End", c.End.UTC().Format(time.RFC3339Nano))
	for _, note := range c.Notes {
		header.Add("X-Clip-Note", headerText(note))
	}
	http.ServeContent(w, r, "", time.Time{}, c)
	return nil
}

// openClip bounds how many headers are being made at a time.
func (h *Handler) openClip(r *http.Request, q query) (*Clip, error) {
	leave, err := enter(h.clips)
	if err != nil {
		return nil, err
	}
	defer leave()
	return h.o.Library.Clip(r.Context(), q.Camera, q.Audio, q.From, q.To)
}

// attachment names a download: the camera and the time in UTC, of characters that every
// file system takes.
func attachment(camera string, start time.Time) string {
	name := camera[strings.LastIndexByte(camera, '/')+1:]
	name = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_.", r) {
			return r
		}
		return '_'
	}, name)
	name = strings.TrimLeft(name, ".") + "-" + start.UTC().Format("20060102T150405Z") + ".mp4"
	return mime.FormatMediaType("attachment", map[string]string{"filename": name})
}

// headerText makes a sentence fit for a header field: ASCII on one line.
func headerText(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == 'µ':
			return 'u'
		case r < ' ' || r > '~':
			return '?'
		}
		return r
	}, s)
}
