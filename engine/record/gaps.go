package record

import (
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
)

// leadMost is how long after the window opened a camera may begin without that being a
// gap: connecting and waiting for the first key frame.
const leadMost = 10 * time.Second

// keyWorthy is how long a camera sends pictures without a key frame before that is
// named as a cause.
const keyWorthy = time.Second

// absence is what a camera knows of its time without media. Its camera's lock guards it.
type absence struct {
	gap     *journal.Gap // goes on: nothing is recorded at all
	follows bool         // the run goes on where the last one ended
	end     time.Time    // of the newest media of this run or the last; zero: there never was any
	before  media.Causes // why nothing was recorded yet, while the window is not open
	why     string       // the same for people
	misses  media.Causes // added to the next gap between runs

	keyless time.Time     // media time of the first unit of this run that waited for a key frame
	hole    media.Gap     // the last span of the run of which the whole camera is missing
	calm    time.Duration // from end on, less is no gap: what the silence of the last run's picture lacked

	away   media.Causes // why nothing comes although the run is on; 0: not told
	awayAt time.Time    // since when
}

// silent is why nothing comes.
func (a *absence) silent() media.Causes {
	if a.away != 0 {
		return a.away
	}
	return media.Because(media.Timeout)
}

// openGap journals a gap whose end is not known.
func (c *camera) openGap(track *int, from time.Time, causes media.Causes, note string) *journal.Gap {
	g := &journal.Gap{ID: c.r.newGap(), Camera: c.name, Track: track, From: utc(from), Causes: causes, Note: fault.Redact(note)}
	c.tellGap(*g)
	return g
}

// closeGap journals the gap's end. A gap that ends before it begins is withdrawn.
func (c *camera) closeGap(g *journal.Gap, to time.Time) {
	g.To = utc(later(to, g.From))
	c.tellGap(*g)
}

func (c *camera) tellGap(g journal.Gap) {
	c.r.lines.post(&g)
	if g.To.IsZero() {
		c.r.observe(GapOpened{g})
	} else {
		c.r.observe(GapClosed{g})
	}
}

// span journals a gap of which both ends are known.
func (c *camera) span(track *int, from, to time.Time, causes media.Causes, note string) {
	g := journal.Gap{
		ID: c.r.newGap(), Camera: c.name, Track: track, From: utc(from), To: utc(to), Causes: causes, Note: fault.Redact(note),
	}
	c.tellGap(g)
}

// miss says that the camera records nothing from the end of its media on.
func (c *camera) miss(why media.Gap) {
	why.Causes |= c.misses
	c.misses = 0
	if why.Causes == 0 {
		why.Causes = media.Because(media.StreamEnded)
	}
	if c.gap != nil {
		if c.gap.Causes|why.Causes != c.gap.Causes {
			c.gap.Causes |= why.Causes
			c.gap.Note = fault.Redact(why.Note)
			c.tellGap(*c.gap)
		}
		return
	}
	from := c.end
	if from.IsZero() {
		c.before |= why.Causes
		c.why = why.Note
		if from = c.opened(); from.IsZero() {
			return
		}
		why.Causes = c.before // and all that kept it from beginning
	}
	c.gap = c.openGap(nil, from, why.Causes, why.Note)
}

// appear says that the first unit of a run is recorded, at that media time.
func (c *camera) appear(t *track, at time.Time) {
	c.began = true
	opened := later(c.r.openWindow(utc(at)), c.since)
	switch {
	case c.gap != nil:
		c.closeGap(c.gap, at)
		c.gap = nil
	case c.follows && !c.end.IsZero() && at.Sub(c.end) > c.calm:
		c.span(nil, c.end, at, c.misses|media.Because(media.StreamEnded), c.variant.Why)
	case !c.end.IsZero():
	case at.Before(opened):
		c.r.lines.post(&journal.Lead{Camera: c.name, From: utc(at), To: utc(opened)})
	case at.After(opened) && c.before == 0 && at.Sub(opened) <= leadMost:
		c.r.lines.post(&journal.Lead{Camera: c.name, From: utc(opened), To: utc(at), Waited: true})
	case at.After(opened):
		c.span(nil, opened, at, c.before|c.misses|media.Because(media.NotStarted), c.why)
	}
	c.before, c.misses, c.why, c.end = 0, 0, "", utc(at)
	c.keyless = time.Time{}
	c.tellQuality(utc(at))
	if t != c.lead {
		cause := media.Timeout
		if c.pictures {
			cause = media.NoKeyframe
		}
		c.lead.hush = c.openGap(c.index(c.lead), at, media.Because(cause), "no picture yet")
	}
}

// waitForKey passes a unit over because decoding cannot start with it.
func (c *camera) waitForKey(t *track, au media.AccessUnit) {
	if c.keyless.IsZero() {
		c.keyless = au.Wall
	}
	// Joining a stream between two key frames is usual; lacking one is worth a word.
	long := au.Wall.Sub(c.keyless) > keyWorthy
	switch {
	case t.hush == nil && c.began:
		c.hush(t, media.Because(media.NoKeyframe))
	case long && t.hush != nil:
		c.addCause(t.hush, media.NoKeyframe)
	case long && c.gap != nil:
		c.addCause(c.gap, media.NoKeyframe)
	case long:
		c.misses |= media.Because(media.NoKeyframe)
	}
}

// hush journals that a track is silent since its last unit, or since the run began.
func (c *camera) hush(t *track, causes media.Causes) {
	if t.hush != nil {
		return
	}
	from := c.end
	if !t.last.IsZero() {
		from = t.fade()
	}
	t.hush = c.openGap(c.index(t), from, causes, "")
}

func (c *camera) addCause(g *journal.Gap, cause media.Cause) {
	if !g.Causes.Has(cause) {
		g.Causes |= media.Because(cause)
		c.tellGap(*g)
	}
}

// lose notes that units at that time came and could not be taken.
func (t *track) lose(at time.Time, cause media.Cause, note string) {
	if t.lost == nil {
		t.lost = &media.Gap{From: at, Note: note}
	}
	t.lost.Causes |= media.Because(cause)
}

// loseSpan journals media that the disk took and lost again.
func (c *camera) loseSpan(from, to time.Time, err error) {
	c.span(nil, from, to, causesOf(err), err.Error())
}

// passOver notes that a unit was not taken because the disk refused for too long.
func (c *camera) passOver(au media.AccessUnit, err error) {
	if t := c.trackOf(au); t != nil && t.skipped == "" {
		for _, cause := range causesOf(err).List() {
			t.lose(utc(au.Wall), cause, err.Error())
		}
	}
}

func causesOf(err error) media.Causes {
	if fault.Is(err, fault.DiskFull) {
		return media.Because(media.DiskFull)
	}
	return media.Because(media.DiskError)
}

// note journals what a unit tells of the time before it. It stands at that media time.
func (c *camera) note(t *track, au media.AccessUnit, at time.Time) {
	shown := at.Add(media.ToDuration(au.PTS-au.DTS, t.ClockRate))
	if !c.began {
		if c.gap != nil && !at.After(c.gap.From.Add(min(t.usual()/2, c.calm))) {
			shown = c.gap.From // it follows what was recorded last: nothing was missing
		}
		c.appear(t, shown)
	}
	missing := au.Missing
	if t.lost != nil {
		missing, t.lost = merge(missing, t.lost), nil
	}
	if t.hush != nil {
		c.breakSilence(t, at, missing != nil)
	} else if missing == nil && !t.last.IsZero() && at.Sub(t.last) > t.patience() && !c.explained(t, at) {
		c.span(c.index(t), t.fade(), at, c.silent(), "")
	}
	if missing != nil {
		c.tellMissing(t, missing, at)
	}
	if au.Damaged || au.Lost > 0 {
		t.damage(c.name, c.index(t), au, at)
	}
}

// merge joins two accounts of what is missing before a unit.
func merge(a, b *media.Gap) *media.Gap {
	if a == nil {
		return b
	}
	m := *a
	m.Causes |= b.Causes
	if !b.From.IsZero() && (m.From.IsZero() || b.From.Before(m.From)) {
		m.From = b.From
	}
	if m.Note == "" {
		m.Note = b.Note
	}
	return &m
}

// breakSilence closes a silence that was journaled as soon as it was noticed. It is
// withdrawn where everything only came late, or something else tells why it did not.
func (c *camera) breakSilence(t *track, at time.Time, told bool) {
	g := t.hush
	t.hush = nil
	late := !t.last.IsZero() && at.Sub(t.last) <= t.patience() && !g.Causes.Has(media.NoKeyframe)
	if late || !t.last.IsZero() && (told || c.explained(t, at)) {
		at = g.From
	}
	c.closeGap(g, at)
}

// tellMissing journals units known to be lost. What is missing of the picture is missing
// of the camera.
func (c *camera) tellMissing(t *track, m *media.Gap, at time.Time) {
	from, to := utc(m.From), at
	switch {
	case !t.last.IsZero() && (from.IsZero() || from.Before(t.fade()) || at.Sub(t.last) > t.patience()):
		from = t.fade()
	case from.IsZero():
		from = at.Add(-t.usual())
	}
	if !from.Before(to) {
		from = to.Add(-t.usual())
	}
	causes := m.Causes
	if causes == 0 {
		causes = media.Because(media.Loss)
	}
	if causes.Has(media.Overflow) {
		causes |= c.r.disk.since(c.r.Clock.Now().Add(-at.Sub(from)))
	}
	var track *int
	if t != c.lead {
		track = c.index(t)
	} else {
		c.hole = media.Gap{From: from, To: to}
	}
	c.span(track, from, to, causes, m.Note)
}

// explained reports whether what is missing of a track before that time is missing of
// the whole camera, which is journaled.
func (c *camera) explained(t *track, at time.Time) bool {
	return !t.fade().Before(c.hole.From.Add(-t.patience())) && !at.After(c.hole.To.Add(t.patience()))
}

// listen journals silence that goes on, and a camera that does not begin. Now is the
// monotonic clock.
func (c *camera) listen(now time.Time) {
	opened := c.opened()
	if !c.removed && c.gap == nil && c.end.IsZero() && !opened.IsZero() && now.Sub(opened) > leadMost {
		c.gap = c.openGap(nil, opened, c.before|c.misses|media.Because(media.NotStarted), c.why)
	}
	if c.writing {
		return // the disk is slow, not the camera
	}
	for _, t := range c.tracks {
		if !t.last.IsZero() && t.hush == nil && now.Sub(t.seen) > t.patience() {
			c.hush(t, c.silent())
		}
	}
}

// settleSilence ends a track's silence with its run: from the end of the camera's media
// on nothing is recorded anyhow. Untold is the silence up to there that is too short to be
// a gap: together with what follows it may be one.
func (c *camera) settleSilence(t *track) (untold time.Duration) {
	if !t.last.IsZero() {
		untold = c.end.Sub(t.fade())
	}
	if t.hush == nil {
		switch {
		case untold <= t.patience():
			return untold
		case !c.explained(t, c.end):
			c.span(c.index(t), t.fade(), c.end, media.Because(media.Timeout), "")
		}
		return 0
	}
	to := c.end
	if to.Sub(t.hush.From) <= t.patience() {
		to = t.hush.From // no longer than the units of other tracks are apart
	} else {
		untold = 0
	}
	if t == c.lead {
		c.misses |= t.hush.Causes
	}
	c.closeGap(t.hush, to)
	t.hush = nil
	return untold
}

// damage adds a unit to the track's damage, with the units before it of which every
// packet was lost.
func (t *track) damage(camera string, index *int, au media.AccessUnit, at time.Time) {
	if t.hurt == nil {
		from := at
		if au.Lost > 0 && !t.last.IsZero() && at.Sub(t.last) <= t.patience() && t.fade().Before(at) {
			from = t.fade()
		}
		t.hurt = &journal.Damage{Camera: camera, Track: *index, From: from}
	}
	t.hurt.To = at.Add(t.usual())
	t.hurt.Lost += int64(au.Lost)
	if au.Damaged {
		t.hurt.Units++
	}
}

// tellDamage journals a track's damage since it was last told.
func (c *camera) tellDamage(t *track) {
	if t.hurt == nil {
		return
	}
	c.r.lines.post(t.hurt)
	c.r.observe(Damaged{*t.hurt})
	t.hurt = nil
}
