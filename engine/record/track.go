package record

import (
	"math"
	"slices"
	"time"

	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
	"rtsprec/engine/timeline"
)

// track is one elementary stream of a camera's run. Its camera's lock guards it.
//
// It belongs to at most one file at a time, but the tracks of a camera do not change
// files at the same moment: sound reaches the time of a cut earlier or later than the
// picture does.
type track struct {
	media.Track        // Config is the newest that was announced
	skipped     string // why it is not recorded; empty: it is
	usable      bool   // Config is one a segment can be begun with

	file *file // nil: waits for its first unit, or for a key frame
	slew *timeline.Slew
	bias int64           // ticks by which the file begins later than the slew believes
	held *segment.Sample // its duration is not known yet
	next *file           // the file to change to, at the first unit from its beginning on
	last time.Time       // media time at which the newest unit is decoded; zero: none in this run
	end  time.Time       // and when it is over, as far as one can tell
	seen time.Time       // when it was accepted, by the monotonic clock
	pace pace            // of its units
	hush *journal.Gap    // silence that goes on
	lost *media.Gap      // units that came and could not be taken, since the last one that was
	hurt *journal.Damage // not yet journaled
}

// unknown stands for the tick of a next unit that will not come.
const unknown = math.MaxInt64

func newTrack(t media.Track) *track {
	tr := &track{Track: t}
	if t.ClockRate <= 0 {
		tr.skipped = "no clock rate"
		return tr
	}
	tr.slew = timeline.NewSlew(t.ClockRate)
	tr.configure(t.Config)
	if !tr.Codec.NeedsConfig() && !tr.usable {
		tr.skipped = segment.Storable(tr.Track).Error()
	}
	return tr
}

// configure takes a configuration. One that no decoder would take is as good as none:
// what stands in an SDP is a hint.
func (t *track) configure(config []byte) {
	was := t.Config
	t.Config = config
	usable := (!t.Codec.NeedsConfig() || len(config) > 0 && media.ValidConfig(t.Codec, config) == nil) &&
		segment.Storable(t.Track) == nil
	if t.usable && !usable {
		t.Config = was
		return
	}
	t.usable = usable
}

func (t *track) describe() journal.Track {
	return journal.Track{Codec: t.Codec, Clock: t.ClockRate, Channels: t.Channels, From: t.From, Skipped: t.skipped}
}

// join begins to write into f, with the slew's pending correction taken.
func (t *track) join(f *file) {
	t.file, t.bias, t.next = f, 0, nil
	t.slew.Cut(f.head.Start)
}

// change moves the track to its next file, whose first unit of this track is au. What
// is held lasts until then.
func (t *track) change(au media.AccessUnit) {
	if t.file != nil {
		here, wall := t.place(au, 0), t.tick(decodeTime(au, t.ClockRate))
		t.release(max(here, wall))
		t.correct(here, max(here, wall))
	}
	next := t.next
	t.leave()
	t.next = nil
	if next.slot(t) >= 0 {
		t.join(next)
	}
}

// correct notes that a unit that would stand at tick old of the file stands, in the next
// one, where now is: a correction is no silence.
func (t *track) correct(old, now int64) {
	if !t.last.IsZero() {
		t.last = t.last.Add(t.at(now).Sub(t.at(old)))
	}
}

// tick is the tick of the track's file at a media time.
func (t *track) tick(at time.Time) int64 {
	return media.FromDuration(at.Sub(t.file.head.Start), t.ClockRate)
}

// leave lets go of the file; a held unit gets the usual duration.
func (t *track) leave() {
	if t.file == nil {
		return
	}
	t.release(unknown)
	t.file, t.next = nil, nil
}

// place returns the ticks at which the unit is decoded in the track's file. The first
// unit in a file stands where its wall says, but never before the end of the last one.
func (t *track) place(au media.AccessUnit, shift time.Duration) int64 {
	wall := decodeTime(au, t.ClockRate).Add(shift)
	return max(0, t.slew.Place(au.DTS, wall)-t.bias)
}

// at is the media time of a tick of the track's file.
func (t *track) at(dts int64) time.Time {
	return t.file.head.Start.Add(media.ToDuration(dts, t.ClockRate))
}

// hold keeps the unit at dts, releasing the one before it.
func (t *track) hold(au media.AccessUnit, dts int64, now time.Time) {
	t.release(dts)
	t.held = &segment.Sample{
		Track: t.file.slot(t), DTS: dts, Key: true, Data: au.Data,
	}
	if t.Codec.Video() {
		t.held.Key, t.held.Offset = au.Key, int32(au.PTS-au.DTS)
	}
	at := t.at(dts)
	if !t.last.IsZero() {
		t.pace.add(at.Sub(t.last))
	}
	t.last, t.seen = at, now
	t.end = at.Add(t.usual())
}

// release hands the held unit to its file; it lasts until the tick next, or as long as
// usual when that is unknown.
func (t *track) release(next int64) {
	if t.held == nil {
		return
	}
	s := *t.held
	t.held = nil
	lasts := next - s.DTS
	if next == unknown {
		lasts = media.FromDuration(t.usual(), t.ClockRate)
	}
	s.Duration = uint32(min(max(lasts, 1), math.MaxUint32))
	t.end = t.at(s.DTS + int64(s.Duration))
	t.file.push(s, t.Codec)
}

// usual is the track's median interval, or what is likely before there is one. More than
// a second is not assumed of a unit whose next never came.
func (t *track) usual() time.Duration {
	if d := t.pace.median(); d > 0 {
		return min(d, time.Second)
	}
	if t.Codec.Video() {
		return 40 * time.Millisecond
	}
	return 20 * time.Millisecond
}

// fade is when the newest unit is over, as far as one can tell without the next.
func (t *track) fade() time.Time { return t.last.Add(t.usual()) }

// patience is how long the track may be silent before that is a gap.
func (t *track) patience() time.Duration { return max(time.Second, 5*t.pace.median()) }

// decodeTime is the media time at which a unit is decoded.
func decodeTime(au media.AccessUnit, rate int) time.Time {
	return au.Wall.Add(-media.ToDuration(au.PTS-au.DTS, rate))
}

// pace remembers the newest intervals between units.
type pace struct {
	recent [15]time.Duration
	n      int
	mid    time.Duration
	stale  bool
}

func (p *pace) add(d time.Duration) {
	p.recent[p.n%len(p.recent)] = d
	p.n++
	p.stale = true
}

// median of the newest intervals; 0 before there is one.
func (p *pace) median() time.Duration {
	if p.stale {
		sorted := slices.Clone(p.recent[:min(p.n, len(p.recent))])
		slices.Sort(sorted)
		p.mid, p.stale = sorted[len(sorted)/2], false
	}
	return p.mid
}
