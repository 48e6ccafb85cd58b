package record

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"rtsprec/engine/journal"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
)

// syncsAtOnce is how many files a round syncs side by side.
const syncsAtOnce = 16

// Run commits what is written, for all cameras together, until ctx is done: a round is
// due Options.Plan.Commit after the last one began, and rounds never overlap. What the
// disk refuses is tried again. The last commit is Close's.
func (r *Recording) Run(ctx context.Context) error {
	for due := r.commitEvery(); ; {
		if pause(ctx, due, nil) != nil {
			return nil
		}
		began := r.Clock.Now()
		if r.isClosed() {
			return nil
		}
		r.commit() // its errors are told as DiskTrouble, and met again
		due = max(0, r.commitEvery()-r.Clock.Now().Sub(began))
	}
}

// ack is a file that is synced up to a size.
type ack struct {
	camera *camera
	file   *file
	size   int64
	bytes  int64
}

// commit is one round. The error is the first thing that the disk refused.
func (r *Recording) commit() error {
	r.round.Lock()
	defer r.round.Unlock()
	began := r.Clock.Now()
	err := r.regain()
	if err == nil {
		r.watchClock()
		err = r.savePlan()
	}
	if err == nil {
		err = r.commitMedia(began)
	}
	if err == nil {
		err = r.takeUp()
	}
	if err != nil {
		r.disk.refuses("", err)
		return err
	}
	if !r.struggling() {
		r.disk.works()
	}
	return nil
}

// struggling reports whether the disk keeps anybody waiting.
func (r *Recording) struggling() bool {
	for _, c := range r.all() {
		c.mu.Lock()
		stuck := c.stuck
		c.mu.Unlock()
		if stuck {
			return true
		}
	}
	return r.seals.struggling()
}

// watchClock journals a step of the host's clock and begins a new journal file.
func (r *Recording) watchClock() {
	by := r.host.step()
	if by == 0 {
		return
	}
	r.lines.post(&journal.Clock{What: "host", At: r.Clock.Wall().UTC(), Offset: by})
	r.observe(ClockStepped{By: by})
	if err := r.lines.rotate(); err != nil {
		r.disk.refuses("", err)
	}
}

// commitMedia writes, syncs and journals what the cameras have, in this order.
func (r *Recording) commitMedia(began time.Time) error {
	var (
		first error
		takes []*take
	)
	for _, c := range r.all() {
		t, err := c.prepare()
		takes = append(takes, t...)
		if err != nil && first == nil {
			first = err
			r.disk.refuses(c.name, err)
		}
	}
	var syncs errgroup.Group
	syncs.SetLimit(syncsAtOnce)
	for _, t := range takes {
		syncs.Go(func() error { t.sync(); return nil })
	}
	syncs.Wait()
	line := &journal.Commit{}
	for _, t := range takes {
		if t.err != nil {
			t.camera.breakFile(t.file, t.err)
			r.disk.refuses(t.camera.name, t.err)
			if first == nil {
				first = t.err
			}
			continue
		}
		line.Files = append(line.Files, t.committed())
		r.unsaid = append(r.unsaid, ack{t.camera, t.file, t.Size, t.Size - t.From})
	}
	if len(line.Files) > 0 {
		r.lines.post(line)
	}
	if err := r.lines.sync(); err != nil {
		return err
	}
	r.acknowledge(began)
	for _, c := range r.all() {
		c.handOver()
	}
	return first
}

// acknowledge tells the files what is committed.
func (r *Recording) acknowledge(began time.Time) {
	if len(r.unsaid) == 0 {
		return
	}
	e := Committed{At: began, Took: r.Clock.Now().Sub(began)}
	seen := map[*camera]bool{}
	for _, a := range r.unsaid {
		a.camera.mu.Lock()
		a.file.acknowledge(a.size)
		a.camera.mu.Unlock()
		seen[a.camera] = true
		e.Bytes += a.bytes
	}
	e.Cameras = len(seen)
	r.unsaid = nil
	r.observe(e)
}

// take is what one file has for a round.
type take struct {
	camera *camera
	file   *file
	segment.Commit
	err error
}

func (t *take) sync() { t.err = vfs.Fault("sync "+t.file.name, t.file.handle.Sync()) }

func (t *take) committed() journal.Committed {
	done := journal.Committed{
		Camera: t.camera.name, N: t.file.n, From: t.From, Size: t.Size, Sum: journal.Hex32(t.CRC), Units: t.Units,
	}
	for _, end := range t.Ends {
		done.Ends = append(done.Ends, utc(end))
	}
	return done
}

// prepare writes all open fragments of the camera and says what is to be synced. It also
// journals what is known by now.
func (c *camera) prepare() ([]*take, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listen(c.r.Clock.Now())
	c.endUnused()
	for _, t := range c.tracks {
		c.tellDamage(t)
	}
	c.tellRefused()
	for _, f := range c.files {
		f.close()
	}
	err := c.settle()
	if o := c.opening; o != nil && c.stopped {
		c.abandon(o)
	}
	var takes []*take
	for _, f := range c.files {
		if f.broken == nil && f.units() > 0 && f.written() > f.committing {
			t := &take{camera: c, file: f, Commit: f.w.TakeCommit()}
			f.committing = t.Size
			takes = append(takes, t)
		}
	}
	return takes, err
}

// breakFile notes that a file could not be synced.
func (c *camera) breakFile(f *file, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.fail(err)
}

// handOver gives files that are done to the sealers.
func (c *camera) handOver() {
	c.mu.Lock()
	defer c.mu.Unlock()
	var left []*file
	for _, f := range c.files {
		switch {
		case !f.ended || f.broken != nil || !f.whole():
			left = append(left, f)
		case f.units() == 0:
			c.r.seals.add(&sealing{camera: c, file: f, cut: f.begin})
		case f.committed == f.written():
			c.r.seals.add(&sealing{camera: c, file: f, cut: -1})
		default:
			left = append(left, f)
		}
	}
	c.files = left
	var waiting []*retired
	for _, old := range c.retired {
		if old.next == nil || old.next.committed > old.next.begin {
			c.r.seals.add(&sealing{camera: c, file: old.file, cut: old.from})
		} else {
			waiting = append(waiting, old)
		}
	}
	c.retired = waiting
}
