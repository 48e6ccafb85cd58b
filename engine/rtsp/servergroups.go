package rtsp

import (
	"net"
	"net/netip"
	"sync"

	"golang.org/x/net/ipv4"

	"rtsprec/engine/fault"
)

// groupSpace gives each path that is read over multicast a group of its own, as long as
// somebody reads it so.
type groupSpace struct {
	o    MulticastOptions
	send *udpPorts // never read from

	mu     sync.Mutex
	byPath map[string]netip.Addr
	users  map[netip.Addr]int
}

const defaultGroupPort = 5004

func newGroupSpace(o MulticastOptions) (*groupSpace, error) {
	if !o.Groups.IsValid() {
		o.Groups = netip.PrefixFrom(netip.AddrFrom4([4]byte{239, 255, 42, 0}), 24)
	}
	if o.Port == 0 {
		o.Port = defaultGroupPort
	}
	if o.TTL == 0 {
		o.TTL = 1
	}
	o.Groups = o.Groups.Masked()
	if !o.Groups.Addr().Is4() || !o.Groups.Addr().IsMulticast() || o.Port%2 != 0 || o.Port < 0 || o.Port > 65000 || o.TTL < 1 || o.TTL > 255 {
		return nil, fault.New(fault.Usage, "multicast wants IPv4 groups, an even port up to 65000, and 1 to 255 hops")
	}
	send, err := openUDP(netip.AddrPortFrom(netip.IPv4Unspecified(), 0))
	if err != nil {
		return nil, err
	}
	for _, conn := range []*net.UDPConn{send.rtp, send.rtcp} {
		p := ipv4.NewPacketConn(conn)
		err := p.SetMulticastTTL(o.TTL)
		if o.Interface != "" && err == nil {
			var ifi *net.Interface
			if ifi, err = net.InterfaceByName(o.Interface); err == nil {
				err = p.SetMulticastInterface(ifi)
			}
		}
		if err != nil {
			send.close()
			return nil, fault.Wrap(fault.Usage, "prepare multicast", err)
		}
	}
	return &groupSpace{o: o, send: send, byPath: map[string]netip.Addr{}, users: map[netip.Addr]int{}}, nil
}

func (g *groupSpace) close() { g.send.close() }

// join returns the group of a path. Each join is followed by one leave.
func (g *groupSpace) join(path string) (netip.Addr, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a, ok := g.byPath[path]; ok {
		g.users[a]++
		return a, nil
	}
	for a := g.o.Groups.Addr().Next(); g.o.Groups.Contains(a); a = a.Next() {
		if g.users[a] == 0 {
			g.byPath[path], g.users[a] = a, 1
			return a, nil
		}
	}
	return netip.Addr{}, fault.New(fault.Busy, "all multicast groups are in use")
}

func (g *groupSpace) leave(path string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.byPath[path]
	if g.users[a]--; g.users[a] <= 0 {
		delete(g.users, a)
		delete(g.byPath, path)
	}
}

// peer is where a track of a group goes.
func (g *groupSpace) peer(a netip.Addr, track int) udpPeer {
	port := uint16(g.o.Port + 2*track)
	return udpPeer{netip.AddrPortFrom(a, port), netip.AddrPortFrom(a, port+1)}
}
