package rtspcam

import (
	"context"
	"strconv"
	"strings"
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
	reader    *reader
	cancel    context.CancelFunc
}

// touch keeps the session alive.
func (s *session) touch() { s.expiry.Reset(s.life) }

// play starts the reader. Before starts is called, nothing is written.
func (s *session) join(now time.Time) []place {
	var l link = &tcpLink{conn: s.conn, channels: s.channels}
	switch s.transport {
	case "udp":
		l = &udpLink{tracks: s.udp, blocked: func() bool {
			return s.conn.camera.script.is(s.path.name, "udpblocked", s.conn.camera.clock.Now())
		}}
	}
	s.reader = newReader(s.path, l, s.setup, s.conn.camera.options.KeyStart)
	return s.path.join(s.reader, now)
}

// start lets the reader write. It runs until the session ends.
func (s *session) start(ctx context.Context) {
	ctx, s.cancel = context.WithCancel(ctx)
	s.conn.work.Go(func() { s.reader.run(ctx) })
}

// pause takes the reader off the stream.
func (s *session) pause() {
	if s.reader == nil {
		return
	}
	s.path.leave(s.reader)
	s.cancel()
	<-s.reader.done
	s.reader = nil
}

// bye says RTCP BYE on every track.
func (s *session) bye() {
	if s.reader == nil {
		return
	}
	for i, on := range s.setup {
		if on {
			// The peer may be gone; there is nobody to tell.
			_ = s.reader.link.control(i, goodbye(s.path.tracks[i].ssrc))
		}
	}
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

// parseTransport returns the first alternative that a camera can serve.
func parseTransport(header string) (transport, bool) {
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
		if ok && (t.kind != "udp" || t.ports[0] != 0) {
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
