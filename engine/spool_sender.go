package engine

import (
	"context"
	"time"

	"rtsprec/engine/media"
)

// spoolSender is the Sink that sends what a spool holds, coded anew where the target wants
// that: the spool keeps what came, and where one was to go on is known by capture times.
type spoolSender struct {
	media.Sink
	line  *spoolLine
	coder bool
}

// sender begins to send a run.
func (l *spoolLine) sender(ctx context.Context, run media.Run) (*spoolSender, error) {
	s := &spoolSender{Sink: &spoolOut{line: l}, line: l}
	if !l.coding.needsNothing() {
		o := l.coding
		o.wait = true
		o.since = l.goOn().Add(-2 * time.Millisecond)
		coder, err := newTranscoder(l.deps, s.Sink, o)
		if err != nil {
			return nil, err
		}
		s.Sink = coder
	}
	err := s.Begin(ctx, run)
	if t, ok := s.Sink.(*transcoder); ok {
		s.coder = t.active()
	}
	return s, err
}

// codes reports whether what is sent is not what the spool holds.
func (s *spoolSender) codes() bool { return s.coder }

// abandon lets go of what is under way. A session whose units were coded is not gone on
// with: those that follow could not be decoded without them.
func (s *spoolSender) abandon() {
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	s.Sink.Close(gone)
	if s.coder {
		s.line.hangUp()
	}
}

// spoolOut puts units into the session.
type spoolOut struct {
	line *spoolLine
	run  media.Run
}

// Begin implements media.Sink.
func (s *spoolOut) Begin(_ context.Context, run media.Run) error {
	s.run = run
	return nil
}

// Write implements media.Sink.
func (s *spoolOut) Write(ctx context.Context, au media.AccessUnit) error {
	return s.line.put(ctx, s.run, au)
}

// End implements media.Sink.
func (s *spoolOut) End(context.Context, media.Gap) error { return nil }

// Close implements media.Sink.
func (s *spoolOut) Close(context.Context) error { return nil }
