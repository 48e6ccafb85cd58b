package engine

import (
	"sync"
	"time"

	"rtsprec/engine/media"
)

// steady is the clock of a recording. It follows the host's clock until the cameras are
// connected, so that a planned start is at the right time even if the clock was set while
// it was waited for. From then on it cannot be set: it shows what the host's showed then
// and the time since, sleep included, so that a recording is as long as was asked for
// and media of all its sessions is on one scale.
//
// Wall stays the host's: the difference is what the journal says of steps.
type steady struct {
	host media.Clock

	mu    sync.Mutex
	began time.Time     // zero: follows the host
	off   time.Duration // how far the host's clock was set since then
	awake time.Duration // what sleeping was at the beginning
	slept time.Duration // since then
}

// sleeper is a clock that knows how long the machine was asleep, which monotonic
// readings leave out.
type sleeper interface{ Asleep() time.Duration }

// noticeable is the least difference between what a clock shows and the time that has
// passed for which it was set, or the machine asleep, rather than disciplined.
const noticeable = 100 * time.Millisecond

// hold ends following the host. Only the first call counts.
func (s *steady) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.began.IsZero() {
		s.began, s.awake = s.host.Now(), s.asleep()
	}
}

// Now implements media.Clock.
func (s *steady) Now() time.Time {
	now := s.host.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.began.IsZero() {
		return now
	}
	passed := now.Sub(s.began)
	if off := now.Round(0).Sub(s.began.Round(0)) - passed; (off - s.off).Abs() >= noticeable {
		s.off, s.slept = off, s.asleep()-s.awake // asked for only then: Now is read for every packet
	}
	return s.began.Add(passed + s.slept)
}

// Wall implements media.Clock.
func (s *steady) Wall() time.Time { return s.host.Wall() }

// sleep is how long the machine was asleep since hold.
func (s *steady) sleep() time.Duration {
	s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.slept
}

func (s *steady) asleep() time.Duration {
	if c, ok := s.host.(sleeper); ok {
		return c.Asleep()
	}
	return 0
}
