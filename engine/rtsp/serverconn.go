package rtsp

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/textproto"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rtsprec/engine/fault"
)

// serverConn is one connection to the server. It has at most one session, which lives no
// longer than the connection: nobody who lost a connection has to be waited for, and no
// session can be taken over from another. Requests are handled by the goroutine that reads
// the connection, one after the other, and so is interleaved media.
type serverConn struct {
	s      *Server
	nc     net.Conn
	addr   netip.Addr
	peer   netip.AddrPort
	secure bool
	box    *outbox
	wire   *wire
	work   sync.WaitGroup // the outbox's goroutine
	ctx    context.Context

	login   login
	shown   *showing   // by the latest DESCRIBE
	told    *announced // by ANNOUNCE
	sess    *session   // nil: none
	agent   string
	closing bool // behind the answer that is being given

	heard atomic.Int64 // when the latest request was complete, or RTCP came; Unix nanoseconds
	busy  atomic.Bool  // a request is being handled
	live  atomic.Pointer[session]
	why   atomic.Pointer[error] // set by who ends the connection from outside
}

const (
	serverHead  = 16 << 10  // bytes of start line and headers
	serverBody  = 128 << 10 // bytes; a description of a dozen tracks has 5 KiB
	serverRead  = 4 << 10   // of the buffer of a connection that does not publish
	maxURI      = 2 << 10
	lastWords   = time.Second // for the answer before a connection is closed
	protocolTag = "RTSP/1.0"
)

func newServerConn(s *Server, nc net.Conn, addr netip.Addr) *serverConn {
	c := &serverConn{s: s, nc: nc, addr: addr}
	if t, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		c.peer = netip.AddrPortFrom(addr, uint16(t.Port))
	}
	_, c.secure = nc.(*tls.Conn)
	c.box = newOutbox(nc, s.o.Queue, s.o.Latency, s.o.Stuck, s.o.Clock, &c.work)
	c.hear(s.o.Clock.Now())
	return c
}

func (c *serverConn) hear(now time.Time) { c.heard.Store(now.UnixNano()) }

// serve returns when the connection and all that hung on it is gone.
func (c *serverConn) serve(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c.ctx = ctx
	c.wire = newServerWire(c.nc, serverRead, serverHead, serverBody)
	err := c.wire.serve(c, c.s.o.Clock.Now)
	c.s.o.Log.Debug("the connection ended", "peer", c.peer, "err", c.reason(err))
	c.spoil(err)
	if c.sess != nil {
		c.end(c.reason(err))
	}
	c.box.drain(lastWords)
	c.box.close(fault.New(fault.Ended, "the connection ended"))
	c.work.Wait()
}

// reason is why the session ended, for people.
func (c *serverConn) reason(err error) error {
	if why := c.why.Load(); why != nil {
		return *why
	}
	if gone := c.box.gone(); gone != nil {
		err = gone
	}
	if errors.Is(err, errLeft) {
		return errors.New("the peer said goodbye")
	}
	return plain(err)
}

// errLeft ends a connection behind its last answer.
var errLeft = errors.New("the last answer is given")

// spoil answers what is no request, before the connection is closed.
func (c *serverConn) spoil(err error) {
	switch {
	case errors.Is(err, errTooBig):
		c.box.answer(statusLine(nil, 413, "a request may have 16 KiB of headers and 128 KiB of body"))
	case errors.Is(err, errNoText), errors.Is(err, errHTTP):
		c.box.answer(statusLine(nil, 400, "this is no RTSP request"))
	}
}

// hangUp ends the connection from any goroutine; why is for people.
func (c *serverConn) hangUp(why string) { c.hangUpFor(fault.New(fault.Ended, "%s", why)) }

func (c *serverConn) hangUpFor(why error) {
	c.why.CompareAndSwap(nil, &why)
	c.box.close(why)
}

// frame implements handler.
func (c *serverConn) frame(channel byte, payload []byte, arrival time.Time) {
	if c.sess != nil {
		c.sess.frame(channel, payload, arrival)
	}
}

// message implements handler.
func (c *serverConn) message(msg any) {
	req, ok := msg.(*request)
	if !ok {
		return // an answer to something we never asked
	}
	c.busy.Store(true)
	res := c.handle(req)
	c.finish(req, res)
	c.busy.Store(false)
	c.hear(c.s.o.Clock.Now())
}

// quit implements quitter.
func (c *serverConn) quit() error {
	if c.closing {
		return errLeft
	}
	return nil
}

// finish sends the answer and does what was to be done behind it.
func (c *serverConn) finish(req *request, res *response) {
	c.s.o.Log.Debug("request", "peer", c.peer, "method", req.method, "uri", fault.URL(req.uri), "code", res.code)
	if v := req.header.Get("Cseq"); v != "" && len(v) <= 64 {
		res.header.Set("Cseq", v)
	}
	res.header.Set("Server", "rtsprec")
	if c.sess != nil && res.code == 200 {
		res.header.Set("Session", c.sess.id+";timeout="+fmt.Sprint(int(c.s.o.Timeout/time.Second)))
	}
	if c.closing {
		res.header.Set("Connection", "close")
	}
	c.box.answer(res.marshal())
	if c.sess != nil {
		c.sess.answered()
	}
}

// handle does what a request asks.
func (c *serverConn) handle(req *request) *response {
	res, err := c.dispatch(req)
	if err != nil {
		return c.refused(err)
	}
	if res == nil {
		res = &response{}
	}
	if res.code == 0 {
		res.code, res.reason = 200, "OK"
	}
	if res.header == nil {
		res.header = textproto.MIMEHeader{}
	}
	return res
}

// methods are those that a client may use.
const methods = "OPTIONS, DESCRIBE, ANNOUNCE, SETUP, PLAY, RECORD, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER"

func (c *serverConn) dispatch(req *request) (*response, error) {
	if v := req.header.Get("User-Agent"); v != "" && c.agent == "" {
		c.agent = oneLine(v[:min(len(v), 128)])
	}
	if !strings.EqualFold(req.proto, protocolTag) {
		c.closing = true
		return nil, refuse(505, "this server speaks RTSP/1.0")
	}
	if err := c.known(req); err != nil {
		return nil, err
	}
	switch req.method {
	case "OPTIONS":
		return &response{header: textproto.MIMEHeader{"Public": {methods}}}, nil
	case "GET_PARAMETER":
		return &response{}, nil // a sign of life; there are no parameters
	case "SET_PARAMETER":
		if len(bytes.TrimSpace(req.body)) > 0 {
			return nil, refuse(451, "there are no parameters to set")
		}
		return &response{}, nil
	case "DESCRIBE":
		return c.describe(req)
	case "ANNOUNCE":
		return c.announce(req)
	case "SETUP":
		return c.setup(req)
	case "PLAY":
		return c.play(req)
	case "RECORD":
		return c.record(req)
	case "PAUSE":
		return c.pause(req)
	case "TEARDOWN":
		return c.teardown(req)
	}
	return nil, &refusal{code: 501, why: "the method is not known", header: textproto.MIMEHeader{"Public": {methods}}}
}

// known checks what every request may say: the session, and features it requires.
func (c *serverConn) known(req *request) error {
	if id, _, _ := strings.Cut(req.header.Get("Session"), ";"); id != "" && (c.sess == nil || strings.TrimSpace(id) != c.sess.id) {
		return refuse(454, "no such session in this connection")
	}
	var unknown []string
	for _, f := range features(req.header) {
		if f != featureReplay || c.s.o.Library == nil {
			unknown = append(unknown, oneLine(f[:min(len(f), 64)]))
		}
	}
	if len(unknown) > 0 {
		return &refusal{code: 551, why: "a feature that is not known", header: textproto.MIMEHeader{"Unsupported": {strings.Join(unknown, ", ")}}}
	}
	return nil
}
