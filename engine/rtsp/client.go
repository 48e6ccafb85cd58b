package rtsp

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/timeline"
)

// Client is one session that plays. It is a [media.Source] and a [media.KeyRequester].
type Client struct {
	o         Options
	transport Transport
	ctl       *control
	uri       string        // of the whole presentation
	group     string        // multicast address of the description
	self      uint32        // our SSRC
	replay    *clientReplay // nil: live
	connect   time.Duration
	lines     []*line
	skipped   []string
	run       media.Run
	queue     *queue

	buffer, bufferWanted int

	workers sync.WaitGroup
	stop    chan struct{} // closed when the run is over
	first   chan struct{} // closed at the first RTP packet
	closing sync.Once
	taken   atomic.Uint64 // reads of sockets that brought something

	mu        sync.Mutex
	receivers []*receiver
	channels  [256][]*receiver // by interleaved channel of RTP; RTCP comes on the next
	played    time.Time        // when PLAY was sent
	heard     bool             // a packet of any kind has come since the last look
	heardAny  bool             // an RTP packet has come
	bytes     uint64
	foreign   uint64 // datagrams of strangers
	ended     bool
	armed     bool
	expiry    *time.Timer
	told      counts
}

var (
	_ media.Source       = (*Client)(nil)
	_ media.KeyRequester = (*Client)(nil)
)

func newClient(o Options, transport Transport) *Client {
	return &Client{o: o, transport: transport, self: randomID(), stop: make(chan struct{}), first: make(chan struct{})}
}

// Dial connects, asks for the description, sets all known tracks up, and plays. With
// Auto it returns once it is known which transport works. ctx is for the dialling only;
// the session lives until Close.
//
// Kinds of errors: Usage (the address), Unreachable, Refused, Denied (credentials,
// certificate), NotFound, Busy (out of sessions), Unsupported (no known media, no
// transport in common), Timeout, Protocol, Ended, Canceled.
func Dial(ctx context.Context, o Options) (*Client, error) {
	o, err := o.filled()
	if err != nil {
		return nil, err
	}
	t, err := parseURL(o.URL)
	if err != nil {
		return nil, err
	}
	switch {
	case o.Transport == Auto && t.secure:
		return open(ctx, o, t, TCP) // media outside the connection would not be secret
	case o.Transport != Auto:
		return open(ctx, o, t, o.Transport)
	}
	c, err := open(ctx, o, t, UDP)
	why := ""
	switch {
	case err == nil:
		if why, err = c.proven(ctx); why == "" && err == nil {
			return c, nil
		}
		c.Close()
		if err != nil {
			return nil, err
		}
	default:
		if why = refusesUDP(err); why == "" {
			return nil, err
		}
	}
	o.Observe(TransportSwitched{From: UDP, To: TCP, Why: why})
	return open(ctx, o, t, TCP)
}

// proven waits for the first packet. why says what is wrong with UDP when none came.
func (c *Client) proven(ctx context.Context) (why string, err error) {
	timer := time.NewTimer(c.o.SilenceUDP)
	defer timer.Stop()
	select {
	case <-c.first:
		return "", nil
	case <-timer.C:
		return "no packet came within " + c.o.SilenceUDP.String(), nil
	case <-c.stop:
		return "the session ended before a packet came", nil
	case <-ctx.Done():
		return "", fault.Wrap(fault.Canceled, "wait for the first packet", ctx.Err())
	}
}

// refusesUDP reports why a session that failed over UDP may work over TCP; "" when TCP
// would fail too.
func refusesUDP(err error) string {
	var status *statusError
	switch {
	case errors.As(err, &status) && status.method == "SETUP" && status.code != 401 && status.code != 403 &&
		status.code != 404 && status.code != 453 && status.code != 503:
		return status.Error()
	case fault.Is(err, fault.Unsupported) && !errors.As(err, &status) && errors.Is(err, errTransport):
		return "the camera wants TCP"
	}
	return ""
}

// begin creates the receivers.
func (c *Client) begin() {
	c.run.Start = c.o.Clock.Now()
	c.run.ID = uint64(c.run.Start.UnixNano())
	c.run.Origin = "live"
	c.run.Peer = c.peer()
	c.queue = newQueue(c.o.Queue, len(c.lines))
	session := timeline.New(c.run.Start, timeline.Options{Trust: c.o.ClockTrust})
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.lines {
		r := newReceiver(l.st, session, c.o.Reorder, c.queue.put)
		r.rr.self, r.cipher = c.self, l.cipher
		r.reorder.settle = c.transport != TCP
		c.receivers = append(c.receivers, r)
		c.run.Tracks = append(c.run.Tracks, l.st.track)
		if c.transport == TCP {
			c.channels[l.channel] = append(c.channels[l.channel], r)
		} else {
			c.workers.Go(func() { c.receive(l, r, l.rtp, batchMedia) })
			c.workers.Go(func() { c.receive(l, r, l.rtcp, batchReport) })
		}
	}
}

// peer is Run.Peer.
func (c *Client) peer() string {
	s := c.ctl.target.uri
	if server := c.ctl.serverName(); server != "" {
		s += " (" + server + ")"
	}
	return s + " over " + string(c.transport)
}

// work starts what goes on beside receiving.
func (c *Client) work() {
	c.workers.Go(c.watch)
	c.workers.Go(c.keepAlive)
	c.workers.Go(func() {
		select {
		case <-c.ctl.done:
			c.drain()
			c.finish(c.ctl.over())
		case <-c.stop:
		}
	})
}

// drain waits until the sockets hold nothing more: what came over UDP before the
// connection ended may not have been read yet.
func (c *Client) drain() {
	if c.transport == TCP {
		return
	}
	for range 10 {
		before := c.taken.Load()
		select {
		case <-c.stop:
			return
		case <-time.After(20 * time.Millisecond):
		}
		if c.taken.Load() == before {
			return
		}
	}
}

// finish ends the run; the first reason counts. What is pending goes to the queue first,
// unless it is us who leave: then the unit that is on its way is not damaged, only not
// ours any more.
func (c *Client) finish(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.ended = true
	if !fault.Is(err, fault.Canceled) {
		for _, r := range c.receivers {
			r.flush()
		}
	}
	if c.expiry != nil {
		c.expiry.Stop()
	}
	if c.queue != nil {
		c.queue.end(err)
	}
	close(c.stop)
}

// Run implements media.Source.
func (c *Client) Run() media.Run { return c.run }

// Next implements media.Source. After Close it still returns what was received before,
// and then a fault.Canceled.
func (c *Client) Next(ctx context.Context) (media.AccessUnit, error) { return c.queue.take(ctx) }

// Close implements media.Source. It says goodbye to the peer, for at most a third of a
// second, and returns when nothing of the session is left. It never fails.
func (c *Client) Close() error {
	c.closing.Do(func() {
		c.finish(fault.New(fault.Canceled, "the session was closed"))
		c.ctl.close(c.uri)
		for _, l := range c.lines {
			l.close()
		}
	})
	c.workers.Wait()
	return nil
}

// asked is told what the peer requests by itself.
func (c *Client) asked(method string) {
	if method == "TEARDOWN" {
		c.finish(io.EOF)
	}
}
