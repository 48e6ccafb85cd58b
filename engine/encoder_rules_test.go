package engine

import (
	"testing"
	"time"

	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/onvif/onviftest"
)

func TestTheSubStreamHasItsTurnOnceALowerRateWasNotEnough(t *testing.T) {
	t.Parallel()
	device := onviftest.Start(t, onviftest.Options{})
	said := 0
	e := newEncoder(Deps{Clock: media.SystemClock{}, Observe: func(Event) { said++ }},
		journal.Camera{Name: "a", URL: "rtsp://cam/main", ONVIF: device.URL, ONVIFBitrate: 800}, 0)
	ctx, at := t.Context(), media.SystemClock{}.Now()
	narrow := func(after time.Duration, want bool) {
		t.Helper()
		if got := e.narrow(ctx, at.Add(after), "narrow"); got != want {
			t.Errorf("after %v: %v", after, got)
		}
	}
	answered := func() {
		t.Helper()
		select {
		case <-e.asked.done:
		case <-time.After(10 * time.Second):
			t.Fatal("no answer")
		}
	}
	narrow(0, true)
	answered()
	narrow(time.Second, true)
	narrow(encoderTakes, true)
	narrow(time.Second+encoderTakes, false)
	e.calm(ctx, at.Add(10*time.Second))
	if e.asked != nil {
		t.Error("its own rate is asked for too soon")
	}
	e.calm(ctx, at.Add(11*time.Second))
	answered()
	narrow(12*time.Second, true) // too narrow again, at once
	answered()
	narrow(13*time.Second, true)
	e.calm(ctx, at.Add(30*time.Second))
	if e.asked != nil {
		t.Error("a rate that failed soon is tried again as soon as before")
	}
	e.leave(ctx)()
	if got := device.Changes(); len(got) != 4 || got[3] != "main 4000" || said != 4 {
		t.Errorf("%v, told %d times", got, said)
	}
}

func TestADeviceIsLookedForAtTheHostOfTheCamera(t *testing.T) {
	for url, want := range map[string]string{
		"rtsp://u:p%40ss@cam:8554/live?x=y": "http://cam/onvif/device_service",
		"rtsps://u:p@[fe80::1]:322/live":    "http://[fe80::1]/onvif/device_service",
	} {
		if o, err := onvifOptions(journal.Camera{URL: url}); err != nil || o.Device != want || o.User != "u" || o.Password == "" {
			t.Errorf("%s: %+v, %v", url, o, err)
		}
	}
}
