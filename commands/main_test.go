package commands

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/fault"
)

func TestFirstSignalFinishesInOrder(t *testing.T) {
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		f := newFake(t, "record", "-i", "rtsp://cam/live")
		f.Engine.Record = func(ctx context.Context, d engine.Deps, o engine.RecordOptions) (*engine.Summary, error) {
			f.signals <- s
			<-ctx.Done()
			eventually(t, "what happens next is said", func() bool { return strings.Contains(f.err.String(), "Ctrl-C again") })
			return &engine.Summary{Dir: o.Dir, From: noon, To: noon.Add(time.Minute)}, nil
		}
		f.run(t, 0)
		contains(t, f.out.String(), "2026-11-22T110000Z: 2026-11-22 12:00:00 to 12:01:00 (1:00)")
	}
}

func TestSecondSignalStopsAtOnce(t *testing.T) {
	f := newFake(t, "record", "-i", "rtsp://cam/live")
	hang := make(chan struct{})
	ended := make(chan struct{})
	f.Engine.Record = func(ctx context.Context, d engine.Deps, o engine.RecordOptions) (*engine.Summary, error) {
		defer close(ended)
		f.signals <- syscall.SIGINT
		<-ctx.Done()
		f.signals <- syscall.SIGTERM
		<-hang // a disk that does not answer
		return nil, nil
	}
	f.run(t, 130)
	close(hang)
	<-ended
}

func TestWorkThatWasCutShortIsNotDone(t *testing.T) {
	f := newFake(t, "probe", "rtsp://cam/live")
	f.Engine.Probe = func(ctx context.Context, d engine.Deps, o engine.ProbeOptions) ([]*engine.ProbeReport, error) {
		f.signals <- syscall.SIGINT
		<-ctx.Done()
		return nil, fault.Because("probe", ctx.Err())
	}
	f.run(t, 130)
}

// brokenPipe is a reader that went away.
type brokenPipe struct{ err error }

func (b brokenPipe) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "|1", Err: b.err}
}

func TestReaderThatGoesAwayEndsNothing(t *testing.T) {
	f := newFake(t, "record", "-i", "rtsp://cam/live", "--json")
	f.Edge.Out = brokenPipe{syscall.EPIPE}
	went := false
	f.Engine.Record = func(ctx context.Context, d engine.Deps, o engine.RecordOptions) (*engine.Summary, error) {
		for range 100 {
			d.Observe(engine.Notice{Message: "hello"})
		}
		went = true
		return &engine.Summary{Dir: o.Dir}, nil
	}
	f.run(t, 0)
	if !went {
		t.Error("nothing was recorded")
	}
}

func TestResultsThatCannotBeWrittenAreAFailure(t *testing.T) {
	for err, code := range map[error]int{syscall.ENOSPC: 8, syscall.EIO: 9} {
		f := newFake(t, "version")
		f.Edge.Out = brokenPipe{err}
		f.run(t, code)
		contains(t, f.err.String(), "write the results")
	}
}

func TestPasswordsDoNotPassTheOutput(t *testing.T) {
	f := newFake(t, "record", "-i", "rtsp://admin:secret@cam/live", "--debug")
	f.Engine.Record = func(ctx context.Context, d engine.Deps, o engine.RecordOptions) (*engine.Summary, error) {
		if !strings.Contains(o.Cameras[0].URL, "secret") {
			t.Error("the camera gets no password")
		}
		d.Log.Debug("dialling", "url", o.Cameras[0].URL, "err", errors.New("cannot reach "+o.Cameras[0].URL))
		d.Observe(engine.Notice{Message: "trying " + o.Cameras[0].URL})
		return &engine.Summary{Dir: o.Dir, Cameras: []engine.CameraSummary{{Name: "camera", Trouble: o.Cameras[0].URL}}}, nil
	}
	f.run(t, 0)
	if text := f.out.String() + f.err.String(); strings.Contains(text, "secret") || !strings.Contains(text, "admin:***@") {
		t.Errorf("the password is shown, or nothing at all:\n%s", text)
	}
}
