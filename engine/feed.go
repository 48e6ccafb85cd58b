package engine

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/rate"
	"rtsprec/engine/record"
	"rtsprec/engine/rtsp"
)

// feed turns one camera into runs, for ever, and drives a sink with them: dial, play,
// and when a run ends, tell the sink why and dial again.
type feed struct {
	deps   Deps
	clock  *steady // that of deps
	camera journal.Camera
	sink   media.Sink
	files  *descriptors     // of the process; nil: there are enough
	queue  int64            // bytes a session may hold while the sink is busy
	from   time.Time        // planned start of the window; zero: with the first unit
	end    func() time.Time // end of the window in media time; zero: not known
	small  *atomic.Bool     // the sub-stream is wanted, where there is one; nil: never

	streams
	backoff backoff
	told    fault.Kind // of the last CameraDown
	toldAt  time.Time  // when; zero: up, or never told
	causes  media.Causes
	worked  rtsp.Transport // over which media last came; empty: none yet
	clocked time.Time      // when the camera's clock was last told to the sink
	lost    time.Time      // when the last session ended; zero: there was none
	slept   time.Duration  // how long the machine had been asleep when a session last ended
	played  bool           // the session was begun while the sub-stream was wanted

	mu       sync.Mutex
	state    state
	session  Session       // nil while there is none
	shown    media.Variant // of the newest session
	limit    int           // bit/s that the camera's encoder is held at; 0: it is not
	limitWhy string
	reason   string // why there is none
	meter    meter
	units    uint64 // delivered to the sink, of all runs
	bytes    int64
	latest   time.Time  // when the last one was delivered
	kind     fault.Kind // of the last failure
}

// state is what a feed is doing, as the display says it.
type state string

const (
	stateConnecting state = "connecting"
	statePlaying    state = "recording"
	stateRetrying   state = "retrying"
	stateDone       state = "done"
)

// run feeds the sink until ctx ends or the window has passed. Units received before
// that are written even so, under work, which must outlive ctx. It never closes the sink.
func (f *feed) run(ctx, work context.Context) error {
	defer f.setState(stateDone, nil, "")
	if !f.from.IsZero() {
		if err := f.wait(ctx, f.from.Add(-prerollLead)); err != nil {
			return nil
		}
	}
	f.clock.hold()
	for ctx.Err() == nil && !f.past(f.deps.Clock.Now()) {
		began := f.deps.Clock.Now()
		err := f.once(ctx, work)
		if ctx.Err() != nil || err == nil {
			return nil
		}
		if fault.Is(err, fault.Bug) {
			f.deps.log().Error("unclassified", "camera", f.camera.Name, "err", err)
		}
		if err := f.tell(work, err); err != nil {
			return err
		}
		due := f.backoff.next(began, f.deps.Clock.Now(), err)
		if f.choose(err) {
			continue
		}
		if err := f.wait(ctx, due); err != nil {
			return nil
		}
	}
	return nil
}

// once is one session. It returns nil when the window has passed.
func (f *feed) once(ctx, work context.Context) error {
	f.setState(stateConnecting, nil, "")
	s, err := f.connect(ctx, f.options(f.sub))
	if err != nil {
		if fault.Is(err, fault.Unsupported) {
			f.worked = ""
		}
		return err
	}
	run, held := f.variant(s.Run()), []media.AccessUnit(nil)
	f.intake = rate.Intake{}
	for {
		next, err := f.play(ctx, work, s, run, held)
		if next == nil {
			return err
		}
		f.settle(f.deps.Clock.Now(), next.sub, next.why)
		s, run, held, f.intake = next.take()
		run = f.variant(run)
	}
}

// play is one session, from what is held of it on. It closes it. It returns what takes over,
// or why it is over; nil when the window has passed.
func (f *feed) play(ctx, work context.Context, s Session, run media.Run, held []media.AccessUnit) (next *standby, err error) {
	defer s.Close()
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := f.sink.Begin(work, run); err != nil {
		return nil, fault.Because("begin to write "+f.camera.Name, err)
	}
	f.up(s, run)
	f.played = f.wantsSmall()
	began, before := f.deps.Clock.Now(), f.units
	next, err = f.pump(ctx, work, s, held)
	if next == nil {
		f.dropBeside()
	}
	if err != nil && f.played != f.wantsSmall() {
		err = fault.New(fault.Ended, "its other stream is wanted")
	}
	if now := f.deps.Clock.Now(); f.units > before && now.Sub(began) >= time.Second {
		f.backoff.reset()
		f.lost = now
		f.worked = s.Stats().Transport
	} else {
		f.worked = "" // look again what works
	}
	if next != nil {
		f.lost, f.beside = time.Time{}, nil
	}
	return next, err
}

// pump moves units, those that are held first, until the session or the window ends, or
// another session takes over.
func (f *feed) pump(ctx, work context.Context, s Session, held []media.AccessUnit) (next *standby, err error) {
	tail, pre := newTail(s.Run()), newPreroll(s.Run(), f.from)
	guard := f.guardTail(ctx, s)
	defer guard()
	for {
		fresh := len(held) == 0
		au, err := nextOf(work, s, &held)
		if err != nil {
			if f.past(f.deps.Clock.Now()) {
				return nil, nil
			}
			if b := f.beside; b != nil {
				if ok, _ := b.takesOver(); ok {
					return b, nil
				}
			}
			if errors.Is(err, io.EOF) {
				return nil, fault.New(fault.Ended, "the camera ended the session")
			}
			return nil, err
		}
		if end := f.end(); !end.IsZero() && !decoded(s.Run(), au).Before(end) {
			if tail.done(au.Track) {
				return nil, nil
			}
			continue
		}
		if fresh {
			if err := f.compare(ctx, s, au); err != nil {
				return nil, err
			}
		}
		wanted, last := f.passed(s, au)
		if wanted {
			f.count(s, au)
			f.tellClock(s, au)
			for _, au := range pre.pass(au) {
				if err := f.sink.Write(work, au); err != nil {
					return nil, fault.Because("write "+f.camera.Name, err)
				}
			}
		}
		if last {
			return f.beside, nil
		}
	}
}

// nextOf is the next unit of a session, of those that are held first.
func nextOf(work context.Context, s Session, held *[]media.AccessUnit) (media.AccessUnit, error) {
	if list := *held; len(list) > 0 {
		*held = list[1:]
		return list[0], nil
	}
	return s.Next(work)
}

// decoded is when a unit is decoded, in media time. By that the window ends: pictures
// shown before the end may follow, and need, one that is shown behind it.
func decoded(run media.Run, au media.AccessUnit) time.Time {
	return au.Wall.Add(-media.ToDuration(au.PTS-au.DTS, run.Tracks[au.Track].ClockRate))
}

// options asks for the main stream or the sub-stream.
func (f *feed) options(sub bool) rtsp.Options {
	c, name := f.camera, f.camera.Name
	if f.wantsSmall() {
		c.URL, c.SubURL = c.SubURL, c.URL
	}
	transport := rtsp.Transport(c.Transport)
	if transport == "" || transport == rtsp.Auto {
		transport = f.worked // what worked works again, without seconds of trying
	}
	url := c.URL
	if sub {
		url = c.SubURL
	}
	return rtsp.Options{
		URL: url, Transport: transport, Reorder: time.Duration(c.Reorder),
		Insecure: c.Insecure, Fingerprint: c.Fingerprint,
		DialTimeout: f.backoff.dialTimeout(f.deps.Clock.Now()),
		Queue:       f.queue,
		Clock:       f.deps.Clock, Log: f.deps.log(),
		Observe: func(e rtsp.Event) { f.deps.observe(notice(name, e)) },
	}
}

// wantsSmall reports whether the sub-stream is to be played, the main one where it is not
// to be had.
func (f *feed) wantsSmall() bool { return f.small != nil && f.small.Load() && f.camera.SubURL != "" }

// turn says whether the sub-stream is wanted from now on. A session of the other one ends.
func (f *feed) turn(small bool) {
	if f.small == nil || f.camera.SubURL == "" || f.small.Swap(small) == small {
		return
	}
	f.mu.Lock()
	s := f.session
	f.mu.Unlock()
	if s != nil {
		s.Close()
	}
}

// up says that a session plays.
func (f *feed) up(s Session, run media.Run) {
	f.setState(statePlaying, s, "")
	f.causes = 0
	f.toldAt = time.Time{}
	f.mu.Lock()
	f.shown = run.Variant
	f.mu.Unlock()
	stats := s.Stats()
	e := CameraUp{Camera: f.camera.Name, Peer: run.Peer, Transport: string(stats.Transport), Skipped: stats.Skipped, SubStream: f.sub, Why: run.Why}
	for _, t := range run.Tracks {
		e.Tracks = append(e.Tracks, describe(t))
	}
	if !f.lost.IsZero() {
		e.Down = f.deps.Clock.Now().Sub(f.lost).Seconds()
	}
	f.deps.observe(e)
}

// tell says why there is no session: to the sink, when the causes are new, and to
// people at once, when the reason is new, and then once a minute.
func (f *feed) tell(work context.Context, err error) error {
	kind := fault.KindOf(err)
	f.mu.Lock()
	f.kind = kind
	f.mu.Unlock()
	f.setState(stateRetrying, nil, err.Error())
	now := f.deps.Clock.Now()
	causes := f.causes | causesOf(kind)
	if slept := f.clock.sleep(); slept > f.slept {
		f.slept = slept
		causes |= media.Because(media.Suspended)
	}
	if causes != f.causes {
		f.causes = causes
		if err := f.sink.End(work, media.Gap{Causes: causes, Note: err.Error()}); err != nil {
			return fault.Because("end a run of "+f.camera.Name, err)
		}
	}
	if f.toldAt.IsZero() || f.told != kind || now.Sub(f.toldAt) >= time.Minute {
		f.told, f.toldAt = kind, now
		f.deps.observe(CameraDown{Camera: f.camera.Name, Kind: kind.String(), Reason: err.Error(), Tries: f.backoff.tries + 1})
	}
	return nil
}

// causesOf is the gap cause of a failure.
func causesOf(kind fault.Kind) media.Causes {
	switch kind {
	case fault.Unreachable:
		return media.Because(media.Unreachable)
	case fault.Denied:
		return media.Because(media.Denied)
	case fault.Timeout:
		return media.Because(media.Timeout)
	case fault.Unsupported:
		return media.Because(media.Unsupported)
	case fault.Refused, fault.NotFound, fault.Busy, fault.Protocol:
		return media.Because(media.Refused)
	case fault.DiskFull:
		return media.Because(media.DiskFull)
	case fault.DiskFailed:
		return media.Because(media.DiskError)
	}
	return media.Because(media.StreamEnded)
}

// wait returns nil at due, and an error when ctx ends before. It gives up early when
// the window passes.
func (f *feed) wait(ctx context.Context, due time.Time) error {
	for {
		now := f.deps.Clock.Now()
		left := due.Sub(now)
		if left <= 0 || f.past(now) {
			return ctx.Err()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(left, 200*time.Millisecond)):
		}
	}
}

func (f *feed) setState(st state, s Session, reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state, f.session = st, s
	if st != stateConnecting && st != stateDone { // until media comes the last reason holds
		f.reason = reason
	}
}

func (f *feed) count(s Session, au media.AccessUnit) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.units++
	f.latest = f.deps.Clock.Now()
	f.bytes += int64(len(au.Data))
	f.meter.add(au.Arrival, len(au.Data), s.Run().Tracks[au.Track].Codec.Video())
}

// tellClock hands the raw sender reports to the sink, once a minute.
func (f *feed) tellClock(s Session, au media.AccessUnit) {
	o, ok := f.sink.(record.ClockObserver)
	if !ok || au.Arrival.Sub(f.clocked) < time.Minute {
		return
	}
	f.clocked = au.Arrival.Add(time.Second - time.Minute) // look again in a second
	for i, t := range s.Stats().Tracks {
		if t.Reports == 0 {
			continue
		}
		f.clocked = au.Arrival
		o.ObserveClock(journal.Clock{
			What: "raw", Track: &i, At: au.Wall.UTC(), Offset: -t.ClockOffset, Within: t.ClockWithin,
			RTP: t.LastReport.RTP, NTP: t.LastReport.NTP, Arrival: t.LastReport.Arrival.UTC(),
		})
	}
}

// progress fills in what the feed knows.
func (f *feed) progress(now time.Time) CameraProgress {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := CameraProgress{Name: f.camera.Name, State: string(f.state), Reason: f.reason}
	p.FPS, p.Bitrate = f.meter.rates(now)
	p.Bytes = f.bytes
	if f.session != nil {
		s := f.session.Stats()
		p.Transport = string(s.Transport)
		if f.shown.Stream == media.SubStream {
			p.Stream, p.Why = f.shown.Stream, f.shown.Why
		} else if f.limit > 0 {
			p.Limit, p.Why = f.limit, f.limitWhy
		}
		p.Queue = s.Queued
		if t, ok := f.sink.(*transcoder); ok {
			p.Queue += t.waiting()
		}
		var lost, all uint64
		for _, t := range s.Tracks {
			lost += t.Lost
			all += t.Packets + t.Lost
		}
		if all > 0 {
			p.Loss = float64(lost) / float64(all)
		}
		if f.units == 0 {
			p.State = string(stateConnecting)
		}
	}
	return p
}

// heard reports whether a unit ever came.
func (f *feed) heard() bool {
	ok, _, _ := f.answered()
	return ok
}

// answered reports whether a unit ever came, and otherwise what kept it.
func (f *feed) answered() (bool, fault.Kind, string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.units > 0, f.kind, f.reason
}
