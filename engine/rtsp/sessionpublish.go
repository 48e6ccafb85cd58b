package rtsp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/textproto"
	"strings"
	"sync"
	"time"

	"rtsprec/engine/access"
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/timeline"
)

// announced is what a publisher told of its tracks, before it set them up.
type announced struct {
	address
	control string // of the whole
	media   []announcedMedia
	capture bool
}

// announcedMedia is one of them. What cannot be served is set up like the rest and its
// packets are left unread: a publisher would give everything up for one refused track.
type announcedMedia struct {
	control string
	st      *stream // nil: not known here
	why     string
	set     bool
}

// maxPublished bounds the tracks of a publisher.
const maxPublished = 16

// announcement reads the description of an ANNOUNCE.
func announcement(a address, req *request) (*announced, error) {
	sdp := parseSDP(req.body)
	t := &announced{address: a, control: sdp.control, capture: bytes.Contains(req.body, []byte("a="+captureClock))}
	if len(sdp.media) > maxPublished {
		return nil, refuse(413, fmt.Sprintf("the description has more than %d tracks", maxPublished))
	}
	known := 0
	for _, m := range sdp.media {
		m.direction = "" // whatever it says, it is what comes
		st, why := streamOf(m)
		if st != nil {
			known++
		}
		t.media = append(t.media, announcedMedia{control: m.control, st: st, why: why})
	}
	if known == 0 {
		var why []string
		for _, m := range t.media {
			why = append(why, m.why)
		}
		return nil, refuse(415, "the description has nothing that is known here: "+strings.Join(why, "; "))
	}
	return t, nil
}

// find is the media that a SETUP names: the control attribute as it would be resolved, or
// the end of the address. -1: none.
func (t *announced) find(uri string) int {
	uri = strings.TrimRight(uri, "/")
	base := join(t.base, t.control)
	for i, m := range t.media {
		if strings.TrimRight(join(base, m.control), "/") == uri || strings.TrimRight(join(t.base+"/", m.control), "/") == uri {
			return i
		}
	}
	for i, m := range t.media {
		if m.control != "" && strings.HasSuffix(uri, "/"+strings.Trim(m.control, "/")) {
			return i
		}
	}
	for i := range t.media {
		if !t.media[i].set && (len(t.media) == 1 || t.media[i].control == "") {
			return i
		}
	}
	return -1
}

// publication is a session that publishes, from its sockets to the hub's sink.
type publication struct {
	sess *session
	told *announced

	mu       sync.Mutex
	lines    []*publishedLine
	channels [256]*publishedLine
	adopted  []netip.AddrPort // where media comes from that were not named
	expiry   expiry
	sink     media.Sink // nil before RECORD
	failed   error      // of the sink
	ended    bool
	ctx      context.Context
	heard    time.Time
	reported time.Time
	asked    time.Time
}

// publishedLine is one track on its way in.
type publishedLine struct {
	index   int // in the announcement
	channel byte
	to      udpPeer
	r       *receiver // nil before RECORD, and for what is not known here
}

// setupPublisher sets one track up.
func (c *serverConn) setupPublisher(req *request, offers []offer) (*response, error) {
	if _, err := c.permit(req, c.told.path, access.Publish); err != nil {
		return nil, err
	}
	if len(req.uri) > maxURI {
		return nil, refuse(414, "the address is longer than 2 KiB")
	}
	i := c.told.find(withoutCredentials(req.uri))
	if i < 0 {
		return nil, refuse(404, "the description has no such track")
	}
	o, err := c.choose(offers, true)
	if err != nil {
		return nil, err
	}
	if c.sess == nil {
		sess := c.newSession(c.told.address, Publishing, o.transport)
		sess.pub = &publication{sess: sess, told: c.told}
		if err := c.register(sess); err != nil {
			return nil, err
		}
	}
	p := c.sess.pub
	if p.sink != nil || c.told.media[i].set {
		return nil, refuse(455, "this track has been set up")
	}
	answer, err := p.connect(i, o)
	if err != nil {
		return nil, err
	}
	c.told.media[i].set = true
	return &response{header: textproto.MIMEHeader{"Transport": {answer + `;mode="RECORD"`}}}, nil
}

// connect takes a way for a track, and returns the answer's Transport.
func (p *publication) connect(i int, o offer) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := &publishedLine{index: i}
	if o.transport == TCP {
		n := o.channel
		for k := 2 * i; n < 0; k += 2 {
			if p.channels[k&0xfe] == nil {
				n = k & 0xfe
			}
		}
		if p.channels[n] != nil || p.channels[n+1] != nil {
			return "", refuse(461, "another track has these channels")
		}
		l.channel = byte(n)
		p.channels[n], p.channels[n+1] = l, l
		p.lines = append(p.lines, l)
		return fmt.Sprintf("RTP/AVP/TCP;unicast;interleaved=%d-%d", n, n+1), nil
	}
	addr := p.sess.c.addr
	l.to = udpPeer{netip.AddrPortFrom(addr, uint16(o.ports[0])), netip.AddrPortFrom(addr, uint16(o.ports[1]))}
	take := func(b []byte, arrival time.Time) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.take(l, b, arrival)
	}
	for _, at := range []netip.AddrPort{l.to.rtp, l.to.rtcp} {
		if err := p.sess.meet(at, take); err != nil {
			return "", err
		}
	}
	p.lines = append(p.lines, l)
	rtp, rtcp := p.sess.c.s.udp.ports()
	return fmt.Sprintf("RTP/AVP;unicast;client_port=%d-%d;server_port=%d-%d", o.ports[0], o.ports[1], rtp, rtcp), nil
}

// record begins the run.
func (c *serverConn) record(req *request) (*response, error) {
	if c.sess == nil || c.sess.pub == nil {
		return nil, refuse(455, "ANNOUNCE and SETUP come before RECORD")
	}
	if _, err := c.permit(req, c.sess.path, access.Publish); err != nil {
		return nil, err
	}
	p := c.sess.pub
	if p.sink != nil {
		return nil, nil // it records
	}
	if err := p.begin(c.ctx); err != nil {
		return nil, err
	}
	c.wire.step = wireBuffer
	c.sess.start()
	return nil, nil
}

// begin hands the run to the hub.
func (p *publication) begin(ctx context.Context) error {
	c := p.sess.c
	o := &c.s.o
	p.mu.Lock()
	defer p.mu.Unlock()
	now := o.Clock.Now()
	run := media.Run{ID: uint64(now.UnixNano()), Start: now, Origin: "live", Peer: p.peer()}
	// Capture times are taken as they are told, with each unit or by sender reports.
	believed := ReplayRequest{From: now, To: now.Add(100 * 365 * 24 * time.Hour)}
	epoch := &replayEpoch{}
	session := timeline.New(now, timeline.Options{Trust: defaultTrust})
	self := randomID()
	for i := range p.told.media { // in the order of the description, not of the SETUPs
		st := p.told.media[i].st
		for _, l := range p.lines {
			if l.index != i || st == nil {
				continue
			}
			st.track.ID = media.TrackID(len(run.Tracks))
			l.r = newReceiver(st, session, o.Reorder, p.unit)
			l.r.rr.self = self
			if p.told.capture {
				l.r.replay = &replayTiming{request: believed, rate: st.track.ClockRate, capture: true, epoch: epoch, now: now}
			}
			l.r.reorder.settle = p.sess.transport != TCP
			run.Tracks = append(run.Tracks, st.track)
		}
	}
	if len(run.Tracks) == 0 {
		return refuse(455, "no track that is known here has been set up")
	}
	sink, err := o.Hub.Publish(ctx, p.sess.path, run, Publication{Peer: c.peer, User: p.sess.user, Capture: p.told.capture, Keys: p})
	if err != nil {
		return err
	}
	if err := sink.Begin(ctx, run); err != nil {
		return errors.Join(err, sink.Close(context.WithoutCancel(ctx)))
	}
	// What has been received is taken whatever happens to the connection: Write does not wait.
	p.sink, p.ctx, p.heard, p.reported = sink, context.WithoutCancel(ctx), now, now
	if p.sess.transport == UDP {
		c.s.udp.expect(p, c.addr)
	}
	return nil
}

// peer is Run.Peer.
func (p *publication) peer() string {
	s := "publisher " + p.sess.c.peer.Addr().String()
	if agent := p.sess.c.agent; agent != "" {
		s += " (" + agent + ")"
	}
	return s + " over " + string(p.sess.transport)
}

// unit takes what a receiver has put together. The lock is held.
func (p *publication) unit(au media.AccessUnit) {
	if p.failed != nil || p.sink == nil {
		return
	}
	if err := p.sink.Write(p.ctx, au); err != nil {
		p.failed = err
		p.sess.c.hangUp("what was published cannot be taken: " + err.Error())
	}
}

// frame takes an interleaved frame.
func (p *publication) frame(channel byte, payload []byte, arrival time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.channels[channel]; l != nil {
		p.take(l, payload, arrival)
	}
}

// take takes a packet. The lock is held.
func (p *publication) take(l *publishedLine, b []byte, arrival time.Time) {
	if p.ended || p.sink == nil {
		return
	}
	p.heard = arrival
	switch {
	case l.r == nil:
	case isRTCP(b):
		l.r.control(b, arrival)
	default:
		l.r.packet(b, arrival)
		p.arm()
		if p.told.capture && p.sess.transport == UDP && arrival.Sub(p.reported) >= quickReportEvery {
			p.report(arrival, false)
		}
	}
}

// quickReportEvery is how often one of our own kind, which may follow its path by them,
// gets receiver reports over UDP.
const quickReportEvery = 200 * time.Millisecond

// end ends the run and returns when the sink has everything.
func (p *publication) end(why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.expiry.stop()
	if p.sess.transport == UDP {
		p.sess.c.s.udp.forgetAll(p, p.sess.c.addr, p.adopted)
	}
	if p.sink == nil {
		return
	}
	for _, l := range p.lines {
		if l.r != nil {
			l.r.flush()
		}
	}
	cause := media.StreamEnded
	switch {
	case p.sess.c.s.ending.Load():
		cause = media.Stopped
	case fault.Is(why, fault.Timeout):
		cause = media.Timeout
	}
	err := errors.Join(
		p.sink.End(p.ctx, media.Gap{Causes: media.Because(cause), Note: fault.Redact(why.Error())}),
		p.sink.Close(p.ctx))
	if err != nil {
		p.sess.c.s.o.Log.Warn("end of what was published", "path", p.sess.path, "err", err)
	}
	p.sink = nil
}

// RequestKey implements media.KeyRequester by a picture loss indication (RFC 4585 6.3.1),
// at most once a second.
func (p *publication) RequestKey() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.sess.c.s.o.Clock.Now()
	if p.ended || p.sink == nil || now.Sub(p.asked) < time.Second {
		return
	}
	p.asked = now
	p.report(now, true)
}

// report sends receiver reports. The lock is held.
func (p *publication) report(now time.Time, wantKey bool) {
	p.reported = now
	for _, l := range p.lines {
		if l.r == nil {
			continue
		}
		b := l.r.receiverReport(now, wantKey && l.r.st.track.Codec.Video())
		switch {
		case b == nil:
		case p.sess.transport == TCP:
			p.sess.c.box.answer(appendFrame(nil, l.channel+1, b))
		default:
			p.sess.c.s.udp.report(b, l.to)
		}
	}
}

// state is what a snapshot tells.
func (p *publication) state() (octets, lost uint64, jitter time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.lines {
		if l.r != nil {
			s := l.r.stats()
			octets += s.Bytes
			lost += s.Lost
			jitter = max(jitter, s.Jitter)
		}
	}
	return octets, lost, jitter
}
