// Package record writes recordings and repairs those that were interrupted.
//
// A Recording has one camera for each camera of its plan, and each camera is a
// media.Sink. What happens to a unit:
//
//	accept   it gets its place in time and in a segment; segments are cut here (cut.go)
//	hold     it waits for the next unit of its track, which alone tells its duration (track.go)
//	collect  it joins the open fragment (file.go)
//	write    a fragment is closed and written, in one write (file.go)
//	commit   all files are synced and the journal says so, once for all cameras (commit.go)
//	seal     a segment without future is finished and gets its final name (seal.go)
//
// What a crash can take follows from that: a killed process loses what is held and the
// open fragment; a power cut also what was written since the last commit.
//
// # Trouble with the disk
//
// Nothing fails because the disk does. A step that fails is tried again every half
// second and Write waits meanwhile, so that the bounded queue in front of it fills; the
// steps are built so that each can be repeated. A full disk is waited out in place. Any
// other failed write and every failed sync is final for its file, because what the
// kernel still holds of it is unknown. Units are therefore kept in memory until they
// are committed, from the key frame before the first uncommitted one on; they are
// written again to a new segment, whose journal line says which bytes of the failed
// one it stands for (journal.Instead). Once the new one is committed the failed one is
// truncated there and sealed: no unit is twice or never in the recording.
//
// A recording's directory that is gone is never made again: it may be a mount point
// without its mount. Writing waits until recording.json is back.
//
// # Streams of a camera
//
// A run may be of a camera's main stream or of its sub-stream (media.Variant). Which one is
// said by a Quality line when it changes, with the reason, and by the segments of the
// sub-stream themselves. A run that begins without the End of the one before goes on where
// that ended: what is missing between them is a gap only where it is more than a silence.
//
// # What fills a gap
//
// A Filler writes beside the cameras, into segments of their own (fill.go). Their journal
// line names the gap (journal.Segment.Fill): until a Backfill line counts them in they hold
// nothing, and an opening that finds them so removes them. Pictures of them may begin before
// the gap, with the key frame that decoding begins with (Filler.Lead): journal.Backfill.Starts
// says, by track, from when on what they hold counts, and whoever reads a recording leaves
// out, or hides, what is before that. A gap may lie in the middle of a segment, when the run
// went on; then the filling is read between two parts of it.
//
// What is kept beside a recording, the main stream of a time that was recorded from the
// sub-stream (journal.Segment.Beside), is written in the same way and counted in by a Beside
// line. It is part of no coverage and is not played in the place of anything.
package record

import (
	"context"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
)

// Defaults of a plan that does not say.
const (
	defaultSegment  = 10 * time.Minute
	defaultCommit   = time.Second
	defaultFragment = 250 * time.Millisecond
)

// retryEvery is how often a step that the disk refused is tried again.
const retryEvery = 500 * time.Millisecond

// Names in a recording's directory.
const (
	lockName       = "lock"
	journalName    = "journal"
	quarantineName = "quarantine"
)

// Options says where and how to record. Dir, FS and Clock are needed; Plan only by
// [Create].
type Options struct {
	Dir     string
	FS      vfs.FS
	Clock   media.Clock
	Plan    journal.Plan // zero durations mean 10 m, 1 s, 250 ms
	Observe func(Event)  // see Event; may be nil
	Log     *slog.Logger // debugging only; nil: none
	Version string       // of rtsprec, for the journal
}

// Recording is a recording being written. It is safe for concurrent use.
type Recording struct {
	Options
	lines *lines
	seals sealer
	disk  disk
	host  hostClock

	round  sync.Mutex // held by a commit round: they never overlap
	unsaid []ack      // synced, but not known to be journaled; guarded by round

	pruning sync.Mutex // held by Prune, and while requests are taken up; taken before mu

	mu      sync.Mutex
	cameras []*camera // of the plan, and those that were; replaced when it grows
	guards  guards
	doomed  []string // pruned files that are there still
	plan    journal.Plan
	unsaved bool // plan differs from recording.json
	runs    uint64
	gaps    uint64
	closed  bool
	ended   *journal.Close // how the window was ended before; nil: it is open
	lock    io.Closer
}

// ClockObserver is implemented by the sinks of a Recording: whoever reads a camera's
// clock tells what it saw, about once a minute and track. Camera is filled in.
type ClockObserver interface {
	ObserveClock(c journal.Clock)
}

// LimitObserver is implemented by the sinks of a Recording: whoever has a camera's encoder
// held at a low bit rate tells from when on, in media time, at how many bit/s and why; at 0
// when it has its own again. Only the main stream is concerned.
type LimitObserver interface {
	ObserveLimit(at time.Time, limit int, why string)
}

// AwayObserver is implemented by the sinks of a Recording: whoever keeps a run open although
// nothing comes for a time tells why, from now until something comes. Else it is a timeout.
type AwayObserver interface {
	Away(causes media.Causes)
}

// Create begins a recording in a new or empty directory. It fails with fault.Busy when
// somebody records there, and with fault.Usage when the directory holds anything.
func Create(o Options) (*Recording, error) {
	const op = "create the recording"
	if o.Plan.Format == 0 {
		o.Plan.Format = journal.Format
	}
	if err := o.Plan.Validate(); err != nil {
		return nil, fault.Because(op, err)
	}
	if o.Plan.Opened.IsZero() {
		o.Plan.Opened = o.Plan.From
	}
	if err := newDir(o.FS, o.Dir); err != nil {
		return nil, fault.Because(op, err)
	}
	lock, err := o.FS.Lock(filepath.Join(o.Dir, lockName))
	if err != nil {
		return nil, vfs.Fault(op, err)
	}
	r := newRecording(o, o.Plan, lock)
	if err := r.found(); err != nil {
		if r.lines != nil {
			r.lines.close(false)
		}
		lock.Close()
		return nil, fault.Because(op, err)
	}
	return r, nil
}

// newDir makes dir and its parents, or checks that nothing is in it.
func newDir(fsys vfs.FS, dir string) error {
	const op = "make the directory"
	if err := fsys.MkdirAll(dir, 0o755); err != nil {
		return vfs.Fault(op, err)
	}
	if err := fsys.SyncDir(filepath.Dir(filepath.Clean(dir))); err != nil {
		return vfs.Fault(op, err)
	}
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return vfs.Fault(op, err)
	}
	empty := true
	for _, e := range entries {
		if e.Name() != lockName {
			empty = false
			continue
		}
		// Somebody may be at it; or died before there was a recording.
		lock, err := fsys.Lock(filepath.Join(dir, lockName))
		if err != nil {
			return vfs.Fault(op, err)
		}
		lock.Close()
	}
	if !empty {
		return fault.New(fault.Usage, "%s is not empty", dir)
	}
	return nil
}

// found writes the plan and the first lines.
func (r *Recording) found() error {
	if err := journal.SavePlan(r.FS, r.Dir, r.plan); err != nil {
		return err
	}
	if err := r.openJournal(0); err != nil {
		return err
	}
	r.lines.post(&journal.Open{Version: r.Version, Why: "create", Wall: r.Clock.Wall().UTC()})
	r.lines.post(&journal.PlanChanged{Plan: r.plan.Public()})
	return r.lines.sync()
}

func newRecording(o Options, plan journal.Plan, lock io.Closer) *Recording {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Recording{Options: o, plan: plan, lock: lock}
	r.host = newHostClock(o.Clock)
	r.seals.r = r
	r.disk.observe, r.disk.now = r.observe, o.Clock.Now
	for _, c := range plan.Cameras {
		cam := newCamera(r, c.Name)
		cam.since = c.Added
		r.cameras = append(r.cameras, cam)
	}
	return r
}

func (r *Recording) openJournal(next uint64) error {
	w, err := journal.OpenWriter(journal.Options{FS: r.FS, Dir: filepath.Join(r.Dir, journalName), Clock: r.Clock, Next: next,
		Aside:  filepath.Join(r.Dir, quarantineName),
		Report: func(err error) { r.Log.Warn("journal", "err", err) }})
	if err != nil {
		return err
	}
	r.lines = &lines{w: w}
	return nil
}

// Camera returns the sink of a camera of the plan; it is also a [ClockObserver], a
// [LimitObserver] and an [AwayObserver]. There
// is one sink at a time: it fails with fault.Busy while another is not closed, and with
// fault.NotFound for a camera that is not in the plan.
func (r *Recording) Camera(name string) (media.Sink, error) {
	if c := r.named(name); c != nil && !c.isRemoved() {
		return c.take()
	}
	return nil, fault.New(fault.NotFound, "the recording has no camera %q", name)
}

// Plan returns the plan, with credentials.
func (r *Recording) Plan() journal.Plan {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.plan
}

// Window returns the window as far as it is known: from is zero before the first unit,
// to is the planned end and zero while there is none.
func (r *Recording) Window() (from, to time.Time) {
	p := r.Plan()
	from, to = p.Opened, p.Until
	if length := time.Duration(p.Length); length > 0 && !from.IsZero() {
		if end := from.Add(length); to.IsZero() || end.Before(to) {
			to = end
		}
	}
	return from, to
}

// openWindow opens the window at t unless it is open, and returns its start.
func (r *Recording) openWindow(t time.Time) time.Time {
	r.mu.Lock()
	first := r.plan.Opened.IsZero()
	if first {
		r.plan.Opened, r.unsaved = t, true
	}
	opened := r.plan.Opened
	r.mu.Unlock()
	if first {
		r.observe(WindowOpened{From: t})
	}
	return opened
}

// savePlan writes the plan when it has changed.
func (r *Recording) savePlan() error {
	r.mu.Lock()
	plan, unsaved := r.plan, r.unsaved
	r.unsaved = false
	r.mu.Unlock()
	if !unsaved {
		return nil
	}
	err := journal.SavePlan(r.FS, r.Dir, plan)
	if err != nil {
		r.mu.Lock()
		r.unsaved = true
		r.mu.Unlock()
		return err
	}
	r.lines.post(&journal.PlanChanged{Plan: plan.Public()})
	return nil
}

func (r *Recording) isClosed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

func (r *Recording) observe(e Event) {
	if r.Observe != nil {
		r.Observe(e)
	}
}

func (r *Recording) newRun() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.runs++
	r.ended = nil // it goes on
	return r.runs
}

func (r *Recording) newGap() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gaps++
	return r.gaps
}

func (r *Recording) segmentLength() time.Duration  { return or(r.plan.Segment, defaultSegment) }
func (r *Recording) commitEvery() time.Duration    { return or(r.plan.Commit, defaultCommit) }
func (r *Recording) fragmentLength() time.Duration { return or(r.plan.Fragment, defaultFragment) }

func or(d journal.Duration, otherwise time.Duration) time.Duration {
	if d > 0 {
		return time.Duration(d)
	}
	return otherwise
}

// pause waits for d, or less when wake is closed; it fails when ctx is done.
func pause(ctx context.Context, d time.Duration, wake <-chan struct{}) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-wake:
	case <-t.C:
	}
	return nil
}

// path makes a name of a recording, with forward slashes, one of the file system.
func (r *Recording) path(name string) string {
	return filepath.Join(r.Dir, filepath.FromSlash(name))
}

// exists reports whether there is something under name.
func exists(fsys vfs.FS, name string) (fs.FileInfo, bool, error) {
	info, err := fsys.Stat(name)
	switch {
	case err == nil:
		return info, true, nil
	case fault.Is(vfs.Fault("", err), fault.NotFound):
		return nil, false, nil
	}
	return nil, false, err
}
