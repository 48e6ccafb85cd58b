package archive

import (
	"path/filepath"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/vfs"
)

// Names inside a recording that are no cameras.
const (
	journalDir    = "journal"
	quarantineDir = "quarantine"
	lockName      = "lock"
)

// Load reads the whole catalogue of the recording in dir: every journal line, no media.
// For recordings of months prefer [LoadBetween] or [Summarize].
//
// A broken journal or plan is no error: see Recording.End, Problems and PlanError.
// Errors: fault.NotFound when dir holds no recording, fault.Unsupported for a format of
// a later version, and what the disk reports.
func Load(fsys vfs.FS, dir string) (*Recording, error) {
	return load(fsys, dir, func(dir string) (*journal.Log, error) { return journal.Read(fsys, dir) })
}

// LoadBetween is Load for the part of a recording that touches the time from..to. The
// segments, gaps and damage of other times are incomplete or missing; State and Window
// are those of the whole recording. It reads the journal of those days only.
func LoadBetween(fsys vfs.FS, dir string, from, to time.Time) (*Recording, error) {
	rec, err := load(fsys, dir, func(dir string) (*journal.Log, error) { return journal.ReadDays(fsys, dir, from, to) })
	if err != nil {
		return nil, err
	}
	whole, err := Summarize(fsys, dir)
	if err != nil {
		return nil, err
	}
	rec.State, rec.Window = whole.State, whole.Window
	return rec, nil
}

func load(fsys vfs.FS, dir string, read func(dir string) (*journal.Log, error)) (*Recording, error) {
	plan, planError := journal.LoadPlan(fsys, dir)
	if planError != nil && !fault.Is(planError, fault.NotFound) && !fault.Is(planError, fault.Damaged) {
		return nil, planError
	}
	// Before the journal: a writer that ends meanwhile has told all. Where locks do not
	// work nobody could begin to write.
	held, err := fsys.Locked(filepath.Join(dir, lockName))
	held = held && err == nil
	log, err := read(filepath.Join(dir, journalDir))
	if err != nil {
		return nil, err
	}
	if planError != nil {
		if len(log.Files) == 0 {
			return nil, fault.New(fault.NotFound, "no recording in %s: %v", dir, planError)
		}
		plan = planOf(log)
	}
	rec := fold(dir, plan, log)
	rec.PlanError = planError
	switch {
	case held:
		rec.State = Live
	case rec.Window.Closed:
		rec.State = Closed
	default:
		rec.State = Interrupted
	}
	return rec, nil
}

// planOf returns the last plan that the journal tells of, without credentials.
func planOf(log *journal.Log) journal.Plan {
	var plan journal.Plan
	for _, l := range log.Lines {
		if e, ok := l.Entry.(*journal.PlanChanged); ok {
			plan = e.Plan
		}
	}
	return plan
}

// Protections tells which spans of a recording are protected, by ID, from its newest
// journal lines, as [Summarize] does. Its errors are those of [Load].
func Protections(fsys vfs.FS, dir string) ([]journal.Protect, error) {
	rec, err := load(fsys, dir, func(dir string) (*journal.Log, error) {
		log, _, err := journal.Tail(fsys, dir)
		return log, err
	})
	if err != nil {
		return nil, err
	}
	return rec.Protected, nil
}
