package rtspcam

import (
	"context"
	"net"
)

// TB is what Start needs of testing.TB.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Start runs a camera on a free port of 127.0.0.1 until the test ends.
func Start(t TB, o Options) *Camera {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatalf("rtspcam: %v", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("rtspcam: %v", err)
	}
	c.mu.Lock()
	c.addr = l.Addr() // URL works at once
	c.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Fatalf("rtspcam: %v", err)
		}
	})
	return c
}
