//go:build !linux

package rtsp

import "net"

// readBatches reads a socket until it is closed and returns why, a datagram at a time:
// there is no recvmmsg.
func readBatches(conn *net.UDPConn, _ int, take func([]datagram)) error {
	return readSingly(conn, take)
}
