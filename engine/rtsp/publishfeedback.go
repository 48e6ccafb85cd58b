package rtsp

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"rtsprec/engine/rate"
)

// roundTripEvery is how often a round trip is measured where one follows the path.
const roundTripEvery = 200 * time.Millisecond

// What the kernel may hold of a connection before it has been sent once: what is still
// ours can be dropped to a key frame, or told apart from what may have arrived. Where the
// path is followed, it is as little as keeps the connection busy.
const (
	waiting       = 128 << 10
	waitingLittle = 16 << 10
)

// pathWatch is what a publisher has seen of its path since it was last asked.
type pathWatch struct {
	mu       sync.Mutex
	trips    roundTrips
	loss     float64 // largest of the newest reports on all tracks
	reported bool
	writing  time.Time // when the write in progress began; zero: none is
}

// Feedback is what is known of the path to the peer by now, for a controller that asks for
// it every 200 ms; held: bytes that wait before Write. Over TCP it is the kernel's word:
// what has been acknowledged, its round trip, what it has not sent. Over UDP it is the
// round trip of a small request on the RTSP connection, which shares the path, and the
// peer's receiver reports; neither is there unless [PublishOptions.Measure] was set.
func (p *Publisher) Feedback(held int64) rate.Feedback {
	now := p.o.Clock.Now()
	p.mu.Lock()
	f := rate.Feedback{Sent: int64(p.stats.Bytes), Backlog: held}
	p.mu.Unlock()
	if p.transport == TCP {
		f.Sent = int64(p.ctl.sent.Load()) // before the kernel is asked: what is sent meanwhile has not arrived
	}
	k, ok := kernelPath(p.ctl.nc)
	w := &p.path
	w.mu.Lock()
	if !w.writing.IsZero() {
		f.Stalled = now.Sub(w.writing)
	}
	f.RTT, f.Waiting = w.trips.take(now, k, ok)
	f.Loss, f.Reported = w.loss, w.reported
	w.loss, w.reported = 0, false
	w.mu.Unlock()
	switch {
	case p.transport == TCP:
		f.Loss, f.Reported = 0, false // nothing is lost on the way, whatever the peer says
		if ok {
			withKernel(&f, k)
		}
	case p.pace.Load() > 0:
		f.Backlog = 0 // large units are spread over time, and what is behind them waits for that
	}
	return f
}

// withKernel takes the kernel's word of a connection in that media travel on. What waits
// before a connection that has nothing unsent is only passing: pictures may come at the
// very instants at which somebody looks.
func withKernel(f *rate.Feedback, k kernelWord) {
	if k.unsent == 0 {
		f.Backlog = 0
	}
	f.Delivered, f.Backlog = max(f.Sent-k.unacked, 0), f.Backlog+k.unsent
	f.RTT, f.Waiting, f.Drain, f.Resent = k.rtt, 0, k.drain, k.again
	if k.unacked > k.unsent {
		f.Waiting = k.silent
	}
}

// probe sends small requests over the path until the session is over.
func (p *Publisher) probe() {
	tick := time.NewTicker(roundTripEvery)
	defer tick.Stop()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p.workers.Go(func() {
		select {
		case <-p.stop:
			cancel()
		case <-ctx.Done():
		}
	})
	for {
		select {
		case <-p.stop:
			return
		case <-tick.C:
		}
		p.trip((*roundTrips).ask)
		_, err := p.ctl.do(ctx, "OPTIONS", p.uri, nil)
		var status *statusError
		if err == nil || errors.As(err, &status) {
			p.trip((*roundTrips).answered)
		} else {
			p.trip((*roundTrips).given)
		}
	}
}

// trip notes what became of a round trip, with the time and the kernel's word.
func (p *Publisher) trip(note func(*roundTrips, time.Time, kernelWord, bool)) {
	k, ok := kernelPath(p.ctl.nc)
	p.path.mu.Lock()
	defer p.path.mu.Unlock()
	note(&p.path.trips, p.o.Clock.Now(), k, ok)
}

// lost takes a report block's fraction lost in, in 1/256 (RFC 3550 6.4.1).
func (w *pathWatch) lost(fraction byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.loss, w.reported = max(w.loss, float64(fraction)/256), true
}

// write notes that a write begins; what it returns notes its end.
func (w *pathWatch) write(now time.Time) (done func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writing = now
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.writing = time.Time{}
	}
}

// fractionLost is that of a report block.
func fractionLost(block []byte) byte { return byte(binary.BigEndian.Uint32(block[4:]) >> 24) }

// SetPace spreads large units over the time that they take at a bit rate, UDP only, so
// that a key frame does not overrun the queue of a narrow path; 0: not at all.
func (p *Publisher) SetPace(bitrate int) { p.pace.Store(int64(max(bitrate, 0))) }

// paused is how long to wait after so many bytes at the pace in force; 0: none is.
func (p *Publisher) paused(bytes int) time.Duration {
	pace := p.pace.Load()
	if pace == 0 {
		return 0
	}
	return time.Duration(float64(bytes) * 8 / float64(pace) * float64(time.Second))
}
