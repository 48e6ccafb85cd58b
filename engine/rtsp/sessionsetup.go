package rtsp

import (
	"fmt"
	"net/netip"
	"net/textproto"
	"strconv"
	"strings"

	"rtsprec/engine/access"
)

// offer is one of the ways that a client can be reached, as its Transport header says (RFC
// 2326 12.39).
type offer struct {
	transport Transport
	secure    bool   // SRTP
	record    bool   // mode=record
	channel   int    // TCP: of RTP, RTCP on the next; -1: ours to choose
	ports     [2]int // UDP: of the client
}

// parseOffers reads all ways, best first. Those that make no sense are left out; none at
// all is a refusal.
func parseOffers(values []string) ([]offer, error) {
	var list []offer
	for _, v := range values {
		for _, text := range access.SplitQuoted(v, ',') {
			if o, ok := parseOffer(text); ok && len(list) < 16 {
				list = append(list, o)
			}
		}
	}
	if len(list) == 0 {
		return nil, refuse(461, "no transport that is known here: RTP/AVP and RTP/AVP/TCP are")
	}
	return list, nil
}

func parseOffer(text string) (offer, bool) {
	o := offer{transport: UDP, channel: -1}
	multicast := false
	for i, part := range access.SplitQuoted(text, ';') {
		key, v, _ := strings.Cut(part, "=")
		v = strings.Trim(v, `" `)
		key = strings.ToLower(strings.TrimSpace(key))
		if i == 0 {
			switch key {
			case "rtp/avp", "rtp/avp/udp":
			case "rtp/avp/tcp":
				o.transport = TCP
			case "rtp/savp", "rtp/savp/udp", "rtp/savp/tcp":
				o.secure = true
			default:
				return o, false
			}
			continue
		}
		switch key {
		case "multicast":
			multicast = true
		case "interleaved":
			o.transport = TCP
			if first, err := strconv.Atoi(strings.Split(v, "-")[0]); err == nil && first >= 0 && first <= 254 {
				o.channel = first
			}
		case "client_port":
			o.ports = portPair(v)
		case "mode":
			o.record = strings.EqualFold(v, "record") || strings.EqualFold(v, "receive")
		}
	}
	if multicast && o.transport == UDP {
		o.transport = Multicast
	}
	return o, true
}

// choose takes the first way that works here. A session has one way for all its tracks.
func (c *serverConn) choose(offers []offer, publish bool) (offer, error) {
	why := "SRTP is not known here: RTSPS with RTP/AVP/TCP is as secret"
	for _, o := range offers {
		switch {
		case o.secure:
		case c.sess != nil && o.transport != c.sess.transport:
			why = "all tracks of a session take the same transport"
		case o.transport == TCP:
			return o, nil
		case c.secure:
			why = "over RTSPS media is interleaved (RTP/AVP/TCP): outside of the connection it would not be secret"
		case o.transport == UDP && c.s.udp == nil:
			why = "this server has no UDP ports: RTP/AVP/TCP"
		case o.transport == UDP && (o.ports[0] == 0 || o.ports[1] == 0):
			why = "no client_port"
		case o.transport == Multicast && (c.s.groups == nil || publish):
			why = "multicast is turned off here"
		default:
			return o, nil
		}
	}
	return offer{}, refuse(461, why)
}

// setupReader sets one track of a reading session up.
func (c *serverConn) setupReader(req *request, offers []offer) (*response, error) {
	a, err := parseAddress(req.uri)
	if c.shown != nil && (err != nil || a.path != c.shown.path) {
		a, err = c.relative(req.uri, a, err)
	}
	if err != nil {
		return nil, err
	}
	o, err := c.choose(offers, false)
	if err != nil {
		return nil, err
	}
	if c.sess == nil {
		if err := c.openReader(req, a, o.transport); err != nil {
			return nil, err
		}
	}
	sess := c.sess
	switch {
	case a.path != sess.path:
		return nil, refuse(459, "this connection has a session for another path")
	case sess.playing.Load():
		return nil, refuse(455, "it plays: PAUSE comes first")
	}
	track, err := sess.track(a)
	if err != nil {
		return nil, err
	}
	answer, err := sess.connect(track, o)
	if err != nil {
		return nil, err
	}
	if sess.pres.ssrc != nil {
		answer += fmt.Sprintf(";ssrc=%08X", sess.pres.ssrc(sess.pres.tracks[track].ID))
	}
	return &response{header: textproto.MIMEHeader{"Transport": {answer + `;mode="PLAY"`}}}, nil
}

// relative repairs the URI of a client that resolves a track's control by RFC 3986 against
// a base whose query holds the path's end: it keeps the last element only.
func (c *serverConn) relative(uri string, a address, err error) (address, error) {
	i := strings.LastIndex(uri, "/"+trackPrefix)
	if i < 0 {
		return a, err
	}
	if at := strings.TrimRight(uri[:i], "/"); !strings.HasPrefix(c.shown.base, at) {
		return a, err
	}
	b := c.shown.address
	b.track, _, _ = strings.Cut(uri[i+1:], "?")
	return b, nil
}

// track is the index that an address names. The whole of a presentation with one track is
// that track.
func (sess *session) track(a address) (int, error) {
	if a.track == "" && len(sess.pres.tracks) == 1 {
		return 0, nil
	}
	if a.track == "" {
		return 0, refuse(459, "tracks are set up one by one: .../trackID=0")
	}
	n, err := strconv.Atoi(strings.TrimPrefix(a.track, trackPrefix))
	if err != nil || n < 0 || n >= len(sess.pres.tracks) {
		return 0, refuse(404, "there is no such track")
	}
	return n, nil
}

// connect takes a way for a track of a reader, and returns the answer's Transport.
func (sess *session) connect(track int, o offer) (string, error) {
	t := &sess.out.tracks[track]
	switch o.transport {
	case TCP:
		channel, err := sess.channel(track, o.channel)
		if err != nil {
			return "", err
		}
		t.set, t.channel = true, channel
		return fmt.Sprintf("RTP/AVP/TCP;unicast;interleaved=%d-%d", channel, channel+1), nil
	case Multicast:
		t.set, t.to = true, sess.c.s.groups.peer(sess.group, track)
		return fmt.Sprintf("RTP/AVP;multicast;destination=%s;port=%d-%d;ttl=%d", sess.group,
			t.to.rtp.Port(), t.to.rtcp.Port(), sess.c.s.groups.o.TTL), nil
	}
	to := udpPeer{netip.AddrPortFrom(sess.c.addr, uint16(o.ports[0])), netip.AddrPortFrom(sess.c.addr, uint16(o.ports[1]))}
	if t.set {
		sess.forget(t.to)
	}
	if err := sess.meet(to.rtcp, sess.reported); err != nil {
		return "", err
	}
	t.set, t.to = true, to
	rtp, rtcp := sess.c.s.udp.ports()
	return fmt.Sprintf("RTP/AVP;unicast;client_port=%d-%d;server_port=%d-%d", o.ports[0], o.ports[1], rtp, rtcp), nil
}

// channel is the one that the client wants, or the next that is free.
func (sess *session) channel(track, wanted int) (byte, error) {
	taken := func(n int) bool {
		for i, t := range sess.out.tracks {
			if i != track && t.set && n <= int(t.channel)+1 && n+1 >= int(t.channel) {
				return true
			}
		}
		return false
	}
	if wanted >= 0 {
		if taken(wanted) {
			return 0, refuse(461, "another track has these channels")
		}
		return byte(wanted), nil
	}
	for n := 2 * track; ; n = (n + 2) % 256 {
		if n <= 254 && !taken(n) {
			return byte(n), nil
		}
	}
}
