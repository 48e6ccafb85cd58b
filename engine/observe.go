package engine

import (
	"fmt"
	"sync"
	"time"

	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/record"
	"rtsprec/engine/rtsp"
)

// tally keeps what the recorder tells, for the live display.
type tally struct {
	mu        sync.Mutex
	gaps      map[uint64]journal.Gap // by ID; those that go on
	past      map[string]gapSum      // by camera; those that have ended
	committed time.Time
	disk      map[string]bool // cameras whose disk refuses; "" is the journal
	damage    map[damaged]*flood
}

// gapSum is how many gaps a camera had, and how long they were. They are not kept one by
// one: a server runs for years.
type gapSum struct {
	count int
	time  time.Duration
}

// damaged is a track with damage.
type damaged struct {
	camera string
	track  int
}

// flood is damage that was not told yet: a bad line does damage every second, and one
// line a minute says as much.
type flood struct {
	sum  Damage    // Units and Lost are zero when there is nothing to tell
	told time.Time // when the last was told
}

func newTally() *tally {
	return &tally{gaps: map[uint64]journal.Gap{}, past: map[string]gapSum{}, disk: map[string]bool{}, damage: map[damaged]*flood{}}
}

// observe takes an event of the recorder.
func (t *tally) observe(e record.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e := e.(type) {
	case record.Committed:
		t.committed = e.At
	case record.GapOpened:
		t.gaps[e.Gap.ID] = e.Gap
	case record.GapClosed:
		delete(t.gaps, e.Gap.ID)
		if e.Gap.Track == nil && e.Gap.To.After(e.Gap.From) {
			sum := t.past[e.Gap.Camera]
			sum.count++
			sum.time += e.Gap.To.Sub(e.Gap.From)
			t.past[e.Gap.Camera] = sum
		}
	case record.Damaged:
		t.add(e.Damage)
	case record.DiskTrouble:
		t.disk[e.Camera] = true
	case record.DiskRecovered:
		clear(t.disk)
	}
}

func (t *tally) add(d journal.Damage) {
	key := damaged{d.Camera, d.Track}
	f := t.damage[key]
	if f == nil {
		f = &flood{}
		t.damage[key] = f
	}
	if f.sum.Units == 0 && f.sum.Lost == 0 {
		f.sum = Damage{Camera: d.Camera, Track: d.Track, From: d.From, To: d.To}
	}
	if d.To.After(f.sum.To) {
		f.sum.To = d.To
	}
	f.sum.Units += d.Units
	f.sum.Lost += d.Lost
}

// dueDamage returns the damage to tell now: of a track that had none told for a
// minute, or, at the end, of all.
func (t *tally) dueDamage(now time.Time, end bool) []Damage {
	t.mu.Lock()
	defer t.mu.Unlock()
	var due []Damage
	for _, f := range t.damage {
		if (f.sum.Units > 0 || f.sum.Lost > 0) && (end || now.Sub(f.told) >= time.Minute) {
			due = append(due, f.sum)
			f.sum, f.told = Damage{}, now
		}
	}
	return due
}

// fill adds to a camera's progress what the recorder told.
func (t *tally) fill(c *CameraProgress, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, g := range t.gaps {
		if g.Camera != c.Name || g.Track != nil {
			continue
		}
		c.Gaps++
		c.GapTime += max(0, now.Sub(g.From).Seconds())
	}
	c.Gaps += t.past[c.Name].count
	c.GapTime += t.past[c.Name].time.Seconds()
	if !t.committed.IsZero() {
		c.Committed = now.Sub(t.committed).Seconds()
	}
	if t.disk[c.Name] || t.disk[""] {
		c.State = "disk"
	}
}

// translate turns the recorder's event into ours; nil: nothing to tell, or not yet.
func translate(e record.Event) Event {
	switch e := e.(type) {
	case record.SegmentSealed:
		return SegmentSealed{Camera: e.Camera, File: e.File, Start: e.Start, End: e.End, Bytes: e.Size}
	case record.GapOpened:
		if e.Gap.Causes == media.Because(media.Stopped) {
			return nil // the orderly end of a run; what is missing then, if anything, is told when it is known
		}
		return Gap{Camera: e.Gap.Camera, Track: e.Gap.Track, From: e.Gap.From, Causes: e.Gap.Causes, Note: e.Gap.Note}
	case record.GapClosed:
		if !e.Gap.To.After(e.Gap.From) {
			return nil
		}
		return Gap{Camera: e.Gap.Camera, Track: e.Gap.Track, From: e.Gap.From, To: e.Gap.To, Causes: e.Gap.Causes, Note: e.Gap.Note}
	case record.UnitsRefused:
		return Notice{Camera: e.Camera, Message: "cannot be stored: " + e.Last.Error(), Count: e.Count}
	case record.TrackSkipped:
		return Notice{Camera: e.Camera, Message: fmt.Sprintf("track %d is not recorded: %s", e.Track, e.Why)}
	case record.DiskTrouble:
		return Disk{Camera: e.Camera, Kind: e.Kind.String(), Err: e.Err.Error()}
	case record.DiskRecovered:
		return Disk{}
	case record.ClockStepped:
		return Notice{Message: fmt.Sprintf("this host's clock was set %v: the recording keeps its own time", e.By.Round(time.Millisecond))}
	}
	return nil
}

// notice is a session's event as ours.
func notice(camera string, e rtsp.Event) Event {
	n := Notice{Camera: camera, Message: e.Text()}
	if e, ok := e.(rtsp.Notice); ok {
		n.Message, n.Hint, n.Count = e.Message, e.Hint, e.Count
	}
	return n
}
