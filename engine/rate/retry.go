package rate

import "time"

// Retry is the memory of a better stream that was given up: when it is tried again. The
// zero value is ready. What fails again soon is tried more and more seldom, so that a way
// that is now wide and now narrow does not make the picture change all the time.
type Retry struct {
	First time.Duration // after it was given up; 0: 10 s
	Most  time.Duration // doubled up to; 0: 5 minutes

	wait time.Duration // before the next try
	due  time.Time
	back time.Time // when it was last taken again; zero: never
}

const (
	retryFirst = 10 * time.Second
	retryMost  = 5 * time.Minute
	// retrySteady is how long what was taken again must last to be good, at least; and as
	// many times what was waited for it.
	retrySteady = 2 * time.Minute
	retryTimes  = 4
)

// Lost says that the better stream is given up.
func (r *Retry) Lost(now time.Time) {
	if r.back.IsZero() || now.Sub(r.back) >= max(retrySteady, retryTimes*r.wait) {
		r.wait = 0
	}
	r.again(now)
}

// Failed says that a try failed.
func (r *Retry) Failed(now time.Time) { r.again(now) }

// Found says that the better stream is taken again.
func (r *Retry) Found(now time.Time) { r.back = now }

// Due reports whether it is time for a try.
func (r *Retry) Due(now time.Time) bool { return !now.Before(r.due) }

func (r *Retry) again(now time.Time) {
	first, most := r.First, r.Most
	if first <= 0 {
		first = retryFirst
	}
	if most <= 0 {
		most = max(retryMost, first)
	}
	if r.wait == 0 {
		r.wait = first
	} else {
		r.wait = min(2*r.wait, most)
	}
	r.due = now.Add(r.wait)
}
