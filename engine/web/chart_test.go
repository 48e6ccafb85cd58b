package web

import (
	"context"
	"slices"
	"testing"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// draftsman draws timelines as a line of text.
type draftsman struct{ asked [][]string }

func (d *draftsman) Chart(_ context.Context, recording string, cameras []string, from, to time.Time, width int) ([]byte, error) {
	if !to.IsZero() && !from.Before(to) {
		return nil, fault.New(fault.Usage, "no time")
	}
	d.asked = append(d.asked, cameras)
	return []byte("a picture of " + recording), nil
}

func TestATimelineIsAnsweredAsAPicture(t *testing.T) {
	d := &draftsman{}
	s := serve(t, Options{Library: &archive{film: makeFilm(t, "h264+aac"), clock: media.SystemClock{}}, Charts: d, Clock: media.SystemClock{}})
	status, header, text := fetch(t, s.URL+"/timeline.png?recording=class&width=800")
	if status != 200 || text != "a picture of class" || header.Get("Content-Type") != "image/png" || len(d.asked) != 1 || !slices.Contains(d.asked[0], "teacher") {
		t.Errorf("%d %v %q, asked for %q", status, header, text, d.asked)
	}
	for query, want := range map[string]int{
		"recording=nobody": 404, "": 404, "recording=class&width=10": 400, "recording=class&width=99999": 400, "recording=class&from=yesterday": 400,
		"recording=class&from=2026-11-22T10:00:00Z&to=2026-11-22T09:00:00Z": 400,
	} {
		if status, _, text := fetch(t, s.URL+"/timeline.png?"+query); status != want {
			t.Errorf("%s: %d %s, want %d", query, status, text, want)
		}
	}
}

func TestATimelineShowsOnlyWhatOneMayReplay(t *testing.T) {
	d := &draftsman{}
	s := serve(t, Options{Library: &archive{film: makeFilm(t, "h264+aac"), clock: media.SystemClock{}}, Charts: d, Access: people(t), Clock: media.SystemClock{}})
	for user, want := range map[string]int{"": 401, "guest": 404, "watcher": 404, "auditor": 200} {
		var login []string
		if user != "" {
			login = []string{"Authorization", basic(user, "pw")}
		}
		if status, _, _ := fetch(t, s.URL+"/timeline.png?recording=class", login...); status != want {
			t.Errorf("%q: %d, want %d", user, status, want)
		}
	}
	if len(d.asked) != 1 || len(d.asked[0]) != 2 {
		t.Errorf("drawn: %q", d.asked)
	}
}
