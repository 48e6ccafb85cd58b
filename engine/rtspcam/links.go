package rtspcam

import (
	"fmt"
	"net"
	"time"

	"golang.org/x/net/ipv4"
)

// tcpLink sends interleaved in the RTSP connection.
type tcpLink struct {
	conn     *conn
	channels []byte // of RTP, by track; RTCP has the next
	buf      []byte // one write a burst
}

func (l *tcpLink) media(track int, packets [][]byte) (bool, error) {
	l.buf = l.buf[:0]
	for _, p := range packets {
		l.buf = interleave(l.buf, l.channels[track], p)
	}
	return true, l.conn.write(l.buf)
}

func (l *tcpLink) control(track int, packet []byte) error {
	return l.conn.write(interleave(nil, l.channels[track]+1, packet))
}

// udpTrack is the pair of sockets of one track.
type udpTrack struct {
	rtp, rtcp *net.UDPConn
	odd       *net.UDPConn // sends RTP in place of rtp: the fault "udpport"
	peer      net.UDPAddr  // of RTP; RTCP has the next port
	peerRTCP  net.UDPAddr
	batch     *ipv4.PacketConn
	messages  []ipv4.Message
}

// udpLink sends each track to the client's ports.
type udpLink struct {
	tracks  []*udpTrack
	blocked func() bool
}

// paceAfter is how many packets go out back to back: more overrun the receiver's
// buffer on loopback, and no camera's network is that fast. Then a pause as on 100 Mbit/s.
const (
	paceAfter = 24
	pacePause = 3 * time.Millisecond
)

func (l *udpLink) media(track int, packets [][]byte) (bool, error) {
	if l.blocked() {
		return false, nil
	}
	u := l.tracks[track]
	for len(packets) > 0 {
		n := min(len(packets), paceAfter)
		if err := u.send(packets[:n]); err != nil {
			return false, err
		}
		if packets = packets[n:]; len(packets) > 0 {
			time.Sleep(pacePause)
		}
	}
	return true, nil
}

func (u *udpTrack) send(packets [][]byte) error {
	u.messages = u.messages[:0]
	for _, p := range packets {
		u.messages = append(u.messages, ipv4.Message{Buffers: [][]byte{p}, Addr: &u.peer})
	}
	for left := u.messages; len(left) > 0; {
		n, err := u.batch.WriteBatch(left, 0)
		if err != nil {
			return err
		}
		left = left[n:]
	}
	return nil
}

func (l *udpLink) control(track int, packet []byte) error {
	if l.blocked() {
		return nil
	}
	u := l.tracks[track]
	_, err := u.rtcp.WriteToUDP(packet, &u.peerRTCP)
	return err
}

// listenPair opens an even port for RTP and the next for RTCP (RFC 3550 11).
func listenPair(ip net.IP) (rtp, rtcp *net.UDPConn, err error) {
	for range 100 {
		if rtp, err = net.ListenUDP("udp", &net.UDPAddr{IP: ip}); err != nil {
			return nil, nil, err
		}
		if port := rtp.LocalAddr().(*net.UDPAddr).Port; port%2 == 0 {
			if rtcp, err = net.ListenUDP("udp", &net.UDPAddr{IP: ip, Port: port + 1}); err == nil {
				return rtp, rtcp, nil
			}
		}
		rtp.Close()
	}
	return nil, nil, fmt.Errorf("no pair of free UDP ports")
}

// newUDPTrack opens the sockets of a track for a client at ip.
func newUDPTrack(local, peer net.IP, rtpPort, rtcpPort int, odd bool) (*udpTrack, error) {
	u := &udpTrack{peer: net.UDPAddr{IP: peer, Port: rtpPort}, peerRTCP: net.UDPAddr{IP: peer, Port: rtcpPort}}
	var err error
	if u.rtp, u.rtcp, err = listenPair(local); err != nil {
		return nil, err
	}
	from := u.rtp
	if odd {
		if u.odd, err = net.ListenUDP("udp", &net.UDPAddr{IP: local}); err != nil {
			u.close()
			return nil, err
		}
		from = u.odd
	}
	u.batch = ipv4.NewPacketConn(from)
	return u, nil
}

func (u *udpTrack) close() {
	for _, c := range []*net.UDPConn{u.rtp, u.rtcp, u.odd} {
		if c != nil {
			c.Close()
		}
	}
}
