package record

import (
	"context"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
)

// Close ends every run and commits and seals everything. With a why ("planned",
// "stopped") it also ends the window, at that media time; without, the recording can
// be gone on with. What the disk refuses is tried again until ctx is done; what is left
// then is for [Open] to repair, and the error says so. No sink may be in use any more.
func (r *Recording) Close(ctx context.Context, why string, at time.Time) error {
	r.mu.Lock()
	closed := r.closed
	r.closed = true
	r.mu.Unlock()
	if closed {
		return nil
	}
	for _, c := range r.all() {
		c.stop()
	}
	err := r.finish(ctx)
	r.seals.stop()
	switch {
	case err != nil:
	case why != "":
		err = r.endWindow(ctx, why, at)
	case r.ended != nil:
		r.lines.post(r.ended) // only repaired: it stays closed
	}
	if e := r.closeJournal(ctx, err == nil); err == nil {
		err = e
	}
	if e := r.releaseLock(); err == nil {
		err = e
	}
	return fault.Because("close the recording", err)
}

// finish commits and seals until nothing is left or ctx is done.
func (r *Recording) finish(ctx context.Context) error {
	return again(ctx, func() error {
		err := r.commit()
		if err == nil {
			err = r.seals.wait(ctx)
		}
		if err == nil && r.pending() {
			err = errUnfinished
		}
		return err
	})
}

var errUnfinished = fault.New(fault.Timeout, "not everything is sealed")

// closeJournal makes the last lines durable, if only it can.
func (r *Recording) closeJournal(ctx context.Context, insist bool) error {
	if insist && again(ctx, func() error { return r.lines.close(true) }) == nil {
		return nil
	}
	return r.lines.close(false)
}

// again repeats a step until it succeeds, or ctx is done.
func again(ctx context.Context, step func() error) error {
	for {
		err := step()
		if err == nil {
			return nil
		}
		wait := retryEvery
		if err == errUnfinished {
			wait = time.Millisecond
		}
		if pause(ctx, wait, nil) != nil {
			return err
		}
	}
}

// pending reports whether any camera holds something that is not handed to a sealer.
func (r *Recording) pending() bool {
	for _, c := range r.all() {
		if c.pending() {
			return true
		}
	}
	return false
}

func (r *Recording) releaseLock() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lock == nil {
		return nil
	}
	err := r.lock.Close()
	r.lock = nil
	return vfs.Fault("unlock", err)
}

// endWindow journals the end of the window and closes what is open at it.
func (r *Recording) endWindow(ctx context.Context, why string, at time.Time) error {
	at = utc(at)
	opened := r.Plan().Opened
	if opened.IsZero() {
		opened = r.openWindow(utc(r.host.began)) // nobody was ever recorded
		if err := again(ctx, r.savePlan); err != nil {
			return err
		}
	}
	if why == "stopped" || at.IsZero() {
		if end := r.newestMedia(); at.IsZero() || end.After(opened) && at.Sub(end) <= leadMost {
			at = end
		}
	}
	for _, c := range r.all() {
		c.mu.Lock()
		if !c.removed || c.gap != nil {
			c.endAt(later(opened, c.since), at)
		}
		c.mu.Unlock()
	}
	r.lines.post(&journal.Close{Why: why, At: at})
	return nil
}

// newestMedia is the latest end of any camera's media.
func (r *Recording) newestMedia() time.Time {
	var newest time.Time
	for _, c := range r.all() {
		c.mu.Lock()
		newest = later(newest, c.end)
		c.mu.Unlock()
	}
	return newest
}

// endAt closes the camera's open gap at the end of the window. Less than what counts as
// silence is none.
func (c *camera) endAt(opened, at time.Time) {
	from, causes := c.end, media.Because(media.Stopped)
	if from.IsZero() {
		from, causes = opened, c.before|c.misses|media.Because(media.NotStarted)
	}
	if c.gap == nil && (at.Sub(from) > c.calm || c.end.IsZero() && at.After(from)) {
		c.gap = c.openGap(nil, from, causes, c.why)
	}
	if c.gap == nil {
		return
	}
	if c.gap.Causes == media.Because(media.Stopped) && at.Sub(c.gap.From) <= c.calm {
		at = c.gap.From
	}
	c.closeGap(c.gap, at)
	c.gap = nil
}
