package rtsp

import (
	"time"

	"rtsprec/engine/media"
)

// replayClock places recorded units on the time of a playing session: how long after the
// session's RTP time began each is shown. It is pure.
//
// Under the server's pace the places are those of a player (RFC 2326 appendix B): they
// rise whatever the direction, Scale shortens them, and gaps in the recording are left
// out. With Rate-Control: no they are the original sampling times (ONVIF Streaming, "RTP
// timestamps"): gaps count, and backwards they fall.
type replayClock struct {
	start    time.Time     // recorded time of place begin
	begin    time.Duration // where the session's RTP time stood when this PLAY began
	scale    float64
	original bool

	skipped time.Duration // gaps left out, in recorded time
	jumps   int           // how many were met
	reach   time.Duration // end of what was placed, in recorded time from start
	last    time.Duration // the farthest place
	lines   []replayLine  // by track
}

// replayLine is a track's part.
type replayLine struct {
	any      bool
	at       time.Duration // of its latest unit, as reach
	interval time.Duration
	jumps    int // of the clock, when its latest unit was placed
}

const (
	usualInterval = 40 * time.Millisecond
	maxInterval   = 10 * time.Second
)

// newReplayClock begins a PLAY. before is the clock of the one before, whose RTP time
// goes on; nil: none.
func newReplayClock(start time.Time, scale float64, original bool, tracks int, before *replayClock) *replayClock {
	c := &replayClock{start: start, scale: scale, original: original, lines: make([]replayLine, tracks)}
	if before != nil {
		c.begin = before.last + usualInterval
	}
	c.last = c.begin
	return c
}

// place returns the place of a unit, and whether it does not follow the unit of its track
// that was placed before it.
func (c *replayClock) place(au *media.AccessUnit) (at time.Duration, jump bool) {
	d := au.Wall.Sub(c.start)
	if c.scale < 0 {
		d = -d
	}
	line := &c.lines[au.Track]
	if au.Missing != nil && d > c.reach && c.placed() {
		c.skipped += d - c.reach
		c.jumps++
	}
	jump = line.any && (line.jumps != c.jumps || au.Missing != nil)
	line.follow(d, jump)
	line.jumps = c.jumps
	c.reach = max(c.reach, d+line.interval)
	switch {
	case !c.original:
		at = time.Duration(float64(d-c.skipped) / max(c.scale, -c.scale))
		if c.scale == 1 {
			at = d - c.skipped // exact
		}
	case c.scale < 0:
		at = -d
	default:
		at = d
	}
	at += c.begin
	c.last = max(c.last, at)
	return at, jump
}

// end is the place where what was placed ends, under the server's pace.
func (c *replayClock) end() time.Duration {
	return c.begin + time.Duration(float64(c.reach-c.skipped)/max(c.scale, -c.scale))
}

// placed reports whether any unit was.
func (c *replayClock) placed() bool {
	for i := range c.lines {
		if c.lines[i].any {
			return true
		}
	}
	return false
}

// follow learns the track's interval, of units that follow each other.
func (l *replayLine) follow(d time.Duration, jump bool) {
	if step := d - l.at; l.any && !jump && step > 0 && step <= maxInterval {
		l.interval = step
	}
	if l.interval == 0 {
		l.interval = usualInterval
	}
	l.at, l.any = d, true
}
