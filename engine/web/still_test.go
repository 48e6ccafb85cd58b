package web

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// painter makes stills of one camera.
type painter struct{}

func (painter) Still(_ context.Context, camera string, at time.Time, width int) (Still, error) {
	if camera != "class/teacher" {
		return Still{}, fault.New(fault.NotFound, "no camera %q", camera)
	}
	if at.IsZero() {
		at = day
	}
	return Still{JPEG: []byte{0xff, 0xd8, byte(width)}, At: at}, nil
}

func TestAStillIsAnsweredAndKept(t *testing.T) {
	s := serve(t, Options{Library: &archive{film: makeFilm(t, "h264+aac"), clock: media.SystemClock{}}, Stills: painter{}, Clock: media.SystemClock{}})
	status, header, text := fetch(t, s.URL+"/still.jpg?camera=class/teacher&width=80")
	if status != 200 || text != "\xff\xd8P" || header.Get("Content-Type") != "image/jpeg" || header.Get("X-Still-Time") != day.Format(time.RFC3339Nano) {
		t.Fatalf("%d %v %q", status, header, text)
	}
	if status, _, _ := fetch(t, s.URL+"/still.jpg?camera=class/teacher&width=80", "If-None-Match", header.Get("ETag")); status != http.StatusNotModified {
		t.Errorf("the same still again: %d", status)
	}
	if status, _, _ := fetch(t, s.URL+"/still.jpg?camera=class/teacher&width=81", "If-None-Match", header.Get("ETag")); status != 200 {
		t.Errorf("another width: %d", status)
	}
	if _, h, _ := fetch(t, s.URL+"/still.jpg?camera=class/teacher&at=2026-11-22T09:00:05Z"); h.Get("X-Still-Time") != "2026-11-22T09:00:05Z" {
		t.Errorf("at a time: of %s", h.Get("X-Still-Time"))
	}
	if _, _, page := fetch(t, s.URL+"/"); !strings.Contains(page, "<body data-stills>") {
		t.Error("the page does not know that there are stills")
	}
}

func TestABadQuestionForAStillIsRefused(t *testing.T) {
	s := serve(t, Options{Library: &archive{film: makeFilm(t, "h264+aac"), clock: media.SystemClock{}}, Stills: painter{}, Clock: media.SystemClock{}})
	for query, want := range map[string]string{
		"":                                "say which camera",
		"camera=class/nobody":             "no camera",
		"camera=class/teacher&at=today":   "is no time",
		"camera=class/teacher&width=-1":   "is no number",
		"camera=class/teacher&width=1":    "16 to 3840",
		"camera=class/teacher&width=9999": "16 to 3840",
		"camera=../teacher":               "no name of a camera",
	} {
		if status, _, text := fetch(t, s.URL+"/still.jpg?"+query); status != 400 && status != 404 || !strings.Contains(text, want) {
			t.Errorf("%q: %d %s, want %q", query, status, text, want)
		}
	}
}
