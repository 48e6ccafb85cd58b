package rtsp

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"net"
	"strings"
	"time"

	"rtsprec/engine/fault"
)

// dial opens the TCP connection and, for rtsps, TLS on it.
func dial(ctx context.Context, o Options, t target) (net.Conn, error) {
	limited, cancel := context.WithTimeout(ctx, o.DialTimeout)
	defer cancel()
	// The kernel's own probes find a dead peer where neither side has anything to say.
	d := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 4}}
	nc, err := d.DialContext(limited, "tcp", t.address())
	if err != nil {
		return nil, dialFault(ctx, t, err)
	}
	if !t.secure {
		return nc, nil
	}
	tc := tls.Client(nc, tlsConfig(o, t.host))
	if err := tc.HandshakeContext(limited); err != nil {
		nc.Close()
		return nil, dialFault(ctx, t, err)
	}
	return tc, nil
}

func dialFault(ctx context.Context, t target, err error) error {
	op := "connect to " + t.address()
	var distrust *distrustError
	switch {
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled):
		return fault.Wrap(fault.Canceled, op, ctx.Err())
	case errors.As(err, &distrust):
		return fault.Wrap(fault.Denied, op, distrust)
	}
	kind := netKind(err)
	switch {
	case kind == fault.Timeout, errors.Is(err, context.DeadlineExceeded):
		return fault.Wrap(fault.Unreachable, op, errors.New("no answer"))
	case kind == fault.Ended:
		kind = fault.Refused
	}
	return fault.Wrap(kind, op, plain(err))
}

// distrustError says that a certificate is not believed, and how to believe it.
type distrustError struct {
	why         string
	fingerprint string
}

func (e *distrustError) Error() string {
	return e.why + "; its SHA-256 fingerprint is " + e.fingerprint
}

// tlsConfig makes a configuration for one connection. Verification is ours, so that a
// refusal can name the fingerprint; where the owner vouches for the certificate, old
// protocol versions are let in too, because such cameras speak nothing newer.
func tlsConfig(o Options, host string) *tls.Config {
	config := &tls.Config{ServerName: host, InsecureSkipVerify: true}
	if o.Insecure || o.Fingerprint != "" {
		config.MinVersion = tls.VersionTLS10
		for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
			config.CipherSuites = append(config.CipherSuites, s.ID)
		}
	}
	config.VerifyConnection = func(cs tls.ConnectionState) error {
		return verify(o, host, cs.PeerCertificates)
	}
	return config
}

func verify(o Options, host string, chain []*x509.Certificate) error {
	if len(chain) == 0 {
		return &distrustError{why: "the peer has no certificate"}
	}
	sum := sha256.Sum256(chain[0].Raw)
	fingerprint := hex.EncodeToString(sum[:])
	if o.Fingerprint != "" {
		if normalFingerprint(o.Fingerprint) == fingerprint {
			return nil
		}
		return &distrustError{"the certificate is not the pinned one", fingerprint}
	}
	if o.Insecure {
		return nil
	}
	intermediates := x509.NewCertPool()
	for _, c := range chain[1:] {
		intermediates.AddCert(c)
	}
	if _, err := chain[0].Verify(x509.VerifyOptions{DNSName: host, Intermediates: intermediates}); err != nil {
		why := "the certificate is not trusted"
		if chain[0].Issuer.String() == chain[0].Subject.String() {
			why += " (it is self-signed)"
		} else {
			why += " (" + strings.TrimPrefix(err.Error(), "x509: ") + ")"
		}
		return &distrustError{why, fingerprint}
	}
	return nil
}

// normalFingerprint takes the forms people copy: colons, blanks, capitals, "sha256:".
func normalFingerprint(s string) string {
	s = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(s)), "sha256:")
	return strings.NewReplacer(":", "", " ", "", "-", "").Replace(s)
}
