package engine

import (
	"time"

	"rtsprec/engine/fault"
)

// Times between tries to reach a camera. A camera that reboots is back within two
// minutes, and every moment counts then; one that stays away is asked less often, and
// one that refuses us is not pestered, because cameras lock accounts and run out of
// sessions.
const (
	retryFast    = 400 * time.Millisecond
	retrySlow    = 2 * time.Second
	retryFastFor = 2 * time.Minute
	refusedFirst = 2 * time.Second
	refusedMost  = 60 * time.Second

	dialFast = time.Second     // time to connect while retrying fast
	dialSlow = 3 * time.Second // and afterwards
)

// backoff decides when to try again. The zero value is ready. A try is due one
// interval after the last one began, so that a try that hangs costs no extra time.
type backoff struct {
	since   time.Time // of the outage
	refused time.Duration
	tries   int
}

// reset forgets the outage: media flows.
func (b *backoff) reset() { *b = backoff{} }

// dialTimeout is how long the next try may take to connect.
func (b *backoff) dialTimeout(now time.Time) time.Duration {
	if b.since.IsZero() || now.Sub(b.since) < retryFastFor {
		return dialFast
	}
	return dialSlow
}

// next returns when to try again after the try that began at began and failed, or the
// session that ended, with err.
func (b *backoff) next(began, now time.Time, err error) time.Time {
	b.tries++
	if b.since.IsZero() {
		b.since = now
	}
	switch fault.KindOf(err) {
	case fault.Denied, fault.Busy:
		if b.refused == 0 {
			b.refused = refusedFirst
		} else {
			b.refused = min(2*b.refused, refusedMost)
		}
		return now.Add(b.refused)
	}
	b.refused = 0
	if b.tries == 1 {
		return now // at once
	}
	wait := retryFast
	if now.Sub(b.since) >= retryFastFor {
		wait = retrySlow
	}
	if due := began.Add(wait); due.After(now) {
		return due
	}
	return now
}
