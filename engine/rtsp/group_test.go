package rtsp

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
)

// Two groups have the same port, as the channels of one device often do: each listener
// hears its own.
func TestAGroupIsHeardAlone(t *testing.T) {
	lo := interfaceOf(netip.MustParseAddr("127.0.0.1"))
	groups := []netip.Addr{netip.MustParseAddr("239.200.7.1"), netip.MustParseAddr("239.200.7.2")}
	sender, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	p := ipv4.NewPacketConn(sender)
	if err := p.SetMulticastInterface(lo); err != nil {
		t.Fatal(err)
	}
	if err := p.SetMulticastLoopback(true); err != nil {
		t.Fatal(err)
	}
	var port uint16 // any that is free
	var heard []*net.UDPConn
	for _, g := range groups {
		c, err := listenGroup(lo, netip.AddrPortFrom(g, port))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		port = c.LocalAddr().(*net.UDPAddr).AddrPort().Port()
		heard = append(heard, c)
	}
	// What one must not hear is sent first: then it lies before what it must.
	for _, i := range []int{1, 0, 1} {
		if _, err := sender.WriteToUDPAddrPort([]byte{byte(i)}, netip.AddrPortFrom(groups[i], port)); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range [][]byte{{0}, {1, 1}} {
		for _, w := range want {
			b := make([]byte, 16)
			if n, err := heard[i].Read(b); err != nil || n != 1 || b[0] != w {
				t.Errorf("group %d hears % x, %v, want % x", i, b[:n], err, w)
			}
		}
	}
}
