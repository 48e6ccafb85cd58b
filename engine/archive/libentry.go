package archive

import (
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
)

// entry is one recording of a library.
type entry struct {
	name, dir string
	asked     atomic.Uint64 // when it was last asked for
	segments  atomic.Int64  // in memory
	live      atomic.Bool

	mu       sync.Mutex
	follower *journal.Follower
	folder   *folder
	made     *Recording // of folder
	state    State
	looked   time.Time
}

// look brings the catalogue up to date and returns it as it is now.
func (e *entry) look(fsys vfs.FS, clock media.Clock, asked uint64) *Recording {
	e.asked.Store(asked)
	e.mu.Lock()
	defer e.mu.Unlock()
	now := clock.Now()
	if e.made == nil || e.state == Live || now.Sub(e.looked) >= idleEvery {
		if err := e.update(fsys); err != nil {
			e.folder, e.follower, e.made = nil, nil, nil
			return &Recording{Name: e.name, Dir: e.dir, State: Interrupted, PlanError: err}
		}
		e.looked = now
	}
	return e.made.at(e.state, clock.Wall())
}

// update reads what the journal says that it did not say before.
func (e *entry) update(fsys vfs.FS) error {
	// Before the journal: a writer that ends meanwhile has told all.
	held, err := fsys.Locked(filepath.Join(e.dir, lockName))
	held = held && err == nil
	if e.follower == nil {
		e.follower = journal.Follow(fsys, filepath.Join(e.dir, journalDir))
	}
	up, err := e.follower.Next()
	if err != nil {
		return err
	}
	if e.folder == nil || up.Reset {
		e.folder, e.made = newFolder(e.dir, journal.Plan{}), nil
		e.folder.lean, e.folder.rec.Name, e.folder.rec.End = true, e.name, up.End
		if err := e.plan(fsys, up.Lines); err != nil {
			return err
		}
	}
	if e.made == nil || len(up.Lines) > 0 {
		if err := e.take(fsys, up); err != nil {
			return err
		}
		e.made = e.folder.snapshot()
		n := int64(0)
		for _, c := range e.made.Cameras {
			n += int64(len(c.Segments))
		}
		e.segments.Store(n)
	}
	switch {
	case held:
		e.state = Live
	case e.made.Window.Closed:
		e.state = Closed
	default:
		e.state = Interrupted
	}
	e.live.Store(held)
	return nil
}

// take folds lines in.
func (e *entry) take(fsys vfs.FS, up journal.Update) error {
	f := e.folder
	f.rec.Problems = append(f.rec.Problems, up.Problems...)
	if up.End == journal.Corrupt {
		f.rec.End = up.End
	}
	for _, l := range up.Lines {
		f.line(l)
		if l.Kind == journal.KindPlan && e.made != nil {
			if err := e.plan(fsys, up.Lines); err != nil {
				return err
			}
		}
	}
	return nil
}

// plan reads the plan, or takes what the journal knows of it.
func (e *entry) plan(fsys vfs.FS, lines []journal.Line) error {
	plan, err := journal.LoadPlan(fsys, e.dir)
	if err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Damaged) {
		return err
	}
	if err != nil {
		plan = planOf(&journal.Log{Lines: lines})
	}
	e.folder.rec.PlanError = err
	e.folder.plan(plan)
	return nil
}

// drop forgets what can be read again.
func (e *entry) drop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.follower, e.folder, e.made = nil, nil, nil
	e.segments.Store(0)
}

// at is the catalogue as it is to be shown now: a window that a writer keeps open ends now.
func (r *Recording) at(state State, now time.Time) *Recording {
	c := *r
	c.State = state
	if state != Live {
		return &c
	}
	c.Cameras = make([]*Camera, len(r.Cameras))
	for i, cam := range r.Cameras {
		copied := *cam
		for j := range cam.Gaps {
			if cam.Gaps[j].Open {
				copied.Gaps = append([]Gap(nil), cam.Gaps...)
				break
			}
		}
		c.Cameras[i] = &copied
	}
	c.Extend(now.UTC())
	return &c
}
