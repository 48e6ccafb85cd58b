package main

import (
	"context"
	"fmt"
	"net"
	"os/signal"
	"sync"
	"syscall"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/rtsp"
)

// hall is a hub with nothing but streams.
type hall struct {
	mu      sync.Mutex
	streams map[string]*rtsp.Stream
}

func (h *hall) Live(_ context.Context, path string) (*rtsp.Stream, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.streams[path]; s != nil {
		return s, nil
	}
	return nil, fault.New(fault.NotFound, "nobody publishes")
}

func (h *hall) Publish(_ context.Context, path string, _ media.Run, p rtsp.Publication) (media.Sink, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.streams[path] = rtsp.NewStream(rtsp.StreamOptions{Path: path, Keys: p.Keys})
	return h.streams[path], nil
}

func core(addr string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	s, err := rtsp.NewServer(rtsp.ServerOptions{Hub: &hall{streams: map[string]*rtsp.Stream{}}})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	return s.Serve(ctx, l)
}
