package rtspcam

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const public = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER"

// defaultLife is how long a session lives without a sign of its reader (RFC 2326 12.37).
const defaultLife = 60 * time.Second

// exchange is one request being answered.
type exchange struct {
	*conn
	request *request
	now     time.Time
	path    *path // nil: of no known path
	track   int   // -1: the whole presentation
	reply   response
	after   func() // runs once the reply is written
	silent  bool   // no reply
}

func (x *exchange) is(fault string) bool { return x.camera.script.is(x.name(), fault, x.now) }

func (x *exchange) on(fault string) (argument, bool) {
	return x.camera.script.on(x.name(), fault, x.now)
}

func (x *exchange) name() string {
	if x.path == nil {
		return ""
	}
	return x.path.name
}

// answer answers one request; false ends the connection.
func (c *conn) answer(ctx context.Context, q *request) bool {
	x := &exchange{conn: c, request: q, now: c.camera.clock.Now(), track: -1}
	x.find()
	if x.path != nil {
		c.mu.Lock()
		c.path = x.path.name
		c.mu.Unlock()
	}
	c.camera.log.Debug("request", "method", q.method, "path", x.name())
	if !c.outlast(ctx, x.name()) || x.is("drop") {
		return false
	}
	x.now = c.camera.clock.Now()
	if x.is("http") || !strings.HasPrefix(q.proto, "RTSP/") {
		c.write([]byte("HTTP/1.1 400 Bad Request\r\nServer: rtspcam\r\nContent-Type: text/html\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
		return false
	}
	x.dispatch(ctx)
	if x.silent {
		return true
	}
	x.reply.header = append([][2]string{{"CSeq", q.header["Cseq"]}, {"Server", "rtspcam"}}, x.reply.header...)
	if x.reply.body != "" {
		x.reply.set("Content-Length", strconv.Itoa(len(x.reply.body)))
	}
	if c.write(x.reply.bytes("RTSP/1.0", x.is("lowercase"))) != nil {
		return false
	}
	if x.after != nil {
		x.after()
	}
	return true
}

// outlast waits until a black hole or a half-open connection ends; false when the camera does first.
func (c *conn) outlast(ctx context.Context, path string) bool {
	for {
		mute := c.muted()
		if !mute && !c.camera.script.is(path, "blackhole", c.camera.clock.Now()) {
			return true
		}
		if mute {
			<-ctx.Done()
			return false
		}
		at, ok := c.camera.script.next(c.camera.clock.Now())
		wait := time.Second
		if ok {
			wait = min(wait, at.Sub(c.camera.clock.Now()))
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(wait):
		}
	}
}

// find works out which path and track the URL means.
func (x *exchange) find() {
	_, rest, ok := strings.Cut(x.request.url, "://")
	if !ok {
		return // "*"
	}
	_, rest, _ = strings.Cut(rest, "/")
	if i := strings.LastIndex(rest, "trackID="); i >= 0 {
		digits := rest[i+len("trackID="):]
		if j := strings.IndexAny(digits, "?&/"); j >= 0 {
			digits = digits[:j]
		}
		n, err := strconv.Atoi(digits)
		if err != nil {
			return
		}
		x.track, rest = n, rest[:i]
	}
	rest = strings.TrimRight(rest, "/?&")
	for _, name := range []string{rest, strings.SplitN(rest, "?", 2)[0]} {
		if p := x.camera.paths[name]; p != nil {
			x.path = p
			return
		}
	}
}

func (x *exchange) dispatch(ctx context.Context) {
	if x.reply.status = 200; !x.allowed() {
		return
	}
	switch x.request.method {
	case "OPTIONS", "GET_PARAMETER", "SET_PARAMETER":
		x.keepalive()
	case "DESCRIBE":
		x.describe()
	case "SETUP":
		x.setup(ctx)
	case "PLAY":
		x.play(ctx)
	case "PAUSE":
		if s := x.current(); s != nil {
			s.pause()
		}
	case "TEARDOWN":
		x.teardown()
	default:
		x.reply.status = 501
	}
}

// allowed checks credentials and answers 401 itself.
func (x *exchange) allowed() bool {
	if x.camera.options.User == "" || x.request.method == "OPTIONS" && x.request.header["Session"] == "" ||
		x.is("lateauth") && x.request.method != "SETUP" {
		return true
	}
	life, _ := x.on("stale")
	v := x.guard.check(x.request.method, x.request.header["Authorization"], x.now, life.span)
	if v == right {
		return true
	}
	x.reply.status = 401
	for _, h := range x.guard.challenges(x.camera.newID(), x.now, v == stale) {
		x.reply.set("WWW-Authenticate", h)
	}
	return false
}

// current is the session of the request; nil, and 454 as the answer, when there is none.
func (x *exchange) current() *session {
	id, _, _ := strings.Cut(x.request.header["Session"], ";")
	s, ok := x.session(id)
	if !ok {
		x.reply.status = 454
		return nil
	}
	s.touch()
	x.reply.set("Session", s.id)
	return s
}

func (x *exchange) keepalive() {
	inSession := x.request.header["Session"] != ""
	if a, ok := x.on("keepalive"); ok && inSession {
		x.touch()
		if x.silent = a.word == "ignored"; !x.silent {
			x.reply.status = 400
		}
		return
	}
	if inSession {
		x.current()
	}
	if x.request.method == "OPTIONS" {
		x.reply.set("Public", public)
	}
}

func (x *exchange) describe() {
	if x.path == nil {
		x.reply.status = 404
		return
	}
	if a, ok := x.on("redirect"); ok && a.word != x.path.name {
		to := a.word
		if p := x.camera.paths[to]; p != nil {
			to = strings.TrimSuffix(x.base(p), "/")
		}
		x.reply.status = 302
		x.reply.set("Location", to)
		return
	}
	d := description{base: x.base(x.path), host: x.local(), mode0: x.is("mode0"), origin: x.is("brokenorigin")}
	a, _ := x.on("sdpparams")
	d.params = a.word
	a, _ = x.on("control")
	d.style = a.word
	if !x.is("nobase") {
		x.reply.set("Content-Base", d.base)
	}
	x.reply.set("Content-Type", "application/sdp")
	x.path.mu.Lock()
	defer x.path.mu.Unlock()
	x.reply.body = d.sdp(x.path)
}

func (x *exchange) teardown() {
	if x.is("noteardown") {
		x.silent = true
		return
	}
	if s := x.current(); s != nil {
		s.close()                        // no media behind the reply
		x.after = func() { x.forget(s) } // a camera that stops waits for the reply to be written
	}
}

func (x *exchange) play(ctx context.Context) {
	s := x.current()
	if s == nil {
		return
	}
	if plays(s) { // PLAY again is a keepalive to some clients
		return
	}
	places, err := s.join(x.now)
	if err != nil {
		x.camera.log.Info("multicast", "error", err)
		x.reply.status = 503
		return
	}
	if x.is("early") && s.transport != "multicast" {
		r, _ := s.playing()
		s.start(ctx)
		select {
		case <-r.first:
		case <-r.done:
		case <-time.After(2 * time.Second): // nothing is being sent at all
		}
	} else {
		x.after = func() { s.start(ctx) }
	}
	x.reply.set("Range", "npt=0-")
	a, _ := x.on("rtpinfo")
	if a.word == "none" {
		return
	}
	var list []string
	for i, p := range places {
		if i >= len(s.setup) || !s.setup[i] {
			continue
		}
		if a.word == "wrong" {
			p.seq, p.time = p.seq+0x7000, p.time+0x60000000
		}
		info := fmt.Sprintf("url=%strackID=%d", x.base(s.path), i)
		if !p.noSeq {
			info += fmt.Sprintf(";seq=%d", p.seq)
		}
		list = append(list, fmt.Sprintf("%s;rtptime=%d", info, p.time))
	}
	x.reply.set("RTP-Info", strings.Join(list, ","))
}
