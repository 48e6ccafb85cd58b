package rtspcam

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/net/ipv4"
)

// group is the one multicast sender of a path, there while anybody wants it. What it sends
// is the same for all, so it is one reader of the stream whatever their number.
type group struct {
	camera *Camera
	path   *path
	number int // among the camera's paths, part of the addresses

	mu     sync.Mutex
	users  int
	tracks []*udpTrack
	reader *reader
	cancel context.CancelFunc
}

// address is where a track is sent: administratively scoped (RFC 2365), its own for each
// port of a camera, so that cameras of one host do not meet.
func (g *group) address(track int) *net.UDPAddr {
	port := g.camera.Addr().(*net.TCPAddr).Port
	return &net.UDPAddr{IP: net.IPv4(239, 200, byte(port>>8), byte(port)), Port: 20000 + 128*(g.number%256) + 2*track}
}

// header is the Transport header of a track.
func (g *group) header(track int) string {
	a := g.address(track)
	return fmt.Sprintf("RTP/AVP;multicast;destination=%s;port=%d-%d;ttl=1", a.IP, a.Port, a.Port+1)
}

// enter begins to send for a reader; the first opens the sockets on the interface that has
// the address local.
func (g *group) enter(local net.IP, now time.Time) ([]place, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.users++; g.users > 1 {
		return g.path.places(now), nil
	}
	all := make([]bool, g.path.count())
	for i := range all {
		all[i] = true
		to := g.address(i)
		u, err := newUDPTrack(local, to.IP, to.Port, to.Port+1, false)
		if err == nil {
			g.tracks = append(g.tracks, u)
			err = u.multicast(local)
		}
		if err != nil {
			g.end()
			return nil, err
		}
	}
	blocked := func() bool { return g.camera.script.is(g.path.name, "udpblocked", g.camera.clock.Now()) }
	g.reader = newReader(g.path, &udpLink{tracks: g.tracks, blocked: blocked}, all, false)
	places := g.path.join(g.reader, now)
	ctx, cancel := context.WithCancel(context.Background()) // ended by leave
	g.cancel = cancel
	go g.reader.run(ctx) // leave waits for it
	return places, nil
}

// leave ends the sending with the last reader.
func (g *group) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.users--; g.users > 0 {
		return
	}
	g.path.leave(g.reader)
	g.cancel()
	<-g.reader.done
	g.end()
}

// end closes the sockets. The caller holds g.mu.
func (g *group) end() {
	for _, u := range g.tracks {
		u.close()
	}
	g.users, g.tracks, g.reader, g.cancel = 0, nil, nil, nil
}

// bye says RTCP BYE to the whole group.
func (g *group) bye() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.reader == nil {
		return
	}
	for i := range g.tracks {
		_ = g.reader.link.control(i, goodbye(g.path.ssrc(i))) // nobody to tell when it fails
	}
}

// multicast sends out of the interface that has the address local, and to this host too.
func (u *udpTrack) multicast(local net.IP) error {
	card, err := cardOf(local)
	if err != nil {
		return err
	}
	for _, c := range []*net.UDPConn{u.rtp, u.rtcp} {
		p := ipv4.NewPacketConn(c)
		if err := p.SetMulticastInterface(card); err != nil {
			return err
		}
		if err := p.SetMulticastLoopback(true); err != nil {
			return err
		}
	}
	return nil
}

// cardOf finds the network interface that has an address.
func cardOf(ip net.IP) (*net.Interface, error) {
	cards, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	for _, card := range cards {
		addrs, err := card.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && n.IP.Equal(ip) {
				return &card, nil
			}
		}
	}
	return nil, fmt.Errorf("no interface has the address %v", ip)
}
