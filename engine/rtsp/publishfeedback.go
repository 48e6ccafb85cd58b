package rtsp

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
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
	rtt      time.Duration // newest; 0: none since it was last asked for
	asked    time.Time     // when the request under way was sent; zero: none is
	loss     float64       // largest of the newest reports on all tracks
	reported bool
	writing  time.Time // when the write in progress began; zero: none is
}

// Feedback is what is known of the path to the peer by now, for a controller that asks for
// it every 200 ms. Over TCP it is the kernel's word: what has been acknowledged, its round
// trip, what it has not sent. Over UDP it is the round trip of a small request on the
// RTSP connection, which shares the path, and the peer's receiver reports; neither is
// there unless [PublishOptions.Measure] was set. Backlog is the kernel's alone: who holds a
// queue before Write adds it.
func (p *Publisher) Feedback() rate.Feedback {
	now := p.o.Clock.Now()
	p.mu.Lock()
	f := rate.Feedback{Sent: int64(p.stats.Bytes)}
	p.mu.Unlock()
	w := &p.path
	w.mu.Lock()
	if !w.writing.IsZero() {
		f.Stalled = now.Sub(w.writing)
	}
	if !w.asked.IsZero() {
		f.Waiting = now.Sub(w.asked)
	}
	f.RTT, f.Loss, f.Reported = w.rtt, w.loss, w.reported
	w.rtt, w.loss, w.reported = 0, 0, false
	w.mu.Unlock()
	if p.transport != TCP || p.ctl == nil {
		return f
	}
	f.Loss, f.Reported = 0, false // nothing is lost on the way, whatever the peer says
	f.Sent = int64(p.ctl.sent.Load())
	withKernel(&f, p.ctl.nc)
	return f
}

// withKernel takes the kernel's word of a connection in, where it says something.
func withKernel(f *rate.Feedback, nc net.Conn) {
	k, ok := kernelPath(nc)
	if !ok {
		return
	}
	f.Delivered, f.Backlog = max(f.Sent-k.unacked, 0), f.Backlog+k.unsent
	f.RTT, f.Waiting = k.rtt, 0
	if k.unacked > k.unsent {
		f.Waiting = k.silent
	}
}

// kernelWord is what the kernel says of a TCP connection.
type kernelWord struct {
	rtt, silent     time.Duration // smoothed; since the last acknowledgement
	unacked, unsent int64         // bytes that are not known to have arrived; the first holds the second
}

// roundTrips measures the path by small requests until the session is over.
func (p *Publisher) roundTrips() {
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
		sent := p.o.Clock.Now()
		p.path.ask(sent)
		_, err := p.ctl.do(ctx, "OPTIONS", p.uri, nil)
		var status *statusError
		p.path.answered(p.o.Clock.Now().Sub(sent), err == nil || errors.As(err, &status))
	}
}

func (w *pathWatch) ask(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = now
}

func (w *pathWatch) answered(took time.Duration, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = time.Time{}
	if ok {
		w.rtt = took
	}
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
