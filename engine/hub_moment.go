package engine

import (
	"fmt"
	"time"

	"rtsprec/engine/media"
)

// moments holds what a publisher says of its capture times to what they can be, so that
// nobody who may publish on one path spoils the timeline, or has retention remove what
// others recorded: nothing was captured in the future, nothing before a spool can have held
// it, and nothing before what the path has recorded since. It belongs to one goroutine at a time.
type moments struct {
	ahead  time.Duration // how far the publisher's clock is before ours; taken off
	begun  bool          // a unit of this session has come
	newest time.Time     // of all there is; zero: nothing
	told   time.Time     // when something was last said
	passed uint64        // units that were not taken since then
}

const (
	momentAhead  = 5 * time.Second     // two clocks that are kept right differ by less
	momentBehind = 30 * 24 * time.Hour // and no spool is older
)

// again says that a session begins.
func (m *moments) again() { m.begun = false }

// set corrects the capture time of a unit that comes now. A unit that cannot be is not ok.
// what is to be said to people, "" mostly.
func (m *moments) set(au *media.AccessUnit, now time.Time) (ok bool, what string) {
	known := !m.newest.IsZero() && m.newest.Before(now.Add(momentAhead)) // else our own clock was set back
	if !m.begun {
		m.begun = true
		// A clock that was wrong goes on to be, unless what comes would be out of place then.
		if known && au.Wall.Add(-m.ahead).Sub(m.newest).Abs() > dedupSpan {
			m.ahead = 0
		}
	}
	au.Wall = au.Wall.Add(-m.ahead)
	if off := au.Wall.Sub(now); off > momentAhead {
		m.ahead += off
		au.Wall = now
		what = fmt.Sprintf("the publisher's clock is %s ahead of ours: its capture times are taken as that much earlier", m.ahead.Round(time.Millisecond))
	}
	ok = !au.Wall.Before(now.Add(-momentBehind)) && !(known && au.Wall.Before(m.newest.Add(-dedupSpan)))
	if !ok {
		m.passed++
		what = fmt.Sprintf("%d units were captured before what is recorded, or too long ago, and are not taken", m.passed)
	} else if au.Wall.After(m.newest) {
		m.newest = au.Wall
	}
	return ok, m.say(what, now)
}

// say lets one sentence a minute through.
func (m *moments) say(what string, now time.Time) string {
	if what == "" || !m.told.IsZero() && now.Sub(m.told) < time.Minute {
		return ""
	}
	m.told, m.passed = now, 0
	return what
}
