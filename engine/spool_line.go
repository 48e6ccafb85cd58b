package engine

import (
	"context"
	"errors"
	"io"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// spoolLine is the way from the spool to one target: what is in the spool, in order, as it
// comes. After a session that broke it goes on with the last key frame before which
// everything is known to have arrived. A target that calls itself rtsprec gets overlap more,
// because what its kernel has taken may never have been written when it was killed; it
// drops what it has.
type spoolLine struct {
	*outlet
	spool *spool
	over  chan struct{} // closed when sending has ended

	due     time.Time   // where to go on; zero: with the newest era. Guarded by mu
	lost    uint64      // units the spool had no room for. Guarded by mu
	done    time.Time   // newest of what is known to have arrived. Guarded by mu
	sent    uint64      // units of this session
	keys    []keyFrame  // of this session, those from which on not all has arrived
	reached []time.Time // by track: when the newest unit that was sent is decoded, while a session lasts
	pace    pacer
}

// keyFrame is where sending can go on.
type keyFrame struct {
	unit uint64 // its number in the session
	at   time.Time
}

// overlap is what rtsprec gets again, as a target that may have been killed.
const overlap = 30 * time.Second

// run sends until everything of a spool that was closed is sent, or ctx ends.
func (l *spoolLine) run(ctx context.Context) {
	defer l.hangUp()
	for ctx.Err() == nil {
		e, next, turned, ok := l.spool.eraOf(l.goOn())
		if !ok {
			select {
			case <-turned:
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
				if l.spool.dry() {
					return
				}
			}
			continue
		}
		if l.goOn().IsZero() {
			l.set(e.from)
		}
		err := l.send(ctx, e, next, turned)
		if errors.Is(err, io.EOF) && next.IsZero() && l.spool.dry() {
			return
		}
		switch {
		case errors.Is(err, io.EOF) && !next.IsZero():
			l.set(next)
		case errors.Is(err, io.EOF):
			l.wait(ctx, l.deps.Clock.Now().Add(100*time.Millisecond))
		}
	}
}

// dry reports whether the spool's recording is closed, so that no more comes.
func (s *spool) dry() bool {
	rec, err := s.library.Recording(s.store.name())
	return err == nil && rec.State != archive.Live
}

// send sends what there is of an era. io.EOF: everything; another error: the session broke
// or the spool cannot be read. nil: a new era has begun, and this one has an end now.
func (l *spoolLine) send(ctx context.Context, e era, next time.Time, turned <-chan struct{}) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if next.IsZero() {
		go func() { // the recording has ended this era: what is read now has an end
			select {
			case <-turned:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	from := l.goOn().Add(time.Millisecond) // the key frame at it or before, whatever was rounded
	source, err := l.spool.library.Replay(ctx, l.spool.name, archive.PlayOptions{From: from, To: next, Follow: true, Tracks: e.tracks})
	if err != nil {
		return errors.Join(err, l.wait(ctx, l.deps.Clock.Now().Add(200*time.Millisecond)))
	}
	defer source.Close()
	l.pace = pacer{faster: l.spool.o.Pace}
	sink, err := l.sender(ctx, source.Run())
	if err != nil {
		return errors.Join(err, l.wait(ctx, l.deps.Clock.Now().Add(time.Second)))
	}
	defer sink.abandon()
	for {
		au, err := source.Next(ctx)
		if err == nil && !sink.codes() && l.pub != nil && l.had(source.Run(), au) {
			continue
		}
		if err == nil {
			err = sink.Write(ctx, au)
		} else if errors.Is(err, io.EOF) {
			if e := sink.End(ctx, media.Gap{}); e != nil {
				err = e
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			l.arrived(ctx, l.sent)
			l.settle()
			return io.EOF
		case ctx.Err() != nil:
			l.settle()
			return nil
		case err != nil:
			return err
		}
	}
}

// put sends one unit, in its time.
func (l *spoolLine) put(ctx context.Context, run media.Run, au media.AccessUnit) error {
	if err := l.pace.wait(ctx, l.deps.Clock.Now(), au.Wall); err != nil {
		return err
	}
	if l.pub != nil && l.pub.Err() != nil { // it broke while there was nothing to send
		return l.broke(l.pub.Err())
	}
	fresh, err := l.connect(ctx, run)
	if err != nil {
		return err
	}
	if fresh {
		l.begin(len(run.Tracks))
		if l.pub.Stats().Rtsprec && l.coding.needsNothing() && l.rewind() {
			return fault.New(fault.Ended, "more is sent again")
		}
	}
	if starts(run, au) {
		l.keys = append(l.keys, keyFrame{l.sent, au.Wall})
	}
	if err := l.write(ctx, au); err != nil {
		return l.broke(err)
	}
	l.sent++
	l.reached[au.Track] = decoded(run, au)
	l.arrivedBy(l.pub.Acked())
	return nil
}

// broke ends a session that is over.
func (l *spoolLine) broke(err error) error {
	l.arrivedBy(l.pub.Acked())
	l.hangUp()
	return err
}

// begin begins a session.
func (l *spoolLine) begin(tracks int) {
	l.sent, l.keys, l.reached = 0, nil, make([]time.Time, tracks)
}

// had reports whether this session has sent a unit, which it may when an era got its end.
func (l *spoolLine) had(run media.Run, au media.AccessUnit) bool {
	if int(au.Track) >= len(l.reached) || l.pub.Err() != nil {
		return false
	}
	at := l.reached[au.Track]
	return !at.IsZero() && !decoded(run, au).After(at)
}

// rewind goes back for a target that drops what it has; false when it went back already.
func (l *spoolLine) rewind() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done.IsZero() || !l.due.After(l.done.Add(-overlap)) {
		return false
	}
	l.due = l.done.Add(-overlap)
	return true
}

// arrivedBy takes in what is known to have arrived.
func (l *spoolLine) arrivedBy(units uint64, wall time.Time) {
	n := -1
	for i, k := range l.keys {
		if k.unit > units {
			break
		}
		n = i
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if wall.After(l.done) {
		l.done = wall
	}
	if n >= 0 {
		l.due = later(l.due, l.keys[n].at)
		l.keys = l.keys[n:]
	}
}

func (l *spoolLine) settle() {
	if l.pub != nil {
		l.arrivedBy(l.pub.Acked())
	}
}

// starts reports whether sending can begin with a unit.
func starts(run media.Run, au media.AccessUnit) bool {
	if !au.Key || run.Tracks[au.Track].Codec.Video() {
		return au.Key
	}
	for _, t := range run.Tracks {
		if t.Codec.Video() {
			return false
		}
	}
	return true
}

// goOn is where the next session goes on; zero: nothing was sent yet.
func (l *spoolLine) goOn() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.due
}

func (l *spoolLine) set(due time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.due = due
}

func (l *spoolLine) lose(units int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost += uint64(units)
}

func (l *spoolLine) summary() RelayTargetSummary {
	s := l.outlet.summary()
	l.mu.Lock()
	defer l.mu.Unlock()
	s.Dropped = l.lost
	if left := l.spool.newest.Sub(l.at); left > time.Second && !l.at.IsZero() {
		s.Left = left.Seconds()
	}
	return s
}

// pacer holds a backlog back so that it goes out not faster than so many times real time.
// What is nearly live is not held back.
type pacer struct {
	faster float64
	from   time.Time // capture time, at
	at     time.Time
}

// liveEnough is how old a unit may be and still be sent at once.
const liveEnough = 2 * time.Second

func (p *pacer) wait(ctx context.Context, now, wall time.Time) error {
	if p.faster <= 0 || now.Sub(wall) < liveEnough {
		p.from = time.Time{}
		return nil
	}
	if p.from.IsZero() || wall.Before(p.from) {
		p.from, p.at = wall, now
	}
	due := p.at.Add(time.Duration(float64(wall.Sub(p.from)) / p.faster))
	if due.Before(now.Add(-time.Second)) { // the link is slower: do not make up for it
		p.from, p.at = wall, now
		return nil
	}
	if left := due.Sub(now); left > 5*time.Millisecond {
		t := time.NewTimer(left)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return fault.Because("wait", ctx.Err())
		}
	}
	return nil
}
