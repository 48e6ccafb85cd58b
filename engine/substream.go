package engine

import (
	"context"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/rtsp"
)

// lookForMain is how often a camera whose sub-stream is recorded is asked for its main
// stream.
const lookForMain = 10 * time.Second

// choose picks the stream of the next try after err: the sub-stream, where the camera
// has one, when it is there and will not give the main one (no session free, no such
// path, a codec that cannot be recorded); else the main one. It reports whether the try
// is of another stream than the last, and so need not wait.
func (f *feed) choose(err error) (other bool) {
	was := f.sub
	f.sub = false
	switch fault.KindOf(err) {
	case fault.Refused, fault.NotFound, fault.Busy, fault.Unsupported, fault.Protocol:
		f.sub = !was && f.camera.SubURL != ""
	}
	return f.sub && !was
}

// dial opens the session that choose picked, or takes the main one that was found
// meanwhile.
func (f *feed) dial(ctx context.Context) (Session, error) {
	if s := f.main; s != nil {
		f.main, f.sub = nil, false
		return s, nil
	}
	return f.connect(ctx, f.options(f.sub))
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

// seekMain asks for the main stream now and then while s plays the sub-stream, and ends
// s once it plays. The returned function ends the asking and reports whether it was had.
func (f *feed) seekMain(ctx context.Context, s Session) (found func() bool) {
	if !f.sub {
		return func() bool { return false }
	}
	options := f.options(false)
	ctx, cancel := context.WithCancel(ctx)
	had := make(chan Session, 1)
	go func() {
		defer close(had)
		tick := time.NewTicker(lookForMain)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if main, err := f.connect(ctx, options); err == nil {
				had <- main
				s.Close()
				return
			}
		}
	}()
	return func() bool {
		cancel()
		f.main = <-had // nil when closed without
		return f.main != nil
	}
}

// dropMain closes a main session that nobody took.
func (f *feed) dropMain() {
	if f.main != nil {
		f.main.Close()
		f.main = nil
	}
}
