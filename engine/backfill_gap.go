package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/record"
)

const (
	keyUsual = 2 * time.Second  // between key frames, where that is not known
	keyMost  = 20 * time.Second // more than that is not asked for around a gap
	// seamWidth is how far beyond the seam is read before it is judged.
	seamWidth = time.Second
	// heldMost bounds what waits for the judgement, in bytes.
	heldMost = 64 << 20
	// apartMost is how much longer than the picture another track may go on into a gap: one
	// that goes on for longer has lost nothing.
	apartMost = 5 * time.Second
)

// filling is one try to fill one gap.
type filling struct {
	b      *backfiller
	camera string
	source string
	gap    archive.Gap
	zone   time.Duration
	key    time.Duration // between key frames

	run   media.Run
	lanes []*lane // by track of the source's run
	lead  *lane   // the picture, or the first sound

	held  []held // waits for the judgement of a seam
	bytes int
	begun bool // the head was judged

	filler *record.Filler
	from   time.Time // of what filler holds, in media time
	exact  bool      // its head was found by identity
	units  int
	filled time.Duration
}

// lane is a track of the source and what the recording has beside the gap.
type lane struct {
	media.Track
	before, after []mark
	head          []mark // of the source, as long as the head is judged
	keys          []int  // which of them are key frames
	tail          []mark
	skip          int  // units of the head that are recorded already
	lead          int  // of those, the last ones: what decoding begins with
	whole         bool // it went on through the gap: nothing of it is missing
	delta         time.Duration
	last          time.Time // decoded last, in media time
	pace          time.Duration
	waits         bool // for a key frame
}

type held struct {
	media.AccessUnit
	mark
}

// fill tries once. It returns how much was filled; the error says why not more was.
func (f *filling) fill(ctx context.Context) error {
	around, err := f.neighbours(ctx)
	if err != nil {
		return err
	}
	o, err := replayOptions(f.source, f.gap.From.Add(-2*f.key), f.gap.To.Add(2*f.key), f.zone)
	if err != nil {
		return err
	}
	s, err := f.b.open(ctx, f.camera, o)
	if err != nil {
		return err
	}
	defer s.Close()
	f.run = s.Run()
	f.match(around)
	if f.lead == nil {
		return fault.New(fault.Unsupported, "the source plays nothing that the recording has")
	}
	err = f.pump(ctx, s)
	if e := f.finish(); e != nil {
		return e
	}
	return err
}

// neighbours reads what is recorded around the gap, by track of the recording.
func (f *filling) neighbours(ctx context.Context) (around []*lane, err error) {
	f.key = keyUsual
	read := func(from, to time.Time, take func(l *lane, m mark, au media.AccessUnit)) error {
		s, err := f.b.library.Replay(ctx, f.camera, archive.PlayOptions{From: from, To: to})
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		defer s.Close()
		run := s.Run()
		for i := len(around); i < len(run.Tracks); i++ {
			around = append(around, &lane{Track: run.Tracks[i]})
		}
		for {
			au, err := s.Next(ctx)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			l := around[au.Track]
			if m := markOf(au, l.ClockRate); !m.at.Before(from) && m.at.Before(to) {
				take(l, m, au)
			}
		}
	}
	// Tracks do not end and begin again together: what is nearer to the gap's begin is
	// before it.
	mid := f.gap.From.Add(f.gap.To.Sub(f.gap.From) / 2)
	var keys []time.Time
	err = read(f.gap.From.Add(-keyMost), earlier(mid, f.gap.From.Add(apartMost)), func(l *lane, m mark, au media.AccessUnit) {
		l.before = append(l.before, m)
		if l.Codec.Video() && au.Key {
			keys = append(keys, m.at)
		}
	})
	if err != nil {
		return nil, err
	}
	if n := len(keys); n > 1 {
		f.key = min(max(keys[n-1].Sub(keys[n-2]), time.Second), keyMost)
	}
	for _, l := range around {
		for len(l.before) > 0 && l.before[0].at.Before(f.gap.From.Add(-2*f.key)) {
			l.before = l.before[1:]
		}
		if n := len(l.before); n > 0 && l.before[n-1].at.After(f.gap.From.Add(apartMost-seamWidth)) {
			l.whole = true
		}
	}
	err = read(later(mid, f.gap.To.Add(-apartMost)), f.gap.To.Add(2*f.key), func(l *lane, m mark, _ media.AccessUnit) {
		l.after = append(l.after, m)
	})
	return around, err
}

// match finds for each track of the source the one of the recording.
func (f *filling) match(around []*lane) {
	taken := map[*lane]bool{}
	for _, t := range f.run.Tracks {
		l := &lane{Track: t}
		for _, a := range around {
			if !taken[a] && a.Codec == t.Codec {
				taken[a] = true
				l.before, l.after, l.whole = a.before, a.after, a.whole
				break
			}
		}
		f.lanes = append(f.lanes, l)
		if f.lead == nil || t.Codec.Video() && !f.lead.Codec.Video() {
			f.lead = l
		}
	}
	if f.lead != nil && len(around) > 0 && len(taken) == 0 {
		f.lead = nil
	}
}

// pump takes what the source plays.
func (f *filling) pump(ctx context.Context, s Session) error {
	for {
		au, err := s.Next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		l := f.lanes[au.Track]
		if l.whole {
			continue
		}
		f.hold(held{au, markOf(au, l.ClockRate)})
		if !f.begun && l == f.lead && f.held[len(f.held)-1].at.After(f.gap.From.Add(seamWidth)) || f.bytes > heldMost {
			if err := f.begin(); err != nil {
				return err
			}
		}
		if f.begun {
			if err := f.release(f.gap.To.Add(-seamWidth)); err != nil {
				return err
			}
		}
	}
}

func (f *filling) hold(u held) {
	f.held = append(f.held, u)
	f.bytes += len(u.Data)
}

// begin judges the head's seam of every track.
func (f *filling) begin() error {
	f.begun = true
	for i := range f.held {
		l := f.lanes[f.held[i].Track]
		if l.Codec.Video() && f.held[i].Key {
			l.keys = append(l.keys, len(l.head))
		}
		l.head = append(l.head, f.held[i].mark)
	}
	lead := headSeam(f.lead.before, f.lead.head)
	f.exact = lead.exact || len(f.lead.before) == 0
	for _, l := range f.lanes {
		own := headSeam(l.before, l.head)
		switch {
		case l == f.lead:
			own = lead
		case !own.exact && len(l.before) > 0:
			shifted := shift(l.head, lead.delta)
			own.at, own.delta = after(shifted, l.before[len(l.before)-1].at.Add(intervalOf(l.before)/2)), lead.delta
		case !own.exact:
			own.at, own.delta = after(shift(l.head, lead.delta), f.gap.From.Add(-time.Nanosecond)), lead.delta
		}
		l.skip, l.delta = own.at, own.delta
	}
	// A file begins with its picture: what sound wants earlier than the seam of the picture
	// needs an earlier key frame.
	first := time.Time{}
	for _, l := range f.lanes {
		if l.skip < len(l.head) && !l.Codec.Video() {
			if at := l.head[l.skip].at.Add(l.delta); first.IsZero() || at.Before(first) {
				first = at
			}
		}
	}
	for _, l := range f.lanes {
		l.decodable(first)
		l.head, l.keys = nil, nil
	}
	return nil
}

// decodable sees to it that a picture begins with a key frame: with the last one that is
// recorded already and not after first, if there is such a one, else it has to wait for the next.
func (l *lane) decodable(first time.Time) {
	if !l.Codec.Video() {
		return
	}
	l.waits = true
	for _, k := range l.keys {
		late := k < len(l.head) && !first.IsZero() && l.head[k].at.Add(l.delta).After(first)
		if k <= l.skip && (l.waits || !late) {
			l.lead, l.waits = l.skip-k, false
		}
	}
}

func shift(list []mark, by time.Duration) []mark {
	out := make([]mark, len(list))
	for i, m := range list {
		out[i] = mark{m.sum, m.at.Add(by)}
	}
	return out
}

// release writes what is held and decoded before that time; the rest waits for the tail's
// seam.
func (f *filling) release(until time.Time) error {
	n := 0
	for _, u := range f.held {
		l := f.lanes[u.Track]
		if u.at.Add(l.delta).After(until) {
			break
		}
		n++
		if l.skip > 0 {
			if err := f.pass(u, l); err != nil {
				return err
			}
			continue
		}
		if err := f.write(u, l); err != nil {
			return err
		}
	}
	for _, u := range f.held[:n] {
		f.bytes -= len(u.Data)
	}
	f.held = f.held[n:]
	return nil
}

// pass takes a unit from before the seam: it is recorded already, and stored once more
// only where decoding begins with it.
func (f *filling) pass(u held, l *lane) error {
	l.skip--
	if l != f.lead || l.skip >= l.lead {
		return nil
	}
	if f.filler == nil {
		if err := f.open(); err != nil {
			return err
		}
	}
	au := u.AccessUnit
	au.Wall = au.Wall.Add(l.delta)
	return f.filler.Lead(au)
}

// write stores one unit. A hole in the source ends what is filled and begins it anew.
func (f *filling) write(u held, l *lane) error {
	at := u.at.Add(l.delta)
	if l == f.lead && !l.last.IsZero() && at.Sub(l.last) > max(time.Second, 5*l.pace) {
		if err := f.commit(l.last.Add(l.pace)); err != nil {
			return err
		}
		f.exact, l.waits = false, l.Codec.Video()
		f.b.d.observe(Notice{Camera: f.camera, Message: fmt.Sprintf("the source has nothing either from %s to %s",
			l.last.UTC().Format(time.RFC3339), at.UTC().Format(time.RFC3339))})
	}
	if l == f.lead {
		if step := at.Sub(l.last); !l.last.IsZero() && step > 0 {
			l.pace = step
		}
		l.last = at
	}
	if l.waits && !u.Key {
		return nil
	}
	l.waits = false
	if l != f.lead && f.lead.waits {
		return nil // sound waits with the picture
	}
	if f.filler == nil {
		if err := f.open(); err != nil {
			return err
		}
	}
	if f.from.IsZero() {
		f.from = at
		if at.Sub(f.gap.From) < max(time.Second, f.lead.pace) {
			f.from = f.gap.From
		}
	}
	au := u.AccessUnit
	au.Wall = au.Wall.Add(l.delta)
	f.units++
	return f.filler.Write(au)
}

// open begins a filler.
func (f *filling) open() (err error) {
	f.from = time.Time{}
	f.filler, err = f.b.rec.Fill(record.Filling{Camera: f.camera, Gap: f.gap.ID, Run: f.run, Source: f.source})
	return err
}

// commit makes what was written count up to a time.
func (f *filling) commit(to time.Time) error {
	if f.filler == nil {
		return nil
	}
	splice := "time"
	if f.exact {
		splice = "identity"
	}
	w := f.filler
	f.filler = nil
	if f.from.IsZero() || !f.from.Before(to) {
		return w.Discard()
	}
	if err := w.Commit(f.from, to, splice); err != nil {
		w.Discard()
		return err
	}
	f.filled += to.Sub(f.from)
	f.b.d.observe(Backfilled{Camera: f.camera, From: f.from.UTC(), To: to.UTC(), Units: f.units, Splice: splice, Source: fault.URL(f.source)})
	f.units = 0
	return nil
}

// finish judges the tail's seam, writes what lies before it, and commits.
func (f *filling) finish() error {
	if !f.begun {
		if err := f.begin(); err != nil {
			return err
		}
	}
	skipped := map[media.TrackID]int{}
	for _, u := range f.held { // what is behind the head
		if l := f.lanes[u.Track]; skipped[u.Track] < l.skip {
			skipped[u.Track]++
		} else {
			l.tail = append(l.tail, u.mark)
		}
	}
	lead := tailSeam(f.lead.after, f.lead.tail, f.lead.delta)
	whole := lead.at < len(f.lead.tail) || lead.exact
	f.exact = f.exact && (lead.exact || len(f.lead.after) == 0)
	wanted := map[media.TrackID]int{}
	for id, l := range f.lanes {
		own := tailSeam(l.after, l.tail, l.delta)
		switch {
		case l == f.lead:
			own = lead
		case !own.exact && len(l.after) == 0:
			own.at = after(shift(l.tail, l.delta), f.gap.To.Add(-time.Nanosecond))
		}
		wanted[media.TrackID(id)] = own.at
	}
	for _, u := range f.held {
		l := f.lanes[u.Track]
		var err error
		switch {
		case l.skip > 0:
			err = f.pass(u, l)
		case wanted[u.Track] > 0:
			wanted[u.Track]--
			err = f.write(u, l)
		}
		if err != nil {
			f.discard()
			return err
		}
	}
	f.held = nil
	to := f.gap.To
	if !whole || f.lead.last.Add(max(time.Second, 5*f.lead.pace)).Before(to) {
		to = f.lead.last.Add(f.lead.pace)
	}
	if to.After(f.gap.To) {
		to = f.gap.To
	}
	return f.commit(to)
}

func (f *filling) discard() {
	if f.filler != nil {
		f.filler.Discard()
		f.filler = nil
	}
}
