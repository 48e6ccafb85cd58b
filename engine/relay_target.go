package engine

import (
	"context"
	"sync"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/rate"
	"rtsprec/engine/rtsp"
)

// outlet publishes to one target, session after session, and knows how it fares. All but
// progress and summary belongs to one goroutine at a time.
type outlet struct {
	deps    Deps
	target  RelayTarget
	measure bool // the way is followed
	coding  TranscodeOptions
	backoff backoff
	told    fault.Kind
	toldAt  time.Time
	since   time.Time // when the last session ended; zero: there was none
	pub     *rtsp.Publisher
	tracks  []media.Track // of the session

	mu    sync.Mutex
	state string
	why   string
	kind  fault.Kind
	meter meter
	sum   RelayTargetSummary // of the sessions before this one
	now   *rtsp.Publisher    // pub, for others
	at    time.Time          // capture time of what was sent last
	sent  time.Time          // when that was

	delays rate.Delays // from capture to the hand-over to the socket
}

// The states of a target, as the display says them.
const (
	targetWaiting  = "waiting"
	targetSending  = "sending"
	targetBehind   = "behind"
	targetRetrying = "retrying"
)

func newOutlet(d Deps, t RelayTarget) *outlet {
	return &outlet{deps: d, target: t, state: targetWaiting, sum: RelayTargetSummary{Name: t.name(), kind: fault.Unreachable}}
}

// connect returns once there is a session with these tracks; it tries until ctx ends.
// fresh says that it was not there before.
func (t *outlet) connect(ctx context.Context, run media.Run) (fresh bool, err error) {
	if t.pub != nil && t.pub.Err() == nil && sameTracks(t.tracks, run.Tracks) {
		return false, nil
	}
	t.hangUp()
	for {
		began := t.deps.Clock.Now()
		pub, err := rtsp.Publish(ctx, rtsp.PublishOptions{
			URL: t.target.URL, Transport: t.target.Transport, Insecure: t.target.Insecure, Fingerprint: t.target.Fingerprint,
			DialTimeout: t.backoff.dialTimeout(began), Measure: t.measure, Clock: t.deps.Clock, Log: t.deps.log(),
			Observe: func(e rtsp.Event) { t.deps.observe(notice(t.target.name(), e)) },
		}, run)
		if err == nil {
			t.up(pub, run)
			t.taste(pub, run)
			return true, nil
		}
		if fault.Is(err, fault.Unsupported) && t.coding.taste != nil && t.coding.taste.learn(run.Tracks, t.coding) {
			t.failed(err)
			return false, errOtherCoding
		}
		if ctx.Err() != nil {
			return false, fault.Because("publish to "+t.target.name(), ctx.Err())
		}
		t.failed(err)
		if err := t.wait(ctx, t.backoff.next(began, t.deps.Clock.Now(), err)); err != nil {
			return false, err
		}
	}
}

// errOtherCoding says that a target takes nothing of a run, and that another one is made.
var errOtherCoding = fault.New(fault.Unsupported, "it is tried in another coding")

// learns prepares to find out what the target takes, where that can be followed.
func (t *outlet) learns(o TranscodeOptions) {
	o.name, o.because = t.target.name(), "it is refused there"
	if t.deps.Coder != nil && (o.Video == Auto || o.Audio == Auto) {
		o.taste = &taste{}
	}
	t.coding = o
}

// taste finds out which tracks a session does without.
func (t *outlet) taste(pub *rtsp.Publisher, run media.Run) {
	if t.coding.taste == nil {
		return
	}
	for _, track := range run.Tracks {
		coding := t.coding.Audio
		if track.Codec.Video() {
			coding = t.coding.Video
		}
		if coding == Auto && !pub.Carries(track.ID) && t.coding.better(track) {
			t.coding.taste.refuse(track.Codec)
		}
	}
}

func (t *outlet) wait(ctx context.Context, due time.Time) error {
	timer := time.NewTimer(max(0, due.Sub(t.deps.Clock.Now())))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fault.Because("wait for "+t.target.name(), ctx.Err())
	}
}

// up takes a session in use.
func (t *outlet) up(pub *rtsp.Publisher, run media.Run) {
	t.pub, t.tracks = pub, run.Tracks
	s := pub.Stats()
	e := TargetUp{Target: t.target.name(), Peer: s.Peer, Skipped: s.Skipped}
	if !t.since.IsZero() {
		e.Down = t.deps.Clock.Now().Sub(t.since).Seconds()
	}
	t.toldAt = time.Time{}
	t.mu.Lock()
	t.state, t.why, t.now = targetSending, "", pub
	t.sum.Sessions++
	t.mu.Unlock()
	t.deps.observe(e)
}

// failed notes and tells why there is no session.
func (t *outlet) failed(err error) {
	kind := fault.KindOf(err)
	t.mu.Lock()
	t.state, t.why, t.kind = targetRetrying, err.Error(), kind
	t.mu.Unlock()
	now := t.deps.Clock.Now()
	if t.toldAt.IsZero() || t.told != kind || now.Sub(t.toldAt) >= time.Minute {
		t.told, t.toldAt = kind, now
		t.deps.observe(TargetDown{Target: t.target.name(), Kind: kind.String(), Reason: err.Error(), Tries: t.backoff.tries + 1})
	}
}

// write sends a unit. After an error the session is over; hangUp or connect clears it away.
func (t *outlet) write(ctx context.Context, au media.AccessUnit) error {
	if err := t.pub.Write(ctx, au); err != nil {
		return err
	}
	t.backoff.reset()
	now := t.deps.Clock.Now()
	t.delays.Add(now, now.Sub(au.Wall))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.meter.add(now, len(au.Data), t.tracks[au.Track].Codec.Video())
	t.at, t.sent = au.Wall, now
	t.state = targetSending
	if now.Sub(au.Wall) > behindAfter {
		t.state = targetBehind
	}
	return nil
}

// behindAfter is how old what is sent may be without being called a backlog.
const behindAfter = 5 * time.Second

// arrived waits until everything that was written has arrived, the session is over, or ctx
// ends.
func (t *outlet) arrived(ctx context.Context, units uint64) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for t.pub != nil {
		if n, _ := t.pub.Acked(); n >= units {
			return
		}
		select {
		case <-tick.C:
		case <-t.pub.Done():
			return
		case <-ctx.Done():
			return
		}
	}
}

// hangUp ends the session.
func (t *outlet) hangUp() {
	if t.pub == nil {
		return
	}
	t.since = t.deps.Clock.Now()
	if err := t.pub.Err(); err != nil && !fault.Is(err, fault.Canceled) {
		t.failed(err)
	}
	t.pub.Close()
	s := t.pub.Stats()
	t.pub = nil
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now = nil
	t.sum.Units += s.Units
	t.sum.Bytes += s.Bytes
}

// path is how the way to the target fares, and the session that says so; nil: there is none.
func (t *outlet) path(held int64) (rate.Feedback, *rtsp.Publisher) {
	t.mu.Lock()
	pub := t.now
	t.mu.Unlock()
	if pub == nil || pub.Err() != nil {
		return rate.Feedback{}, nil
	}
	return pub.Feedback(held), pub
}

// progress is the target's line of the live table.
func (t *outlet) progress(now time.Time) CameraProgress {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := CameraProgress{Name: t.target.name(), State: t.state, Reason: t.why, Transport: string(t.target.Transport)}
	p.FPS, p.Bitrate = t.meter.rates(now)
	p.delayed("sent", &t.delays, now)
	return p
}

func (t *outlet) summary() RelayTargetSummary {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.sum
	if t.now != nil {
		stats := t.now.Stats()
		s.Units += stats.Units
		s.Bytes += stats.Bytes
	}
	s.Reason, s.kind = t.why, t.kind
	return s
}

// sameTracks reports whether a session announced for a can carry b.
func sameTracks(a, b []media.Track) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x, y := a[i], b[i]
		same := x.Codec == y.Codec && x.ClockRate == y.ClockRate && x.Channels == y.Channels && x.Bits == y.Bits && x.AAL2 == y.AAL2
		if !same || x.Codec == media.AAC && !media.SameConfig(x.Codec, x.Config, y.Config) {
			return false
		}
	}
	return true
}
