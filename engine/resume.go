package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/record"
)

// Resume repairs an interrupted recording and goes on with it until its planned end.
// When that has passed, or with o.Repair, it only repairs. The error is as Record's.
func Resume(ctx context.Context, d Deps, dir string, o ResumeOptions) (*Summary, error) {
	if _, err := withSources(nil, o.Backfill); err != nil {
		return nil, err
	}
	tally, clock := newTally(), &steady{host: d.Clock}
	d.Clock = clock
	rec, recovery, err := record.Open(d.recordOptions(dir, journal.Plan{}, tally))
	if err != nil {
		return nil, err
	}
	if _, err := withSources(recovery.Plan.Cameras, o.Backfill); err != nil {
		return nil, errors.Join(err, rec.Close(ctx, "", time.Time{}))
	}
	j := job{
		dir: dir, rec: rec, plan: recovery.Plan, clock: clock, tally: tally,
		grace: o.Grace, queue: o.Queue, keep: o.Keep, rate: o.BackfillRate, sources: o.Backfill, repairs: recovery.Repairs, resumed: true,
	}
	for _, what := range recovery.Repairs {
		d.observe(Repaired{Dir: dir, What: what})
	}
	if recovery.Closed && !o.Repair {
		d.observe(Notice{Message: dir + " has ended as it should: there is nothing to go on with"})
	}
	served := servedPlan(recovery.Plan)
	if served && !recovery.Closed && !o.Repair {
		d.observe(Notice{Message: dir + " is a server's: it is repaired, and \"rtsprec serve\" goes on with it"})
	}
	composed := len(recovery.Plan.Cameras) > 0 && !slices.ContainsFunc(recovery.Plan.Cameras, received)
	if composed && !recovery.Closed && !o.Repair {
		d.observe(Notice{Message: dir + " was composed: it is repaired; what has not been composed is not in it"})
	}
	served = served || composed
	if end := j.end(); recovery.Closed || o.Repair || served || !end.IsZero() && !d.Clock.Now().Before(end) {
		return j.onlyRepair(ctx, d, end, recovery.Closed || o.Repair || served)
	}
	return runRecording(ctx, d, j)
}

// onlyRepair closes what was repaired: with its window, when that has passed, or so
// that it can be gone on with.
func (j job) onlyRepair(ctx context.Context, d Deps, end time.Time, asIs bool) (*Summary, error) {
	why := "planned"
	if asIs {
		why, end = "", time.Time{}
	}
	if err := j.rec.Close(ctx, why, end); err != nil {
		return nil, err
	}
	if err := j.fillRest(ctx, d); err != nil {
		return nil, err
	}
	summary, err := j.summarise(d, nil)
	if err != nil {
		return nil, err
	}
	return summary, summary.verdict(nil)
}

// ResumeAll resumes every interrupted recording under root, those that are still in
// their window side by side: what runs after a reboot. A recording that is being
// written is left alone. The error is that of the recording that fared worst.
func ResumeAll(ctx context.Context, d Deps, root string, o ResumeOptions) ([]*Summary, error) {
	found, err := archive.List(d.FS, root)
	if err != nil {
		return nil, err
	}
	var (
		mu        sync.Mutex
		summaries []*Summary
		errs      []error
		group     errgroup.Group
	)
	for _, r := range found {
		if r.State != archive.Interrupted {
			continue
		}
		group.Go(func() error {
			s, err := Resume(ctx, d, r.Dir, o)
			mu.Lock()
			defer mu.Unlock()
			if s != nil {
				summaries = append(summaries, s)
			}
			if err != nil && !fault.Is(err, fault.Busy) {
				errs = append(errs, err)
			}
			return nil
		})
	}
	group.Wait()
	return summaries, worst(errs)
}

// worst joins errors under the kind of the gravest: anything is graver than gaps.
func worst(errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	kind := fault.Incomplete
	for _, err := range errs {
		if k := fault.KindOf(err); k != fault.Incomplete {
			kind = k
			break
		}
	}
	return fault.Wrap(kind, "", errors.Join(errs...))
}

// received says whether a camera of a plan is one that is dialled. A picture that was
// composed has nobody to ask.
func received(c journal.Camera) bool { return c.URL != "" }
