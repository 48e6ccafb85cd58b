package web

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"time"

	"rtsprec/engine/media"
)

// Options is what a handler is made of. Library and Clock are needed.
type Options struct {
	Library Library
	Hub     Hub    // nil: nothing is live; only recordings are served
	Access  Access // nil: everybody may do everything
	Guard   Guard  // nil: no limit to failed logins
	Clock   media.Clock
	Log     *slog.Logger // nil: none
	Version string       // of rtsprec, for the page and the metrics
	// Stale is how long media of a camera may fail to reach the disk before /healthz says
	// so; 0: 10 s.
	Stale time.Duration
}

// New returns the handler of everything this package serves. It starts nothing.
func New(o Options) http.Handler { return http.NotFoundHandler() }

// ServeOptions bounds what strangers can make the server hold.
type ServeOptions struct {
	Conns      int         // connections at a time; 0: 1024
	PerAddress int         // of one address; 0: 64
	TLS        *tls.Config // nil: plain HTTP. GetCertificate is how a certificate is replaced while serving.
	Log        *slog.Logger
}

// Serve answers connections of l by h until ctx ends; requests being answered then have
// two seconds to finish. It closes l. The error is nil after ctx ended.
func Serve(ctx context.Context, l net.Listener, h http.Handler, o ServeOptions) error { return nil }
