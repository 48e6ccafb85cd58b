package rtsp

import (
	"math"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// tune makes the kernel give a peer up that acknowledges nothing for as long as it may be
// silent, and hold no more than held bytes that it has not sent once.
func tune(nc net.Conn, timeout time.Duration, held int) {
	withSocket(nc, func(fd int) {
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(timeout.Milliseconds()))
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, held)
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

// kernelPath is what the kernel says of the path of a connection; false when it cannot.
func kernelPath(nc net.Conn) (k kernelWord, ok bool) {
	withSocket(nc, func(fd int) {
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil {
			return
		}
		n, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
		if err != nil {
			return
		}
		// What has arrived behind a packet that was lost has arrived, though it is not acknowledged
		// in order: else each loss would look like a link that has become narrow.
		behind := int64(info.Sacked) * int64(info.Snd_mss)
		n = max(n-int(behind), int(info.Notsent_bytes))
		k = kernelWord{
			rtt: time.Duration(info.Rtt) * time.Microsecond, silent: time.Duration(info.Last_ack_recv) * time.Millisecond,
			unacked: int64(n), unsent: int64(info.Notsent_bytes),
			drain: int(min(info.Delivery_rate, math.MaxInt/16) * 8),
			acked: int64(info.Bytes_acked), again: int64(info.Total_retrans),
		}
		ok = true
	})
	return k, ok
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
