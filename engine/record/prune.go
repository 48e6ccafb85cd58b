package record

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
)

// Prune removes a sealed segment: p says which, as the catalogue knows it. The journal has
// it, durably, before the file goes; a file that cannot be removed then is tried again with the
// next one, and by the next Open. Errors: fault.Busy while somebody reads the file,
// fault.Usage for a segment that is not sealed or lies in a protected span, fault.NotFound
// when it is gone, and the disk's.
func (r *Recording) Prune(p journal.Prune) error {
	const op = "remove a segment"
	if err := prunable(p); err != nil {
		return fault.Because(op, err)
	}
	r.pruning.Lock()
	defer r.pruning.Unlock()
	if r.isClosed() {
		return fault.New(fault.Canceled, "%s: the recording is closed", op)
	}
	if c := r.named(p.Camera); c != nil && c.writes(p.N) {
		return fault.New(fault.Usage, "%s: %s is not sealed", op, p.File)
	}
	if id := r.guard(p); id > 0 {
		return fault.New(fault.Usage, "%s: %s is protected, by number %d", op, p.File, id)
	}
	lock, err := r.FS.Seize(r.path(p.File))
	if err != nil {
		return vfs.Fault(op, err)
	}
	defer lock.Close()
	p.Start, p.End = utc(p.Start), utc(p.End)
	r.lines.post(&p)
	r.doomed = append(r.doomed, p.File)
	if err := r.lines.sync(); err != nil {
		return fault.Because(op, err)
	}
	return fault.Because(op, r.sweep())
}

// prunable says why a line cannot be that of a sealed segment.
func prunable(p journal.Prune) error {
	_, n, ok := segment.ParseName(p.File)
	switch {
	case journal.ValidCameraName(p.Camera) != nil:
		return journal.ValidCameraName(p.Camera)
	case !ok || n != p.N || !fs.ValidPath(p.File) || !strings.HasPrefix(p.File, p.Camera+"/") || path.Ext(p.File) == segment.Part:
		return fault.New(fault.Usage, "%q is not the name of segment %d of %s", p.File, p.N, p.Camera)
	case p.Size < 0 || p.End.Before(p.Start):
		return fault.New(fault.Usage, "a segment that makes no sense")
	}
	return nil
}

// writes reports whether a segment is not sealed yet.
func (c *camera) writes(n uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.opening != nil && c.opening.n == n ||
		slices.ContainsFunc(c.files, func(f *file) bool { return f.n == n }) ||
		slices.ContainsFunc(c.retired, func(f *retired) bool { return f.n == n })
}

// sweep removes what the journal says is gone, and folders of days that are empty then. It is
// not made durable: what a power cut brings back, the next Open removes.
func (r *Recording) sweep() error {
	for len(r.doomed) > 0 {
		name := r.doomed[0]
		if err := r.FS.Remove(r.path(name)); err != nil && !fault.Is(vfs.Fault("", err), fault.NotFound) {
			return vfs.Fault("remove "+name, err)
		}
		r.doomed = r.doomed[1:]
		r.removeDay(path.Dir(name))
	}
	return nil
}

// removeDay removes the folder of a day that is over and empty.
func (r *Recording) removeDay(day string) {
	c := r.named(path.Dir(day))
	if c == nil || path.Base(day) >= r.Clock.Wall().UTC().Add(-24*time.Hour).Format(time.DateOnly) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.days, day)
	r.FS.Remove(r.path(day)) // where there is anything in it, it stays
}

// guards are the protected spans.
type guards struct {
	list   map[uint64]journal.Protect
	last   uint64          // highest ID ever
	tokens map[string]bool // of requests that were taken up
}

// take takes a line in.
func (g *guards) take(p *journal.Protect) {
	if g.list == nil {
		g.list, g.tokens = map[uint64]journal.Protect{}, map[string]bool{}
	}
	g.last = max(g.last, p.ID)
	if p.Off {
		delete(g.list, p.ID)
	} else {
		g.list[p.ID] = *p
	}
	if p.Token != "" {
		g.tokens[p.Token] = true
	}
}

// guard returns the ID of a protection that the segment is under; 0: none.
func (r *Recording) guard(p journal.Prune) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, g := range r.guards.list {
		if g.Covers(p.Camera, p.Start, p.End) {
			return id
		}
	}
	return 0
}
