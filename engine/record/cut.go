package record

import (
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
)

const (
	// overlapMost bounds how far the first unit of a file is moved, so that two files
	// of a camera do not claim the same time. A larger overlap is a clock that was set
	// back between two runs, and stays.
	overlapMost = 5 * time.Second
	// deadAfter is how long the picture is silent before sound cuts without it: no
	// picture of a stream with a low rate may be lost for it.
	deadAfter = 10 * time.Second
	// drainFor is how long a file waits for sound from before the cut.
	drainFor = 2 * time.Second
	// pictureFirst is how long sound waits for the first picture of a run: a file
	// should begin with one. What waits is lost with the process.
	pictureFirst = 2 * time.Second
	// keyFirst is how long it waits for a key frame where pictures do come.
	keyFirst = 10 * time.Second
	// earlyLimit bounds what waits for that, in bytes.
	earlyLimit = 4 << 20
	// stepAbove is the correction forward of a track's time at a cut that is worth a line.
	stepAbove = 10 * time.Millisecond
)

// nextInstant returns the first instant after t at which all cameras cut: multiples of
// every from the start of t's UTC hour, or of its UTC day where every is longer.
func nextInstant(t time.Time, every time.Duration) time.Time {
	period := time.Hour
	if every > period {
		period = 24 * time.Hour
	}
	start := t.UTC().Truncate(period)
	next := start.Add(t.Sub(start).Truncate(every) + every)
	if end := start.Add(period); next.After(end) {
		return end
	}
	return next
}

// accept gives a unit its place. It either takes the unit or, with an error, changes
// nothing that a second call with the same unit would not do again.
func (c *camera) accept(au media.AccessUnit) error {
	t := c.trackOf(au)
	if t == nil {
		c.refuse(nil, au, fault.New(fault.Protocol, "a unit of track %d, which the run does not have", au.Track))
		return nil
	}
	if t.skipped != "" {
		return nil
	}
	if err := storable(t, au); err != nil {
		c.refuse(t, au, err)
		return nil
	}
	au.Wall = utc(au.Wall)
	if au.Config != nil {
		t.configure(au.Config)
	}
	if t == c.lead {
		return c.acceptLead(t, au)
	}
	return c.acceptOther(t, au)
}

// storable says what is wrong with a unit that no file may hold: a reader, and recovery
// after a crash, would take everything behind it for garbage.
func storable(t *track, au media.AccessUnit) error {
	switch offset := au.PTS - au.DTS; {
	case len(au.Data) == 0:
		return fault.New(fault.Protocol, "an empty unit")
	case len(au.Data) > fragmentLimit:
		return fault.New(fault.Protocol, "a unit of %d bytes", len(au.Data))
	case offset > 1<<30 || offset < -1<<30:
		return fault.New(fault.Protocol, "a unit shown %d ticks after it is decoded", offset)
	case au.Wall.IsZero():
		return fault.New(fault.Bug, "a unit without a time")
	case t.Codec.NALs():
		return media.ValidNALs(au.Data)
	}
	return nil
}

// acceptLead takes a unit of the track that decides about cuts.
func (c *camera) acceptLead(t *track, au media.AccessUnit) error {
	key := au.Key || !t.Codec.Video()
	c.pictures = true
	switch {
	case t.file == nil && !(key && t.usable):
		c.waitForKey(t, au)
		return nil
	case t.file == nil && c.cur != nil && c.cur.fits(t) && !c.recut && au.Wall.Before(c.cur.until):
		t.join(c.cur) // sound began the file
	case t.file == nil, key && t.usable && (c.recut || !t.file.fits(t) || !au.Wall.Before(t.file.until)):
		if err := c.cut(t, au); err != nil {
			return err
		}
	}
	c.flow(t, au)
	for _, e := range c.early {
		c.flowOther(c.trackOf(e), e)
	}
	c.early = nil
	for len(c.ahead) > 0 && !c.isAhead(c.ahead[0].Wall) {
		c.release(1)
	}
	return nil
}

// acceptOther takes a unit of another track.
func (c *camera) acceptOther(t *track, au media.AccessUnit) error {
	switch {
	case c.cur == nil:
		return c.waitForPicture(t, au)
	case t.usable && c.overdue(au.Wall):
		c.release(len(c.ahead)) // it came before this cut
		if err := c.cut(t, au); err != nil {
			return err
		}
		c.flow(t, au)
		return nil
	case len(c.ahead) > 0 || c.isAhead(au.Wall):
		c.ahead = append(c.ahead, au)
		c.boundAhead()
		return nil
	}
	c.flowOther(t, au)
	return nil
}

// waitForPicture keeps the sound that comes before a run's first picture. Where that
// does not come, the sound is recorded without it.
func (c *camera) waitForPicture(t *track, au media.AccessUnit) error {
	if !t.usable {
		c.refuse(t, au, errNoConfig(t))
		return nil
	}
	early := append(c.early, au)
	patience := pictureFirst
	if c.pictures {
		patience = keyFirst
	}
	if first := early[0]; au.Wall.Sub(first.Wall) >= patience {
		if err := c.cut(c.trackOf(first), first); err != nil {
			return err
		}
		c.early = nil
		for _, e := range early {
			c.flowOther(c.trackOf(e), e)
		}
		return nil
	}
	c.early = early
	var bytes int
	for i := len(early) - 1; i >= 0; i-- {
		if bytes += len(early[i].Data); bytes > earlyLimit {
			c.early = early[i+1:]
			break
		}
	}
	return nil
}

// overdue reports whether sound at that time must cut because the picture does not.
func (c *camera) overdue(at time.Time) bool {
	return c.lead.Codec.Video() && !at.Before(c.cur.until) &&
		(c.lead.file == nil || at.Sub(c.lead.end) > max(deadAfter, c.lead.patience()))
}

// isAhead reports whether a picture that is still to come may cut before that time.
func (c *camera) isAhead(at time.Time) bool {
	return c.lead.file == c.cur && !at.Before(c.cur.until) && at.After(c.lead.last)
}

// boundAhead keeps what waits, together with the open fragment, below what a fragment
// may hold: else a crash would take too much.
func (c *camera) boundAhead() {
	span := func() time.Duration { return c.ahead[len(c.ahead)-1].Wall.Sub(c.ahead[0].Wall) }
	if g := c.cur.open(); g != nil && c.cur.spanOf(g)+span() > c.cur.span {
		c.cur.close()
	}
	for len(c.ahead) > 0 && span() > c.cur.span {
		c.release(1)
	}
}

// release lets the first n units that were held back take their course.
func (c *camera) release(n int) {
	units := c.ahead[:n]
	c.ahead = c.ahead[n:]
	for _, au := range units {
		c.flowOther(c.trackOf(au), au)
	}
}

// flowOther changes the track's file where it is time, and takes the unit.
func (c *camera) flowOther(t *track, au media.AccessUnit) {
	switch {
	case t.next != nil && !au.Wall.Before(t.next.from):
		for t.next != nil && !au.Wall.Before(t.next.from) {
			f := t.next
			t.change(au)
			if f != c.cur {
				t.next = c.cur
			}
		}
		c.endUnused()
	case t.file == nil && c.cur.slot(t) >= 0 && !au.Wall.Before(c.cur.from):
		t.join(c.cur)
	}
	if t.file != nil && !t.file.fits(t) {
		t.leave() // another configuration: it goes on in the next file
	}
	if t.file == nil {
		if t.next != nil {
			t.lose(au.Wall, media.Timeout, "came when its file was closed already")
		} else if !au.Wall.Before(c.cur.from) {
			c.recut = c.recut || t.usable && !c.cur.fits(t)
			c.refuse(t, au, errNoConfig(t))
		}
		return // sound from before the first picture is not recorded
	}
	c.flow(t, au)
}

func errNoConfig(t *track) error {
	return fault.New(fault.Unsupported, "%s whose configuration is not known, or not that of the file", t.Codec.Title())
}

// flow gives the unit its place in its track's file. The first unit there never stands
// before the end of what the camera recorded last.
func (c *camera) flow(t *track, au media.AccessUnit) {
	var shift time.Duration
	switch {
	case t.held != nil:
	case t.last.IsZero():
		shift = t.file.shift
	default:
		shift = overlap(t.end, decodeTime(au, t.ClockRate))
	}
	dts := t.place(au, shift)
	c.note(t, au, t.at(dts))
	t.hold(au, dts, c.r.Clock.Now())
	c.end = later(c.end, t.end)
}

// overlap is how much later than at a unit must begin not to overlap what ended at end.
func overlap(end, at time.Time) time.Duration {
	if d := end.Sub(at); !end.IsZero() && d > 0 && d <= overlapMost {
		return d
	}
	return 0
}

// cutting is a cut whose file is not there yet: what was decided when it was first tried.
type cutting struct {
	track  *track
	unit   media.Ticks // DTS of the unit it is made for
	origin time.Time   // media time at which the new file begins
	shift  time.Duration
	here   int64          // where the unit would stand in the track's old file
	next   int64          // where that file ends
	step   *journal.Clock // a correction forward of the track's time, which takes effect; nil: none
}

// decide says where a new file begins that the unit of t is the first of.
func (c *camera) decide(t *track, au media.AccessUnit) *cutting {
	k := &cutting{track: t, unit: au.DTS, origin: decodeTime(au, t.ClockRate)}
	if t.file == nil {
		k.shift = overlap(later(c.end, t.end), k.origin)
		k.origin = k.origin.Add(k.shift)
		return k
	}
	// The old file lasts until the new one begins, whichever of the slewed time and
	// the true one is later: no time is recorded twice. What stands too late is led back
	// by the slew alone.
	k.next = t.place(au, 0)
	k.here = k.next
	old := t.at(k.next)
	if late := k.origin.Sub(old); late >= stepAbove {
		k.step = &journal.Clock{What: "step", Camera: c.name, Track: c.index(t), At: k.origin, Offset: late}
	}
	if old.After(k.origin) {
		k.origin = old
	} else {
		k.next = max(k.next, t.tick(k.origin))
	}
	return k
}

// cut begins a new file with the unit. The tracks follow when they reach its time. An
// error is the disk's, and nothing has changed.
func (c *camera) cut(t *track, au media.AccessUnit) error {
	if c.cutting == nil || c.cutting.track != t || c.cutting.unit != au.DTS {
		c.cutting = c.decide(t, au)
	}
	k := c.cutting
	f, err := c.openFile(c.newFile(k.origin, later(au.Wall, k.origin)))
	if err != nil {
		return err
	}
	c.cutting = nil
	f.shift = k.shift
	if k.step != nil {
		c.r.lines.post(k.step)
	}
	if t.file != nil {
		t.release(k.next)
		t.correct(k.here, k.next)
	}
	for _, o := range c.tracks {
		switch {
		case o == t || o.file == nil:
		case o.Codec.Video():
			o.leave() // it is silent; it goes on with its next key frame
			c.hush(o, media.Because(media.Timeout))
		case o.next == nil:
			o.next = f
		}
	}
	if c.cur != nil {
		c.cur.left = c.r.Clock.Now().Add(f.from.Sub(au.Wall))
	}
	t.join(f)
	c.cur, c.recut = f, false
	c.endUnused()
	return nil
}

// newFile describes a file for the run's tracks, as they are configured now.
func (c *camera) newFile(origin, from time.Time) *file {
	f := &file{
		run: c.run, stream: c.stream(), limit: c.limited(), from: from, until: nextInstant(from, c.r.segmentLength()), span: c.r.fragmentLength(), video: -1,
		keep: keepLimit(len(c.r.all())),
		head: segment.Header{Camera: c.name, Start: origin}, slots: map[media.TrackID]int{},
	}
	for _, t := range c.tracks {
		if t.skipped != "" || !t.usable {
			continue
		}
		if t == c.lead && t.Codec.Video() {
			f.video = len(f.head.Tracks)
		}
		f.slots[t.ID] = len(f.head.Tracks)
		f.head.Tracks = append(f.head.Tracks, t.Track)
	}
	return f
}

// endUnused ends files that no track will come back to. Sound that is late for a cut
// by too much is waited for no longer: it goes on where the next file begins.
func (c *camera) endUnused() {
	now := c.r.Clock.Now()
	for _, f := range c.files {
		if f.ended || f == c.cur {
			continue
		}
		used, late := false, now.Sub(f.left) > drainFor
		for _, t := range c.tracks {
			switch {
			case !late:
				used = used || t.file == f || t.next == f
			case t.file == f:
				next := t.next
				t.leave()
				t.next = next
			case t.next == f:
				t.next = c.cur
			}
		}
		if !used {
			c.endFile(f)
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
