package record

import (
	"path/filepath"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/vfs"
)

// PruneDir does what Prune does in a recording nobody writes, for as many of list as there
// can be, and returns those that are gone. A segment that is read or protected is passed
// over. fault.Busy: somebody writes it; fault.Damaged: its journal is broken, Open is to
// repair it first.
func PruneDir(o Options, list []journal.Prune) (gone []journal.Prune, err error) {
	err = visit(o, func(r *Recording) error {
		for _, p := range list {
			err := r.Prune(p)
			switch {
			case fault.Is(err, fault.Busy), fault.Is(err, fault.Usage), fault.Is(err, fault.NotFound):
				continue
			case err != nil:
				return err
			}
			gone = append(gone, p)
		}
		return nil
	})
	return gone, err
}

// visit writes lines to the journal of a recording that nobody writes: it neither repairs
// anything nor opens or closes the window. What work does may be Prune and Protect.
func visit(o Options, work func(r *Recording) error) error {
	const op = "visit the recording"
	lock, err := o.FS.Lock(filepath.Join(o.Dir, lockName))
	if err != nil {
		return vfs.Fault(op, err)
	}
	defer lock.Close()
	plan, err := journal.LoadPlan(o.FS, o.Dir)
	if err != nil {
		return fault.Because(op, err)
	}
	log, index, err := journal.Tail(o.FS, filepath.Join(o.Dir, journalName))
	if err != nil {
		return err
	}
	if log.End == journal.Corrupt || len(log.Files) == 0 {
		// The next writer takes in what the journal lost: it must find it broken.
		return fault.New(fault.Damaged, "%s: its journal is broken", op)
	}
	r := newRecording(o, plan, lock)
	v := &recovery{r: r, log: log}
	v.former(index)
	v.read(index)
	if err := r.openJournal(log.NextSeq); err != nil {
		return err
	}
	r.lines.post(&journal.Open{Version: o.Version, Why: "repair", Wall: utc(o.Clock.Wall()), Before: string(log.End)})
	err = work(r)
	if r.ended != nil { // a reader of the newest file finds it there
		r.lines.post(r.ended)
	}
	if e := r.lines.close(true); err == nil {
		err = e
	}
	return err
}
