package rtsp

import (
	"encoding/binary"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"rtsprec/engine/fault"
)

// udpPorts are the two ports over which a server sends and receives all media that is not
// interleaved: RTP and, one above, RTCP. Who sent a datagram is told by address and port,
// as SETUP named them.
type udpPorts struct {
	rtp, rtcp *net.UDPConn

	mu    sync.RWMutex
	peers map[netip.AddrPort]func(b []byte, arrival time.Time)
	lost  map[netip.Addr]map[*publication]struct{} // who publishes from an address, by whatever port
}

// udpPeer is where the media of one track of a reader, or of a group, goes.
type udpPeer struct{ rtp, rtcp netip.AddrPort }

// sendPatience is how long a burst waits for a network that takes nothing; the rest of it is
// lost then, as it would be on the way.
const sendPatience = 50 * time.Millisecond

func openUDP(at netip.AddrPort) (*udpPorts, error) {
	if at.Port()%2 != 0 {
		return nil, fault.New(fault.Usage, "RTP needs an even port, and %d is none", at.Port())
	}
	u := &udpPorts{peers: map[netip.AddrPort]func([]byte, time.Time){}, lost: map[netip.Addr]map[*publication]struct{}{}}
	var err error
	if u.rtp, err = listenUDP(at); err != nil {
		return nil, err
	}
	next := at.Port()
	if next != 0 {
		next++
	}
	if u.rtcp, err = listenUDP(netip.AddrPortFrom(at.Addr(), next)); err != nil {
		u.rtp.Close()
		return nil, err
	}
	enlarge(u.rtp)
	u.rtp.SetWriteBuffer(wantedBuffer) // as much as the kernel gives
	return u, nil
}

func listenUDP(at netip.AddrPort) (*net.UDPConn, error) {
	addr := &net.UDPAddr{Port: int(at.Port())}
	if at.Addr().IsValid() {
		addr = net.UDPAddrFromAddrPort(at)
	}
	conn, err := net.ListenUDP("udp", addr)
	if err != nil {
		return nil, fault.Wrap(fault.Busy, "open UDP port", plain(err))
	}
	return conn, nil
}

// ports are the numbers of RTP and RTCP.
func (u *udpPorts) ports() (rtp, rtcp int) {
	return u.rtp.LocalAddr().(*net.UDPAddr).Port, u.rtcp.LocalAddr().(*net.UDPAddr).Port
}

// start reads both ports until close.
func (u *udpPorts) start(work *sync.WaitGroup, now func() time.Time) {
	work.Go(func() { readBatches(u.rtp, batchMedia, func(list []datagram) { u.take(list, now()) }) })
	work.Go(func() { readBatches(u.rtcp, batchReport, func(list []datagram) { u.take(list, now()) }) })
}

func (u *udpPorts) close() {
	u.rtp.Close()
	u.rtcp.Close()
}

// take hands each datagram to who listens to its sender, in order also by arrival.
func (u *udpPorts) take(list []datagram, arrival time.Time) {
	for i, d := range list {
		u.mu.RLock()
		from := netip.AddrPortFrom(d.from, d.port)
		take := u.peers[from]
		var owners []*publication
		if take == nil {
			owners = slices.Collect(maps.Keys(u.lost[d.from]))
		}
		u.mu.RUnlock()
		for _, p := range owners {
			if take = p.adopt(from, d.data); take != nil {
				break
			}
		}
		if take != nil {
			take(d.data, arrival.Add(time.Duration(i)))
		}
	}
}

// expect asks a publisher whose media comes from its address by a port that it did not name;
// until forgetAll.
func (u *udpPorts) expect(p *publication, from netip.Addr) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.lost[from] == nil {
		u.lost[from] = map[*publication]struct{}{}
	}
	u.lost[from][p] = struct{}{}
}

// forgetAll undoes expect, and what it led to.
func (u *udpPorts) forgetAll(p *publication, from netip.Addr, adopted []netip.AddrPort) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if delete(u.lost[from], p); len(u.lost[from]) == 0 {
		delete(u.lost, from)
	}
	for _, at := range adopted {
		delete(u.peers, at)
	}
}

// meet hands what the address sends to take, until forget. False: somebody else uses it.
func (u *udpPorts) meet(at netip.AddrPort, take func(b []byte, arrival time.Time)) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.peers[at] != nil {
		return false
	}
	u.peers[at] = take
	return true
}

func (u *udpPorts) forget(at netip.AddrPort) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.peers, at)
}

// send sends the packets of a burst, many with one system call.
func (u *udpPorts) send(b *burst, to udpPeer) {
	u.rtp.SetWriteDeadline(time.Now().Add(sendPatience))
	writeBatch(u.rtp, b, to.rtp)
}

// report sends an RTCP packet.
func (u *udpPorts) report(packet []byte, to udpPeer) {
	u.rtcp.WriteToUDPAddrPort(packet, to.rtcp)
}

// lostOf reads how many packets a receiver report says were lost, of its first source.
func lostOf(b []byte) (uint64, bool) {
	for len(b) >= 8 && b[0]>>6 == 2 {
		size := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
		if size > len(b) {
			return 0, false
		}
		if b[1] == rtcpReceiverReport && b[0]&0x1f > 0 && size >= 32 {
			return uint64(binary.BigEndian.Uint32(b[12:]) & 0x7fffff), true
		}
		b = b[size:]
	}
	return 0, false
}
