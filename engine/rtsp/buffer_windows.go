package rtsp

import "golang.org/x/sys/windows"

// bufferOf is the size of a socket's receive buffer as the system counts it; 0: not known.
func bufferOf(fd uintptr) int {
	size, _ := windows.GetsockoptInt(windows.Handle(fd), windows.SOL_SOCKET, windows.SO_RCVBUF)
	return size
}
