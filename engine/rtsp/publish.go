package rtsp

import (
	"context"
	"log/slog"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// PublishOptions says where to publish and how. The zero value of every field but URL is a
// default; those that [Options] has too mean the same.
type PublishOptions struct {
	URL         string
	Transport   Transport // TCP (also for Auto and "") or UDP
	Insecure    bool
	Fingerprint string
	Timeout     time.Duration
	DialTimeout time.Duration
	Capture     bool // say in the description that sender reports are capture times to be believed, however old
	UserAgent   string
	Clock       media.Clock
	Log         *slog.Logger
	Observe     func(Event)
}

// Publisher is a session in which we publish. Write and Close may be called from
// different goroutines, Write from one at a time.
type Publisher struct{}

// PublishStats is what a publisher has done so far.
type PublishStats struct {
	Units, Packets, Bytes uint64 // sent; bytes of RTP
	Skipped               uint64 // units that cannot travel over RTP
	Peer                  string // see media.Run.Peer
	RTT                   time.Duration
}

// Publish connects, announces the tracks of run and starts the session (RFC 2326 10.3,
// 10.11). Kinds of errors are those of [Dial]; Busy: somebody else publishes there.
func Publish(ctx context.Context, o PublishOptions, run media.Run) (*Publisher, error) {
	return nil, fault.New(fault.Unsupported, "publishing")
}

// Write sends a unit. It waits while the connection takes nothing, and ctx bounds that; a
// unit half written ends the session. An error other than Canceled of a ctx that ended
// before anything was written means that the session is over.
func (p *Publisher) Write(ctx context.Context, au media.AccessUnit) error { return nil }

// Acked is the capture time up to which everything is known to have reached the peer's
// host: over TCP what its kernel has acknowledged, over UDP what its receiver reports
// cover. Units is how many units that is; zero values: nothing yet.
func (p *Publisher) Acked() (wall time.Time, units uint64) { return time.Time{}, 0 }

// Stats may be called at any time.
func (p *Publisher) Stats() PublishStats { return PublishStats{} }

// Done is closed when the session is over, and Err says why then.
func (p *Publisher) Done() <-chan struct{} { return nil }

// Err is why the session is over; nil before Done is closed.
func (p *Publisher) Err() error { return nil }

// Close ends the session and says goodbye to the peer. It waits for what has been written
// to be on its way, for at most a third of a second.
func (p *Publisher) Close() error { return nil }
