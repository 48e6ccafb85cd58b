package web

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"rtsprec/engine/fault"
)

// ServeOptions bounds what strangers can make a server hold. The zero value is good.
type ServeOptions struct {
	Conns      int           // connections at a time; 0: 1024
	PerAddress int           // of one address; 0: 64
	Header     time.Duration // how long a request's header, or a TLS handshake, may take; 0: 10 s
	Idle       time.Duration // how long a connection may rest between requests; 0: 1 min
	Grace      time.Duration // how long requests may go on after the end; 0: 2 s
	TLS        *tls.Config   // nil: plain HTTP. Its GetCertificate replaces a certificate while serving.
	Log        *slog.Logger  // nil: none
}

// maxHeader bounds a request's header: names of cameras in an URL, and a password.
const maxHeader = 16 << 10

// Serve answers the connections of l with h until ctx ends, then closes l, gives requests
// that are being answered o.Grace, and returns nil. It waits for everything it started.
// Any other end is an error.
func Serve(ctx context.Context, l net.Listener, h http.Handler, o ServeOptions) error {
	o = o.filled()
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: o.Header,
		IdleTimeout:       o.Idle,
		MaxHeaderBytes:    maxHeader,
		TLSConfig:         o.TLS,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 64},
		// A request that waits for media that is yet to come ends with ctx, too.
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	capped := &cappedListener{Listener: l, most: o.Conns, each: o.PerAddress, tls: o.TLS != nil, open: map[string]int{}}
	ended := make(chan error, 1)
	go func() {
		if o.TLS != nil {
			ended <- server.ServeTLS(capped, "", "")
			return
		}
		ended <- server.Serve(capped)
	}()
	select {
	case err := <-ended:
		server.Close()
		return fault.Because("serve HTTP", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Grace)
	defer cancel()
	if server.Shutdown(grace) != nil {
		server.Close()
	}
	if err := <-ended; err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fault.Because("serve HTTP", err)
	}
	return nil
}

func (o ServeOptions) filled() ServeOptions {
	fill := func(d *time.Duration, to time.Duration) {
		if *d <= 0 {
			*d = to
		}
	}
	if o.Conns <= 0 {
		o.Conns = 1024
	}
	if o.PerAddress <= 0 {
		o.PerAddress = 64
	}
	fill(&o.Header, 10*time.Second)
	fill(&o.Idle, time.Minute)
	fill(&o.Grace, 2*time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// cappedListener turns connections away that are too many: of all, or of one address.
type cappedListener struct {
	net.Listener
	most, each int
	tls        bool

	mu   sync.Mutex
	all  int
	open map[string]int // by address
}

// refusal is what is turned away with. It fits into any socket's buffer.
const refusal = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\n" +
	"Content-Type: application/json\r\nContent-Length: 34\r\n\r\n" + `{"error": "too many connections"}` + "\n"

// Accept implements net.Listener.
func (l *cappedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		addr, _, err := net.SplitHostPort(c.RemoteAddr().String())
		if err != nil {
			addr = c.RemoteAddr().String()
		}
		if l.take(addr) {
			return &countedConn{Conn: c, leave: sync.OnceFunc(func() { l.leave(addr) })}, nil
		}
		if !l.tls {
			_ = c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
			_, _ = c.Write([]byte(refusal))
		}
		c.Close()
	}
}

func (l *cappedListener) take(addr string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all >= l.most || l.open[addr] >= l.each {
		return false
	}
	l.all++
	l.open[addr]++
	return true
}

func (l *cappedListener) leave(addr string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all--
	if l.open[addr]--; l.open[addr] <= 0 {
		delete(l.open, addr)
	}
}

// countedConn gives its place back when it is closed.
type countedConn struct {
	net.Conn
	leave func()
}

func (c *countedConn) Close() error {
	c.leave()
	return c.Conn.Close()
}
