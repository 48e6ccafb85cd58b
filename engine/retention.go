package engine

import (
	"context"
	"fmt"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/record"
)

// retainEvery is how often old media is looked for.
const retainEvery = 30 * time.Second

// Pruned says that retention removed media of a camera.
type Pruned struct {
	Dir    string    `json:"dir"`
	Camera string    `json:"camera"`
	Why    string    `json:"why"` // "age", "size" or "free"
	Files  int       `json:"files"`
	Bytes  int64     `json:"bytes"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
}

// Type implements Event.
func (Pruned) Type() string { return "pruned" }

// Serious implements Event.
func (Pruned) Serious() bool { return false }

// Text implements Event.
func (e Pruned) Text(zone *time.Location) string {
	reason := map[string]string{"age": "it is older than what is kept", "size": "there is more than is kept", "free": "the disk is to have more space"}[e.Why]
	return fmt.Sprintf("%s: removed %d files from %s to %s: %s", e.Camera, e.Files,
		e.From.In(zone).Format(time.DateTime), e.To.In(zone).Format(time.DateTime), reason)
}

// retention removes what need not be kept of recordings that share a disk: those that this
// process writes, and those that nobody does. What another process writes is that one's.
type retention struct {
	deps    Deps
	clock   media.Clock
	library *archive.Library
	dir     string                             // on that disk
	keep    func() archive.Keep                // asked each round
	writer  func(dir string) *record.Recording // the one of this process; nil: it does not write it

	judge *archive.Retention
	doubt string // as it was told
}

// retain keeps a recording within what is to be kept of it, until ctx ends.
func (j job) retain(ctx context.Context, d Deps) {
	if j.keep.None() {
		return
	}
	r := retention{
		deps: d, clock: d.Clock, dir: j.dir, library: archive.NewLibrary(d.FS, d.Clock, j.dir),
		keep:   func() archive.Keep { return j.keep },
		writer: func(string) *record.Recording { return j.rec },
	}
	r.run(ctx)
}

// run looks every half minute until ctx ends.
func (r *retention) run(ctx context.Context) {
	r.judge = archive.NewRetention(r.clock)
	tick := time.NewTicker(retainEvery)
	defer tick.Stop()
	for {
		r.round(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// round looks once.
func (r *retention) round(ctx context.Context) {
	keep := r.keep()
	if keep.None() {
		return
	}
	var ours []*archive.Recording
	for _, rec := range r.library.Recordings() {
		if rec.State != archive.Live || r.writer(rec.Dir) != nil {
			ours = append(ours, rec)
		}
	}
	free := int64(-1)
	if n, err := r.deps.FS.Free(r.dir); err == nil {
		free = int64(min(n, 1<<62))
	}
	doomed, doubt := r.judge.Round(ours, keep, free)
	if doubt != r.doubt && doubt != "" {
		r.deps.observe(Notice{Message: doubt})
	}
	r.doubt = doubt
	for len(doomed) > 0 && ctx.Err() == nil {
		n := 1
		for n < len(doomed) && doomed[n].Recording == doomed[0].Recording {
			n++
		}
		r.remove(doomed[0].Recording.Dir, doomed[:n])
		doomed = doomed[n:]
	}
}

// remove removes segments of one recording. One that somebody reads goes in a later round.
func (r *retention) remove(dir string, doomed []archive.Doomed) {
	var gone []journal.Prune
	var failed error
	if w := r.writer(dir); w != nil {
		for _, d := range doomed {
			err := w.Prune(d.Line())
			switch {
			case err == nil:
				gone = append(gone, d.Line())
			case fault.Is(err, fault.Canceled): // it is being closed
			case !fault.Is(err, fault.Busy) && !fault.Is(err, fault.NotFound):
				failed = err
			}
		}
	} else {
		var lines []journal.Prune
		for _, d := range doomed {
			lines = append(lines, d.Line())
		}
		gone, failed = record.PruneDir(r.deps.recordOptions(dir, journal.Plan{}, newTally()), lines)
		if fault.Is(failed, fault.Busy) {
			failed = nil // somebody began to write it
		}
	}
	r.tell(dir, gone)
	if failed != nil {
		r.deps.observe(Notice{Message: fmt.Sprintf("what need not be kept could not be removed: %v", failed)})
	}
}

// tell says what is gone: a line for each camera and reason.
func (r *retention) tell(dir string, gone []journal.Prune) {
	type key struct{ camera, why string }
	var order []key
	sum := map[key]*Pruned{}
	for _, p := range gone {
		k := key{p.Camera, p.Why}
		e := sum[k]
		if e == nil {
			e = &Pruned{Dir: dir, Camera: p.Camera, Why: p.Why, From: p.Start, To: p.End}
			sum[k] = e
			order = append(order, k)
		}
		e.Files++
		e.Bytes += p.Size
		if p.Start.Before(e.From) {
			e.From = p.Start
		}
		if p.End.After(e.To) {
			e.To = p.End
		}
	}
	for _, k := range order {
		r.deps.observe(*sum[k])
	}
}
