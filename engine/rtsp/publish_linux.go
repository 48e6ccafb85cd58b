package rtsp

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// waiting bounds what the kernel holds of a connection before it has been sent once: what
// is still ours can be dropped to a key frame, or told apart from what may have arrived.
const waiting = 128 << 10

// tune makes the kernel give a peer up that acknowledges nothing for as long as it may be
// silent, and hold little.
func tune(nc net.Conn, timeout time.Duration) {
	withSocket(nc, func(fd int) {
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(timeout.Milliseconds()))
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, waiting)
	})
}

// unacked is how many bytes of a connection its peer's host has not acknowledged; false
// when nobody can tell (any more).
func unacked(nc net.Conn) (bytes int, ok bool) {
	const closed = 7 // TCP_CLOSE
	withSocket(nc, func(fd int) {
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil || info.State == closed {
			return
		}
		bytes, err = unix.IoctlGetInt(fd, unix.SIOCOUTQ)
		ok = err == nil
	})
	return bytes, ok
}

// withSocket calls f with the socket of a connection, if it has one, TLS on it or not.
func withSocket(nc net.Conn, f func(fd int)) {
	if wrapped, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc = wrapped.NetConn()
	}
	s, ok := nc.(syscall.Conn)
	if !ok {
		return
	}
	if raw, err := s.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { f(int(fd)) })
	}
}
