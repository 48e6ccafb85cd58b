//go:build !windows

package rtsp

import "syscall"

// bufferOf is the size of a socket's receive buffer as the system counts it; 0: not known.
func bufferOf(fd uintptr) int {
	size, _ := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF)
	return size
}
