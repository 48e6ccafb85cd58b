package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/rate"
	"rtsprec/engine/record"
)

// job is a recording being made: the part that Record and Resume share.
type job struct {
	dir     string
	rec     *record.Recording
	plan    journal.Plan
	clock   *steady // that of the Deps
	tally   *tally
	grace   time.Duration
	queue   int64
	keep    archive.Keep
	rate    int64            // of backfilling, bytes a second
	sources []BackfillSource // instead of the plan's
	retry   time.Duration    // as RecordOptions.retryMain
	repairs []string
	resumed bool
}

// runRecording feeds all cameras of the plan into the recording until its window has
// passed or ctx ends, closes it, and sums it up.
func runRecording(ctx context.Context, d Deps, j job) (*Summary, error) {
	grace := orDefault(j.grace, DefaultGrace)
	work, cancel := graceContext(ctx, grace)
	defer cancel()

	start := d.Clock.Now()
	feeds, err := j.feeds(d, start)
	if err == nil {
		j.announce(d)
		err = j.run(ctx, work, d, start, feeds)
	}
	// The recording is closed whatever happened: what it holds must be sealed.
	why, at := j.ending(d.Clock.Now())
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if e := j.rec.Close(closing, why, at); err == nil {
		err = e
	}
	if err == nil {
		err = j.fillRest(ctx, d)
	}
	j.tellDamage(d, d.Clock.Now(), true)
	summary, e := j.summarise(d, feeds)
	if err == nil {
		err = e
	}
	if err == nil {
		err = summary.verdict(feeds)
	}
	return summary, err
}

// run runs the feeds, the commit loop and the reports side by side and joins them.
func (j job) run(ctx, work context.Context, d Deps, start time.Time, feeds []*feed) error {
	feeding, stopFeeding := context.WithCancel(ctx)
	defer stopFeeding()
	writing, stopWriting := context.WithCancel(work)
	defer stopWriting()

	var writer errgroup.Group
	writer.Go(func() error {
		err := j.rec.Run(writing)
		if err != nil && writing.Err() == nil {
			stopFeeding() // nothing can be recorded any more
			return err
		}
		return nil
	})
	var watcher errgroup.Group
	watcher.Go(func() error {
		j.retain(feeding, d)
		return nil
	})
	watcher.Go(func() error {
		j.watch(feeding, d, start, feeds, stopFeeding)
		return nil
	})

	watcher.Go(func() error {
		newBackfiller(d, j.rec, j.dir, j.rate, j.sources).run(feeding)
		return nil
	})

	var cameras errgroup.Group
	for _, f := range feeds {
		cameras.Go(func() error {
			err := f.run(feeding, work)
			restored := f.encoder.leave(ctx)
			defer restored()
			if err := errors.Join(err, f.sink.Close(work)); err != nil && work.Err() == nil {
				// One camera's trouble never touches another's recording.
				d.observe(CameraDown{Camera: f.camera.Name, Kind: fault.KindOf(err).String(), Reason: err.Error(), Tries: 1})
			}
			return nil
		})
	}
	err := cameras.Wait()
	stopFeeding()
	watcher.Wait()
	stopWriting()
	if e := writer.Wait(); e != nil {
		err = e
	}
	return err
}

// feeds makes one feed a camera.
func (j job) feeds(d Deps, start time.Time) ([]*feed, error) {
	queue := orDefault(j.queue, DefaultQueue) / int64(max(1, len(j.plan.Cameras)))
	files := &descriptors{count: openDescriptors}
	var feeds []*feed
	for _, c := range j.plan.Cameras {
		if !received(c) {
			continue
		}
		sink, err := j.rec.Camera(c.Name)
		if err != nil {
			return feeds, err
		}
		if sink, err = recordedAs(d, j.plan, c.Name, sink); err != nil {
			return feeds, err
		}
		feeds = append(feeds, &feed{
			deps: d, clock: j.clock, camera: c, sink: sink, files: files, queue: queue,
			from: j.plan.From, end: j.end, state: stateConnecting,
			streams: streams{follow: true, tryMain: rate.Retry{First: j.retry}, encoder: newEncoder(d, c, j.retry)},
		})
	}
	return feeds, nil
}

// end is the planned end of the window, as far as it is known; zero: not yet, or never.
func (j job) end() time.Time {
	end := j.plan.Until
	if j.plan.Length > 0 {
		from := j.plan.From
		if from.IsZero() {
			from, _ = j.rec.Window()
		}
		if !from.IsZero() {
			if e := from.Add(time.Duration(j.plan.Length)); end.IsZero() || e.Before(end) {
				end = e
			}
		}
	}
	return end
}

// ending says how the window is closed at now: as planned, or because we were stopped.
func (j job) ending(now time.Time) (why string, at time.Time) {
	if end := j.end(); !end.IsZero() && !now.Before(end) {
		return "planned", end
	}
	return "stopped", now
}

func (j job) announce(d Deps) {
	e := Started{Dir: j.dir, At: j.plan.From, Until: j.plan.Until, Length: time.Duration(j.plan.Length).Seconds(), Resumed: j.resumed}
	if j.resumed {
		e.At, e.Until, e.Length = time.Time{}, j.end(), 0
	}
	for _, c := range j.plan.Cameras {
		e.Cameras = append(e.Cameras, c.Name)
	}
	d.observe(e)
}

// watch reports progress once a second, and gives up when the planned length has
// passed without a single unit from any camera, or, where the disk never took one,
// since the first.
func (j job) watch(ctx context.Context, d Deps, start time.Time, feeds []*feed, giveUp func()) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	heard := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := d.Clock.Now()
		if !heard && slices.ContainsFunc(feeds, (*feed).heard) {
			heard, start = true, now
		}
		from, _ := j.rec.Window()
		if length := time.Duration(j.plan.Length); from.IsZero() && j.plan.From.IsZero() && length > 0 && now.Sub(start) > length {
			giveUp()
			return
		}
		p := Progress{At: now, From: from, Until: j.end()}
		for _, f := range feeds {
			c := f.progress(now)
			j.tally.fill(&c, now)
			p.Cameras = append(p.Cameras, c)
		}
		d.observe(p)
		j.tellDamage(d, now, false)
	}
}

func (j job) tellDamage(d Deps, now time.Time, end bool) {
	for _, e := range j.tally.dueDamage(now, end) {
		d.observe(e)
	}
}

// graceContext returns a context that ends grace after ctx has.
func graceContext(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.AfterFunc(grace, cancel)
		context.AfterFunc(work, func() { t.Stop() })
	})
	return work, func() { stop(); cancel() }
}
