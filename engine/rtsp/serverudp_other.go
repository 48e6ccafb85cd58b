//go:build !linux

package rtsp

import (
	"net"
	"net/netip"
)

// writeBatch sends the packets of a burst one by one: there is no sendmmsg.
func writeBatch(conn *net.UDPConn, b *burst, to netip.AddrPort) {
	for i := range b.Starts {
		if _, err := conn.WriteToUDPAddrPort(b.packet(i), to); err != nil {
			return
		}
	}
}

// limitUnsent does nothing where the kernel has no such bound.
func limitUnsent(interface{ Control(func(uintptr)) error }, int) {}
