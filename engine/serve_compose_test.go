package engine_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/access"
	"rtsprec/engine/fault"
	"rtsprec/engine/testcard"
)

// wall is a path that is composed of two others, side by side.
func wall(t testing.TB, inputs ...engine.ComposeInput) engine.ServePath {
	t.Helper()
	o := composing(t, "side-by-side", inputs...)
	o.Audio = "none"
	return engine.ServePath{Name: "wall", Compose: &o}
}

// pair is two paths of test pictures that are pulled while somebody wants them.
func pair() []engine.ServePath {
	a, b := pulled("a", "testsrc://320x180@25?bitrate=2M&audio=none"), pulled("b", "testsrc://320x180@25?bitrate=2M&audio=none")
	a.OnDemand, a.Idle = true, time.Second
	b.OnDemand, b.Idle = true, time.Second
	return []engine.ServePath{a, b}
}

// inputsOf are the states of a composition's inputs, as the server tells them.
func (s *served) inputsOf(path string) string {
	view, err := engine.AskServer(context.Background(), s.http, engine.Command{Do: "state", Path: path})
	if err != nil {
		return err.Error()
	}
	var states []string
	for _, in := range view.Inputs {
		states = append(states, in.State)
	}
	return strings.Join(states, " ")
}

func TestAPathIsComposedOfOthersWhileSomebodyWatches(t *testing.T) {
	t.Parallel()
	d, e := coding(t), &events{}
	d.Observe = e.add
	w := wall(t, engine.ComposeInput{Name: "a", Path: "a"}, engine.ComposeInput{Name: "second", Path: "b"}, engine.ComposeInput{Name: "nobody", Path: "pub"})
	w.OnDemand, w.Idle = true, time.Second
	s := serveAs(t, d, e, engine.ServeOptions{Paths: append(pair(), w, engine.ServePath{Name: "pub"})})
	if _, err := engine.AskServer(t.Context(), s.http, engine.Command{Do: "state"}); !fault.Is(err, fault.NotFound) {
		t.Errorf("what nobody watches: %v", err)
	}
	v := s.watch(t, "wall")
	waitFor(t, "the inputs", func() bool { return s.inputsOf("") == "live live connecting" })
	view, err := engine.AskServer(t.Context(), s.http, engine.Command{Do: "speaker", Name: "second"})
	if err != nil || view.Path != "wall" || view.Inputs[0].Cell == "left" || view.Inputs[1].Cell != "left" {
		t.Errorf("%+v %v", view, err)
	}
	next := int64(-1)
	for range 30 { // not a picture is lost, though the speaker changed
		au, err := v.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		// Only a machine that is too slow leaves pictures out, and then a second of them.
		if step := int64(90000 / 25); next >= 0 && au.DTS < next+90000 && (au.DTS-next > step/4 || next-au.DTS > step/4) {
			t.Errorf("a picture at %d, not %d", au.DTS, next)
		}
		next = au.DTS + 90000/25
	}
	v.Close()
	waitFor(t, "everything to rest", func() bool { return s.state("wall") == "idle" && s.state("a") == "idle" && s.state("b") == "idle" })
	again := s.watch(t, "wall") // and begins anew
	if _, err := again.Next(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAComposedPathIsRecordedAndAReloadDoesNotDisturbIt(t *testing.T) {
	t.Parallel()
	d, e := coding(t), &events{}
	d.Observe = e.add
	w := wall(t, engine.ComposeInput{Name: "a", Path: "a"}, liveInput("b", "testsrc://320x180@25?bitrate=2M&audio=none"))
	w.Record = true
	o := engine.ServeOptions{Record: engine.RecordInto{Dir: filepath.Join(t.TempDir(), "live")}, Paths: append(pair()[:1], w)}
	s := serveAs(t, d, e, o)
	waitFor(t, "the inputs", func() bool { return s.inputsOf("wall") == "live live" })
	s.reload <- o
	waitFor(t, "the reload", func() bool { return len(all[engine.Reloaded](e)) == 1 })
	v := s.watch(t, "wall")
	for range 25 {
		if _, err := v.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	v.Close()
	s.end(t)
	left := wholeButSlow(t, d, o.Record.Dir)
	list := shownPictures(t, filepath.Join(o.Record.Dir, "wall"), w.Compose.Size)
	everyPicture(t, list, 25, uint64(left.Seconds()*25+0.5))
	for _, cell := range []struct {
		name string
		ok   bool
	}{{"a", readable(list[len(list)-1], true)}, {"b", readable(list[len(list)-1], false)}} {
		if !cell.ok {
			t.Errorf("%s is not to be seen at the end", cell.name)
		}
	}
}

// readable reports whether a half of a picture shows a test card.
func readable(p shownPicture, left bool) bool {
	cell := rightHalf
	if left {
		cell = leftHalf
	}
	_, ok := testcard.Read(p.luma, cell)
	return ok
}

func TestWhoMaySteerACompositionIsAQuestionOfRights(t *testing.T) {
	t.Parallel()
	d, e := coding(t), &events{}
	d.Observe = e.add
	w := wall(t, engine.ComposeInput{Name: "a", Path: "a"})
	socket := filepath.Join(t.TempDir(), "ctl")
	s := serveAs(t, d, e, engine.ServeOptions{Socket: socket, Paths: append(pair()[:1], w), Users: []access.User{
		{Name: "boss", Password: "p", Grants: []access.Grant{{Paths: []string{"wall"}, Rights: []access.Right{access.Steer}}}},
		{Name: "viewer", Password: "p", Grants: []access.Grant{{Paths: []string{"**"}, Rights: []access.Right{access.Read}}}},
		{Name: "other", Password: "p", Grants: []access.Grant{{Paths: []string{"a"}, Rights: access.Rights()}}},
	}})
	ask := func(user, do string) error {
		u, _ := url.Parse(s.http)
		if user != "" {
			u.User = url.UserPassword(user, "p")
		}
		_, err := engine.AskServer(t.Context(), u.String(), engine.Command{Do: do, Path: "wall"})
		return err
	}
	for _, c := range []struct {
		user, do string
		may      bool
	}{
		{"boss", "next", true}, {"boss", "state", true}, {"viewer", "state", true}, {"viewer", "next", false},
		{"other", "state", false}, {"other", "next", false}, {"", "state", false}, {"", "next", false},
	} {
		if err := ask(c.user, c.do); c.may && err != nil || !c.may && !fault.Is(err, fault.Denied) {
			t.Errorf("%q asks for %s: %v", c.user, c.do, err)
		}
	}
	if view, err := engine.AskControl(t.Context(), socket, engine.Command{Do: "layout", Name: "pip"}); err != nil || view.Layout != "pip" || view.Path != "wall" {
		t.Errorf("over the socket: %+v %v", view, err)
	}
	if _, err := engine.AskControl(t.Context(), socket, engine.Command{Do: "state", Path: "a"}); !fault.Is(err, fault.NotFound) {
		t.Errorf("a path that is not composed: %v", err)
	}
	// A browser that knows the password does not lend it to the page of another site.
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.http+"api/v1/composition?do=next", nil)
	r.SetBasicAuth("boss", "p")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var said struct{ Error string }
	if json.NewDecoder(answer.Body).Decode(&said); answer.StatusCode != http.StatusForbidden {
		t.Errorf("%s %s", answer.Status, said.Error)
	}
}

func TestAServerWithoutCodecsSaysThatItCannotCompose(t *testing.T) {
	t.Parallel()
	d, _ := deps(t)
	err := engine.Serve(t.Context(), d, engine.ServeOptions{RTSP: []string{"127.0.0.1:0"}, Paths: []engine.ServePath{wall(t, liveInput("a", "rtsp://127.0.0.1:1/a"))}})
	if !fault.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), "wall") {
		t.Errorf("%v", err)
	}
}
