package record

import (
	"slices"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
)

// all are the cameras of the plan and those that were in it once. The slice is never
// changed.
func (r *Recording) all() []*camera {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cameras
}

// AddCamera adds a camera to the plan of a recording that is being written and returns its
// sink, as Camera does. One that is in the plan already is changed to c, one that was once
// goes on. Time before it was added is no gap. When AddCamera returns, the plan is durable.
// Errors: fault.Usage (the name, as Plan.Validate says), fault.Busy (its sink is in use),
// fault.Canceled (the recording is closed), and the disk's; then nothing was added.
func (r *Recording) AddCamera(c journal.Camera) (media.Sink, error) {
	const op = "add a camera"
	r.round.Lock() // which saves the plan too
	defer r.round.Unlock()
	if r.isClosed() {
		return nil, fault.New(fault.Canceled, "%s: the recording is closed", op)
	}
	before := r.Plan()
	cam := r.named(c.Name)
	if cam != nil {
		cam.mu.Lock()
		out := cam.out
		cam.mu.Unlock()
		if out {
			return nil, fault.New(fault.Busy, "%s: camera %q is being recorded already", op, c.Name)
		}
	}
	c, plan := with(before, c, utc(r.Clock.Wall()))
	if !slices.Equal(plan.Cameras, before.Cameras) {
		if err := r.changePlan(before, plan); err != nil {
			return nil, fault.Because(op, err)
		}
	}
	if cam == nil {
		cam = newCamera(r, c.Name)
		r.mu.Lock()
		r.cameras = append(slices.Clip(r.cameras), cam)
		r.mu.Unlock()
		cam.mu.Lock()
		cam.begins(c.Added)
		cam.mu.Unlock()
	} else {
		cam.revive()
	}
	return cam.take()
}

// with is the plan with a camera, added now or changed in its place.
func with(p journal.Plan, c journal.Camera, now time.Time) (journal.Camera, journal.Plan) {
	p.Cameras = slices.Clone(p.Cameras)
	i := slices.IndexFunc(p.Cameras, func(o journal.Camera) bool { return o.Name == c.Name })
	if i < 0 {
		c.Added = now
		p.Cameras = append(p.Cameras, c)
	} else {
		c.Added = p.Cameras[i].Added
		p.Cameras[i] = c
	}
	return c, p
}

// RemoveCamera takes a camera out of the plan, ending what it records; its media stays,
// and from now on its time is a gap, stopped. A sink in use refuses what comes, and is to be
// closed. fault.NotFound: there is none. After an error of the disk the plan is as it was,
// and the camera too.
func (r *Recording) RemoveCamera(name string) error {
	const op = "remove a camera"
	cam := r.named(name)
	if cam == nil || cam.isRemoved() {
		return fault.New(fault.NotFound, "%s: the recording has no camera %q", op, name)
	}
	r.round.Lock()
	defer r.round.Unlock()
	if r.isClosed() {
		return fault.New(fault.Canceled, "%s: the recording is closed", op)
	}
	before := r.Plan()
	plan := before
	plan.Cameras = slices.DeleteFunc(slices.Clone(before.Cameras), func(o journal.Camera) bool { return o.Name == name })
	if err := r.changePlan(before, plan); err != nil {
		return fault.Because(op, err)
	}
	cam.stop()
	cam.mu.Lock()
	cam.removed = true
	if cam.gap == nil && !cam.end.IsZero() {
		cam.miss(media.Gap{Causes: media.Because(media.Stopped)})
	}
	cam.mu.Unlock()
	return r.lines.sync()
}

// changePlan makes another plan durable, or leaves it as it was.
func (r *Recording) changePlan(before, plan journal.Plan) error {
	if err := plan.Validate(); err != nil {
		return err
	}
	set := func(p journal.Plan) {
		r.mu.Lock()
		r.plan.Cameras, r.unsaved = p.Cameras, true
		r.mu.Unlock()
	}
	set(plan)
	err := r.savePlan()
	if err == nil {
		err = r.lines.sync()
	}
	if err != nil {
		set(before) // saved by the next round
	}
	return err
}

// begins says that the camera was added at that time: it was not awaited before.
func (c *camera) begins(at time.Time) {
	opened := c.r.Plan().Opened
	if opened.IsZero() || !at.After(opened) {
		return
	}
	c.since = at
	c.r.lines.post(&journal.Lead{Camera: c.name, From: utc(opened), To: at, Waited: true})
}

// revive makes a camera that was removed one of the plan again.
func (c *camera) revive() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.removed {
		c.removed, c.stopped, c.wake = false, false, make(chan struct{})
	}
}

func (c *camera) isRemoved() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.removed
}

// opened is from when on the camera should have been recorded; zero: not yet.
func (c *camera) opened() time.Time {
	opened := c.r.Plan().Opened
	if opened.IsZero() {
		return opened
	}
	return later(opened, c.since)
}
