package engine

import (
	"context"
	"slices"
	"sync"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/rate"
	"rtsprec/engine/rtsp"
)

const (
	trialFor      = 4 * time.Second         // a stream on trial is judged for, at least
	trialMost     = 12 * time.Second        // and at most
	trialLate     = 1500 * time.Millisecond // behind: it has failed
	standbyMost   = 20 * time.Second        // until it plays with a key frame
	standbyBytes  = 16 << 20                // of what is kept of it
	standbyDial   = 3 * time.Second         // the way is busy
	countsEvery   = time.Second             // packets are looked at
	measuredAfter = time.Second             // a bit rate is worth telling
)

// standby is a session with the camera's other stream, beside the one that plays. It keeps
// what comes, from the newest key frame on, until it takes over or is dropped. On trial it
// takes over only once the way has been seen to take it.
type standby struct {
	sub    bool   // it is the sub-stream's
	trial  bool   // the way must be seen to take it
	why    string // it is there
	began  time.Time
	cancel context.CancelFunc
	done   chan struct{} // closed when its goroutine has ended

	leaving *time.Timer // closes the one that plays; nil: not yet

	mu      sync.Mutex
	session Session   // nil until it is there
	run     media.Run // with the newest configuration of what was let go
	held    []media.AccessUnit
	bytes   int
	intake  rate.Intake
	counted time.Time
	first   time.Time // arrival of the first unit
	latest  time.Time
	all     int64     // bytes received
	proven  bool      // the trial was stood
	from    time.Time // when held[0] is decoded, in media time, once it may take over
	err     error     // it came to nothing
}

// standBy opens a session beside s, which plays. Once it may take over, s is given some time
// to come to where it begins, and closed.
func (f *feed) standBy(ctx context.Context, s Session, sub, trial bool, why string) *standby {
	o := f.options(sub)
	o.DialTimeout = max(o.DialTimeout, standbyDial)
	if o.Transport == "" || o.Transport == rtsp.Auto {
		o.Transport = s.Stats().Transport
	}
	ctx, cancel := context.WithCancel(ctx)
	b := &standby{sub: sub, trial: trial, why: why, began: f.deps.Clock.Now(), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(b.done)
		b.receive(ctx, f, o, s)
	}()
	return b
}

// receive opens the session and takes what comes until ctx ends.
func (b *standby) receive(ctx context.Context, f *feed, o rtsp.Options, plays Session) {
	s, err := f.connect(ctx, o)
	if err != nil {
		b.fail(err)
		return
	}
	run := s.Run()
	run.Tracks = slices.Clone(run.Tracks)
	b.mu.Lock()
	b.session, b.run = s, run
	b.mu.Unlock()
	if !b.trial {
		requestKey(s)
	}
	for {
		au, err := s.Next(ctx)
		if err != nil {
			if ctx.Err() == nil {
				b.fail(err)
			}
			return
		}
		before, _ := b.takesOver()
		b.add(s, au)
		if now, _ := b.takesOver(); now && !before && b.leaving == nil {
			b.leaving = time.AfterFunc(orDefault(f.patience, handOver), func() { plays.Close() })
		}
	}
}

// requestKey asks for a key frame, where the peer can be asked.
func requestKey(s Session) {
	if k, ok := s.(media.KeyRequester); ok {
		k.RequestKey()
	}
}

func (b *standby) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = err
	}
}

// add keeps a unit.
func (b *standby) add(s Session, au media.AccessUnit) {
	b.mu.Lock()
	defer b.mu.Unlock()
	lead := au.Track == leadOf(b.run)
	if b.first.IsZero() {
		b.first = au.Arrival
	}
	b.latest = au.Arrival
	b.all += int64(len(au.Data))
	if lead {
		watch(&b.intake, &b.counted, s, b.run, au)
		if b.trial && !b.proven {
			b.judge(s, au)
		}
	}
	switch {
	case !b.from.IsZero():
	case lead && au.Key:
		b.begin(au)
		if !b.trial || b.proven {
			b.from = decoded(b.run, au)
		}
		return
	}
	b.held = append(b.held, au)
	if b.bytes += len(au.Data); b.bytes > standbyBytes {
		b.letGo(len(b.held))
		b.from = time.Time{}
	}
}

// begin lets go of what is before a key frame, but for other tracks' units of its time.
func (b *standby) begin(key media.AccessUnit) {
	var beside []media.AccessUnit
	for _, au := range b.held {
		if au.Track != key.Track && !au.Wall.Before(key.Wall) {
			beside = append(beside, au)
		}
	}
	b.letGo(len(b.held))
	b.held = append([]media.AccessUnit{key}, beside...)
	for _, au := range b.held {
		b.bytes += len(au.Data)
	}
}

// letGo drops units, and keeps what they said of the configuration.
func (b *standby) letGo(n int) {
	for _, au := range b.held[:n] {
		b.bytes -= len(au.Data)
		if au.Config != nil {
			b.run.Tracks[au.Track].Config = au.Config
		}
	}
	clear(b.held[:n])
	b.held = b.held[n:]
}

// judge goes on with the trial.
func (b *standby) judge(s Session, au media.AccessUnit) {
	after := au.Arrival.Sub(b.first)
	switch {
	case b.intake.Late() > trialLate, after > trialMost:
		if b.err == nil {
			b.err = fault.New(fault.Incomplete, "the way does not take it: pictures come %.1f s late", b.intake.Late().Seconds())
		}
	case after >= trialFor && b.intake.Calm():
		b.proven = true
		requestKey(s)
	}
}

// watch lets an intake see a picture, and once a second the packets.
func watch(i *rate.Intake, counted *time.Time, s Session, run media.Run, au media.AccessUnit) {
	i.Picture(au.Arrival, media.ToDuration(au.DTS, run.Tracks[au.Track].ClockRate))
	if au.Arrival.Sub(*counted) < countsEvery {
		return
	}
	*counted = au.Arrival
	var received, lost uint64
	for _, t := range s.Stats().Tracks {
		received, lost = received+t.Packets, lost+t.Lost
	}
	i.Packets(au.Arrival, received, lost)
}

// takesOver reports whether it may take over, and from when on, in media time.
func (b *standby) takesOver() (ok bool, from time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.from.IsZero() && b.err == nil, b.from
}

// failed says why it came to nothing; nil: it has not yet.
func (b *standby) failed(now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil && b.from.IsZero() && now.Sub(b.began) > standbyMost {
		return fault.New(fault.Timeout, "it has not begun after %v", standbyMost)
	}
	return b.err
}

// take hands over the session with its run and what is kept of it, which watched has seen.
func (b *standby) take() (s Session, run media.Run, held []media.AccessUnit, watched rate.Intake) {
	b.quit()
	run = b.run
	if span := b.latest.Sub(b.first); span >= measuredAfter {
		run.Rate = int(float64(8*b.all) / span.Seconds())
	}
	return b.session, run, b.held, b.intake
}

// quit ends receiving.
func (b *standby) quit() {
	b.cancel()
	<-b.done
	if b.leaving != nil {
		b.leaving.Stop()
	}
}

// drop ends it. It returns when nothing of it is left.
func (b *standby) drop() {
	b.quit()
	if b.session != nil {
		b.session.Close()
	}
}

// leadOf is the track that decides: the picture, or the first sound.
func leadOf(run media.Run) media.TrackID {
	for _, t := range run.Tracks {
		if t.Codec.Video() {
			return t.ID
		}
	}
	return 0
}
