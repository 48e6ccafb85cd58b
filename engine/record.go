package engine

import (
	"context"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/record"
)

// Defaults of RecordOptions, as on the command line.
const (
	DefaultSegment  = 10 * time.Minute
	DefaultCommit   = time.Second
	DefaultFragment = 250 * time.Millisecond
	DefaultReorder  = 100 * time.Millisecond
	DefaultGrace    = 10 * time.Second
	DefaultQueue    = 64 << 20 // bytes
)

// Record records cameras together into a new directory until the planned end or until
// ctx ends, waiting for cameras that are off. It returns what the recording holds. The
// error is nil when nothing is missing, a fault.Incomplete when the recording is sound
// and has gaps, a fault.Unreachable or fault.Denied when a camera never answered, and
// of the disk's kind when nothing could be recorded.
func Record(ctx context.Context, d Deps, o RecordOptions) (*Summary, error) {
	if err := d.checkCameras(o.Cameras...); err != nil {
		return nil, err
	}
	cameras, err := withSources(o.Cameras, o.Backfill)
	if err != nil {
		return nil, err
	}
	o.Cameras = cameras
	if err := o.Transcode.check(d.Coder); err != nil {
		return nil, err
	}
	plan, err := o.plan(d.Clock.Wall())
	if err != nil {
		return nil, err
	}
	tally, clock := newTally(), &steady{host: d.Clock}
	d.Clock = clock
	rec, err := record.Create(d.recordOptions(o.Dir, plan, tally))
	if err != nil {
		return nil, err
	}
	return runRecording(ctx, d, job{dir: o.Dir, rec: rec, plan: plan, clock: clock, tally: tally, grace: o.Grace, queue: o.Queue, keep: o.Keep, rate: o.BackfillRate, retry: o.retryMain})
}

// plan makes a plan of the options and refuses what makes no sense.
func (o RecordOptions) plan(now time.Time) (journal.Plan, error) {
	p := journal.Plan{
		Format: 1, Created: now.UTC(), Cameras: o.Cameras,
		From: o.At.UTC(), Until: o.Until.UTC(), Length: journal.Duration(o.Length),
		Segment:  journal.Duration(orDefault(o.Segment, DefaultSegment)),
		Commit:   journal.Duration(orDefault(o.Commit, DefaultCommit)),
		Fragment: journal.Duration(orDefault(o.Fragment, DefaultFragment)),
		Coding:   o.Transcode.planned(),
	}
	if o.At.IsZero() {
		p.From = time.Time{}
	}
	if o.Until.IsZero() {
		p.Until = time.Time{}
	}
	switch {
	case len(o.Cameras) == 0:
		return p, fault.New(fault.Usage, "no camera to record")
	case o.Length < 0 || o.Segment < 0 || o.Commit < 0 || o.Fragment < 0:
		return p, fault.New(fault.Usage, "a duration below zero makes no sense")
	case !o.Until.IsZero() && !o.Until.After(now):
		return p, fault.New(fault.Usage, "the end, %s, has passed", o.Until.Format(time.RFC3339))
	case !o.Until.IsZero() && !o.At.IsZero() && !o.Until.After(o.At):
		return p, fault.New(fault.Usage, "the end is before the start")
	}
	return p, p.Validate()
}

func orDefault[T int | int64 | time.Duration](v, d T) T {
	if v == 0 {
		return d
	}
	return v
}

func (d Deps) recordOptions(dir string, plan journal.Plan, t *tally) record.Options {
	return record.Options{
		Dir: dir, FS: d.FS, Clock: d.Clock, Plan: plan, Log: d.log(), Version: d.Version,
		Observe: func(e record.Event) {
			t.observe(e)
			if e := translate(e); e != nil {
				d.observe(e)
			}
		},
	}
}
