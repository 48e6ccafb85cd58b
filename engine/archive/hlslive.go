package archive

import (
	"context"
	"slices"
	"sync"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
)

// LiveSegment is a stretch of some seconds that begins with a key frame.
type LiveSegment struct {
	Piece         // as a whole, as far as it is there
	Parts []Piece // the fragments it is made of; the first begins with a key frame
	Open  bool    // more parts follow
}

// LiveWindow is the newest media of a camera that is being recorded.
type LiveWindow struct {
	Sequence        uint64 // of Segments[0]: EXT-X-MEDIA-SEQUENCE; each next one has one more
	Discontinuities uint64 // before Segments[0]: EXT-X-DISCONTINUITY-SEQUENCE
	Segments        []LiveSegment
	PartTarget      time.Duration // no part is longer
	Ended           bool          // nobody records any more
	Notes           []string
}

const (
	liveSegment = 2 * time.Second       // a live segment is at least so long
	liveKeep    = time.Minute           // so much is listed at least
	livePoll    = 40 * time.Millisecond // how often a file is looked at while somebody waits
	liveLook    = time.Second           // how often the catalogue is asked whether there is another file
	liveIdle    = 2 * time.Minute       // after so long nobody is interested any more
)

// liveCache is the cameras that somebody watches. Its zero value is ready.
type liveCache struct {
	mu  sync.Mutex
	all map[string]*follower // by path
}

// Live lists the newest media of a path that is being recorded, by whichever process, and
// waits until it holds that part of that segment, or something later. Zeros do not wait.
// fault.NotFound: nobody records it.
func (l *Library) Live(ctx context.Context, path string, sequence uint64, part int) (*LiveWindow, error) {
	f := l.watched.follower(path, l.clock.Now())
	tick := time.NewTicker(livePoll)
	defer tick.Stop()
	for {
		w, err := f.look(l, sequence, part)
		if w != nil || err != nil {
			return w, err
		}
		select {
		case <-ctx.Done():
			return nil, fault.Because("wait for live media", ctx.Err())
		case <-tick.C:
		}
	}
}

// follower returns the one of a path, and lets go of those nobody asked for lately.
func (c *liveCache) follower(path string, now time.Time) *follower {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all = map[string]*follower{}
	}
	for name, f := range c.all {
		if name != path && f.idle(now) {
			delete(c.all, name)
		}
	}
	f := c.all[path]
	if f == nil {
		f = &follower{path: path, asked: now, sequence: uint64(max(now.Unix(), 1))} // rises over restarts too
		c.all[path] = f
	}
	return f
}

// follower reads the file of one camera on as it grows.
type follower struct {
	path string

	mu       sync.Mutex
	asked    time.Time // last
	looked   time.Time // at the catalogue, last
	file     *slicer   // nil: none yet
	name     resource
	dir      string
	init     *Piece
	next     int    // fragment
	sequence uint64 // of segments[0]
	breaks   uint64
	segments []LiveSegment
	longest  time.Duration
	notes    []string
}

func (f *follower) idle(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.Sub(f.asked) < liveIdle {
		return false
	}
	f.close()
	f.segments = nil
	return true
}

func (f *follower) close() {
	if f.file != nil {
		f.file.file.Close()
		f.file = nil
	}
}

// look reads on and returns the window once it holds what is waited for.
func (f *follower) look(l *Library, sequence uint64, part int) (*LiveWindow, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := l.clock.Now()
	f.asked = now
	if err := f.advance(); err != nil {
		return nil, err
	}
	ended := false
	if f.file == nil || now.Sub(f.looked) >= liveLook {
		f.looked = now
		var err error
		if ended, err = f.catalogue(l); err != nil {
			return nil, err
		}
	}
	if len(f.segments) == 0 && !ended || !ended && !f.has(sequence, part) {
		return nil, nil
	}
	return f.window(ended), nil
}

// has reports whether a part is there, or something later.
func (f *follower) has(sequence uint64, part int) bool {
	last := f.sequence + uint64(len(f.segments)) - 1
	if len(f.segments) == 0 || sequence > last {
		return false
	}
	return sequence < last || part < len(f.segments[len(f.segments)-1].Parts)
}

// catalogue finds the file that is written now. What the one before has got is taken first.
func (f *follower) catalogue(l *Library) (ended bool, err error) {
	holdings, err := l.Resolve(f.path)
	if err != nil {
		return false, err
	}
	var newest *Holding
	for i := range holdings {
		if h := &holdings[i]; h.Recording.State == Live && (newest == nil || h.Recording.Window.To.After(newest.Recording.Window.To)) {
			newest = h
		}
	}
	if newest == nil {
		if len(f.segments) == 0 {
			return false, fault.New(fault.NotFound, "nobody records %s now", f.path)
		}
		return true, f.advance()
	}
	name := resource{recording: newest.Recording.Name, camera: newest.Camera.Name}
	list := newest.Camera.Segments
	if f.file != nil && f.name.recording == name.recording {
		list = slices.DeleteFunc(slices.Clone(list), func(s *Segment) bool { return s.N <= f.name.n })
	} else if n := len(list); n > 1 {
		list = list[n-1:] // it begins with the newest
	}
	for _, s := range list {
		if s.Sealed && s.End.Sub(s.Start) <= 0 {
			continue
		}
		if err := f.advance(); err != nil { // the end of the one before
			return false, err
		}
		if done, err := f.open(l, newest.Recording, s); err != nil || !done {
			return false, err
		}
		if err := f.advance(); err != nil {
			return false, err
		}
	}
	return false, nil
}

// open begins with a segment. done is false as long as it holds nothing.
func (f *follower) open(l *Library, rec *Recording, s *Segment) (done bool, err error) {
	h, err := hold(l.fs, rec.Dir, s)
	if err != nil {
		if fault.Is(err, fault.NotFound) {
			return false, nil // about to get its other name
		}
		return false, err
	}
	size, err := h.Size()
	var x *segment.Index
	if err == nil {
		x, err = segment.ReadFragments(h, size)
	}
	if err != nil || len(x.Fragments) == 0 {
		h.Close()
		if err == nil || fault.Is(err, fault.Damaged) {
			return false, nil // its beginning is being written
		}
		return false, vfs.Fault("read a segment", err)
	}
	c, err := newSlicer(newStretch(s.File, h, x), false)
	if err != nil {
		h.Close()
		return false, err
	}
	f.close()
	f.file, f.dir, f.next = c, rec.Dir, 0
	f.name = resource{recording: rec.Name, camera: s.Camera, n: s.N}
	f.init = c.initPiece(f.name)
	f.notes = c.notes
	if n := len(f.segments); n > 0 {
		f.segments[n-1].Open = false
	} else {
		f.next = recent(x.Fragments)
	}
	return true, nil
}

// recent is the key fragment from which on a viewer gets what was written lately.
func recent(list []segment.Fragment) int {
	last := list[len(list)-1].Time
	for i := len(list) - 1; i > 0; i-- {
		if list[i].Key && last.Sub(list[i].Time) >= 5*liveSegment {
			return i
		}
	}
	return 0
}

// advance lists the fragments that were written since.
func (f *follower) advance() error {
	if f.file == nil {
		return nil
	}
	x := f.file.Index
	if size, err := f.file.file.Size(); err != nil {
		return vfs.Fault("read a segment", err)
	} else if size > x.Size && x.State == segment.Open {
		if err := x.More(size); err != nil {
			return err
		}
	}
	for ; f.next < len(x.Fragments); f.next++ {
		f.add(f.next)
	}
	return nil
}

// add lists one fragment as a part.
func (f *follower) add(i int) {
	part := f.file.piece(f.name, i, i)
	part.Init = f.init
	f.longest = max(f.longest, part.Duration)
	n := len(f.segments)
	if n == 0 || !f.segments[n-1].Open || part.Key && part.Time.Sub(f.segments[n-1].Time) >= liveSegment {
		if n > 0 {
			f.segments[n-1].Open = false
		}
		part.Discontinuity = n > 0 && f.segments[n-1].Init != f.init
		f.segments = append(f.segments, LiveSegment{Piece: part, Parts: []Piece{part}, Open: true})
		f.trim()
		return
	}
	s := &f.segments[n-1]
	s.Parts = append(s.Parts, part)
	first := i - len(s.Parts) + 1
	init, broken := s.Init, s.Discontinuity
	s.Piece = f.file.piece(f.name, first, i)
	s.Init, s.Discontinuity = init, broken
}

// trim forgets what is old.
func (f *follower) trim() {
	newest := f.segments[len(f.segments)-1].Time
	n := 0
	for n < len(f.segments)-1 && newest.Sub(f.segments[n].Time) > liveKeep {
		if f.segments[n].Discontinuity {
			f.breaks++
		}
		n++
	}
	f.segments = slices.Delete(f.segments, 0, n)
	f.sequence += uint64(n)
}

// window is a picture of what is listed.
func (f *follower) window(ended bool) *LiveWindow {
	w := &LiveWindow{Sequence: f.sequence, Discontinuities: f.breaks, PartTarget: f.longest, Ended: ended, Notes: f.notes}
	for _, s := range f.segments {
		s.Parts = slices.Clone(s.Parts)
		s.Open = s.Open && !ended
		w.Segments = append(w.Segments, s)
	}
	return w
}
