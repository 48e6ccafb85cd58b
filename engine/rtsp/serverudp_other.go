//go:build !linux

package rtsp

import (
	"net"
	"net/netip"
)

// writeBatch sends the packets of a burst one by one: there is no sendmmsg.
func writeBatch(conn *net.UDPConn, b *burst, to netip.AddrPort) { writeSingly(conn, b, to) }

// limitUnsent does nothing where the kernel has no such bound.
func limitUnsent(interface{ Control(func(uintptr)) error }, int) {}
