package rtspcam

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"
)

// writeTimeout is how long a peer may not read before it is cut off.
const writeTimeout = 10 * time.Second

// conn is one RTSP connection with its sessions.
type conn struct {
	camera *Camera
	net    net.Conn
	guard  guard
	work   sync.WaitGroup // the readers

	writing sync.Mutex

	mu       sync.Mutex
	path     string // that the last request was about
	sessions map[string]*session
	mute     bool // half-open: nothing more is said
}

var errMute = errors.New("the connection is half open")

// write sends b whole.
func (c *conn) write(b []byte) error {
	if c.muted() {
		return errMute
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	// The deadline only bounds a peer that does not read; its exact time does not matter.
	if err := c.net.SetWriteDeadline(c.camera.clock.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := c.net.Write(b)
	return err
}

// serve answers requests until the connection ends.
func (c *conn) serve(ctx context.Context) {
	defer c.end()
	in := bufio.NewReaderSize(c.net, maxLine)
	for {
		first, err := in.Peek(1)
		if err != nil {
			return
		}
		if first[0] == '$' { // RTCP of the reader: a sign of life
			if skipFrame(in) != nil {
				return
			}
			c.touch()
			continue
		}
		if first[0] == '\r' || first[0] == '\n' {
			in.Discard(1)
			continue
		}
		q, err := readRequest(in)
		if err != nil {
			return
		}
		if !c.answer(ctx, q) {
			return
		}
	}
}

func (c *conn) muted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mute
}

// touch keeps the sessions alive.
func (c *conn) touch() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mute {
		return
	}
	for _, s := range c.sessions {
		s.touch()
	}
}

// end closes all sessions and waits for their readers.
func (c *conn) end() {
	c.net.Close()
	c.mu.Lock()
	list := c.sessions
	c.sessions = map[string]*session{}
	c.mu.Unlock()
	for _, s := range list {
		s.close()
	}
	c.work.Wait()
}

// farewell says BYE in all sessions that play, and reports whether there are any.
func (c *conn) farewell() (said bool) {
	c.mu.Lock()
	list := slices.Collect(maps.Values(c.sessions))
	c.mu.Unlock()
	for _, s := range list {
		if !c.camera.script.is(s.path.name, "nobye", c.camera.clock.Now()) {
			said = s.bye() || said
		}
	}
	return said
}

// strike does to the connection what the script says has begun since past.
func (c *conn) strike(past, now time.Time) {
	c.mu.Lock()
	path := c.path
	c.mu.Unlock()
	is := c.camera.script.is
	begun := func(name string) bool {
		return c.camera.script.begun(path, name, now) > c.camera.script.begun(path, name, past)
	}
	switch {
	case begun("rst"):
		if tcp, ok := c.raw().(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
		c.net.Close()
	case begun("restart") || begun("become") || is(path, "drop", now):
		c.cut()
	case begun("halfopen"):
		c.mu.Lock()
		c.mute = true
		for _, s := range c.sessions {
			s.expiry.Stop()
		}
		c.mu.Unlock()
	}
}

// raw is the connection below TLS.
func (c *conn) raw() net.Conn {
	if t, ok := c.net.(interface{ NetConn() net.Conn }); ok {
		return t.NetConn()
	}
	return c.net
}

// cut closes with FIN: what was written before arrives.
func (c *conn) cut() {
	if t, ok := c.net.(interface{ CloseWrite() error }); ok {
		t.CloseWrite()
	}
	// The reading side ends soon: the peer closes too, or this deadline passes.
	c.net.SetReadDeadline(c.camera.clock.Now().Add(200 * time.Millisecond))
}

// session finds a session of this connection.
func (c *conn) session(id string) (*session, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.sessions[id]
	return s, ok
}

// open makes a session that lives as long as there is a sign of its reader.
func (c *conn) open(p *path, life time.Duration) *session {
	n := p.count()
	s := &session{
		id: c.camera.newID(), conn: c, path: p, life: life, setup: make([]bool, n),
		channels: make([]byte, n), udp: make([]*udpTrack, n),
	}
	s.expiry = time.AfterFunc(life, func() { c.net.Close() })
	c.mu.Lock()
	c.sessions[s.id] = s
	c.mu.Unlock()
	return s
}

// forget ends a session.
func (c *conn) forget(s *session) {
	c.mu.Lock()
	delete(c.sessions, s.id)
	c.mu.Unlock()
	s.close()
}

// local and remote are the addresses of both ends.
func (c *conn) local() net.IP  { return c.net.LocalAddr().(*net.TCPAddr).IP }
func (c *conn) remote() net.IP { return c.net.RemoteAddr().(*net.TCPAddr).IP }

// base is the URL of a path as the client reaches it.
func (c *conn) base(p *path) string {
	scheme := "rtsp"
	if c.camera.options.TLS {
		scheme = "rtsps"
	}
	return fmt.Sprintf("%s://%s/%s/", scheme, c.net.LocalAddr(), p.name)
}
