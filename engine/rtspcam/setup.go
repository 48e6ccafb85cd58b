package rtspcam

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// setup answers SETUP: one track of a new session or of one that is there.
func (x *exchange) setup(ctx context.Context) {
	if x.path == nil {
		x.reply.status = 404
		return
	}
	if a, ok := x.on("busy"); ok {
		x.reply.status, _ = strconv.Atoi(a.word)
		return
	}
	only, _ := x.on("only")
	t, ok := parseTransport(x.request.header["Transport"], only.word)
	if !ok {
		x.reply.status = 461
		return
	}
	s, fresh := x.forSetup(t)
	if s == nil {
		return
	}
	track := x.track
	if track < 0 { // no control URL: the first that is not set up yet
		for track = 0; track < len(s.setup)-1 && s.setup[track]; track++ {
		}
	}
	if track >= len(s.setup) {
		x.reply.status = 404
	} else if text, err := x.transport(ctx, s, t, track); err != nil {
		x.reply.status = 461
	} else {
		s.setup[track] = true
		x.reply.set("Transport", text)
	}
	if x.reply.status != 200 {
		if fresh {
			x.forget(s)
		}
		return
	}
	x.reply.set("Session", fmt.Sprintf("%s;timeout=%d", s.id, int(s.life/time.Second)))
}

// forSetup finds or makes the session.
func (x *exchange) forSetup(t transport) (s *session, fresh bool) {
	id, _, _ := strings.Cut(x.request.header["Session"], ";")
	if id == "" {
		life := defaultLife
		if a, ok := x.on("timeout"); ok {
			life = a.span
		}
		s = x.open(x.path, life)
		s.transport = t.kind
		return s, true
	}
	s, ok := x.session(id)
	switch {
	case !ok:
		x.reply.status = 454
	case plays(s):
		x.reply.status = 455
	case s.path != x.path || s.transport != t.kind:
		x.reply.status = 459
	default:
		return s, false
	}
	return nil, false
}

// transport prepares one track and words the Transport header of the answer.
func (x *exchange) transport(ctx context.Context, s *session, t transport, track int) (string, error) {
	ssrc := x.path.ssrc(track)
	switch t.kind {
	case "tcp":
		channel := t.channels[0]
		if a, ok := x.on("channels"); ok {
			channel = int(a.number) + 2*track
		} else if channel < 0 {
			channel = 2 * track
		}
		if channel > 254 {
			return "", errors.New("no such channel")
		}
		s.channels[track] = byte(channel)
		return fmt.Sprintf("RTP/AVP/TCP;unicast;interleaved=%d-%d;ssrc=%08X", channel, channel+1, ssrc), nil
	case "udp":
		u, err := newUDPTrack(x.local(), x.remote(), t.ports[0], t.ports[1], x.is("udpport"))
		if err != nil {
			return "", err
		}
		s.udp[track] = u
		s.conn.work.Go(func() { listen(u.rtcp, s) })
		port := func(c *net.UDPConn) int { return c.LocalAddr().(*net.UDPAddr).Port }
		return fmt.Sprintf("RTP/AVP;unicast;client_port=%d-%d;server_port=%d-%d;ssrc=%08X",
			t.ports[0], t.ports[1], port(u.rtp), port(u.rtcp), ssrc), nil
	}
	return x.path.group.header(track), nil
}

func plays(s *session) bool {
	_, yes := s.playing()
	return yes
}

// listen takes receiver reports as signs of life until the socket is closed.
func listen(c *net.UDPConn, s *session) {
	var b [2048]byte
	for {
		_, _, err := c.ReadFromUDP(b[:])
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err == nil:
			s.touch()
		}
	}
}

// ssrc is the SSRC of a track now; 0 for a track that is not there.
func (p *path) ssrc(track int) uint32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if track >= len(p.tracks) {
		return 0
	}
	return p.tracks[track].ssrc
}
