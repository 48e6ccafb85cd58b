package record

import (
	"context"
	"sync"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
)

// camera is one camera of a recording.
type camera struct {
	r    *Recording
	name string
	wake chan struct{} // closed by stop: nobody waits for the disk any more

	mu      sync.Mutex // held while a fragment is written, never while waiting for the disk to recover
	out     bool       // a sink is in use
	removed bool       // from the plan
	since   time.Time  // when it was added to a recording under way; zero: at its beginning
	stopped bool
	writing bool // Write has been called and has not returned
	stuck   bool // it waits for the disk

	// Numbers and folders.
	n       uint64          // of the newest segment
	days    map[string]bool // folders that are there and synced
	opening *file           // created, but its line is not synced yet
	cutting *cutting        // a cut that waits for its file

	// The run.
	run      uint64
	variant  media.Variant // which of the camera's streams it is
	told     string        // of the last quality line
	limit    int           // bit/s that the encoder of the main stream is held at; 0: it is not
	limitWhy string
	tracks   []*track
	lead     *track             // decides when to cut: the picture, or the first sound
	began    bool               // something of this run was recorded
	pictures bool               // units of lead come, recorded or not
	recut    bool               // cut at the next key frame
	early    []media.AccessUnit // sound that came before the first picture
	ahead    []media.AccessUnit // sound that is ahead of a picture which may cut before it

	// Files with media that is not sealed yet.
	cur     *file   // the newest, while it takes units
	files   []*file // all, by number
	retired []*retired

	absence
	refused refusals
}

func newCamera(r *Recording, name string) *camera {
	return &camera{r: r, name: name, wake: make(chan struct{}), days: map[string]bool{}, absence: absence{calm: time.Second}}
}

// take hands out the camera's sink.
func (c *camera) take() (media.Sink, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.usable() != nil:
		return nil, c.usable()
	case c.out:
		return nil, fault.New(fault.Busy, "camera %q is being recorded already", c.name)
	}
	c.out = true
	return &sink{camera: c}, nil
}

// sink is a camera as its feeder sees it.
type sink struct{ *camera }

// Begin implements media.Sink. A run that begins without the End of the one before goes on
// where that ends. It does no I/O that could fail.
func (s *sink) Begin(ctx context.Context, run media.Run) error {
	c := s.camera
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(); err != nil {
		return err
	}
	c.follows = c.tracks != nil // without End
	c.endRun()
	c.begin(run)
	return nil
}

// Write implements media.Sink. An error means that the unit was not taken; a unit that
// was taken is on the disk with the next commit. While the disk refuses, Write waits.
func (s *sink) Write(ctx context.Context, au media.AccessUnit) error {
	c := s.camera
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(); err != nil {
		return err
	}
	if c.tracks == nil {
		return fault.New(fault.Bug, "a unit outside of a run")
	}
	c.writing = true
	if c.away != 0 && au.Arrival.After(c.awayAt) {
		defer func() { c.away = 0 }() // once it is known what was missing before it
	}
	defer func() { c.writing = false }()
	err := c.insist(ctx, c.settle)
	if err == nil {
		err = c.insist(ctx, func() error { return c.accept(au) })
	}
	if err != nil {
		c.cutting = nil
		c.passOver(au, err)
		return fault.Because("write "+c.name, err)
	}
	if err := c.settle(); err != nil {
		c.r.disk.refuses(c.name, err) // the next Write or round tries again
	}
	return nil
}

// End implements media.Sink.
func (s *sink) End(ctx context.Context, gap media.Gap) error {
	c := s.camera
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(); err != nil {
		return err
	}
	c.endRun()
	c.miss(gap)
	return nil
}

// Close implements media.Sink: it ends the run and commits what it holds.
func (s *sink) Close(ctx context.Context) error {
	c := s.camera
	c.mu.Lock()
	if !c.out {
		c.mu.Unlock()
		return nil
	}
	c.out = false
	if c.tracks != nil {
		c.endRun()
		c.miss(media.Gap{Causes: media.Because(media.Stopped)})
	}
	wake := c.wake
	c.mu.Unlock()
	for {
		err := c.r.commit()
		if !c.unwritten() {
			return nil
		}
		if e := pause(ctx, retryEvery, wake); e != nil {
			return fault.Because("close "+c.name, e)
		}
		if c.r.isClosed() {
			return fault.Because("close "+c.name, err)
		}
	}
}

// ObserveClock implements ClockObserver.
func (s *sink) ObserveClock(o journal.Clock) {
	o.Camera, o.At, o.Arrival = s.name, utc(o.At), utc(o.Arrival)
	s.r.lines.post(&o)
}

// ObserveLimit implements LimitObserver.
func (s *sink) ObserveLimit(at time.Time, limit int, why string) {
	c := s.camera
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.usable() != nil || c.limit == limit {
		return
	}
	c.limit, c.limitWhy = limit, fault.Redact(why)
	if c.began && c.stream() == "" {
		c.r.lines.post(c.quality(utc(at), media.MainStream, why))
	}
}

// Away implements AwayObserver.
func (s *sink) Away(causes media.Causes) {
	c := s.camera
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away, c.awayAt = causes, c.r.Clock.Now()
}

// usable fails once the camera was stopped.
func (c *camera) usable() error {
	switch {
	case c.removed:
		return fault.New(fault.Canceled, "camera %q was removed from the recording", c.name)
	case c.stopped:
		return fault.New(fault.Canceled, "the recording is closed")
	}
	return nil
}

// insist repeats a step until the disk allows it. The lock is not held while it waits.
func (c *camera) insist(ctx context.Context, step func() error) error {
	defer func() { c.stuck = false }()
	for {
		err := step()
		if !refusal(err) {
			return err
		}
		c.r.disk.refuses(c.name, err)
		c.stuck = true
		wake := c.wake
		c.mu.Unlock()
		e := pause(ctx, retryEvery, wake)
		c.mu.Lock()
		if e == nil {
			e = c.usable()
		}
		if e != nil {
			return err
		}
	}
}

// refusal reports whether the disk may yet do what it would not.
func refusal(err error) bool {
	if err == nil {
		return false
	}
	switch fault.KindOf(err) {
	case fault.DiskFull, fault.DiskFailed, fault.NotFound, fault.Denied, fault.Busy:
		return true
	}
	return false
}

// begin takes a run.
func (c *camera) begin(run media.Run) {
	c.run, c.variant = c.r.newRun(), run.Variant
	c.tracks, c.lead, c.began, c.pictures, c.recut = nil, nil, false, false, false
	c.early, c.ahead, c.keyless = nil, nil, time.Time{}
	for _, t := range run.Tracks {
		tr := newTrack(t)
		if tr.Codec.Video() && c.lead != nil && c.lead.Codec.Video() {
			tr.skipped = "a second picture"
		}
		if tr.skipped == "" && (c.lead == nil || tr.Codec.Video() && !c.lead.Codec.Video()) {
			c.lead = tr
		}
		c.tracks = append(c.tracks, tr)
	}
	line := &journal.Run{Camera: c.name, Run: c.run, Start: utc(run.Start), Origin: run.Origin, Peer: fault.Redact(run.Peer)}
	for i, t := range c.tracks {
		line.Tracks = append(line.Tracks, t.describe())
		if t.skipped != "" {
			c.r.observe(TrackSkipped{Camera: c.name, Track: i, Why: t.skipped})
		}
	}
	c.r.lines.post(line)
}

// endRun releases everything that waits for more of the run.
func (c *camera) endRun() {
	if c.tracks == nil {
		return
	}
	c.release(len(c.ahead))
	c.early = nil
	for _, t := range c.tracks {
		t.leave()
		c.tellDamage(t)
		untold := c.settleSilence(t)
		if t == c.lead && c.began {
			c.calm = t.patience() - untold
		}
	}
	c.tellRefused()
	for _, f := range c.files {
		c.endFile(f)
	}
	c.cur, c.tracks, c.lead, c.early, c.ahead, c.cutting = nil, nil, nil, nil, nil, nil
}

// endFile says that no unit will be added to f.
func (c *camera) endFile(f *file) {
	f.close()
	f.ended = true
}

// stop ends the run and refuses everything from here on.
func (c *camera) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return
	}
	c.stopped = true
	close(c.wake)
	if c.tracks != nil {
		c.endRun()
		c.miss(media.Gap{Causes: media.Because(media.Stopped)})
	}
}

// settle does what earlier steps left undone on the disk. What a broken file holds goes
// to a new one at once; when that breaks too, it is for the next try.
func (c *camera) settle() error {
	for i := 0; i < len(c.files); i++ {
		f := c.files[i]
		err := f.write()
		if f.broken == nil {
			if err != nil {
				return err
			}
			continue
		}
		if err := c.relocate(f); err != nil {
			return err
		}
		for _, f := range c.files {
			if err := f.write(); err != nil {
				return err
			}
		}
		i = -1 // c.files is another
	}
	for _, f := range c.files {
		c.tellMisfits(f)
	}
	return nil
}

// unwritten reports whether anything is not committed.
func (c *camera) unwritten() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.files {
		if f.broken != nil || !f.whole() || f.committed < f.written() && f.units() > 0 {
			return true
		}
	}
	return false
}

// pending reports whether the camera holds a file that is not handed to a sealer.
func (c *camera) pending() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.files) > 0 || len(c.retired) > 0 || c.opening != nil
}

// trackOf returns the unit's track, or nil.
func (c *camera) trackOf(au media.AccessUnit) *track {
	for _, t := range c.tracks {
		if t.ID == au.Track {
			return t
		}
	}
	return nil
}

// index is the track's place in the run, as it goes into a line.
func (c *camera) index(t *track) *int {
	for i, o := range c.tracks {
		if o == t {
			return &i
		}
	}
	return nil
}

// utc is a time as it goes to the disk: without a monotonic reading.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.Round(0).UTC()
}
