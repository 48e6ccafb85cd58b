package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/rate"
	"rtsprec/engine/record"
	"rtsprec/engine/rtsp"
)

// A camera with two streams plays the main one. The sub-stream takes its place while the
// main one is refused and, where the feed follows the way, while the way from the camera is
// too narrow for it. The other stream is opened beside the one that plays, and takes over
// with a key frame, where the one that plays ends: nothing is missing between them. A
// camera that gives one session at a time is asked for the other once the first is closed.

const (
	// lookForMain is how often a camera whose sub-stream is recorded is asked for its main
	// stream, where that was refused.
	lookForMain = 10 * time.Second
	// handOver is how long a stream that is to be left may take to come to where the other
	// begins, while what is recorded must be whole.
	handOver = 10 * time.Second
	// handOverLive is the same where it is better to be in time.
	handOverLive = time.Second
	// singleFirst is how long a main stream is left alone for which the sub-stream has to be
	// closed.
	singleFirst = time.Minute
	// suffers is how late pictures of the sub-stream come that the trial of the main one
	// takes the room from.
	suffers = 600 * time.Millisecond
	// soundAfter is how long sound may come behind the picture at a handover.
	soundAfter = 300 * time.Millisecond
)

// streams says which of a camera's streams plays. It belongs to the feed's goroutine.
type streams struct {
	follow   bool          // the way is followed
	encoder  *encoder      // the camera's own, which is asked first; nil: it is not
	patience time.Duration // see handOver; 0: that

	sub      bool        // the next session, or the one that plays, is the sub-stream's
	weak     bool        // because the way is too narrow for the main one
	why      string      // in words
	single   bool        // the camera gives one session at a time
	tryMain  rate.Retry  // when the main stream is tried again
	trySub   rate.Retry  // when the sub-stream is, which was not to be had
	asked    time.Time   // when a main stream that was refused was last asked for
	intake   rate.Intake // of the session that plays
	seen     time.Time   // when its packets were last counted
	beside   *standby    // nil: none
	reach    time.Time   // when its picture came to where the other begins; zero: not yet
	noSubFor string      // told: why the sub-stream is not to be had
}

// errOther ends a session whose place the other stream is to take.
type errOther struct{ error }

func (e errOther) Unwrap() error { return e.error }

// hasSub reports whether the camera has another stream.
func (f *feed) hasSub() bool { return f.camera.SubURL != "" && f.camera.SubURL != f.camera.URL }

// choose picks the stream of the next try after err: the sub-stream, where the camera
// has one, when it is there and will not give the main one (no session free, no such
// path, a codec that cannot be recorded), or when the way was too narrow for it; else the
// main one. It reports whether the try is of another stream than the last, and so need not
// wait.
func (f *feed) choose(err error) (other bool) {
	if _, decided := errors.AsType[errOther](err); decided || !f.hasSub() {
		return decided
	}
	was := f.sub
	refused := false
	switch fault.KindOf(err) {
	case fault.Refused, fault.NotFound, fault.Busy, fault.Unsupported, fault.Protocol:
		refused = true
	}
	now := f.deps.Clock.Now()
	switch {
	case was && f.weak && !refused: // the way is no better for that
	case was:
		if f.weak {
			f.trySub.Failed(now)
		}
		f.sub, f.weak, f.why = false, false, ""
	case refused && f.single: // it was tried in the place of the sub-stream
		f.sub, f.weak, f.why = true, true, "the main stream is refused: "+err.Error()
		f.tryMain.Failed(now)
	case refused:
		f.sub, f.why, f.asked = true, "the main stream is refused: "+err.Error(), time.Time{}
	case f.follow && len(f.intake.Narrow()) > 0: // it ended because nothing went away
		f.settle(now, true, narrowText(f.intake.Narrow()))
	}
	f.intake = rate.Intake{}
	return f.sub != was
}

func narrowText(why []rate.Reason) string {
	return "the way is too narrow for the main stream: " + why[0].Text
}

// connect dials, when that leaves enough descriptors for the disk.
func (f *feed) connect(ctx context.Context, o rtsp.Options) (Session, error) {
	if f.files != nil {
		release, err := f.files.take()
		if err != nil {
			return nil, err
		}
		defer release()
	}
	return f.deps.dial(ctx, o)
}

// variant says of a run which stream it is.
func (f *feed) variant(run media.Run) media.Run {
	if !f.hasSub() {
		return run
	}
	run.Stream, run.Why = media.MainStream, f.why
	if f.sub != f.wantsSmall() {
		run.Stream = media.SubStream
	}
	return run
}

// compare looks after each unit of s whether the other stream is to play, and opens it. An
// error ends the session: the other one has its place.
func (f *feed) compare(ctx context.Context, s Session, au media.AccessUnit) error {
	run := s.Run()
	if !f.hasSub() && f.encoder == nil || au.Track != leadOf(run) {
		return nil
	}
	watch(&f.intake, &f.seen, s, run, au)
	now := f.deps.Clock.Now()
	if b := f.beside; b != nil {
		return f.attend(b, now)
	}
	if !f.sub && f.follow {
		eased := f.eases(ctx, now)
		f.tellLimit(au.Wall)
		if eased {
			return nil
		}
	}
	if !f.hasSub() {
		return nil
	}
	switch {
	case !f.sub && f.follow && f.trySub.Due(now):
		if why := f.intake.Narrow(); len(why) > 0 {
			return f.other(ctx, s, now, true, false, narrowText(why))
		}
	case f.sub && f.weak && f.tryMain.Due(now) && f.intake.Calm():
		return f.other(ctx, s, now, false, true, "the way takes the main stream again")
	case f.sub && !f.weak && now.Sub(f.asked) >= lookForMain:
		first := f.asked.IsZero()
		if f.asked = now; !first {
			return f.other(ctx, s, now, false, false, "the main stream is there again")
		}
	}
	return nil
}

// eases has the camera's encoder follow the way, and reports whether that may be enough.
func (f *feed) eases(ctx context.Context, now time.Time) bool {
	if f.encoder == nil {
		return false
	}
	if why := f.intake.Narrow(); len(why) > 0 {
		return f.encoder.narrow(ctx, now, narrowText(why))
	}
	if f.intake.Calm() {
		f.encoder.calm(ctx, now)
	}
	return false
}

// tellLimit tells the sink, and whoever asks for progress, at which bit rate the camera's
// encoder is held.
func (f *feed) tellLimit(at time.Time) {
	limit, why := f.encoder.limit()
	f.mu.Lock()
	same := f.limit == limit
	f.limit, f.limitWhy = limit, why
	f.mu.Unlock()
	if o, ok := f.sink.(record.LimitObserver); ok && !same {
		o.ObserveLimit(at, limit, why)
	}
}

// other opens the other stream, beside s where the camera gives two sessions.
func (f *feed) other(ctx context.Context, s Session, now time.Time, sub, trial bool, why string) error {
	if f.single && f.follow {
		f.settle(now, sub, why)
		return errOther{fault.New(fault.Ended, "%s; the camera gives one session at a time", why)}
	}
	f.reach = time.Time{}
	f.beside = f.standBy(ctx, s, sub, trial, why)
	return nil
}

// settle notes that the sub-stream, or the main stream, plays from now on.
func (f *feed) settle(now time.Time, sub bool, why string) {
	if f.sub == sub {
		return
	}
	f.sub, f.why = sub, why
	if sub {
		f.weak = true
		f.tryMain.Lost(now)
	} else {
		f.weak, f.asked = false, time.Time{}
		f.tryMain.Found(now)
	}
	f.intake = rate.Intake{}
}

// attend sees whether what stands by came to nothing, or takes too much.
func (f *feed) attend(b *standby, now time.Time) error {
	err := b.failed(now)
	if ready, _ := b.takesOver(); err == nil && !ready && b.trial && f.intake.Late() > suffers {
		err = fault.New(fault.Incomplete, "the way does not take it beside the sub-stream")
	}
	if err == nil {
		return nil
	}
	f.deps.log().Debug("the other stream is not taken", "camera", f.camera.Name, "sub", b.sub, "err", err)
	f.dropBeside()
	if !b.sub {
		if f.weak {
			f.tryMain.Failed(now)
			f.single = f.single || fault.Is(err, fault.Busy)
		}
		return nil
	}
	if fault.Is(err, fault.Busy) && !f.single {
		f.single, f.tryMain.First = true, singleFirst
		f.settle(now, true, b.why)
		return errOther{fault.New(fault.Ended, "%s; the camera gives one session at a time", b.why)}
	}
	f.trySub.Failed(now)
	f.noSub(b.why, err)
	return nil
}

// noSub says, once, that the sub-stream is not to be had.
func (f *feed) noSub(why string, err error) {
	if text := err.Error(); f.noSubFor != text {
		f.noSubFor = text
		f.deps.observe(Notice{Camera: f.camera.Name, Message: fmt.Sprintf("%s, and its sub-stream is not to be had: %s", why, text)})
	}
}

// passed tells of a unit of the session that is to be left whether it is still wanted, and
// whether it was the last.
func (f *feed) passed(s Session, au media.AccessUnit) (wanted, last bool) {
	b := f.beside
	if b == nil {
		return true, false
	}
	ok, from := b.takesOver()
	if !ok {
		return true, false
	}
	run := s.Run()
	beyond := !decoded(run, au).Before(from)
	if beyond && au.Track == leadOf(run) && f.reach.IsZero() {
		f.reach = au.Arrival
	}
	alone := !slices.ContainsFunc(run.Tracks, func(t media.Track) bool { return t.ID != leadOf(run) })
	last = !f.reach.IsZero() && (alone || beyond && au.Track != leadOf(run) || au.Arrival.Sub(f.reach) > soundAfter)
	return !beyond, last
}

// dropBeside ends what stands by.
func (f *feed) dropBeside() {
	if b := f.beside; b != nil {
		f.beside = nil
		b.drop()
	}
}
