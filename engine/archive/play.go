package archive

import (
	"context"
	"io"
	"slices"
	"sync"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
)

// followEvery is how often the end of a growing file is looked at.
const followEvery = 40 * time.Millisecond

// Replay plays what was recorded under a path: the units as they were received, in the
// order of their capture, also those that were got afterwards. Wall is when a unit was
// captured. PTS and DTS go by the same clock, over files, pauses and recordings; in
// reverse they rise while Wall falls. The first unit after time without media has Missing, with
// the causes that the journal knows; segments that hold another codec than Tracks say are
// such time.
//
// Next returns io.EOF at the end: of what was asked for, or of what there is. A file that
// is read is not removed by retention; one that was, before its turn came, is time without media.
// fault.NotFound: nothing is recorded under the path in that time.
func (l *Library) Replay(ctx context.Context, path string, o PlayOptions) (media.Source, error) {
	if err := ctx.Err(); err != nil {
		return nil, fault.Because("play "+path, err)
	}
	o.Keys = o.Keys || o.Reverse
	if o.Reverse && !o.From.IsZero() && o.From.Before(o.To) {
		o.From, o.To = o.To, o.From
	}
	if o.Tracks == nil {
		_, _, tracks, err := l.Describe(path)
		if err != nil {
			return nil, err
		}
		o.Tracks = tracks
	}
	p := &player{lib: l, path: path, PlayOptions: o, done: make(chan struct{}), played: map[headKey]bool{}}
	if err := p.list(); err != nil {
		return nil, err
	}
	if len(p.items) == 0 && !o.Follow {
		return nil, fault.New(fault.NotFound, "nothing is recorded as %.200q in that time", path)
	}
	tracks := slices.Clone(o.Tracks)
	for i := range tracks {
		tracks[i].ID = media.TrackID(i)
	}
	if o.Keys {
		if i := slices.IndexFunc(tracks, func(t media.Track) bool { return t.Codec.Video() }); i >= 0 {
			tracks = tracks[i : i+1 : i+1]
			tracks[0].ID = 0
		}
	}
	p.Tracks = tracks
	p.run = media.Run{Start: l.clock.Now(), Tracks: tracks, Origin: originReplay, Peer: path}
	p.outs = make([]out, len(tracks))
	for i := range p.outs {
		p.outs[i].config = tracks[i].Config
	}
	return p, nil
}

// player plays one path.
type player struct {
	PlayOptions
	lib  *Library
	path string
	run  media.Run
	done chan struct{} // closed by Close
	once sync.Once

	mu     sync.Mutex // guards what follows
	items  []item     // to be played, in order
	played map[headKey]bool
	last   item // the one before cur
	cur    *reading
	aside  *aside // goes on behind cur, which fills a gap in its middle; nil: none
	queue  []media.AccessUnit
	base   time.Time // capture time of tick 0; zero: nothing was played
	outs   []out     // by track of the run
	note   string    // why what comes next does not follow what came last
	marks  marker
	ended  bool // the end of what was asked for was reached
}

// out is a track of the run.
type out struct {
	config []byte // in force
	shift  int64  // added to the ticks of the current segment
	last   int64  // DTS
	some   bool
	at     time.Time // when the last unit is decoded, by capture time
}

// Run implements media.Source.
func (p *player) Run() media.Run { return p.run }

// Close implements media.Source.
func (p *player) Close() error {
	p.once.Do(func() { close(p.done) })
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cur != nil {
		p.cur.close()
		p.cur = nil
	}
	if p.aside != nil {
		p.aside.cur.close()
		p.aside = nil
	}
	p.items, p.queue = nil, nil
	return nil
}

// Next implements media.Source.
func (p *player) Next(ctx context.Context) (media.AccessUnit, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		select {
		case <-p.done:
			return media.AccessUnit{}, fault.New(fault.Canceled, "closed")
		default:
		}
		if err := ctx.Err(); err != nil {
			return media.AccessUnit{}, fault.Because("play "+p.path, err)
		}
		if len(p.queue) > 0 {
			au := p.queue[0]
			p.queue[0] = media.AccessUnit{}
			p.queue = p.queue[1:]
			return au, nil
		}
		wait, err := p.fill()
		if err != nil {
			return media.AccessUnit{}, err
		}
		if wait {
			p.mu.Unlock()
			p.pause(ctx)
			p.mu.Lock()
		}
	}
}

func (p *player) pause(ctx context.Context) {
	t := time.NewTimer(followEvery)
	defer t.Stop()
	select {
	case <-t.C:
	case <-p.done:
	case <-ctx.Done():
	}
}

// fill reads on; wait: there is nothing yet, and there may be. io.EOF: the end.
func (p *player) fill() (wait bool, err error) {
	if p.cur == nil && p.aside != nil && p.aside.passed {
		p.goOn()
		return false, nil
	}
	if p.cur == nil {
		if p.aside != nil {
			p.aside.passed = true
		}
		return p.advance()
	}
	var units []segment.Unit
	var ok bool
	if p.Reverse {
		units, ok, err = p.cur.before()
	} else {
		units, ok, err = p.cur.fragment(p.Keys)
	}
	switch {
	case err != nil && !p.cur.Sealed && fault.Is(err, fault.Damaged):
		// It is being written, or written again elsewhere.
		p.cur.next--
		return p.atEnd()
	case err != nil:
		p.note = "a part of " + p.cur.File + " cannot be read"
	case ok:
		p.take(units)
	case p.Reverse:
		p.leave()
	default:
		return p.atEnd()
	}
	return false, nil
}

// aside is a segment that has a gap in its middle, which another one fills.
type aside struct {
	cur    *reading
	units  []segment.Unit // behind the gap, of the fragment that was read last
	passed bool           // the other one was begun
}

// interrupts reports whether, before a unit of the segment at hand, it is the turn of the
// next one, because that fills a gap there. What is nearer to the gap's end than to its
// begin is behind it: tracks do not end together.
func (p *player) interrupts(u segment.Unit) bool {
	if p.Reverse || p.aside != nil || p.cur.Origin == originReplay || len(p.items) == 0 || p.items[0].Origin != originReplay {
		return false
	}
	middle := p.items[0].cam.filledMiddle(p.items[0].N)
	return !middle.IsZero() && p.cur.decoded(u).After(middle)
}

// goOn takes up the segment that was interrupted.
func (p *player) goOn() {
	p.cur = p.aside.cur
	units := p.aside.units
	p.aside = nil
	p.align()
	p.take(units)
}

// atEnd decides what follows the last fragment that there is of a segment.
func (p *player) atEnd() (wait bool, err error) {
	if p.cur.Sealed {
		p.leave()
		return false, nil
	}
	if n, err := p.cur.more(); n > 0 || err != nil {
		return false, err
	}
	if !p.Follow {
		p.leave()
		return false, nil
	}
	// The media is there before the journal says that it is all.
	now, there := p.lib.again(p.cur.item)
	if !there { // removed, or the recording is gone
		p.leave()
		return false, nil
	}
	p.cur.item = now
	p.marks.know(now.cam)
	if now.cut == 0 && !now.Sealed && now.rec.State == Live {
		return true, nil
	}
	if n, err := p.cur.more(); n > 0 && now.cut == 0 || err != nil {
		return false, err
	}
	p.leave()
	return false, nil
}

// again is a segment as the catalogue knows it now.
func (l *Library) again(x item) (item, bool) {
	rec, err := l.Recording(x.rec.Name)
	if err != nil {
		return x, false
	}
	c := rec.Camera(x.Camera)
	if c == nil {
		return x, false
	}
	for i := len(c.Segments) - 1; i >= 0; i-- {
		if s := c.Segments[i]; s.N == x.N {
			return item{rec, c, s}, true
		}
	}
	return x, false
}

// leave closes the segment at hand.
func (p *player) leave() {
	p.last = p.cur.item
	p.cur.close()
	p.cur = nil
}

// advance opens the next segment.
func (p *player) advance() (wait bool, err error) {
	if p.ended {
		return false, io.EOF
	}
	if len(p.items) == 0 {
		if err := p.list(); err != nil && !fault.Is(err, fault.NotFound) {
			return false, err
		}
	}
	if len(p.items) == 0 {
		if p.Follow && (p.To.IsZero() || p.lib.clock.Wall().Before(p.To)) && p.lib.written(p.path) {
			return true, nil
		}
		return false, io.EOF
	}
	x := p.items[0]
	p.items = p.items[1:]
	p.played[headKey{x.rec.Dir, x.Camera, x.N}] = true
	cur, err := p.lib.read(x, p.Tracks)
	switch {
	case err == errOther:
		p.note = err.Error()
		return false, nil
	case fault.Is(err, fault.NotFound), fault.Is(err, fault.Busy):
		p.note = "removed by retention"
		return false, nil
	case fault.Is(err, fault.Damaged):
		p.note = x.File + " cannot be read"
		return false, nil
	case err != nil:
		return false, err
	}
	p.enter(cur)
	return false, nil
}

// written reports whether anybody records a path now.
func (l *Library) written(path string) bool {
	held, _ := l.Resolve(path)
	return slices.ContainsFunc(held, func(h Holding) bool { return h.Recording.State == Live })
}

// enter begins to play a segment.
func (p *player) enter(r *reading) {
	p.cur = r
	if p.Reverse {
		r.next = len(r.found.Fragments)
		if !p.From.IsZero() {
			r.next, _ = slices.BinarySearchFunc(r.found.Fragments, p.From, func(f segment.Fragment, at time.Time) int {
				if f.Time.After(at) {
					return 1
				}
				return -1
			})
		}
	} else if !p.From.IsZero() && r.Start.Before(p.From) && p.base.IsZero() {
		r.seek(p.From)
	}
	if p.base.IsZero() {
		p.base = r.found.Header.Start
		if r.next > 0 && r.next < len(r.found.Fragments) && !p.Reverse {
			p.base = time.Time{} // at its first unit of the picture
		}
	}
	if !p.base.IsZero() {
		p.align()
	}
	p.marks.enter(r.item, p.last, p.Reverse)
}

// align makes capture time the clock of the segment at hand.
func (p *player) align() {
	for i, to := range p.cur.to {
		if to >= 0 {
			p.outs[to].shift = media.FromDuration(p.cur.found.Header.Start.Sub(p.base), p.cur.found.Header.Tracks[i].ClockRate)
		}
	}
}

// list finds the segments that are to be played and were not.
func (p *player) list() error {
	held, err := p.lib.Resolve(p.path)
	if err != nil {
		return err
	}
	var list []item
	for _, h := range held {
		for _, s := range h.Camera.Segments {
			x := item{h.Recording, h.Camera, s}
			if p.wants(x) && !p.played[headKey{h.Recording.Dir, s.Camera, s.N}] {
				list = append(list, x)
			}
		}
	}
	slices.SortStableFunc(list, byStart)
	if p.Reverse {
		slices.Reverse(list)
	} else if p.last.Segment != nil { // what came up behind us stays behind us
		list = slices.DeleteFunc(list, func(x item) bool { return byStart(x, p.last) < 0 })
	}
	p.items = list
	return nil
}

// wants reports whether a segment may hold anything of what was asked for.
func (p *player) wants(x item) bool {
	if x.Sealed && x.Units() == 0 || x.Origin == originReplay && !x.Sealed {
		return false
	}
	from, to := p.From, p.To
	if p.Reverse {
		from, to = to, from
		return (to.IsZero() || !x.Start.After(to)) && (from.IsZero() || !x.Sealed || x.End.After(from))
	}
	return (to.IsZero() || x.Start.Before(to)) && (from.IsZero() || !x.Sealed || x.End.After(from))
}
