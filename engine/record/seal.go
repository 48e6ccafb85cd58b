package record

import (
	"context"
	"path/filepath"
	"sync"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
)

// sealersAtMost is how many files are sealed side by side.
const sealersAtMost = 2

// sealing is a file on its way to its final name. Each step is done once; what the disk
// refuses is tried again from there. Everything in it was committed before.
type sealing struct {
	camera *camera
	file   *file
	cut    int64 // media ends here; -1: at the end of the file
	mount  int   // Recording.mount when the file was last opened
	w      *segment.Writer
	h      vfs.File
	sum    *segment.Summary
	named  bool
}

// sealer seals files in the background, at most two at a time.
type sealer struct {
	r       *Recording
	mu      sync.Mutex
	queue   []*sealing
	running int
	failing int           // of those
	idle    chan struct{} // closed when nothing runs any more; nil: nothing runs
	quit    chan struct{} // closed: give up what the disk refuses
	wg      sync.WaitGroup
}

// add queues a file.
func (s *sealer) add(job *sealing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.quit == nil {
		s.quit = make(chan struct{})
	}
	s.queue = append(s.queue, job)
	if s.running == sealersAtMost {
		return
	}
	if s.running == 0 {
		s.idle = make(chan struct{})
	}
	s.running++
	s.wg.Go(s.run)
}

// run seals what is queued, until nothing is.
func (s *sealer) run() {
	for {
		s.mu.Lock()
		if len(s.queue) == 0 {
			if s.running--; s.running == 0 {
				close(s.idle)
				s.idle = nil
			}
			s.mu.Unlock()
			return
		}
		job := s.queue[0]
		s.queue = s.queue[1:]
		s.mu.Unlock()
		s.insist(job)
	}
}

// insist tries until the file is sealed, is found to be lost, or it is told to give up.
func (s *sealer) insist(job *sealing) {
	failing := false
	defer func() { s.fail(failing, false) }()
	for {
		err := s.r.seal(job)
		if err == nil {
			return
		}
		if fault.Is(err, fault.NotFound) && s.r.present() == nil || !refusal(err) {
			s.r.Log.Error("not sealed", "file", job.file.name, "err", err)
			return // recovery and verify say what became of it
		}
		s.r.disk.refuses(job.camera.name, err)
		s.fail(failing, true)
		failing = true
		select {
		case <-s.quit:
			return
		default:
		}
		pause(context.Background(), retryEvery, s.quit)
	}
}

// fail counts the sealers that the disk keeps waiting.
func (s *sealer) fail(was, is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if was {
		s.failing--
	}
	if is {
		s.failing++
	}
}

// struggling reports whether the disk keeps a sealer waiting.
func (s *sealer) struggling() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failing > 0
}

// wait returns when nothing is queued or being sealed.
func (s *sealer) wait(ctx context.Context) error {
	s.mu.Lock()
	idle := s.idle
	s.mu.Unlock()
	if idle == nil {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return fault.Wrap(fault.Timeout, "seal what was recorded", ctx.Err())
	}
}

// stop gives up what the disk refuses and joins the sealers.
func (s *sealer) stop() {
	s.mu.Lock()
	if s.quit == nil {
		s.quit = make(chan struct{})
	}
	close(s.quit)
	s.mu.Unlock()
	s.wg.Wait()
}

// seal takes the next steps with a file.
func (r *Recording) seal(s *sealing) error {
	if s.cut == s.file.begin {
		return r.discard(s)
	}
	if s.sum == nil {
		if err := r.finishFile(s); err != nil {
			return err
		}
	}
	if !s.named {
		if err := r.giveName(s.file.name); err != nil {
			return err
		}
		s.named = true
		line := sealLine(s.camera.name, s.file.n, *s.sum)
		line.Stream, line.Limit = s.file.stream, s.file.limit
		r.lines.post(line)
	}
	if err := r.lines.sync(); err != nil {
		return err
	}
	r.observe(SegmentSealed{
		Camera: s.camera.name, N: s.file.n, File: s.file.name, Start: s.sum.Start, End: s.sum.End, Size: s.sum.Size,
	})
	return nil
}

// finishFile turns a file into an ordinary MP4. All its media is durable, so a seal that
// failed is simply written again: nothing that a failed sync lost is left out.
func (r *Recording) finishFile(s *sealing) error {
	mount := r.mounts()
	if s.w == nil && s.cut < 0 {
		s.w, s.h, s.mount = s.file.w, s.file.handle, s.file.mount
	}
	if s.w == nil || s.mount != mount {
		if err := r.reopen(s); err != nil {
			return err
		}
		s.mount = mount
	}
	if s.sum == nil {
		sum, err := s.w.Seal()
		if err != nil {
			return err
		}
		s.sum = &sum
	}
	return vfs.Fault("close "+s.file.name, s.h.Close())
}

// reopen opens the file by its name and stands at the end of its media.
func (r *Recording) reopen(s *sealing) error {
	s.file.handle.Close()
	if s.h != nil {
		s.h.Close()
	}
	h, err := r.FS.OpenRW(r.path(s.file.name + segment.Part))
	if err != nil {
		return vfs.Fault("open "+s.file.name, err)
	}
	found, err := scan(h, s.cut)
	if err == nil && found.State == segment.Sealed && found.Problem == nil {
		sum := summary(found)
		s.h, s.sum = h, &sum
		return nil
	}
	if err == nil {
		s.w, err = segment.Resume(h, found)
	}
	if err != nil {
		h.Close()
		return err
	}
	s.h = h
	return nil
}

// giveName gives a finished file its final name, durably.
func (r *Recording) giveName(name string) error {
	final := r.path(name)
	if err := r.makeRoom(name); err != nil {
		return err
	}
	err := r.FS.Rename(final+segment.Part, final)
	if err != nil {
		if _, there, _ := exists(r.FS, final); !there {
			return vfs.Fault("name "+name, err)
		}
	}
	return vfs.Fault("sync the folder of "+name, r.FS.SyncDir(filepath.Dir(final)))
}

// makeRoom sets a file aside that has the final name of one that is not renamed yet:
// nobody knows whose it is.
func (r *Recording) makeRoom(name string) error {
	final := r.path(name)
	if _, open, err := exists(r.FS, final+segment.Part); !open || err != nil {
		return err
	}
	if _, taken, err := exists(r.FS, final); !taken || err != nil {
		return err
	}
	return (&recovery{r: r}).setAside(name)
}

// discard journals that a file holds nothing, and then removes it.
func (r *Recording) discard(s *sealing) error {
	s.file.handle.Close()
	if !s.named {
		r.lines.post(&journal.Seal{Camera: s.camera.name, N: s.file.n})
		s.named = true
	}
	if err := r.lines.sync(); err != nil {
		return err
	}
	return r.removePart(s.file.name)
}

// removePart removes an open file that the journal says holds nothing.
func (r *Recording) removePart(name string) error {
	part := r.path(name + segment.Part)
	if err := r.FS.Remove(part); err != nil && !fault.Is(vfs.Fault("", err), fault.NotFound) {
		return vfs.Fault("remove "+name, err)
	}
	return vfs.Fault("sync the folder of "+name, r.FS.SyncDir(filepath.Dir(part)))
}

// scan reads a segment up to limit, or all of it where that is negative.
func scan(f vfs.File, limit int64) (*segment.File, error) {
	size, err := f.Size()
	if err != nil {
		return nil, vfs.Fault("read a segment", err)
	}
	if limit >= 0 {
		size = min(size, limit)
	}
	found, err := segment.Scan(f, size, segment.ScanOptions{})
	if err == nil && limit >= 0 {
		// What stands behind the limit is cut off too.
		if whole, e := f.Size(); e == nil {
			found.Size = whole
		} else {
			err = e
		}
	}
	return found, err
}

// summary describes a sealed file that was read.
func summary(f *segment.File) segment.Summary {
	s := segment.Summary{Size: f.Size, SHA256: f.SHA256}
	lead := -1
	for i, t := range f.Tracks {
		s.Units = append(s.Units, t.Units)
		s.Starts = append(s.Starts, t.Start)
		s.Ends = append(s.Ends, t.End)
		if t.Units == 0 {
			continue
		}
		video, best := f.Header.Tracks[i].Codec.Video(), lead >= 0 && f.Header.Tracks[lead].Codec.Video()
		if lead < 0 || video && !best || video == best && !video && t.End.Sub(t.Start) > f.Tracks[lead].End.Sub(f.Tracks[lead].Start) {
			lead = i
		}
	}
	if lead >= 0 {
		s.Start, s.End = s.Starts[lead], s.Ends[lead]
	}
	return s
}

func sealLine(camera string, n uint64, sum segment.Summary) *journal.Seal {
	line := &journal.Seal{
		Camera: camera, N: n, Size: sum.Size, SHA256: sum.SHA256, Start: utc(sum.Start), End: utc(sum.End), Units: sum.Units,
	}
	for i := range sum.Starts {
		line.Starts = append(line.Starts, utc(sum.Starts[i]))
		line.Ends = append(line.Ends, utc(sum.Ends[i]))
	}
	return line
}
