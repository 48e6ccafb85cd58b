package web

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// listening runs Serve until the test ends, and fails when it does not end in order.
func listening(t testing.TB, h http.Handler, o ServeOptions) (addr string) {
	t.Helper()
	l := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, h, o) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Error("serve:", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("the server does not end")
		}
	})
	return l.Addr().String()
}

// say writes to a new connection and returns what comes back until its end.
func say(t testing.TB, addr, text string) string {
	t.Helper()
	c := must[net.Conn](t)(net.Dial("tcp", addr))
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(c, text)
	answer, _ := io.ReadAll(c)
	return string(answer)
}

func TestNonsenseGetsAStatus(t *testing.T) {
	addr := listening(t, New(Options{Library: nothing{}, Clock: &still{day}}), ServeOptions{})
	const end = "\r\nHost: x\r\nConnection: close\r\n\r\n"
	for _, c := range []struct{ ask, want string }{
		{"GET /api/v1/cameras HTTP/1.1" + end, "200"},
		{"\x16\x03\x01\x02\x00\r\n\r\n", "400"},
		{"OPTIONS rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\n\r\n", "400"},
		{"GET /" + strings.Repeat("a", 40000) + " HTTP/1.1" + end, "431"},
		{"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("a", 40000) + "\r\n\r\n", "431"},
		{"GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X: y\r\n", 8000) + "\r\n", "431"},
		{"POST /clip HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\nabc", "405"},
		{"DELETE /api/v1/recordings HTTP/1.1" + end, "405"},
		{"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc", "413"},
		{"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n", "413"},
		{"GET /../../etc/passwd HTTP/1.1" + end, "307"}, // to /etc/passwd of ours, which is not there
		{"GET /etc/passwd HTTP/1.1" + end, "404"},
		{"GET /page/../web.go HTTP/1.1" + end, "307"},
		{"GET /page/%2e%2e/web.go HTTP/1.1" + end, "404"},
		{"GET /page/..%2fweb.go HTTP/1.1" + end, "404"},
		{"GET /page/ HTTP/1.1" + end, "404"},
		{"GET /page/index.html HTTP/1.1" + end, "404"},
		{"GET /%00 HTTP/1.1" + end, "400"},
		{"GET /clip?camera=%00&from=1&to=2 HTTP/1.1" + end, "400"},
		{"GET /clip?camera=" + strings.Repeat("x", 4096) + "&from=1&to=2 HTTP/1.1" + end, "400"},
		{"GET /clip?camera=%zz HTTP/1.1" + end, "400"},
	} {
		got := say(t, addr, c.ask)
		if !strings.HasPrefix(got, "HTTP/1.1 "+c.want) {
			t.Errorf("%.60q: %.100q, want %s", c.ask, got, c.want)
		}
	}
}

func TestEveryAnswerIsCareful(t *testing.T) {
	s := serve(t, Options{Library: nothing{}})
	for _, path := range []string{"/", "/page/page.js", "/api/v1/cameras", "/clip", "/nothing", "/metrics"} {
		_, header, _ := fetch(t, s.URL+path, "Origin", "http://elsewhere.example")
		if !strings.Contains(header.Get("Content-Security-Policy"), "frame-ancestors 'none'") || header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, header)
		}
		for name := range header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s lets other sites in: %s", path, name)
			}
		}
	}
}

func TestSlowHeadersEnd(t *testing.T) {
	addr := listening(t, New(Options{Library: nothing{}, Clock: &still{day}}), ServeOptions{Header: 200 * time.Millisecond, Idle: 200 * time.Millisecond})
	c := must[net.Conn](t)(net.Dial("tcp", addr))
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(c, "GET / HTTP/1.1\r\nX: ")
	for { // a byte now and then, for ever
		if _, err := io.WriteString(c, "y"); err != nil {
			break
		}
		<-time.After(20 * time.Millisecond)
	}
	// One that says nothing at all.
	if got := say(t, addr, ""); got != "" {
		t.Errorf("%q", got)
	}
}

func TestConnectionsAreCapped(t *testing.T) {
	addr := listening(t, New(Options{Library: nothing{}, Clock: &still{day}}), ServeOptions{Conns: 20, PerAddress: 5, Header: time.Minute})
	var held []net.Conn
	defer func() {
		for _, c := range held {
			c.Close()
		}
	}()
	for range 5 {
		c := must[net.Conn](t)(net.Dial("tcp", addr))
		held = append(held, c)
		// Answered once: it is surely counted.
		io.WriteString(c, "GET /api/v1/cameras HTTP/1.1\r\nHost: x\r\n\r\n")
		if _, err := bufio.NewReader(c).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	got := say(t, addr, "")
	res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(got)), nil)
	if err != nil || res.StatusCode != 503 {
		t.Fatalf("the sixth: %q %v", got, err)
	}
	if body, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(body), "too many connections") {
		t.Errorf("%q %v", body, err)
	}
	held[0].Close()
	waitFor(t, "a place", func() bool {
		return strings.HasPrefix(say(t, addr, "GET /api/v1/cameras HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), "HTTP/1.1 200")
	})
}

// TestTenThousandConnectionsLeaveNothingBehind opens and drops connections from many sides.
func TestTenThousandConnectionsLeaveNothingBehind(t *testing.T) {
	count := 10000
	if testing.Short() {
		count = 1000
	}
	addr := listening(t, New(Options{Library: nothing{}, Clock: &still{day}}), ServeOptions{Conns: 100, PerAddress: 100})
	before := runtime.NumGoroutine()
	var group sync.WaitGroup
	for w := range 8 {
		group.Go(func() {
			for i := w; i < count; i += 8 {
				c, err := net.Dial("tcp", addr)
				if err != nil {
					t.Error(err)
					return
				}
				if i%3 == 0 {
					io.WriteString(c, "GET /hls/live.m3u8?camera=x HTTP/1.1\r\n")
				}
				c.(*net.TCPConn).SetLinger(0) // a reset: no port waits
				c.Close()
			}
		})
	}
	group.Wait()
	waitFor(t, "goroutines to end", func() bool { return runtime.NumGoroutine() <= before+8 })
	waitFor(t, "an answer", func() bool {
		return strings.HasPrefix(say(t, addr, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), "HTTP/1.1 200")
	})
}

// TestAReaderThatTakesNothingIsDropped never reads an answer that fits into no buffer.
func TestAReaderThatTakesNothingIsDropped(t *testing.T) {
	ended := make(chan error, 1)
	h := New(Options{Library: nothing{}, Clock: &still{day}})
	h.stall = 300 * time.Millisecond
	h.handle("/endless", func(w http.ResponseWriter, r *http.Request, _ string) error {
		block := make([]byte, 1<<20)
		for {
			if _, err := w.Write(block); err != nil {
				ended <- err
				return nil
			}
		}
	})
	addr := listening(t, h, ServeOptions{})
	c := must[net.Conn](t)(net.Dial("tcp", addr))
	defer c.Close()
	io.WriteString(c, "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Error("it is written to for ever")
	}
}

func TestTooManyWaitersAreTurnedAway(t *testing.T) {
	h := New(Options{Library: nothing{}, Clock: &still{day}})
	for range maxClips {
		must[func()](t)(enter(h.clips))
	}
	s := httptest.NewServer(h)
	defer s.Close()
	status, header, text := fetch(t, s.URL+"/clip?camera=x&from=1&to=2")
	if status != 503 || header.Get("Retry-After") == "" || !strings.Contains(text, "too many requests") {
		t.Errorf("%d %v %s", status, header, text)
	}
}

func TestTLSTakesACertificateThatIsReplaced(t *testing.T) {
	old := httptest.NewUnstartedServer(nil)
	old.StartTLS()
	defer old.Close()
	config := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &old.TLS.Certificates[0], nil }}
	addr := listening(t, New(Options{Library: nothing{}, Clock: &still{day}}), ServeOptions{TLS: config, Header: 300 * time.Millisecond})
	for _, protocol := range []string{"h2", "http/1.1"} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}}, ForceAttemptHTTP2: protocol == "h2"}
		res, err := (&http.Client{Transport: transport}).Get("https://" + addr + "/api/v1/cameras")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		transport.CloseIdleConnections()
		if res.StatusCode != 200 || err != nil || res.ProtoMajor != 1+map[string]int{"h2": 1}[protocol] {
			t.Errorf("%s: %v %s %v", protocol, res.Proto, body, err)
		}
	}
	// Plain text and a handshake that never comes.
	if got := say(t, addr, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); !strings.Contains(got, "400") {
		t.Errorf("plain text: %q", got)
	}
	if got := say(t, addr, ""); got != "" {
		t.Errorf("silence: %q", got)
	}
}

func TestServeEndsWhileClientsWait(t *testing.T) {
	began := make(chan struct{})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(began)
		<-r.Context().Done() // as a request that waits for a part
	})
	l := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, h, ServeOptions{Grace: 200 * time.Millisecond}) }()
	c := must[net.Conn](t)(net.Dial("tcp", l.Addr().String()))
	defer c.Close()
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-began
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("Serve does not end")
	}
	// What listens no more is an error.
	if err := Serve(t.Context(), l, h, ServeOptions{}); err == nil {
		t.Error("a listener that is closed serves")
	}
}
