package engine

import (
	"context"
	"errors"
	"time"

	"rtsprec/engine/media"
)

// liveLine is the way to a target without a spool: a Sink behind a queue. While the target
// is away Write waits, and the queue in front keeps what it has room for. What was sent
// since the last key frame that may not have arrived is kept, and sent again in the next
// session: on a cut link nothing is lost that the queue could hold, and at most one group of
// pictures comes twice.
type liveLine struct {
	*outlet
	queue   *queue
	adapter *adapter      // before queue; nil: none
	coder   *transcoder   // before both; nil: none
	budget  time.Duration // that a unit may wait; 0: as long as there is room
	refused bool          // the target takes nothing of this run: another one comes
	run     media.Run
	sets    [][]byte           // by track: parameter sets that the session was not announced with; nil: none
	video   bool               // the run has pictures
	open    []bool             // by track: a key frame has come
	kept    []media.AccessUnit // sent in this session or to be sent in the next, from a key frame on
	first   uint64             // of this session: which unit kept[0] was
	bytes   int64              // of kept
}

func newLiveLine(d Deps, t RelayTarget) *liveLine { return &liveLine{outlet: newOutlet(d, t)} }

// hurry bounds how long units wait.
func (l *liveLine) hurry(budget time.Duration) {
	l.budget, l.measure = budget, true
	l.queue.late = &lateness{budget: budget, clock: l.deps.Clock}
}

// way is what units go through on their way to the line.
func (l *liveLine) way(o TranscodeOptions) (way, error) {
	var w way = l.queue
	if l.adapter != nil {
		w = l.adapter
	}
	l.learns(o)
	if o.needsNothing() {
		return w, nil
	}
	o = l.coding
	o.direct = true
	coder, err := newTranscoder(l.deps, w, o)
	if err != nil {
		return nil, err
	}
	l.coder = coder.(*transcoder)
	return l.coder, nil
}

// Begin implements media.Sink. The session goes on where it can.
func (l *liveLine) Begin(_ context.Context, run media.Run) error {
	l.sets = nil
	if !sameTracks(l.tracks, run.Tracks) {
		l.hangUp()
		l.kept, l.first, l.bytes = nil, 0, 0
	} else {
		for _, t := range run.Tracks {
			l.sets = append(l.sets, t.Config)
		}
	}
	l.run, l.video, l.refused = run, false, false
	for _, t := range run.Tracks {
		l.video = l.video || t.Codec.Video()
	}
	l.open = make([]bool, len(run.Tracks))
	return nil
}

// Write implements media.Sink. It waits for the target.
func (l *liveLine) Write(ctx context.Context, au media.AccessUnit) error {
	if l.refused || !l.open[au.Track] && !au.Key {
		return nil
	}
	l.open[au.Track] = true
	began := l.deps.Clock.Now()
	if codec := l.run.Tracks[au.Track].Codec; l.sets != nil && codec.NALs() {
		if au.Config != nil {
			l.sets[au.Track] = au.Config
		}
		if au.Key {
			au = media.WithConfig(au, codec, l.sets[au.Track])
		}
	}
	l.keep(au)
	if l.pub != nil && l.pub.Err() == nil {
		if l.write(ctx, au) == nil {
			l.trim()
			return nil
		}
	}
	return l.again(ctx, began)
}

// again sends what is kept, whose newest unit has waited since then, in a new session.
func (l *liveLine) again(ctx context.Context, since time.Time) error {
	for {
		if l.pub != nil {
			l.trim() // what has arrived is not sent again
		}
		fresh, err := l.connect(ctx, l.run)
		if errors.Is(err, errOtherCoding) {
			l.refused, l.kept, l.first, l.bytes = true, nil, 0, 0
			return nil
		}
		if err != nil {
			return err
		}
		if fresh {
			l.first = 0
		}
		if l.budget > 0 && l.run.Origin != "replay" && l.deps.Clock.Now().Sub(since) > l.budget {
			l.kept, l.first, l.bytes = nil, 0, 0
			clear(l.open) // the next key frame is due
			return nil
		}
		for _, au := range l.kept {
			if err = l.write(ctx, au); err != nil {
				break
			}
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
}

// mostKept bounds what is kept, in bytes.
const mostKept = 8 << 20

func (l *liveLine) keep(au media.AccessUnit) {
	l.kept = append(l.kept, au)
	l.bytes += int64(len(au.Data))
	for l.bytes > mostKept && len(l.kept) > 1 {
		l.cut(1)
	}
}

// trim lets go of what has arrived, up to a key frame before which nothing is missing.
func (l *liveLine) trim() {
	acked, _ := l.pub.Acked()
	for i := len(l.kept) - 1; i > 0; i-- {
		if l.first+uint64(i) <= acked && l.starts(l.kept[i]) {
			l.cut(i)
			return
		}
	}
}

// starts reports whether sending may begin with a unit.
func (l *liveLine) starts(au media.AccessUnit) bool {
	return au.Key && (!l.video || l.run.Tracks[au.Track].Codec.Video())
}

func (l *liveLine) cut(n int) {
	for _, au := range l.kept[:n] {
		l.bytes -= int64(len(au.Data))
	}
	clear(l.kept[:n])
	l.kept = l.kept[n:]
	l.first += uint64(n)
}

// End implements media.Sink. The session waits for the next run.
func (l *liveLine) End(context.Context, media.Gap) error { return nil }

// Close implements media.Sink.
func (l *liveLine) Close(ctx context.Context) error {
	l.arrived(ctx, l.first+uint64(len(l.kept)))
	l.hangUp()
	return nil
}

func (l *liveLine) progress(now time.Time) CameraProgress {
	p := l.outlet.progress(now)
	p.Queue, _ = l.queue.held()
	if l.adapter != nil {
		p.Quality = l.adapter.now()
	}
	return p
}

func (l *liveLine) summary() RelayTargetSummary {
	s := l.outlet.summary()
	_, s.Dropped = l.queue.held()
	if l.coder != nil {
		s.Dropped += l.coder.left.Load()
	}
	if l.adapter != nil {
		s.Changes, s.Points = l.adapter.history()
	}
	return s
}
