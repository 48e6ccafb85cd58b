package rtspcam

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"
)

// session is what one SETUP after the other makes, on one connection.
type session struct {
	id        string
	conn      *conn
	path      *path
	transport string // "tcp", "udp", "multicast"
	setup     []bool
	channels  []byte
	udp       []*udpTrack
	life      time.Duration
	expiry    *time.Timer

	mu     sync.Mutex // of what follows: farewell comes from another goroutine
	reader *reader    // nil: not playing, or multicast
	member bool       // of the multicast group
	cancel context.CancelFunc
}

// touch keeps the session alive.
func (s *session) touch() { s.expiry.Reset(s.life) }

// join makes the session a reader of its path. Until start is called, what it should get waits.
func (s *session) join(now time.Time) ([]place, error) {
	var l link = &tcpLink{conn: s.conn, channels: s.channels}
	switch s.transport {
	case "multicast":
		places, err := s.path.group.enter(s.conn.local(), now)
		if err == nil {
			s.mu.Lock()
			s.member = true
			s.mu.Unlock()
		}
		return places, err
	case "udp":
		l = &udpLink{tracks: s.udp, blocked: func() bool {
			return s.conn.muted() || s.conn.camera.script.is(s.path.name, "udpblocked", s.conn.camera.clock.Now())
		}}
	}
	r := newReader(s.path, l, s.setup, s.conn.camera.options.KeyStart)
	s.mu.Lock()
	s.reader = r
	s.mu.Unlock()
	return s.path.join(r, now), nil
}

// start lets the reader write. It runs until the session ends.
func (s *session) start(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.member {
		return
	}
	ctx, s.cancel = context.WithCancel(ctx)
	r := s.reader
	s.conn.work.Go(func() {
		r.run(ctx)
		s.path.leave(r)
	})
}

// playing is the session's own reader, if it has one, and whether it plays.
func (s *session) playing() (*reader, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reader, s.reader != nil || s.member
}

// pause takes the reader off the stream.
func (s *session) pause() {
	s.mu.Lock()
	r, cancel, member := s.reader, s.cancel, s.member
	s.reader, s.cancel, s.member = nil, nil, false
	s.mu.Unlock()
	if member {
		s.path.group.leave()
	}
	if r == nil {
		return
	}
	s.path.leave(r)
	if cancel != nil { // it was started
		cancel()
		<-r.done
	}
}

// bye says RTCP BYE on every track; false when the session does not play.
func (s *session) bye() bool {
	r, plays := s.playing()
	if !plays {
		return false
	}
	if r == nil {
		s.path.group.bye()
		return true
	}
	for i, on := range s.setup {
		if on {
			// The peer may be gone; there is nobody to tell.
			_ = r.link.control(i, goodbye(s.path.ssrc(i)))
		}
	}
	return true
}

// close ends the session and gives its sockets back.
func (s *session) close() {
	s.expiry.Stop()
	s.pause()
	for _, u := range s.udp {
		if u != nil {
			u.close()
		}
	}
}

// transport is one alternative of a Transport header (RFC 2326 12.39).
type transport struct {
	kind     string // "tcp", "udp", "multicast"
	channels [2]int // interleaved; -1: not said
	ports    [2]int // client_port
}

// parseTransport returns the first alternative that a camera can serve: of any kind, or of only one.
func parseTransport(header, only string) (transport, bool) {
	for alternative := range strings.SplitSeq(header, ",") {
		t := transport{kind: "udp", channels: [2]int{-1, -1}}
		parts := strings.Split(alternative, ";")
		switch strings.ToUpper(strings.TrimSpace(parts[0])) {
		case "RTP/AVP/TCP":
			t.kind = "tcp"
		case "RTP/AVP", "RTP/AVP/UDP":
		default:
			continue
		}
		ok := true
		for _, part := range parts[1:] {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			switch strings.ToLower(name) {
			case "multicast":
				t.kind = "multicast"
			case "interleaved":
				t.channels, ok = pair(value, 254)
			case "client_port":
				t.ports, ok = pair(value, 65534)
			}
			if !ok {
				break
			}
		}
		if ok && (only == "" || t.kind == only) && (t.kind != "udp" || t.ports[0] != 0) {
			return t, true
		}
	}
	return transport{}, false
}

// pair reads "a-b" or "a", which means a and the next.
func pair(s string, limit int) (p [2]int, ok bool) {
	a, b, has := strings.Cut(s, "-")
	x, err := strconv.Atoi(a)
	if err != nil || x < 0 || x > limit {
		return p, false
	}
	y := x + 1
	if has {
		if y, err = strconv.Atoi(b); err != nil || y < 0 || y > limit+1 {
			return p, false
		}
	}
	return [2]int{x, y}, true
}
