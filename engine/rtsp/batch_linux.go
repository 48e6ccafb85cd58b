package rtsp

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// readBatches reads a socket until it is closed and returns why. One system call
// (recvmmsg) brings what the kernel has, up to most datagrams; it never waits for more.
// take has them for the time of the call.
func readBatches(conn *net.UDPConn, most int, take func([]datagram)) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	b, err := newBatch(most)
	if err != nil {
		return err
	}
	defer unix.Munmap(b.rest)
	failed := 0
	// The runtime calls the function when the socket may have something, and waits when
	// it returns false. Less than a full batch means that the socket is empty: what comes
	// later wakes us again, so asking once more would be for nothing.
	errRead := raw.Read(func(fd uintptr) bool {
		for failed < maxFailures {
			var list []datagram
			if list, err = b.receive(fd); len(list) > 0 {
				failed = 0
				take(list)
			}
			switch {
			case err == unix.EAGAIN, err == nil && len(list) < most:
				return false
			case err != nil: // an ICMP message about something we sent, told once
				failed++
			}
		}
		return true
	})
	if errRead == nil && err == unix.ENOSYS {
		return readSingly(conn, take)
	}
	return errors.Join(errRead, err)
}

// maxFailures in a row are no ICMP messages.
const maxFailures = 100

// batch is the memory of one recvmmsg. Datagrams of usual size lie close together, which
// the processor's caches like; what is longer goes on in rest, which is not the garbage
// collector's: pages that are never written to cost nothing, but it would count them as
// live, and let as much garbage pile up before it collects.
type batch struct {
	heads []unix.Mmsghdr
	parts [][2]unix.Iovec
	names []unix.RawSockaddrAny
	list  []datagram
	rest  []byte
}

const usualDatagram = 2 << 10

func newBatch(most int) (*batch, error) {
	const restSize = maxDatagram - usualDatagram
	rest, err := unix.Mmap(-1, 0, most*restSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, err
	}
	b := &batch{
		heads: make([]unix.Mmsghdr, most), parts: make([][2]unix.Iovec, most),
		names: make([]unix.RawSockaddrAny, most), list: make([]datagram, most),
		rest: rest,
	}
	usual := make([]byte, most*usualDatagram)
	for i := range b.heads {
		b.parts[i][0].Base = &usual[i*usualDatagram]
		b.parts[i][0].SetLen(usualDatagram)
		b.parts[i][1].Base = &rest[i*restSize]
		b.parts[i][1].SetLen(restSize)
		b.heads[i].Hdr.Name = (*byte)(unsafe.Pointer(&b.names[i]))
		b.heads[i].Hdr.Iov = &b.parts[i][0]
		b.heads[i].Hdr.SetIovlen(2)
	}
	return b, nil
}

// receive does not wait. That is why the scheduler need not know of the call: to tell it
// wakes a thread that looks for calls that take long.
func (b *batch) receive(fd uintptr) ([]datagram, error) {
	for i := range b.heads {
		b.heads[i].Hdr.Namelen = uint32(unsafe.Sizeof(b.names[i])) // the kernel wrote here
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.heads[0])), uintptr(len(b.heads)), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return nil, errno
	}
	for i := range b.list[:n] {
		from, port := sender(&b.names[i])
		b.list[i] = datagram{from: from, port: port, data: b.data(i)}
	}
	return b.list[:n], nil
}

func (b *batch) data(i int) []byte {
	size := b.heads[i].Len
	usual := unsafe.Slice(b.parts[i][0].Base, min(size, usualDatagram))
	if size <= usualDatagram {
		return usual
	}
	return slices.Concat(usual, unsafe.Slice(b.parts[i][1].Base, size-usualDatagram))
}

// sender is the address and port of a socket address; the zero Addr for one that has none.
func sender(name *unix.RawSockaddrAny) (netip.Addr, uint16) {
	switch name.Addr.Family {
	case unix.AF_INET:
		a := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		return netip.AddrFrom4(a.Addr), inNetworkOrder(&a.Port)
	case unix.AF_INET6:
		a := (*unix.RawSockaddrInet6)(unsafe.Pointer(name))
		return netip.AddrFrom16(a.Addr).Unmap(), inNetworkOrder(&a.Port)
	}
	return netip.Addr{}, 0
}

func inNetworkOrder(port *uint16) uint16 {
	return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(port))[:])
}
