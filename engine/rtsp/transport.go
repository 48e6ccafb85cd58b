package rtsp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"rtsprec/engine/fault"
)

// line is the way that one stream's packets take.
type line struct {
	st      *stream
	cipher  *cipher // nil: plain RTP
	channel byte    // TCP: of RTP; RTCP is the next
	rtp     *net.UDPConn
	rtcp    *net.UDPConn
	peer    netip.Addr // UDP: who may send
	rtpTo   netip.AddrPort
	rtcpTo  netip.AddrPort
}

// answer is a Transport header (RFC 2326 12.39) as far as it matters.
type answer struct {
	tcp         bool
	multicast   bool
	channel     int // -1: not said
	serverPorts [2]int
	ports       [2]int
	source      string
	destination string
}

// parseTransport reads the first transport of the header and forgives everything.
func parseTransport(value string) answer {
	a := answer{channel: -1}
	value, _, _ = strings.Cut(value, ",")
	for _, part := range strings.Split(value, ";") {
		key, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		v = strings.Trim(v, `" `)
		switch key = strings.ToLower(strings.TrimSpace(key)); key {
		case "rtp/avp/tcp", "rtp/savp/tcp":
			a.tcp = true
		case "multicast":
			a.multicast = true
		case "interleaved":
			a.tcp = true
			if p := portPair(v); p[0] <= 254 {
				a.channel = p[0]
			}
		case "server_port":
			a.serverPorts = portPair(v)
		case "port":
			a.ports = portPair(v)
		case "source":
			a.source = v
		case "destination":
			a.destination = v
		}
	}
	return a
}

// portPair reads "a-b" or "a", which means a and a+1. What makes no sense is 0.
func portPair(v string) [2]int {
	first, second, both := strings.Cut(v, "-")
	a, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || a < 0 || a > 65535 {
		return [2]int{}
	}
	b, err := strconv.Atoi(strings.TrimSpace(second))
	if !both || err != nil || b < 0 || b > 65535 {
		b = a + 1
	}
	return [2]int{a, b}
}

// offer prepares a line and gives the Transport header that asks for it.
func (c *Client) offer(l *line) (string, error) {
	profile := "RTP/AVP"
	if strings.Contains(l.st.media.profile, "SAVP") {
		profile = "RTP/SAVP"
		var err error
		if l.cipher, err = newCipher(c.self); err != nil {
			return "", fault.Wrap(fault.Unsupported, "prepare SRTP", err)
		}
	} else if c.ctl.target.secure && c.transport != TCP {
		return "", fault.New(fault.Unsupported, "%s has no SRTP: its media is only secret inside the connection (transport tcp)", c.ctl.target.host)
	}
	switch c.transport {
	case TCP:
		l.channel = byte(2 * len(c.lines))
		return fmt.Sprintf("%s/TCP;unicast;interleaved=%d-%d", profile, l.channel, l.channel+1), nil
	case Multicast:
		return profile + ";multicast", nil
	}
	if err := l.listen(c.ctl.localAddr()); err != nil {
		return "", fault.Wrap(fault.Unreachable, "open UDP ports", err)
	}
	c.buffer, c.bufferWanted = enlarge(l.rtp), wantedBuffer
	port := l.rtp.LocalAddr().(*net.UDPAddr).Port
	return fmt.Sprintf("%s;unicast;client_port=%d-%d", profile, port, port+1), nil
}

// errTransport says that the peer chose TCP although it was not offered.
var errTransport = errors.New("the peer answers with TCP")

// accept does what the peer answered.
func (c *Client) accept(l *line, a answer) error {
	if c.transport == TCP {
		if a.channel >= 0 {
			l.channel = byte(a.channel)
		}
		return nil
	}
	if a.tcp {
		return fault.Wrap(fault.Unsupported, "set up "+string(c.transport), errTransport)
	}
	l.peer = c.ctl.peerAddr()
	if ip, err := netip.ParseAddr(a.source); err == nil && !ip.IsUnspecified() {
		l.peer = ip.Unmap()
	}
	if c.transport == Multicast {
		return c.join(l, a)
	}
	if a.serverPorts[0] > 1 { // 0 and 1 are what a peer says that has no ports to name
		l.rtpTo = netip.AddrPortFrom(l.peer, uint16(a.serverPorts[0]))
		l.rtcpTo = netip.AddrPortFrom(l.peer, uint16(a.serverPorts[1]))
	}
	return nil
}

// join enters the group that the peer named.
func (c *Client) join(l *line, a answer) error {
	group, err := netip.ParseAddr(a.destination)
	if err != nil && a.destination == "" {
		group, err = netip.ParseAddr(c.group)
	}
	if err != nil || !group.IsMulticast() || a.ports[0] == 0 {
		return fault.New(fault.Unsupported, "%s names no multicast group", c.ctl.target.host)
	}
	if err := l.joinGroup(c.ctl.localAddr(), group, a.ports); err != nil {
		return fault.Wrap(fault.Unreachable, "join the group "+group.String(), err)
	}
	c.buffer, c.bufferWanted = enlarge(l.rtp), wantedBuffer
	l.rtcpTo = netip.AddrPortFrom(group, uint16(a.ports[1]))
	return nil
}

// close gives the line's sockets back.
func (l *line) close() {
	if l.rtp != nil {
		l.rtp.Close()
	}
	if l.rtcp != nil {
		l.rtcp.Close()
	}
}
