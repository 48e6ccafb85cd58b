package archive

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"rtsprec/engine/journal"
	"rtsprec/engine/media"
)

// Keep says what retention leaves. Zero values mean: no bound.
type Keep struct {
	Age     time.Duration   // segments that ended longer ago go
	Size    int64           // bytes of media of all cameras together; what is more goes, oldest first
	Free    int64           // bytes that shall be free on the disk
	Cameras map[string]Keep // instead of Age and Size for a camera, which then is not counted with the others
}

// None reports whether everything is kept.
func (k Keep) None() bool { return k.Age == 0 && k.Size == 0 && k.Free == 0 && len(k.Cameras) == 0 }

// of is what is kept of a camera by itself.
func (k Keep) of(camera string) (own Keep, apart bool) {
	own, apart = k.Cameras[camera]
	if !apart {
		own = Keep{Age: k.Age}
	}
	return own, apart
}

// Doomed is a segment that has to go, and why: "age", "size" or "free".
type Doomed struct {
	Recording *Recording
	*Segment
	Why string
}

// Line is what the journal will say of it.
func (d Doomed) Line() journal.Prune {
	return journal.Prune{Camera: d.Segment.Camera, N: d.N, File: d.File, Start: d.Start, End: d.End, Size: d.Size, Why: d.Why}
}

// Prunable returns the segments that have to go, oldest first: whole, sealed, and in no
// protected span. free is what the disk has left; negative: not known. It believes now:
// see [Retention].
func (r *Recording) Prunable(k Keep, now time.Time, free int64) []*Segment {
	var list []*Segment
	for _, d := range prunable([]*Recording{r}, k, now, free) {
		list = append(list, d.Segment)
	}
	return list
}

// candidate is a segment that may go, at its turn.
type candidate struct {
	Doomed
	turn time.Time
}

// prunable judges recordings that share a disk.
func prunable(recs []*Recording, k Keep, now time.Time, free int64) []Doomed {
	var all []candidate
	total := map[string]int64{} // by camera that is counted apart; "": the others
	account := func(camera string) string {
		if _, apart := k.of(camera); apart {
			return camera
		}
		return ""
	}
	for _, r := range recs {
		for _, c := range r.Cameras {
			for _, s := range slices.Concat(c.Segments, c.Beside) {
				total[account(c.Name)] += s.Size
			}
			all = append(all, r.candidates(c)...)
		}
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return a.turn.Compare(b.turn) })
	need := int64(0)
	if free >= 0 {
		need = k.Free - free
	}
	var doomed []Doomed
	for i := range all {
		d := all[i].Doomed
		own, apart := k.of(d.Segment.Camera)
		limit := k.Size
		if apart {
			limit = own.Size
		}
		of := account(d.Segment.Camera)
		switch {
		case own.Age > 0 && now.Sub(d.End) > own.Age:
			d.Why = "age"
		case limit > 0 && total[of] > limit:
			d.Why = "size"
		case need > 0:
			d.Why = "free"
		default:
			continue
		}
		total[of] -= d.Size
		need -= d.Size
		doomed = append(doomed, d)
	}
	return doomed
}

// candidates are a camera's segments that may go, in their turn: that of their capture, but
// never before one that was recorded earlier, because a clock may have been wrong.
func (r *Recording) candidates(c *Camera) []candidate {
	byNumber := slices.SortedFunc(slices.Values(slices.Concat(c.Segments, c.Beside)), func(a, b *Segment) int { return cmp.Compare(a.N, b.N) })
	var list []candidate
	var turn time.Time
	for _, s := range byNumber {
		own := s.Start
		if s.Origin != originReplay {
			turn = later(turn, s.Start)
			own = turn
		}
		if s.Sealed && s.Size > 0 && !r.isProtected(s) {
			list = append(list, candidate{Doomed{Recording: r, Segment: s}, own})
		}
	}
	return list
}

func (r *Recording) isProtected(s *Segment) bool {
	return slices.ContainsFunc(r.Protected, func(p journal.Protect) bool { return p.Covers(s.Camera, s.Start, s.End) })
}

const (
	// roundMost bounds what one round removes: each segment costs a line that is synced.
	roundMost = 64
	// slowly is the bound where the time of day is doubtful.
	slowly = 4
	// stepFrom is the step of the clock that counts.
	stepFrom = 5 * time.Minute
	// stepHold is how long nothing is removed for its age after one.
	stepHold = 24 * time.Hour
	// newsWithin is how new a recording's media is while it is made: what seems to be older
	// is old, or the clock has jumped while nobody looked.
	newsWithin = 24 * time.Hour
)

// Retention judges, round after round, what has to go, and does not believe a clock that was
// stepped: for a day after a step nothing goes for its age, and where the newest media is
// unexpectedly old little goes at a time. It is for one goroutine.
type Retention struct {
	clock media.Clock
	now   time.Time // readings of the last round; zero: there was none
	wall  time.Time
	until time.Time // nothing goes for its age before, by the monotonic clock; zero: it may
}

// NewRetention begins to watch the clock.
func NewRetention(clock media.Clock) *Retention {
	return &Retention{clock: clock, now: clock.Now(), wall: clock.Wall()}
}

// Round judges recordings that share a disk, of which free bytes are left (negative: not
// known). doubt says, for people, why less goes than k asks for; empty: it does not.
func (t *Retention) Round(recs []*Recording, k Keep, free int64) (doomed []Doomed, doubt string) {
	now, wall := t.clock.Now(), t.clock.Wall()
	if by := wall.Sub(t.wall) - now.Sub(t.now); by.Abs() >= stepFrom {
		t.until = now.Add(stepHold)
	}
	t.now, t.wall = now, wall
	most := roundMost
	switch step := journaledStep(recs, wall); {
	case now.Before(t.until), step:
		doubt = fmt.Sprintf("the clock was set to another time: nothing is removed for its age for %s", stepHold)
		k = k.ageless()
	case k.aged() && isLive(recs) && wall.Sub(newest(recs)) > newsWithin:
		doubt = fmt.Sprintf("the newest media is of %s: if the clock is wrong, set it; little is removed at a time", newest(recs).UTC().Format(time.RFC3339))
		most = slowly
	}
	doomed = prunable(recs, k, wall, free)
	if len(doomed) == 0 && most == slowly {
		doubt = ""
	}
	return doomed[:min(len(doomed), most)], doubt
}

// aged reports whether anything goes for its age.
func (k Keep) aged() bool {
	return k.Age > 0 || slices.ContainsFunc(slices.Collect(maps.Values(k.Cameras)), func(c Keep) bool { return c.Age > 0 })
}

// ageless is k without ages.
func (k Keep) ageless() Keep {
	cameras := map[string]Keep{}
	for name, c := range k.Cameras {
		cameras[name] = Keep{Size: c.Size}
	}
	k.Age, k.Cameras = 0, cameras
	return k
}

// journaledStep reports whether a recorder saw the host's clock being set within a day of
// now, by either reckoning.
func journaledStep(recs []*Recording, now time.Time) bool {
	for _, r := range recs {
		for _, s := range r.Steps {
			if s.Camera == "" && s.By.Abs() >= stepFrom && now.Sub(s.At).Abs() < stepHold {
				return true
			}
		}
	}
	return false
}

func isLive(recs []*Recording) bool {
	return slices.ContainsFunc(recs, func(r *Recording) bool { return r.State == Live })
}

// newest is the end of the newest media.
func newest(recs []*Recording) time.Time {
	var t time.Time
	for _, r := range recs {
		for _, c := range r.Cameras {
			if n := len(c.Segments); n > 0 {
				t = later(t, c.Segments[n-1].End)
			}
		}
	}
	return t
}
