package rtsp

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
)

// readers are the ways to read a socket; where there is no recvmmsg, both are one.
var readers = map[string]func(*net.UDPConn, int, func([]datagram)) error{
	"batches": readBatches,
	"singly":  func(c *net.UDPConn, _ int, take func([]datagram)) error { return readSingly(c, take) },
}

// heard collects what a socket brings.
type heard struct {
	mu   sync.Mutex
	list []datagram
	most int
}

func (h *heard) take(list []datagram) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.most = max(h.most, len(list))
	for _, d := range list {
		d.data = bytes.Clone(d.data)
		h.list = append(h.list, d)
	}
}

func (h *heard) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.list)
}

func TestDatagramsComeWholeInOrderAndWithTheirSender(t *testing.T) {
	for name, read := range readers {
		for _, host := range []string{"127.0.0.1", "::1"} {
			t.Run(name+" "+host, func(t *testing.T) {
				t.Parallel()
				local := netip.AddrPortFrom(netip.MustParseAddr(host), 0)
				in, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(local))
				if err != nil && host == "::1" {
					return // this machine has no IPv6
				}
				if err != nil {
					t.Fatal(err)
				}
				enlarge(in)
				out, err := net.DialUDP("udp", nil, in.LocalAddr().(*net.UDPAddr))
				if err != nil {
					t.Fatal(err)
				}
				defer out.Close()
				sizes := []int{0, 1, 12, 1400, usualSize - 1, usualSize, usualSize + 1, 9000, 3, 60000, 40000, 1, 1400, 1400, 1400, 0, 7}
				for i, size := range sizes { // before anybody reads, so that they come at once
					if _, err := out.Write(bytes.Repeat([]byte{byte(i)}, size)); err != nil {
						t.Fatal(err)
					}
				}
				var got heard
				done := make(chan error, 1)
				go func() { done <- read(in, 8, got.take) }()
				until(t, "all datagrams", func() bool { return got.count() >= len(sizes) })
				for i := range 100 { // and one by one
					out.Write([]byte{byte(i)})
					until(t, "the next", func() bool { return got.count() > len(sizes)+i })
				}
				in.Close()
				if err := <-done; !errors.Is(err, net.ErrClosed) {
					t.Errorf("it ended with %v", err)
				}
				sender := out.LocalAddr().(*net.UDPAddr).AddrPort()
				for i, size := range sizes {
					d := got.list[i]
					if !slices.Equal(d.data, bytes.Repeat([]byte{byte(i)}, size)) || d.from != sender.Addr().Unmap() || d.port != sender.Port() {
						t.Errorf("datagram %d: %d bytes of %v:%d, want %d of %v", i, len(d.data), d.from, d.port, size, sender)
					}
				}
			})
		}
	}
}

// usualSize is where a datagram goes on elsewhere in memory.
const usualSize = 2 << 10

func TestAnICMPErrorEndsNoReading(t *testing.T) {
	for name, read := range readers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gone, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				t.Fatal(err)
			}
			in, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				t.Fatal(err)
			}
			nobody := gone.LocalAddr().(*net.UDPAddr).AddrPort()
			gone.Close()
			var got heard
			done := make(chan error, 1)
			go func() { done <- read(in, 8, got.take) }()
			for i := range 20 {
				in.WriteToUDPAddrPort([]byte("is anybody there?"), nobody)
				in.WriteToUDPAddrPort([]byte{byte(i)}, in.LocalAddr().(*net.UDPAddr).AddrPort())
				until(t, "the next", func() bool { return got.count() > i })
			}
			in.Close()
			<-done
		})
	}
}

func TestReadingBatchesAllocatesNothing(t *testing.T) {
	in, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := net.DialUDP("udp", nil, in.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	taken := make(chan struct{}, 64)
	done := make(chan error, 1)
	go func() {
		done <- readBatches(in, 8, func(list []datagram) {
			for range list {
				taken <- struct{}{}
			}
		})
	}()
	packet := make([]byte, 1400)
	if n := testing.AllocsPerRun(1000, func() {
		out.Write(packet)
		<-taken
	}); n >= 1 {
		t.Errorf("%v allocations a datagram", n)
	}
	in.Close()
	<-done
}
