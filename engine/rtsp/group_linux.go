package rtsp

import "golang.org/x/sys/unix"

// onlyJoined keeps from a socket what comes for groups that only other sockets have joined
// (ip(7), IP_MULTICAST_ALL). Where the kernel cannot, packets of others are told by their SSRC.
func onlyJoined(fd uintptr, v4 bool) {
	if v4 {
		unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0)
	} else {
		unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_ALL, 0)
	}
}
