package engine_test

import (
	"context"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/media"
	"rtsprec/engine/rtspcam"
)

// names makes host names below .test be at an address that may change, for the whole
// process: what a router's DHCP and DNS do.
func names(t *testing.T, at *atomic.Pointer[netip.Addr]) {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := socket.ReadFrom(buf)
			if err != nil {
				return
			}
			if answer, err := resolve(buf[:n], *at.Load()); err == nil {
				socket.WriteTo(answer, from)
			}
		}
	}()
	usual := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", socket.LocalAddr().String())
	}}
	t.Cleanup(func() {
		net.DefaultResolver = usual
		socket.Close()
		<-done
	})
}

// resolve answers a question for the address of anything.
func resolve(question []byte, at netip.Addr) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil {
		return nil, err
	}
	m.Response, m.Additionals = true, nil
	if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET},
			Body:   &dnsmessage.AResource{A: at.As4()},
		}}
	}
	return m.Pack()
}

// TestCase23ANewAddressFromDHCP has a camera come back under another address, on the same
// port and under the same name. Nothing else runs beside it: it changes what names mean.
func TestCase23ANewAddressFromDHCP(t *testing.T) {
	var at atomic.Pointer[netip.Addr]
	move := func(to string) { a := netip.MustParseAddr(to); at.Store(&a) }
	move("127.0.0.2")
	names(t, &at)
	serve := func(address string) (port string, stop func()) {
		cam, err := rtspcam.New(rtspcam.Options{Paths: map[string]rtspcam.Stream{"udp": "h264+aac", "tcp": "h264+aac"}, KeyStart: true})
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- cam.Serve(ctx, l) }()
		_, port, _ = net.SplitHostPort(l.Addr().String())
		return port, func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	port, stopFirst := serve("127.0.0.2:0")
	d, ev := deps(t)
	o := engine.RecordOptions{Dir: filepath.Join(t.TempDir(), "rec")}
	for _, transport := range []string{"udp", "tcp"} {
		o.Cameras = append(o.Cameras, camera(transport, "rtsp://camera.test:"+port+"/"+transport, transport))
	}
	stop := recording(t, d, o)
	waitFor(t, "media", flowing(ev, 1))
	stopFirst()
	waitFor(t, "its end to be said", func() bool { return len(all[engine.CameraDown](ev)) >= 2 })
	move("127.0.0.3")
	_, stopSecond := serve("127.0.0.3:" + port)
	defer stopSecond()
	waitFor(t, "both to be there again", func() bool { return len(all[engine.CameraUp](ev)) >= 4 })
	waitFor(t, "media", flowing(ev, len(all[engine.Progress](ev))+2))
	if err := stop(); err != nil && !strings.Contains(err.Error(), "gap") {
		t.Errorf("record: %v", err)
	}
	report := verified(t, d, o.Dir, archive.Incomplete)
	for _, c := range report.Cameras {
		if c.Segments < 2 || len(c.Gaps) != 1 {
			t.Errorf("%s: %d segments, %d gaps", c.Name, c.Segments, len(c.Gaps))
		}
		for _, g := range c.Gaps {
			if g.To.Sub(g.From) > 10*time.Second || !g.Causes.Has(media.StreamEnded) && !g.Causes.Has(media.Refused) && !g.Causes.Has(media.Unreachable) {
				t.Errorf("%s: %s %s (%s)", c.Name, span(g.From, g.To), g.Causes, g.Note)
			}
		}
	}
	decodes(t, o.Dir)
}
