package compose

import (
	"math"
	"time"

	"rtsprec/engine/media"
)

// Pacer counts the output's pictures: one at each instant of an exact grid. A camera's
// 29.97 pictures a second are 30000 in 1001 seconds, so that an hour is an hour.
type Pacer struct {
	start    time.Time
	num, den int64         // num pictures in den seconds
	slack    time.Duration // how late a picture may be made
	next     int64
}

// Due is a picture of the output.
type Due struct {
	N       int64 // from 0; those that were skipped are counted
	At      time.Time
	PTS     media.Ticks // 1/90000 s from the start
	Skipped int64       // pictures left out just before this one
}

// NewPacer begins a grid at start. fps that are no number from 0.1 to 240 count as 30.
// slack is how late a picture may be made before it is left out: what the queues of the
// inputs hold is a good measure.
func NewPacer(start time.Time, fps float64, slack time.Duration) *Pacer {
	num, den := rational(fps)
	return &Pacer{start: start, num: num, den: den, slack: max(slack, 0)}
}

// rational turns pictures a second into a ratio: whole ones, those of television
// (n·1000/1001), or thousandths.
func rational(fps float64) (num, den int64) {
	if !(fps >= 0.1 && fps <= 240) {
		return 30, 1
	}
	whole := math.Round(fps)
	switch {
	case math.Abs(fps-whole) < 0.0005:
		return int64(whole), 1
	case math.Abs(fps-math.Ceil(fps)*1000/1001) < 0.005:
		return int64(math.Ceil(fps)) * 1000, 1001
	}
	return int64(math.Round(fps * 1000)), 1000
}

// FPS is what the grid has.
func (p *Pacer) FPS() float64 { return float64(p.num) / float64(p.den) }

// Interval is the time between two pictures, rounded down.
func (p *Pacer) Interval() time.Duration { return p.since(1) }

// At is the instant of the n-th picture.
func (p *Pacer) At(n int64) time.Time { return p.start.Add(p.since(n)) }

// since is how long after the start the n-th picture is: whole rounds of num pictures
// first, so that nothing overflows in a century.
func (p *Pacer) since(n int64) time.Duration {
	rounds, rest := n/p.num, n%p.num
	return time.Duration(rounds*p.den)*time.Second + time.Duration(rest*p.den*int64(time.Second)/p.num)
}

// ticks is the n-th picture's time in 1/90000 s.
func (p *Pacer) ticks(n int64) media.Ticks {
	rounds, rest := n/p.num, n%p.num
	return media.Ticks(rounds*p.den*90000 + rest*p.den*90000/p.num)
}

// Next is the instant of the picture that comes next: until then there is nothing to do.
func (p *Pacer) Next() time.Time { return p.At(p.next) }

// Take returns the picture to be made at now. It is the next one, as long as that is
// late by no more than the slack; then the newest one that is due, and those between are
// left out. Before Next it returns the next one all the same: where nobody waits for the
// clock, pictures are made as fast as they can be.
func (p *Pacer) Take(now time.Time) Due {
	n := p.next
	if now.Sub(p.At(n)) > p.slack {
		n = max(n, p.newest(now))
	}
	due := Due{N: n, At: p.At(n), PTS: p.ticks(n), Skipped: n - p.next}
	p.next = n + 1
	return due
}

// newest is the last picture whose instant has come.
func (p *Pacer) newest(now time.Time) int64 {
	since := now.Sub(p.start)
	rounds := int64(since / time.Second / time.Duration(p.den))
	rest := since - time.Duration(rounds*p.den)*time.Second
	n := rounds*p.num + int64(float64(rest)*float64(p.num)/float64(p.den)/float64(time.Second))
	for n > 0 && p.At(n).After(now) {
		n--
	}
	for !p.At(n + 1).After(now) {
		n++
	}
	return n
}
