package engine

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/onvif"
	"rtsprec/engine/rate"
	"rtsprec/engine/rtsp"
)

const (
	// encoderAnswer is how long a camera may take over one change of its encoder.
	encoderAnswer = 8 * time.Second
	// encoderBack is the same for having its own setting back at the end.
	encoderBack = 5 * time.Second
	// encoderTakes is how long pictures may still come late after a change: what was
	// encoded before has to go away first.
	encoderTakes = 6 * time.Second
)

// encoder is that of a camera, which is asked for a lower bit rate while the way from it is
// too narrow for its main stream, and for its own again once that has come in time for a
// while. A sub-stream has its turn where that is not enough. It belongs to the feed's
// goroutine; one request at a time is on its way beside it.
type encoder struct {
	deps   Deps
	camera journal.Camera

	device  *onvif.Encoder  // nil: not found yet
	asked   *encoderRequest // under way; nil: none
	own     int             // kbit/s to be restored; 0: nothing was changed
	is      int             // kbit/s that are in force instead; 0: its own
	why     string          // they are
	since   time.Time       // when that was answered
	retry   rate.Retry      // of a change that failed, or to the camera's own rate
	refuses bool            // it is left alone
	failed  string          // told
}

// encoderRequest is one change, whose results stand once done is closed.
type encoderRequest struct {
	low     bool
	why     string
	cancel  context.CancelFunc
	done    chan struct{}
	was, is int
	err     error
}

// newEncoder is nil for a camera whose encoder is not to be asked.
func newEncoder(d Deps, c journal.Camera, first time.Duration) *encoder {
	if c.ONVIFBitrate <= 0 {
		return nil
	}
	return &encoder{deps: d, camera: c, retry: rate.Retry{First: first}}
}

// narrow says that the way is too narrow now, and reports whether it is still to be seen
// if what the encoder is asked for is enough.
func (e *encoder) narrow(ctx context.Context, now time.Time, why string) bool {
	if e == nil {
		return false
	}
	e.look(now)
	switch {
	case e.asked != nil:
		return true
	case e.is > 0:
		return now.Sub(e.since) < encoderTakes
	case e.refuses || !e.retry.Due(now):
		return false
	}
	e.ask(ctx, true, why)
	return true
}

// calm says that the main stream has come in time for a while.
func (e *encoder) calm(ctx context.Context, now time.Time) {
	e.look(now)
	if e.is > 0 && e.asked == nil && e.retry.Due(now) {
		e.ask(ctx, false, "")
	}
}

// limit is the bit rate that is in force instead of the camera's own, in bit/s, and why; 0:
// its own is.
func (e *encoder) limit() (rate int, why string) {
	if e == nil {
		return 0, ""
	}
	return 1000 * e.is, e.why
}

// ask begins a change.
func (e *encoder) ask(ctx context.Context, low bool, why string) {
	ctx, cancel := context.WithTimeout(ctx, encoderAnswer)
	r := &encoderRequest{low: low, why: why, cancel: cancel, done: make(chan struct{})}
	e.asked = r
	go func() {
		defer close(r.done)
		defer cancel()
		if r.err = e.find(ctx); r.err != nil {
			return
		}
		if low {
			r.was, r.is, r.err = e.device.Lower(ctx, e.camera.ONVIFBitrate)
		} else {
			r.err = e.device.Restore(ctx, e.own)
		}
	}()
}

// find asks the device which encoder it is, where that is not known yet.
func (e *encoder) find(ctx context.Context) error {
	if e.device != nil {
		return nil
	}
	o, err := onvifOptions(e.camera)
	if err != nil {
		return err
	}
	o.Clock = e.deps.Clock
	e.device, err = onvif.Open(ctx, o)
	return err
}

// look takes in what was answered.
func (e *encoder) look(now time.Time) {
	if e == nil || e.asked == nil {
		return
	}
	select {
	case <-e.asked.done:
	default:
		return
	}
	r := e.asked
	e.asked = nil
	if r.low {
		e.lowered(now, r)
	} else {
		e.raised(now, r)
	}
}

func (e *encoder) lowered(now time.Time, r *encoderRequest) {
	own := orDefault(e.own, r.was)
	switch {
	case r.err == nil && r.is >= own:
		r.err = fault.New(fault.Unsupported, "it is at %d kbit/s already", own)
	case r.was > 0 && !saysNo(r.err):
		e.own = own // also where no answer came: it may have done it
	}
	if r.err != nil {
		e.retry.Failed(now)
		e.troubled(r.err)
		return
	}
	e.is, e.why, e.since = r.is, r.why, now
	e.retry.Lost(now)
	e.say("%s: its encoder is set to %d kbit/s instead of %d", r.why, r.is, own)
}

// saysNo reports whether the device has answered that it will not.
func saysNo(err error) bool {
	for _, kind := range []fault.Kind{fault.Refused, fault.Denied, fault.Unsupported, fault.NotFound} {
		if fault.Is(err, kind) {
			return true
		}
	}
	return false
}

func (e *encoder) raised(now time.Time, r *encoderRequest) {
	if r.err != nil {
		e.retry.Failed(now)
		if !fault.Is(r.err, fault.Canceled) {
			e.say("its encoder is not back at its own bit rate yet: %v", r.err)
		}
		return
	}
	e.retry.Found(now)
	e.restored()
}

func (e *encoder) restored() {
	e.say("its encoder is back at its own %d kbit/s", e.own)
	e.is, e.own, e.why = 0, 0, ""
}

// troubled tells, once, why the encoder could not be asked. Who says no is left alone, who
// was not to be reached is tried again.
func (e *encoder) troubled(err error) {
	if fault.Is(err, fault.Canceled) {
		return
	}
	left := ""
	if !fault.Is(err, fault.Timeout) && !fault.Is(err, fault.Unreachable) {
		e.refuses, left = true, ", and it is left alone"
	}
	if text := err.Error(); e.failed != text {
		e.failed = text
		e.say("its encoder is not to be had at a lower bit rate%s: %s", left, text)
	}
}

func (e *encoder) say(format string, args ...any) {
	e.deps.observe(Notice{Camera: e.camera.Name, Message: fmt.Sprintf(format, args...)})
}

// leave ends what is under way and, beside whoever calls it, gives the camera its own
// setting back, whatever became of ctx. The function that is returned waits for that.
func (e *encoder) leave(ctx context.Context) (wait func()) {
	if e == nil || e.asked == nil && e.own == 0 {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), encoderBack)
		defer cancel()
		if r := e.asked; r != nil {
			r.cancel()
			<-r.done
			e.look(e.deps.Clock.Now())
		}
		if e.own == 0 {
			return
		}
		if err := e.device.Restore(ctx, e.own); err != nil {
			e.say("its encoder could not be given its own %d kbit/s back: %v", e.own, err)
			return
		}
		e.restored()
	}()
	return func() { <-done }
}

// onvifOptions says how a camera's device service is reached: with the login of its stream.
func onvifOptions(c journal.Camera) (o onvif.Options, err error) {
	host, user, password, stream, err := rtsp.Login(c.URL)
	if err != nil {
		return o, err
	}
	o = onvif.Options{Device: c.ONVIF, User: user, Password: password, Stream: stream}
	if o.Device == "" {
		if strings.Contains(host, ":") {
			host = strings.TrimSuffix(net.JoinHostPort(host, ""), ":")
		}
		o.Device = "http://" + host + "/onvif/device_service"
	}
	return o, nil
}
