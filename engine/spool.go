package engine

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
)

// spool keeps a stream on the disk until all targets have it. It is a recording like any
// other, with short segments, and beside it a file that says how far each target has come;
// so it outlives the process, and what is left is sent by the next one.
//
//	DIR/relay.json   capture time, by target, of the key frame to go on from
//	DIR/...          the recording
//
// It is the Sink that fills it.
type spool struct {
	deps    Deps
	o       RelaySpool
	name    string // of the camera
	store   *store
	library *archive.Library
	sink    media.Sink
	lines   []*spoolLine
	closed  bool
	pending []media.Track // of a run that has no unit yet
	newest  time.Time     // of all units so far

	mu     sync.Mutex
	eras   []era
	turned chan struct{} // closed when there is a new era, and made anew
	looked time.Time     // when tend last did anything
}

// era is a span of the spool whose runs have the same tracks. It lasts to the next.
type era struct {
	from   time.Time
	tracks []media.Track
}

// The spool's own recording.
const (
	spoolSegment  = 30 * time.Second
	spoolCommit   = time.Second
	spoolFragment = 100 * time.Millisecond
	spoolState    = "relay.json"
	stateSize     = 1 << 20 // bytes, at most
	tendEvery     = 2 * time.Second
)

// openSpool opens the spool of an input, which a process before this one may have left.
func openSpool(d Deps, o RelaySpool, name string) (*spool, error) {
	o.Size = orDefault(o.Size, DefaultSpoolSize)
	st, err := openStore(d, RecordInto{Dir: o.Dir, Segment: spoolSegment, Commit: spoolCommit, Fragment: spoolFragment})
	if err != nil {
		return nil, err
	}
	s := &spool{deps: d, o: o, name: name, store: st, library: archive.NewLibrary(d.FS, d.Clock, o.Dir), turned: make(chan struct{})}
	if s.sink, err = st.camera(name); err != nil {
		return nil, err
	}
	if from, to, tracks, err := s.library.Describe(name); err == nil { // left from before
		s.eras, s.newest = []era{{from, tracks}}, to
	}
	return s, nil
}

// line adds a target.
func (s *spool) line(t RelayTarget, o TranscodeOptions) *spoolLine {
	l := &spoolLine{outlet: newOutlet(s.deps, t), spool: s}
	l.learns(o)
	if b, err := vfs.ReadFile(s.deps.FS, filepath.Join(s.o.Dir, spoolState), stateSize); err == nil {
		var all map[string]time.Time
		if json.Unmarshal(b, &all) == nil {
			l.due = all[t.name()]
			l.done = l.due
		}
	}
	s.lines = append(s.lines, l)
	return l
}

// start begins to send to all targets; ctx ends that.
func (s *spool) start(ctx context.Context, senders *errgroup.Group) {
	for _, l := range s.lines {
		l.over = make(chan struct{})
		senders.Go(func() error { defer close(l.over); l.run(ctx); return nil })
	}
}

// drain waits until all targets have everything, or ctx is done.
func (s *spool) drain(ctx context.Context) {
	for _, l := range s.lines {
		select {
		case <-l.over:
		case <-ctx.Done():
		}
	}
}

// Begin implements media.Sink.
func (s *spool) Begin(ctx context.Context, run media.Run) error {
	s.pending = slices.Clone(run.Tracks)
	return s.sink.Begin(ctx, run)
}

// Write implements media.Sink.
func (s *spool) Write(ctx context.Context, au media.AccessUnit) error {
	if s.pending != nil {
		if au.Config != nil {
			s.pending[au.Track].Config = au.Config
		}
		if au.Key && (s.pending[au.Track].Codec.Video() || !slices.ContainsFunc(s.pending, func(t media.Track) bool { return t.Codec.Video() })) {
			s.turn(au.Wall)
		}
	}
	if au.Wall.After(s.newest) {
		s.newest = au.Wall
	}
	return s.sink.Write(ctx, au)
}

// End implements media.Sink.
func (s *spool) End(ctx context.Context, gap media.Gap) error { return s.sink.End(ctx, gap) }

// Close implements media.Sink.
func (s *spool) Close(ctx context.Context) error { return s.sink.Close(ctx) }

// turn begins an era, unless the tracks are those of the last.
func (s *spool) turn(at time.Time) {
	tracks := s.pending
	s.pending = nil
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.eras); n > 0 {
		if sameTracks(s.eras[n-1].tracks, tracks) {
			return
		}
		if !at.After(s.newest) {
			at = s.newest.Add(time.Nanosecond)
		}
	}
	s.eras = append(s.eras, era{at, tracks})
	close(s.turned)
	s.turned = make(chan struct{})
}

// eraOf returns the era that a time is in (the last one for the zero time), when the next
// begins (zero: there is none), and what tells of a new one; false while there is none.
func (s *spool) eraOf(at time.Time) (e era, next time.Time, turned <-chan struct{}, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.eras) - 1; i >= 0; i-- {
		e = s.eras[i]
		if at.IsZero() || i == 0 || !at.Before(e.from) {
			return e, next, s.turned, true
		}
		next = e.from
	}
	return era{}, time.Time{}, s.turned, false
}

// tend removes what all targets have, notes how far they are, and keeps the spool from
// growing beyond its size. It is called about once a second.
func (s *spool) tend() {
	now := s.deps.Clock.Now()
	if now.Sub(s.looked) < tendEvery {
		return
	}
	s.looked = now
	s.save()
	rec, err := s.library.Recording(s.store.name())
	if err != nil {
		return
	}
	c := rec.Camera(s.name)
	if c == nil {
		return
	}
	var size int64
	for _, seg := range c.Segments {
		size += seg.Size
	}
	sent := s.sent()
	for _, seg := range c.Segments {
		full := size > s.o.Size
		if !seg.Sealed || !full && !seg.End.Before(sent) {
			return
		}
		why := "sent"
		if full && !seg.End.Before(sent) {
			why = "the spool is full"
		}
		err := s.store.rec.Prune(journal.Prune{
			Camera: s.name, N: seg.N, File: seg.File, Start: seg.Start, End: seg.End, Size: seg.Size, Why: why,
		})
		if err != nil {
			return // being read, or the disk: next time
		}
		size -= seg.Size
		if why != "sent" {
			s.tellFull(seg)
		}
	}
}

// tellFull says who has lost what.
func (s *spool) tellFull(seg *archive.Segment) {
	for _, l := range s.lines {
		if due := l.goOn(); due.Before(seg.End) {
			l.lose(seg.Units())
			s.deps.observe(SpoolFull{Target: l.target.name(), From: later(due, seg.Start), To: seg.End})
		}
	}
}

// keepBack is how much of what was sent is kept: more than rtsprec is sent again.
const keepBack = overlap + 30*time.Second

// sent is the time before which nothing is needed any more.
func (s *spool) sent() time.Time {
	var least time.Time
	for i, l := range s.lines {
		if due := l.goOn(); i == 0 || due.Before(least) {
			least = due
		}
	}
	if least.IsZero() {
		return least
	}
	return least.Add(-keepBack)
}

// save notes how far the targets are.
func (s *spool) save() {
	all := map[string]time.Time{}
	for _, l := range s.lines {
		if due := l.goOn(); !due.IsZero() {
			all[l.target.name()] = due.UTC()
		}
	}
	b, err := json.Marshal(all)
	if err == nil {
		err = vfs.Replace(s.deps.FS, filepath.Join(s.o.Dir, spoolState), append(b, '\n'), 0o600)
	}
	if err != nil {
		s.deps.observe(Notice{Message: "note how far the targets are: " + fault.Redact(err.Error())})
	}
}

// settle notes what is left once nothing is sent any more.
func (s *spool) settle() {
	s.closed = true
	s.save()
}

// abandon closes a spool that was never used.
func (s *spool) abandon(ctx context.Context) error {
	if s.closed {
		return nil
	}
	return s.store.close(ctx, s.deps.Clock.Now())
}
