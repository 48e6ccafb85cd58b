package rtsp

import (
	"log/slog"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// Transport names a way for media to travel. Its value is what JSON and people see.
type Transport string

// The transports. The empty Transport is Auto.
const (
	Auto      Transport = "auto"      // UDP, and TCP where UDP is refused or stays silent
	UDP       Transport = "udp"       // unicast RTP over UDP (RFC 2326 12.39)
	TCP       Transport = "tcp"       // interleaved in the RTSP connection (RFC 2326 10.12)
	Multicast Transport = "multicast" // a group that the camera names
)

// Transports lists every transport, Auto first.
var Transports = []Transport{Auto, UDP, TCP, Multicast}

// Options says whom to ask and how. The zero value of every field but URL is a default.
type Options struct {
	// URL is rtsp:// or rtsps://, with or without credentials. Characters that a URL
	// should escape are taken as they are in user name and password.
	URL         string
	Transport   Transport
	Reorder     time.Duration  // how long a missing packet is waited for; 0: 100 ms; negative: not at all
	Insecure    bool           // RTSPS: accept any certificate
	Fingerprint string         // RTSPS: accept the certificate with this SHA-256 (hex, colons optional) and no other
	ClockTrust  time.Duration  // how far the camera's clock may be off and still be believed; 0: 2 s
	SilenceUDP  time.Duration  // Auto: how long UDP may take for its first packet; 0: 3 s
	Timeout     time.Duration  // silence after which the peer is gone, and the limit for each answer; 0: 10 s
	DialTimeout time.Duration  // for the TCP and TLS handshakes; 0: 5 s
	Queue       int64          // bytes that may wait for Next; 0: 16 MiB
	Replay      *ReplayRequest // the peer's own recording instead of what it sees now; nil: live
	UserAgent   string         // "" : "rtsprec"
	Clock       media.Clock    // nil: the host's
	Log         *slog.Logger   // nil: silent. Requests and answers at debug level, no passwords
	Observe     func(Event)    // nil: nobody. Called from many goroutines, must not block
}

const (
	defaultReorder     = 100 * time.Millisecond
	defaultTrust       = 2 * time.Second
	defaultSilenceUDP  = 3 * time.Second
	defaultTimeout     = 10 * time.Second
	defaultDialTimeout = 5 * time.Second
	defaultQueue       = 16 << 20
)

// filled returns o with its defaults in place. An impossible option is fault.Usage.
func (o Options) filled() (Options, error) {
	switch o.Transport {
	case "":
		o.Transport = Auto
	case Auto, UDP, TCP, Multicast:
	default:
		return o, fault.New(fault.Usage, "unknown transport %q", string(o.Transport))
	}
	if o.Replay != nil {
		if !o.Replay.From.Before(o.Replay.To) {
			return o, fault.New(fault.Usage, "a replay that ends before it begins")
		}
		o.Transport = TCP
	}
	switch {
	case o.Reorder == 0:
		o.Reorder = defaultReorder
	case o.Reorder < 0:
		o.Reorder = 0
	}
	setDefault(&o.ClockTrust, defaultTrust)
	setDefault(&o.SilenceUDP, defaultSilenceUDP)
	setDefault(&o.Timeout, defaultTimeout)
	setDefault(&o.DialTimeout, defaultDialTimeout)
	if o.Queue <= 0 {
		o.Queue = defaultQueue
	}
	if o.UserAgent == "" {
		o.UserAgent = "rtsprec"
	}
	if o.Clock == nil {
		o.Clock = media.SystemClock{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Observe == nil {
		o.Observe = func(Event) {}
	}
	return o, nil
}

func setDefault(d *time.Duration, value time.Duration) {
	if *d <= 0 {
		*d = value
	}
}
