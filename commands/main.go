// Package commands is the command line: one file per subcommand over the functions of
// package engine.
//
// A command is its options, a constructor that binds them to flags, and a function
// that runs. Results go to standard output, everything else to standard error; with
// --json both results and events are JSON lines on standard output, each with a "type".
// What a kind of failure means to the caller (exit code and hint) is one table, outcomes.
package commands

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"rtsprec/engine/fault"
)

// Main runs the command that e.Args names and returns the exit code.
//
// The first signal cancels the command's context, and the command finishes in its own
// orderly way. The second makes Main return 130 at once, whatever is still running: to
// a recording that is a crash, and recovery is made for crashes. HUP is no signal to stop
// where a command reads its configuration again then.
func Main(e Edge) int {
	defer profile(e)()
	if e.Restore != nil {
		defer e.Restore()
	}
	signals, release := e.Signals()
	defer release()
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)

	done := make(chan int, 1)
	hang := &hangup{}
	go func() { done <- run(ctx, e, hang) }()
	for stopping := false; ; {
		select {
		case code := <-done:
			return code
		case s := <-signals:
			switch {
			case s == syscall.SIGHUP && hang.taken():
			case stopping:
				return exitStopped
			default:
				stopping = true
				cancel(stopped{s})
			}
		}
	}
}

// hangup is what SIGHUP means: to stop, as any signal, unless a command wants it.
type hangup struct{ wanted atomic.Pointer[func()] }

// taken hands the signal to the command that wants it, if one does.
func (h *hangup) taken() bool {
	do := h.wanted.Load()
	if do != nil {
		(*do)()
	}
	return do != nil
}

// want has do called at each SIGHUP until release is. do must not block.
func (h *hangup) want(do func()) (release func()) {
	h.wanted.Store(&do)
	return func() { h.wanted.Store(nil) }
}

// stopped is the cause of a context that a signal cancelled.
type stopped struct{ signal os.Signal }

// Error implements error.
func (s stopped) Error() string { return "stopped by " + s.signal.String() }

// run is Main without signals.
func run(ctx context.Context, e Edge, hang *hangup) int {
	raw, out := e.Out, &output{w: e.Out}
	e.Out, e.Err = out, &output{w: e.Err}
	p := &process{Edge: e, hangup: hang, raw: raw}
	root := newRoot(p)
	root.SetArgs(ffmpegForm(e.Args))
	root.SetOut(e.Out)
	root.SetErr(e.Err)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		err = out.failed()
	}
	return p.report(cmd, err)
}

// output is one of the two streams. No password of a URL passes it: the last line of
// defence, for callers that write whole lines. A stream that fails (its reader went
// away) is written to no more, and ends nothing.
type output struct {
	mu  sync.Mutex
	w   io.Writer
	err error
}

// Write implements io.Writer. It returns no error; failed does.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		_, o.err = io.WriteString(o.w, fault.Redact(string(b)))
	}
	return len(b), nil
}

// failed says why not everything was written, unless nobody wanted to read it.
func (o *output) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.err == nil, errors.Is(o.err, syscall.EPIPE):
		return nil
	case errors.Is(o.err, syscall.ENOSPC):
		return fault.Wrap(fault.DiskFull, "write the results", o.err)
	}
	return fault.Wrap(fault.DiskFailed, "write the results", o.err)
}
