//go:build unix

package rtspcam

import (
	"net"
	"syscall"
)

// hold keeps an address ours while nobody listens there: connections are refused, and no
// other socket of the host is given the port. Listen may take it back before the hold is
// let go. Where it fails, nothing is held.
func hold(addr net.Addr) (release func()) {
	release = func() {}
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return release
	}
	family, name := syscall.AF_INET6, syscall.Sockaddr(&syscall.SockaddrInet6{Port: tcp.Port, Addr: [16]byte(tcp.IP.To16())})
	if ip := tcp.IP.To4(); ip != nil {
		family, name = syscall.AF_INET, &syscall.SockaddrInet4{Port: tcp.Port, Addr: [4]byte(ip)}
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM, 0)
	if err != nil {
		return release
	}
	syscall.CloseOnExec(fd)
	err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	if err == nil {
		err = syscall.Bind(fd, name)
	}
	if err != nil {
		syscall.Close(fd)
		return release
	}
	return func() { syscall.Close(fd) }
}
