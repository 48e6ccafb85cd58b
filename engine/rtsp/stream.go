package rtsp

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// StreamOptions describes a live path.
type StreamOptions struct {
	Path  string
	Clock media.Clock // nil: the host's
	// Changed is told how many sessions have set the stream up, whenever that changes; nil:
	// nobody. It is called with no lock held, but from the goroutines of connections: it
	// must not wait.
	Changed func(readers int)
	// Keys asks whoever sends for a key frame; nil: nobody can.
	Keys media.KeyRequester
	// Hold is how many bytes of the newest group of pictures are kept for readers that
	// join; 0: 8 MiB; negative: none.
	Hold int64
	// Adapt lets [Stream.Viewers] be told apart and sent other pictures than the source's.
	Adapt bool
}

// Stream is one live path: a [media.Sink] that makes packets of each unit once, for all
// its readers. Write never waits for a reader.
//
// A run that ends leaves its readers waiting. The next run goes on for them when it has
// the same tracks (RTP time, numbering and SSRCs run on), or those of another of the
// camera's streams in the same codecs, whose parameter sets are then told in band;
// otherwise their sessions are ended. Close ends them all.
type Stream struct {
	o      StreamOptions
	delays Delays

	mu      sync.Mutex
	run     media.Run
	on      bool
	closed  bool
	lines   []*streamLine            // by TrackID of the run; nil: cannot travel over RTP
	shown   []*streamLine            // those that can, in the order of the description
	inBand  bool                     // the parameter sets are not those that readers were told: each key frame has them
	lead    int                      // index in shown of the track that readers begin with; -1: any
	opened  map[*livePlayer]struct{} // one for each session that has set the stream up
	playing []*livePlayer

	held      []*shot // since the newest key frame of lead; nil: not kept
	heldBytes int64
	keyAt     time.Time // when that key frame came
	keyEvery  time.Duration
	asked     time.Time // when a key frame was last asked for

	group      *livePlayer // of all that read over multicast
	groupUsers int

	renditions []*Rendition // of the run
	lanes      int          // players that have one
}

var _ media.Sink = (*Stream)(nil)

const defaultHold = 8 << 20

// NewStream makes a stream without a run.
func NewStream(o StreamOptions) *Stream {
	if o.Clock == nil {
		o.Clock = media.SystemClock{}
	}
	if o.Hold == 0 {
		o.Hold = defaultHold
	}
	return &Stream{o: o, lead: -1, opened: map[*livePlayer]struct{}{}}
}

// Run returns the run that is on, with the newest decoder configurations, and whether
// there is one.
func (s *Stream) Run() (media.Run, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	run := s.run
	run.Tracks = slices.Clone(run.Tracks)
	return run, s.on
}

// Delays are how late what is written comes, and leaves for its readers.
func (s *Stream) Delays() *Delays { return &s.delays }

// Readers is how many sessions have set the stream up.
func (s *Stream) Readers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.opened)
}

// Begin implements media.Sink. Tracks that cannot travel over RTP are left out; a run
// of which none can is fault.Unsupported.
func (s *Stream) Begin(ctx context.Context, run media.Run) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return fault.New(fault.Canceled, "the stream of %s is closed", s.o.Path)
	}
	var over []*livePlayer
	switch {
	case sameTracks(s.run.Tracks, run.Tracks):
	case run.Stream != "" && sameCodecs(s.run.Tracks, run.Tracks):
		s.inBand = true
	default:
		over = slices.Collect(maps.Keys(s.opened))
		s.playing, s.lines, s.inBand = nil, nil, false
	}
	err := s.begin(run)
	s.mu.Unlock()
	for _, p := range over {
		p.out.end(fault.New(fault.Ended, "%s comes back with other tracks", s.o.Path))
	}
	return err
}

// begin takes a run up. The lock is held.
func (s *Stream) begin(run media.Run) error {
	s.turnBack()
	s.run, s.on = run, true
	s.run.Tracks = slices.Clone(run.Tracks)
	s.held, s.keyAt, s.keyEvery = nil, time.Time{}, 0
	if s.lines != nil {
		for _, l := range s.shown {
			l.anew = true
		}
		for i, t := range run.Tracks {
			if l := s.lines[i]; l != nil && len(t.Config) > 0 {
				l.track.Config = t.Config
			}
		}
		return nil
	}
	s.shown, s.lead = nil, -1
	for _, t := range run.Tracks {
		l, err := newStreamLine(t, len(s.shown))
		s.lines = append(s.lines, l)
		if err != nil {
			continue
		}
		if t.Codec.Video() && s.lead < 0 {
			s.lead = len(s.shown)
		}
		s.shown = append(s.shown, l)
	}
	if len(s.shown) == 0 {
		s.on = false
		return fault.New(fault.Unsupported, "%s has no track that can travel over RTP", s.o.Path)
	}
	return nil
}

// sameTracks reports whether readers of a can go on with b. A configuration that one of
// them does not know yet comes in band.
func sameTracks(a, b []media.Track) bool {
	return slices.EqualFunc(a, b, func(x, y media.Track) bool {
		config := len(x.Config) == 0 || len(y.Config) == 0 || media.SameConfig(x.Codec, x.Config, y.Config)
		x.Config, y.Config = nil, nil
		return config && x.Codec == y.Codec && x.ClockRate == y.ClockRate && x.SampleRate == y.SampleRate &&
			x.Channels == y.Channels && x.Bits == y.Bits && x.AAL2 == y.AAL2
	})
}

// sameCodecs is sameTracks whatever the parameter sets of the pictures.
func sameCodecs(a, b []media.Track) bool {
	b = slices.Clone(b)
	for i, t := range b {
		if t.Codec.NALs() {
			b[i].Config = nil
		}
	}
	return sameTracks(a, b)
}

// Write implements media.Sink. A unit that cannot travel over RTP is left out.
func (s *Stream) Write(ctx context.Context, au media.AccessUnit) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.on || int(au.Track) >= len(s.lines) || s.lines[au.Track] == nil {
		return nil
	}
	l := s.lines[au.Track]
	if au.Config != nil {
		l.track.Config = au.Config
		s.run.Tracks[au.Track].Config = au.Config
	}
	if s.inBand && au.Key && l.track.Codec.NALs() {
		au = media.WithConfig(au, l.track.Codec, l.track.Config)
	}
	b, err := l.packer.pack(au, l.time(&au), nil)
	if err != nil {
		return nil
	}
	now := s.o.Clock.Now()
	s.delays.Received.Add(now, now.Sub(au.Wall))
	t := shot{burst: b}
	if l.due(&b, now, s.reportsEvery()) {
		t = *newShot(b, l.report(&b))
	}
	l.sent(&b)
	s.hold(&t, now)
	t.sent = &s.delays
	s.deliver(l, &t, now)
	if s.lanes > 0 && t.Track == s.lead {
		s.deliverLanes(l, &t, &au, now)
	}
	return nil
}

// deliver offers a shot to everybody who reads its track and is sent the source's. The
// lock is held.
func (s *Stream) deliver(l *streamLine, t *shot, now time.Time) {
	var first *shot // for readers whose first of this track it is
	for _, p := range s.playing {
		if !p.out.wants(t.Track) || p.view.lane != nil && t.Track == p.lead {
			continue
		}
		start := t.Key && (p.lead < 0 || p.lead == t.Track)
		if p.waits && !start {
			continue
		}
		p.waits = false
		sent := t
		if !p.told[t.Track] && t.report == 0 {
			if first == nil {
				first = newShot(t.burst, l.report(&t.burst))
				first.sent = t.sent
			}
			sent = first
		}
		p.told[t.Track] = true
		p.out.offer(sent, start)
		if s.o.Adapt && sent.report > 0 && t.Track == p.lead {
			p.view.reports.sent(t.Wall, now)
		}
	}
}

// hold keeps the pictures since the newest key frame. The lock is held.
func (s *Stream) hold(t *shot, now time.Time) {
	size := int64(len(t.Data))
	switch {
	case s.lead == t.Track && t.Key:
		if !s.keyAt.IsZero() {
			s.keyEvery = now.Sub(s.keyAt)
		}
		s.keyAt = now
		s.held, s.heldBytes = nil, 0
	case s.held == nil:
		return
	}
	if s.heldBytes += size; s.heldBytes > s.o.Hold {
		s.held = nil
		return
	}
	s.held = append(s.held, t)
}

// End implements media.Sink.
func (s *Stream) End(ctx context.Context, gap media.Gap) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turnBack()
	s.on, s.held = false, nil
	return nil
}

// Close implements media.Sink.
func (s *Stream) Close(ctx context.Context) error {
	s.mu.Lock()
	over := slices.Collect(maps.Keys(s.opened))
	s.playing, s.on, s.held, s.closed = nil, false, nil, true
	s.mu.Unlock()
	for _, p := range over {
		p.out.end(fault.New(fault.Ended, "%s is over", s.o.Path))
	}
	return nil
}
