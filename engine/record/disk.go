package record

import (
	"path/filepath"
	"sync"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
)

// disk remembers whether the disk refuses anything, so that it is said once.
type disk struct {
	mu      sync.Mutex
	began   time.Time // of the trouble, monotonic; zero: there is none
	ended   time.Time // of the last one
	causes  media.Causes
	gone    bool // recording.json was not there; guarded by Recording.round
	mount   int  // times it came back
	observe func(Event)
	now     func() time.Time
}

// refuses notes that the disk would not do something. Camera is empty for what all share.
func (d *disk) refuses(camera string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	first := d.began.IsZero()
	if first {
		d.began, d.causes = d.now(), 0
	}
	d.causes |= causesOf(err)
	if first {
		d.observe(DiskTrouble{Camera: camera, Kind: fault.KindOf(err), Err: err})
	}
}

// works notes that everything that was to be written is on the disk.
func (d *disk) works() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.began.IsZero() {
		return
	}
	d.ended = d.now()
	d.observe(DiskRecovered{After: d.ended.Sub(d.began)})
	d.began = time.Time{}
}

// since returns the causes of trouble that lasted until t or longer.
func (d *disk) since(t time.Time) media.Causes {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.began.IsZero() || d.ended.After(t) {
		return d.causes
	}
	return 0
}

// present fails when the recording's directory is not the recording any more: it was
// deleted, or what was mounted there is gone.
func (r *Recording) present() error {
	_, there, err := exists(r.FS, filepath.Join(r.Dir, journal.PlanName))
	switch {
	case err != nil:
		return vfs.Fault("look for the recording", err)
	case !there:
		return fault.New(fault.DiskFailed, "the recording's directory %s is gone", r.Dir)
	}
	return nil
}

// regain is called by each round. While the directory is gone it fails, and every file
// that was open there is broken. When it is back, it may be another mount of the same
// disk: the lock is taken anew and the journal begins a new file.
func (r *Recording) regain() error {
	if err := r.present(); err != nil {
		r.disk.gone = true
		for _, c := range r.all() {
			c.lostDirectory(err)
		}
		return err
	}
	if !r.disk.gone {
		return nil
	}
	r.releaseLock()
	lock, err := r.FS.Lock(filepath.Join(r.Dir, lockName))
	if err != nil {
		return vfs.Fault("lock the recording again", err)
	}
	r.mu.Lock()
	r.lock = lock
	r.mu.Unlock()
	if err := r.lines.rotate(); err != nil {
		return err
	}
	r.disk.gone = false
	r.disk.mu.Lock()
	r.disk.mount++
	r.disk.mu.Unlock()
	return nil
}

// mounts counts how often the directory came back: what was opened before is of
// another mount.
func (r *Recording) mounts() int {
	r.disk.mu.Lock()
	defer r.disk.mu.Unlock()
	return r.disk.mount
}

// lostDirectory breaks the camera's files.
func (c *camera) lostDirectory(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.days)
	for _, f := range c.files {
		f.fail(err)
	}
}

// hostClock watches for steps of the host's clock.
type hostClock struct {
	clock media.Clock
	began time.Time     // with monotonic reading
	wall  time.Time     // at the same moment
	off   time.Duration // steps so far
}

// stepFrom is the least change that counts: less is a clock being disciplined.
const stepFrom = 200 * time.Millisecond

func newHostClock(c media.Clock) hostClock {
	return hostClock{clock: c, began: c.Now(), wall: c.Wall()}
}

// step returns by how much the host's clock was stepped since it was last asked.
func (h *hostClock) step() time.Duration {
	off := h.clock.Wall().Sub(h.wall) - h.clock.Now().Sub(h.began)
	by := off - h.off
	if by.Abs() < stepFrom {
		return 0
	}
	h.off = off
	return by
}
