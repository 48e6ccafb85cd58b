package engine

import (
	"context"
	"path/filepath"
	"slices"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/record"
	"rtsprec/engine/vfs"
)

// store is the one open-ended recording of a server. Its plan names the cameras and no
// addresses: what feeds them is the server's configuration.
type store struct {
	dir   string
	rec   *record.Recording
	tally *tally
}

// openStore begins the recording, or goes on with the one that is there: what a crash left
// is repaired, and the time since an orderly stop is a gap for that.
func openStore(d Deps, o RecordInto) (*store, error) {
	plan := journal.Plan{
		Format: journal.Format, Created: d.Clock.Wall().UTC(), Cameras: []journal.Camera{},
		Segment:  journal.Duration(orDefault(o.Segment, DefaultSegment)),
		Commit:   journal.Duration(orDefault(o.Commit, DefaultCommit)),
		Fragment: journal.Duration(orDefault(o.Fragment, DefaultFragment)),
	}
	s := &store{dir: o.Dir, tally: newTally()}
	_, err := d.FS.Stat(filepath.Join(o.Dir, journal.PlanName))
	switch {
	case err == nil:
		err = s.goOn(d, plan)
	default:
		s.rec, err = record.Create(d.recordOptions(o.Dir, plan, s.tally))
	}
	if err != nil {
		return nil, fault.Because("record into "+o.Dir, err)
	}
	return s, nil
}

func (s *store) goOn(d Deps, plan journal.Plan) error {
	if err := s.adjust(d.FS, plan); err != nil {
		return err
	}
	rec, found, err := record.Open(d.recordOptions(s.dir, journal.Plan{}, s.tally))
	if err != nil {
		return err
	}
	s.rec = rec
	for _, what := range found.Repairs {
		d.observe(Repaired{Dir: s.dir, What: what})
	}
	rec.Reopen(media.Because(media.Stopped), "not being served")
	return nil
}

// adjust makes a recording that nobody writes follow what is configured now.
func (s *store) adjust(fsys vfs.FS, want journal.Plan) error {
	plan, err := journal.LoadPlan(fsys, s.dir)
	if err != nil {
		return err
	}
	// A recording with a planned end, or with addresses of its own, is somebody else's.
	if !servedPlan(plan) {
		return fault.New(fault.Usage, "it is a recording that was made by itself: serve wants a directory of its own")
	}
	if locked, err := fsys.Locked(filepath.Join(s.dir, "lock")); err != nil || locked {
		return vfs.Fault("look for its writer", err) // who has it: Open says so
	}
	if plan.Segment == want.Segment && plan.Commit == want.Commit && plan.Fragment == want.Fragment {
		return nil
	}
	plan.Segment, plan.Commit, plan.Fragment = want.Segment, want.Commit, want.Fragment
	return journal.SavePlan(fsys, s.dir, plan)
}

// servedPlan reports whether a plan is of a server's recording: open-ended, and without
// addresses that a camera could be asked at.
func servedPlan(p journal.Plan) bool {
	return p.Until.IsZero() && p.Length == 0 && !slices.ContainsFunc(p.Cameras, func(c journal.Camera) bool { return c.URL != "" })
}

// name is what the recording is called in the library.
func (s *store) name() string {
	if full, err := filepath.Abs(s.dir); err == nil {
		return filepath.Base(full)
	}
	return filepath.Base(s.dir)
}

// camerasMost bounds the cameras of a recording: whoever may publish on any path could
// else make folders without end.
const camerasMost = 1000

// camera returns the sink of a path, which is added to the recording when it is new.
func (s *store) camera(name string) (media.Sink, error) {
	known := s.rec.Plan().Cameras
	if len(known) >= camerasMost && !slices.ContainsFunc(known, func(c journal.Camera) bool { return c.Name == name }) {
		return nil, fault.New(fault.Busy, "the recording has %d cameras, and takes no more", len(known))
	}
	return s.rec.AddCamera(journal.Camera{Name: name})
}

// close ends the recording in order. No sink may be in use any more.
func (s *store) close(ctx context.Context, now time.Time) error {
	return s.rec.Close(ctx, "stopped", now)
}
