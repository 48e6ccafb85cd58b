package rtsp

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rtsprec/engine/access"
	"rtsprec/engine/fault"
)

// control is one RTSP connection: requests with their answers, credentials, the session.
type control struct {
	o      Options
	target target
	nc     net.Conn
	began  time.Time // when the connection was asked for

	writing sync.Mutex    // held during one write
	sent    atomic.Uint64 // bytes written so far

	mu        sync.Mutex
	seq       int
	calls     map[int]chan *response
	challenge *access.Challenge
	noBasic   bool // redirected to another host: no password in clear text for it
	id        string
	lifetime  time.Duration // of the session without keepalives, as the peer says
	server    string
	methods   []string
	rtt       time.Duration

	garbage atomic.Uint64 // bytes that were neither a message nor a frame
	done    chan struct{}
	err     error // why the connection ended; set before done is closed
	heard   func(method string)
	answer  func(*response) // told of answers by who reads them; nil: nobody
}

// Answers that are not 200, as errors: the code decides the kind.
type statusError struct {
	method string
	code   int
	reason string
	header textproto.MIMEHeader
}

func (e *statusError) Error() string {
	text := strconv.Itoa(e.code)
	if e.reason != "" {
		text += " " + strings.ToLower(e.reason)
	}
	return "the answer to " + e.method + " is " + text
}

// connect opens the connection. Nothing is read before serve.
func connect(ctx context.Context, o Options, t target) (*control, error) {
	c := &control{
		o: o, target: t, began: o.Clock.Now(), calls: map[int]chan *response{},
		done: make(chan struct{}), lifetime: 60 * time.Second,
	}
	nc, err := dial(ctx, o, t)
	if err != nil {
		return nil, err
	}
	c.nc = nc
	return c, nil
}

// serve reads until the connection ends. media takes the interleaved frames; known says
// which channels are in use. To be run in a goroutine of its own; done is closed at its end.
func (c *control) serve(known func(byte) bool, frames func(channel byte, payload []byte, arrival time.Time)) {
	defer close(c.done)
	w := newWire(c.nc, known)
	w.garbage = &c.garbage
	c.err = w.serve(&intake{c, frames}, c.o.Clock.Now)
}

// intake sorts what a wire brings.
type intake struct {
	c      *control
	frames func(channel byte, payload []byte, arrival time.Time)
}

func (i *intake) frame(channel byte, payload []byte, arrival time.Time) {
	i.frames(channel, payload, arrival)
}

func (i *intake) message(msg any) {
	switch m := msg.(type) {
	case *response:
		i.c.answered(m)
	case *request:
		i.c.asked(m)
	}
}

// answered hands a response to whoever waits for it. One without a CSeq belongs to the
// oldest request.
func (c *control) answered(res *response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answer != nil {
		c.answer(res)
	}
	seq, err := strconv.Atoi(strings.TrimSpace(res.header.Get("CSeq")))
	if err != nil {
		for s := range c.calls {
			if err != nil || s < seq {
				seq, err = s, nil
			}
		}
	}
	if call, ok := c.calls[seq]; ok {
		delete(c.calls, seq)
		call <- res // has room for one
	}
}

// asked answers a request of the peer. TEARDOWN ends the session; anything else is
// answered so that the peer goes on.
func (c *control) asked(req *request) {
	code := "200 OK"
	switch req.method {
	case "OPTIONS", "GET_PARAMETER", "SET_PARAMETER", "TEARDOWN", "ANNOUNCE", "PING":
	default:
		code = "501 Not Implemented"
	}
	text := "RTSP/1.0 " + code + "\r\n"
	if v := req.header.Get("CSeq"); v != "" {
		text += "CSeq: " + v + "\r\n"
	}
	if v := req.header.Get("Session"); v != "" {
		text += "Session: " + v + "\r\n"
	}
	c.write([]byte(text + "\r\n"))
	c.mu.Lock()
	heard := c.heard
	c.mu.Unlock()
	if heard != nil {
		heard(req.method)
	}
}

func (c *control) write(b []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.nc.SetWriteDeadline(c.o.Clock.Now().Add(c.o.Timeout))
	n, err := c.nc.Write(b)
	c.sent.Add(uint64(n))
	return err
}

// do sends a request and waits for its answer, at most Options.Timeout. A challenge is
// answered, and answered anew when its nonce has expired. An answer other than 200 is a
// *statusError inside an error of the right kind.
func (c *control) do(ctx context.Context, method, uri string, header map[string]string) (*response, error) {
	return c.send(ctx, method, uri, header, nil)
}

// send is do for a request with a body.
func (c *control) send(ctx context.Context, method, uri string, header map[string]string, body []byte) (*response, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	tried := false
	for {
		res, err := c.once(ctx, method, uri, header, body, false)
		if err != nil {
			return nil, err
		}
		if res.code != 401 {
			return res, c.judge(method, res)
		}
		if err := c.challenged(res, tried); err != nil {
			return nil, err
		}
		tried = true
	}
}

// challenged takes a 401 in. The second one for the same request is final, unless it
// says that only the nonce was too old.
func (c *control) challenged(res *response, tried bool) error {
	next := access.PickChallenge(res.header)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.target.hasUser:
		return fault.New(fault.Denied, "%s wants a user name and a password", c.target.host)
	case next == nil:
		return fault.New(fault.Denied, "%s asks for credentials in a way that is not known here", c.target.host)
	case next.Basic && c.noBasic:
		return fault.New(fault.Denied, "%s wants the password of another host in clear text", c.target.host)
	case tried && !next.Stale:
		return fault.New(fault.Denied, "%s does not accept this user name and password", c.target.host)
	}
	c.challenge = next
	return nil
}

// once is one request and its answer, whatever that is. With forget it does not wait.
func (c *control) once(ctx context.Context, method, uri string, header map[string]string, body []byte, forget bool) (*response, error) {
	req := request{method: method, uri: uri, header: textproto.MIMEHeader{}, body: body}
	for key, value := range header {
		req.header.Set(key, value)
	}
	answer := make(chan *response, 1)
	c.mu.Lock()
	c.seq++
	seq := c.seq
	req.header.Set("CSeq", strconv.Itoa(seq))
	req.header.Set("User-Agent", c.o.UserAgent)
	if c.id != "" {
		req.header.Set("Session", c.id)
	}
	if c.challenge != nil {
		req.header.Set("Authorization", c.challenge.Answer(c.target.user, c.target.password, method, uri))
	}
	if !forget {
		c.calls[seq] = answer
	}
	c.mu.Unlock()
	c.o.Log.Debug("request", "method", method, "uri", uri, "cseq", seq)
	sent := c.o.Clock.Now()
	if err := c.write(req.marshal()); err != nil {
		return nil, c.broken("send "+method, err)
	}
	if forget {
		return nil, nil
	}
	took := func(res *response) (*response, error) {
		c.took(res, c.o.Clock.Now().Sub(sent))
		c.o.Log.Debug("answer", "method", method, "code", res.code, "cseq", seq)
		return res, nil
	}
	select {
	case res := <-answer:
		return took(res)
	case <-c.done:
		select {
		case res := <-answer: // the last thing that it said
			return took(res)
		default:
			return nil, c.broken("wait for the answer to "+method, c.err)
		}
	case <-ctx.Done():
		c.mu.Lock()
		delete(c.calls, seq)
		c.mu.Unlock()
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, fault.New(fault.Timeout, "%s did not answer %s within %v", c.target.host, method, c.o.Timeout)
		}
		return nil, fault.Wrap(fault.Canceled, "wait for the answer to "+method, ctx.Err())
	}
}

// took keeps what every answer says about the peer and the session.
func (c *control) took(res *response, rtt time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rtt = rtt
	if v := res.header.Get("Server"); v != "" {
		c.server = v
	}
	if v := res.header.Values("Public"); len(v) > 0 {
		c.methods = nil
		for _, m := range strings.Split(strings.Join(v, ","), ",") {
			if m = strings.ToUpper(strings.TrimSpace(m)); m != "" {
				c.methods = append(c.methods, m)
			}
		}
	}
	if res.code != 200 {
		return
	}
	if v := res.header.Get("Session"); v != "" {
		id, params, _ := strings.Cut(v, ";")
		c.id = strings.TrimSpace(id)
		for _, p := range strings.Split(params, ";") {
			key, value, _ := strings.Cut(strings.TrimSpace(p), "=")
			if s, err := strconv.Atoi(strings.TrimSpace(value)); err == nil && s > 0 && strings.EqualFold(strings.TrimSpace(key), "timeout") {
				c.lifetime = time.Duration(min(s, 3600)) * time.Second
			}
		}
	}
}

// has reports whether the peer says that it knows a method.
func (c *control) has(method string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.methods {
		if m == method {
			return true
		}
	}
	return false
}

// close says goodbye and waits a moment for the answer, because bytes not read at
// close make the kernel send a reset that can overtake the goodbye, and then the
// camera keeps the session. It returns once serve has ended.
func (c *control) close(uri string) {
	c.mu.Lock()
	playing := c.id != ""
	c.mu.Unlock()
	if playing {
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		c.once(ctx, "TEARDOWN", uri, nil, nil, false)
		cancel()
	}
	c.nc.Close()
	<-c.done
}

// hears sets who is told of the peer's own requests.
func (c *control) hears(heard func(method string)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heard = heard
}

// answers sets who looks at answers before whoever waits for them, on the goroutine
// that reads the connection. It must not send anything.
func (c *control) answers(answer func(*response)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = answer
}

// keepAliveEvery leaves room for two attempts within the session's life.
func (c *control) keepAliveEvery() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return min(max(c.lifetime/3, time.Second), 25*time.Second)
}

func (c *control) serverName() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.server
}

// over is why the connection ended, as the end of a run. To be called after done.
func (c *control) over() error {
	if errors.Is(c.err, io.EOF) {
		return io.EOF
	}
	return c.broken("receive from "+c.target.host, c.err)
}

func (c *control) localAddr() netip.Addr { return addrOf(c.nc.LocalAddr()) }
func (c *control) peerAddr() netip.Addr  { return addrOf(c.nc.RemoteAddr()) }

func addrOf(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
