package rtsp

import (
	"errors"
	"net"
	"net/netip"
)

// wantedBuffer is the size of a UDP socket's receive buffer that we ask for: half a
// second of a 30 Mbit/s camera.
const wantedBuffer = 2 << 20

// listen opens an even port and the odd one after it (RFC 3550 11) on the address that the
// RTSP connection uses.
func (l *line) listen(local netip.Addr) error {
	var last error
	for range 100 {
		rtp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0)))
		if err != nil {
			return err
		}
		port := rtp.LocalAddr().(*net.UDPAddr).Port
		if port%2 != 0 || port == 65534 {
			rtp.Close()
			continue
		}
		rtcp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, uint16(port+1))))
		if err != nil {
			rtp.Close()
			last = err
			continue
		}
		l.rtp, l.rtcp = rtp, rtcp
		return nil
	}
	if last == nil {
		last = errors.New("no even port is free")
	}
	return last
}

// joinGroup opens the ports of a multicast group on the interface that has the local
// address.
func (l *line) joinGroup(local, group netip.Addr, ports [2]int) error {
	ifi := interfaceOf(local)
	rtp, err := net.ListenMulticastUDP("udp", ifi, net.UDPAddrFromAddrPort(netip.AddrPortFrom(group, uint16(ports[0]))))
	if err != nil {
		return err
	}
	rtcp, err := net.ListenMulticastUDP("udp", ifi, net.UDPAddrFromAddrPort(netip.AddrPortFrom(group, uint16(ports[1]))))
	if err != nil {
		rtp.Close()
		return err
	}
	l.rtp, l.rtcp = rtp, rtcp
	return nil
}

// interfaceOf returns nil, the system's choice, when no interface has the address.
func interfaceOf(local netip.Addr) *net.Interface {
	list, err := net.Interfaces()
	if err != nil {
		return nil
	}
	for i := range list {
		addrs, _ := list[i].Addrs()
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr() == local.WithZone("") {
				return &list[i]
			}
		}
	}
	return nil
}

// punch opens the way through firewalls on our side: they let answers in.
func (l *line) punch() {
	if !l.rtpTo.IsValid() || l.cipher != nil { // SRTP servers count what they cannot decrypt
		return
	}
	l.rtp.WriteToUDPAddrPort([]byte{0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, l.rtpTo)
	l.rtcp.WriteToUDPAddrPort([]byte{0x80, rtcpReceiverReport, 0, 1, 0, 0, 0, 0}, l.rtcpTo)
}

// enlarge asks for a larger receive buffer and returns the size that it has then.
func enlarge(conn *net.UDPConn) int {
	conn.SetReadBuffer(wantedBuffer) // the kernel gives as much as it may
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0
	}
	size := 0
	raw.Control(func(fd uintptr) { size = bufferOf(fd) })
	return size / 2 // Linux counts its own bookkeeping, as much again
}

// datagram is one packet of a socket: whose it is, without a zone, and its bytes.
type datagram struct {
	from netip.Addr
	port uint16
	data []byte
}

const (
	maxDatagram = 64 << 10
	batchMedia  = 8 // datagrams that one read of a socket may bring: a picture or half of one
	batchReport = 1
)

// receive reads a socket until it is closed. Anything the peer's address sends is taken,
// whatever the port: cameras do not always use those they announce.
func (c *Client) receive(l *line, r *receiver, conn *net.UDPConn, most int) {
	peer := l.peer.WithZone("")
	readBatches(conn, most, func(list []datagram) {
		c.taken.Add(1)
		now := c.o.Clock.Now()
		if c.take(r, peer, list, now) {
			c.sendReport(l, r, now, false)
		}
	})
}

// readSingly reads a socket until it is closed and returns why, a datagram at a time.
// take has it for the time of the call.
func readSingly(conn *net.UDPConn, take func([]datagram)) error {
	buf := make([]byte, maxDatagram)
	list := make([]datagram, 1)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		if err == nil { // otherwise an ICMP message about something we sent
			list[0] = datagram{from: from.Addr().Unmap().WithZone(""), port: from.Port(), data: buf[:n]}
			take(list)
		}
	}
}
