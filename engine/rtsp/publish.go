package rtsp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// PublishOptions says where to publish and how. The zero value of every field but URL is a
// default; those that [Options] has too mean the same.
type PublishOptions struct {
	URL         string
	Transport   Transport // TCP (also for Auto and "") or UDP
	Insecure    bool
	Fingerprint string
	Timeout     time.Duration // also: how long the peer may take nothing before it is gone
	Measure     bool          // the path is to be followed: see Publisher.Feedback
	DialTimeout time.Duration
	UserAgent   string
	Clock       media.Clock
	Log         *slog.Logger
	Observe     func(Event)
}

// Publisher is a session in which we publish (RFC 2326 10.3, 10.11). The description says
// that sender reports carry capture times, and they do; a peer that calls itself rtsprec
// also gets the capture time of each unit, in the header extension of ONVIF replay.
//
// Write belongs to one goroutine at a time; the other methods may be called by any.
type Publisher struct {
	o         Options
	transport Transport
	ctl       *control
	uri       string // of the session
	exact     bool   // each unit carries its capture time
	lines     []*outLine
	skipped   []string
	stop      chan struct{} // closed when the session is over
	err       error         // why; set before stop is closed
	ending    sync.Once
	closing   sync.Once
	workers   sync.WaitGroup
	ledger    ledger
	measured  bool // the path is followed
	path      pathWatch
	pace      atomic.Int64 // bit/s; 0: none

	mu    sync.Mutex
	stats PublishStats
}

// PublishStats is what a publisher has done so far.
type PublishStats struct {
	Units   uint64 // sent
	Packets uint64
	Bytes   uint64   // of RTP
	Refused uint64   // units that cannot travel over RTP
	Skipped []string // tracks that cannot, with the reason
	Peer    string   // see media.Run.Peer
	Rtsprec bool     // the peer calls itself rtsprec: it drops what it has already
	RTT     time.Duration
}

// Publish connects, announces the tracks of run and starts the session. A track that RTP
// cannot carry, or that the peer refuses, is left out, unless none would be left. Kinds of
// errors are those of [Dial]; Busy, and often Refused: somebody else publishes there.
func Publish(ctx context.Context, po PublishOptions, run media.Run) (*Publisher, error) {
	o, err := Options{
		URL: po.URL, Transport: po.Transport, Insecure: po.Insecure, Fingerprint: po.Fingerprint, Timeout: po.Timeout,
		DialTimeout: po.DialTimeout, UserAgent: po.UserAgent, Clock: po.Clock, Log: po.Log, Observe: po.Observe,
	}.filled()
	if err != nil {
		return nil, err
	}
	switch o.Transport {
	case Auto:
		o.Transport = TCP
	case Multicast:
		return nil, fault.New(fault.Usage, "publishing goes over tcp or udp")
	}
	t, err := parseURL(o.URL)
	if err != nil {
		return nil, err
	}
	if t.secure && o.Transport == UDP {
		return nil, fault.New(fault.Unsupported, "rtsps over UDP: the media would not be secret (transport tcp)")
	}
	p := &Publisher{o: o, transport: o.Transport, measured: po.Measure, stop: make(chan struct{})}
	if err := p.open(ctx, t, run); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Write sends a unit. It waits while the connection takes nothing; a ctx that ends
// meanwhile ends the session too, because half a packet may be on its way. A unit that RTP
// cannot carry is counted, told once a second and passed over. Any error means that the
// session is over.
func (p *Publisher) Write(ctx context.Context, au media.AccessUnit) error {
	if err := p.Err(); err != nil {
		return err
	}
	if int(au.Track) >= len(p.lines) || p.lines[au.Track] == nil {
		p.ledger.pass()
		return nil
	}
	l := p.lines[au.Track]
	var ext []byte
	if p.exact {
		ext = replayExt{at: au.Wall, clean: au.Key, jump: au.Missing != nil}.append(nil)
	}
	b, err := l.packer.pack(au, l.stamp(&au), ext)
	if err != nil {
		p.refuse(err)
		return nil
	}
	done := p.path.write(p.o.Clock.Now())
	err = p.send(ctx, l, &b, p.causes(&au))
	done()
	if err != nil {
		p.finish(err)
		return p.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stats.Units++
	p.stats.Packets += uint64(len(b.Starts))
	p.stats.Bytes += uint64(len(b.Data) - frameHead*len(b.Starts))
	return nil
}

// causes are why something is missing before a unit, for a peer that wants to know.
func (p *Publisher) causes(au *media.AccessUnit) media.Causes {
	if !p.exact || au.Missing == nil {
		return 0
	}
	return au.Missing.Causes
}

// refuse counts a unit that cannot be sent.
func (p *Publisher) refuse(err error) {
	p.ledger.pass()
	p.mu.Lock()
	first := p.stats.Refused == 0
	p.stats.Refused++
	p.mu.Unlock()
	if first {
		p.o.Observe(Notice{Message: "left out of what is sent: " + err.Error()})
	}
}

// Carries reports whether a track of the run is sent: it can be, and the peer took it.
func (p *Publisher) Carries(id media.TrackID) bool {
	return int(id) < len(p.lines) && p.lines[id] != nil
}

// Acked says how many of the units that were given to Write, in their order, are known to
// have reached the peer, and the capture time of the last of them (the zero time: none). Over
// TCP that is what the peer's host has acknowledged, where the system tells, and what it
// has answered a later request behind otherwise; over UDP what its receiver reports cover,
// lost packets included, or the same where it sends none. It may be asked after the end.
func (p *Publisher) Acked() (units uint64, wall time.Time) {
	p.measure()
	return p.ledger.acked()
}

// Stats may be called at any time.
func (p *Publisher) Stats() PublishStats {
	p.mu.Lock()
	s := p.stats
	p.mu.Unlock()
	s.Skipped, s.Rtsprec = p.skipped, p.exact
	s.Peer = p.peer()
	p.ctl.mu.Lock()
	s.RTT = p.ctl.rtt
	p.ctl.mu.Unlock()
	return s
}

func (p *Publisher) peer() string {
	s := p.uri
	if server := p.ctl.serverName(); server != "" {
		s += " (" + server + ")"
	}
	return s + " over " + string(p.transport)
}

// Done is closed when the session is over, and Err says why then.
func (p *Publisher) Done() <-chan struct{} { return p.stop }

// Err is why the session is over; nil while it is not.
func (p *Publisher) Err() error {
	select {
	case <-p.stop:
		return p.err
	default:
		return nil
	}
}

// Close ends the session and says goodbye to the peer, for at most a third of a second,
// and returns when nothing of the session is left. It never fails. Who wants to be sure
// that what was written has arrived asks Acked before.
func (p *Publisher) Close() error {
	p.closing.Do(func() {
		p.finish(fault.New(fault.Canceled, "the session was closed"))
		if p.ctl != nil {
			p.measure()
			p.ctl.close(p.uri)
		}
		for _, l := range p.lines {
			if l != nil {
				l.close()
			}
		}
	})
	p.workers.Wait()
	return nil
}

// finish ends the session; the first reason counts.
func (p *Publisher) finish(err error) {
	p.ending.Do(func() {
		p.err = err
		close(p.stop)
	})
}

// keepAlive asks something now and then, which keeps the session and says that the peer
// reads what it is sent. What it answers does not matter.
func (p *Publisher) keepAlive() {
	methods := []string{"OPTIONS", "GET_PARAMETER"}
	if p.ctl.has("GET_PARAMETER") {
		methods[0], methods[1] = methods[1], methods[0]
	}
	every := min(p.ctl.keepAliveEvery(), 5*time.Second)
	timer := time.NewTimer(every)
	defer timer.Stop()
	for try := 0; ; {
		select {
		case <-p.stop:
			return
		case <-timer.C:
		}
		timer.Reset(every)
		before := p.ledger.written()
		_, err := p.ctl.do(context.Background(), methods[try%len(methods)], p.uri, nil)
		var status *statusError
		switch {
		case err == nil:
			p.ledger.answered(before)
		case errors.As(err, &status):
			p.ledger.answered(before)
			try++
		}
	}
}

// asked is told what the peer requests by itself.
func (p *Publisher) asked(method string) {
	if method == "TEARDOWN" {
		p.finish(fault.New(fault.Ended, "%s ended the session", p.ctl.target.host))
	}
}

// ended says why the connection is over.
func (p *Publisher) ended() error {
	err := p.ctl.over()
	if fault.Is(err, fault.Ended) || fault.KindOf(err) == fault.Bug {
		return fault.New(fault.Ended, "%s closed the connection", p.ctl.target.host)
	}
	return fault.Because(fmt.Sprintf("publish to %s", p.ctl.target.uri), err)
}
