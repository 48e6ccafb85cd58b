package engine_test

import (
	"context"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/onvif/onviftest"
	"rtsprec/engine/rtspcam"
)

// encoded is a recording over a weak way of a camera whose encoder may be asked.
type encoded struct {
	weakly
	device *onviftest.Device
}

func recordEncoded(t *testing.T, sub string, o onviftest.Options) *encoded {
	t.Helper()
	o.User, o.Password = "admin", "s3cret"
	e := &encoded{weakly{dir: filepath.Join(t.TempDir(), "rec"), done: make(chan struct{})}, onviftest.Start(t, o)}
	e.way = newUplink(t, rtspcam.Start(t, rtspcam.Options{Paths: twoStreams()}))
	e.way.kbit(3000)
	e.d, e.events = deps(t)
	c := camera("a", strings.Replace(e.way.url("main"), "//", "//admin:s3cret@", 1), "tcp")
	c.ONVIF, c.ONVIFBitrate = e.device.URL, 800
	if sub != "" {
		c.SubURL = e.way.url(sub)
	}
	ctx, cancel := context.WithCancel(context.Background())
	e.stop = cancel
	go func() {
		defer close(e.done)
		e.summary, e.err = engine.Record(ctx, e.d, engine.RecordOptions{Dir: e.dir, Cameras: []journal.Camera{c}}.Retrying(time.Second))
	}()
	t.Cleanup(func() { cancel(); <-e.done })
	return e
}

func (e *encoded) awaitChanges(t *testing.T, want ...string) {
	t.Helper()
	waitFor(t, strings.Join(want, ", "), func() bool { return slices.Equal(e.device.Changes(), want) })
}

// said counts the notices with a text.
func (e *encoded) said(text string) (n int) {
	for _, notice := range all[engine.Notice](e.events) {
		if strings.Contains(notice.Message, "s3cret") {
			n += 1000
		}
		if strings.Contains(notice.Message, text) {
			n++
		}
	}
	return n
}

func TestTheEncoderIsAskedForLessWhileTheWayIsNarrowAndHasItsOwnRateBack(t *testing.T) {
	t.Parallel()
	e := recordEncoded(t, "sub", onviftest.Options{})
	e.awaitChanges(t, "main 800")
	e.way.kbit(wide) // as if it now sent less
	e.awaitChanges(t, "main 800", "main 4000")
	waitFor(t, "the notice", func() bool { return e.said("back at its own 4000 kbit/s") == 1 })
	e.end()
	if e.err != nil || e.said("too narrow for the main stream: pictures come") != 1 || e.said("set to 800 kbit/s instead of 4000") != 1 || len(e.streams()) != 1 {
		t.Errorf("%v, streams %v", e.err, e.streams())
	}
	if n := len(e.device.Changes()); n != 2 {
		t.Errorf("%d changes", n)
	}
	c := verified(t, e.d, e.dir, archive.Clean).Cameras[0]
	if len(c.Quality) != 1 || c.Quality[0].Stream != "main" || c.Quality[0].Limit != 800_000 || !strings.Contains(c.Quality[0].Why, "too narrow") {
		t.Fatalf("at a low rate: %+v", c.Quality)
	}
	if q := c.Quality[0]; time.Duration(c.Coverage.Limited) != q.To.Sub(q.From) || c.Coverage.Limited <= 0 || c.Coverage.Limited >= c.Coverage.Media {
		t.Errorf("%+v of %+v", q, c.Coverage)
	}
}

func TestTheEncoderHasItsOwnRateBackAtTheEndOfARecording(t *testing.T) {
	t.Parallel()
	e := recordEncoded(t, "", onviftest.Options{})
	e.awaitChanges(t, "main 800")
	e.end()
	if got := e.device.Changes(); !slices.Equal(got, []string{"main 800", "main 4000"}) || e.said("back at its own 4000 kbit/s") != 1 {
		t.Errorf("%v, %v", got, e.err)
	}
}

// TestAnEncoderThatDidNotSayWhetherItTookTheLowerRateHasItsOwnBack ends while the answer is
// still awaited.
func TestAnEncoderThatDidNotSayWhetherItTookTheLowerRateHasItsOwnBack(t *testing.T) {
	t.Parallel()
	reached, first := make(chan struct{}), true
	e := recordEncoded(t, "", onviftest.Options{Answer: func(name string, w http.ResponseWriter, r *http.Request) bool {
		if name != "SetVideoEncoderConfiguration" || !first {
			return false
		}
		first = false
		close(reached)
		<-r.Context().Done()
		return true
	}})
	select {
	case <-reached:
	case <-time.After(20 * time.Second):
		t.Fatal("the encoder was not asked")
	}
	e.end()
	if got := e.device.Changes(); !slices.Equal(got, []string{"main 4000"}) || e.said("back at its own 4000 kbit/s") != 1 {
		t.Errorf("%v, %v", got, e.device.Asked())
	}
}

func TestADeviceThatRefusesIsToldOfOnceAndTheSubStreamHasItsTurn(t *testing.T) {
	t.Parallel()
	e := recordEncoded(t, "sub", onviftest.Options{Answer: func(name string, w http.ResponseWriter, _ *http.Request) bool {
		if name != "SetVideoEncoderConfiguration" {
			return false
		}
		onviftest.Fault(w, "ter:ConfigModify", "not by you, s3cret")
		return true
	}})
	e.await(t, "main", "sub")
	e.end()
	if e.err != nil && !fault.Is(e.err, fault.Incomplete) || e.said("left alone") != 1 || e.said("it says: not by you") != 1 || e.said("could not be given") != 0 || len(e.device.Changes()) != 0 {
		t.Errorf("%v, %v", e.err, e.device.Changes())
	}
}
