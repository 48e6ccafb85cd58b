package commands

import (
	"time"
)

// window is when a recording is to begin and to end. Zero times are open: the
// beginning is the first unit, the end is length after that, or Ctrl-C.
type window struct {
	at, until time.Time
	length    time.Duration
}

// end is the planned end as far as it is known.
func (w window) end() time.Time {
	if w.until.IsZero() && w.length > 0 && !w.at.IsZero() {
		return w.at.Add(w.length)
	}
	return w.until
}

// planWindow turns what was typed into moments, seen from now, and refuses what is over.
// A beginning that was missed is kept while the end is ahead: the recording then starts
// with a gap that says so.
func planWindow(now time.Time, at, until instant, length time.Duration) (window, error) {
	if until.given() && length > 0 {
		return window{}, usage("leave one of them out", "-t and --until both say when to stop")
	}
	w := window{length: length}
	base := now
	if at.given() {
		w.at = at.near(now)
		base = w.at
	}
	switch {
	case until.given() && at.given():
		w.until = until.after(base)
	case until.given():
		w.until = until.near(now)
	}
	end := w.end()
	switch {
	case !end.IsZero() && !end.After(base) && at.given():
		return window{}, usage("", "--until %s is not after --at %s", until, at)
	case !end.IsZero() && !end.After(now):
		return window{}, passed(now, "the end", end, "--until")
	case at.given() && !w.at.After(now) && (end.IsZero() || now.Sub(w.at) > missed):
		return window{}, passed(now, "the beginning", w.at, "--at")
	}
	return w, nil
}

// passed says that a moment is over, and how to ask for the same time tomorrow.
func passed(now time.Time, what string, t time.Time, flag string) error {
	for !t.After(now) {
		t = t.AddDate(0, 0, 1)
	}
	return usage("tomorrow is "+flag+" "+t.Format(time.RFC3339),
		"%s, %s, has passed: it is %s", what, t.Format("15:04:05"), now.Format("15:04:05"))
}
