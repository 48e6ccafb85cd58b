package rtspcam

import (
	"context"
	"net"
	"time"
)

// Camera is a scripted camera. All methods are safe for concurrent use.
type Camera struct{}

// New checks the options and loads the clips. It starts nothing and listens to nothing.
// Errors are of kind fault.Usage.
func New(o Options) (*Camera, error) { return &Camera{}, nil }

// Serve answers on l until ctx is done, then says goodbye to all readers (RTCP BYE),
// closes l and returns nil. It may be called once.
func (c *Camera) Serve(ctx context.Context, l net.Listener) error { return nil }

// Addr is where the camera answers; nil before Serve.
func (c *Camera) Addr() net.Addr { return nil }

// URL is the address of a path, with the credentials of Options.
func (c *Camera) URL(path string) string { return "" }

// Fingerprint is the SHA-256 of the TLS certificate, in lower-case hexadecimal digits.
func (c *Camera) Fingerprint() string { return "" }

// Misbehave adds faults that count their start from now. path "" means all paths.
func (c *Camera) Misbehave(path, spec string) error { return nil }

// Drop cuts all connections and refuses new ones for d.
func (c *Camera) Drop(d time.Duration) {}

// Restart does what a reboot does: connections are cut and the stream returns at once with
// another SSRC, RTP time and sequence number.
func (c *Camera) Restart() {}

// Stall sends no media for d, while RTSP is still answered.
func (c *Camera) Stall(d time.Duration) {}

// ChangeParameters switches video to its other resolution at once, at a key frame.
func (c *Camera) ChangeParameters() {}

// Readers is the number of sessions that are playing the path now.
func (c *Camera) Readers(path string) int { return 0 }

// Sent says which video units of a path (audio, where there is no video) left whole,
// all their packets handed to the network for at least one reader, in counter order.
func (c *Camera) Sent(path string) []Range { return nil }
