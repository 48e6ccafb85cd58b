package rtsp

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sendMost is how many packets one system call takes.
const sendMost = 64

// volley is the memory of one sendmmsg.
type volley struct {
	heads [sendMost]unix.Mmsghdr
	parts [sendMost]unix.Iovec
	name  unix.RawSockaddrInet6 // room for either family
	size  uint32

	count, done int
	write       func(fd uintptr) bool
}

var volleys = sync.Pool{New: func() any {
	v := &volley{}
	v.write = v.once
	return v
}}

// writeBatch sends the packets of a burst with as few system calls as it takes. What the
// kernel does not take in time is lost.
func writeBatch(conn *net.UDPConn, b *burst, to netip.AddrPort) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	v := volleys.Get().(*volley)
	defer volleys.Put(v)
	v.address(to, conn.LocalAddr().(*net.UDPAddr).IP.To4() != nil)
	for at := 0; at < len(b.Starts); at += v.done {
		v.load(b, at)
		if raw.Write(v.write) != nil || v.done == 0 {
			break
		}
	}
	clear(v.parts[:])
}

// address writes the destination in the form of the socket's family.
func (v *volley) address(to netip.AddrPort, only4 bool) {
	if only4 {
		name := (*unix.RawSockaddrInet4)(unsafe.Pointer(&v.name))
		*name = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: to.Addr().Unmap().As4()}
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&name.Port))[:], to.Port())
		v.size = unix.SizeofSockaddrInet4
		return
	}
	v.name = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: to.Addr().As16()}
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&v.name.Port))[:], to.Port())
	v.size = unix.SizeofSockaddrInet6
}

// load takes the packets from at on.
func (v *volley) load(b *burst, at int) {
	v.count = min(len(b.Starts)-at, sendMost)
	for i := range v.count {
		packet := b.packet(at + i)
		v.parts[i].Base = &packet[0]
		v.parts[i].SetLen(len(packet))
		v.heads[i].Hdr.Name = (*byte)(unsafe.Pointer(&v.name))
		v.heads[i].Hdr.Namelen = v.size
		v.heads[i].Hdr.Iov = &v.parts[i]
		v.heads[i].Hdr.SetIovlen(1)
	}
	v.done = 0
}

// once sends; false asks the runtime to wait until the socket takes more.
func (v *volley) once(fd uintptr) bool {
	for v.done < v.count {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&v.heads[v.done])), uintptr(v.count-v.done), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			v.done += int(n)
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default: // an ICMP message about an earlier packet, or a reader that cannot be reached
			v.done++
		}
	}
	return true
}

// limitUnsent bounds what the kernel holds of a connection before it is sent (TCP_NOTSENT_LOWAT),
// so that a slow reader's backlog is where it can be dropped.
func limitUnsent(raw interface{ Control(func(uintptr)) error }, size int) {
	raw.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, size) })
}
