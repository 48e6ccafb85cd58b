package engine

import (
	"crypto/tls"
	"sync/atomic"

	"rtsprec/engine/fault"
	"rtsprec/engine/vfs"
)

// certificate is the one that RTSPS and HTTPS show. It can be replaced while they do.
type certificate struct {
	now atomic.Pointer[tls.Certificate]
}

// pemLimit bounds a PEM file, in bytes.
const pemLimit = 1 << 20

// load reads the certificate and its key. After an error the one of before is shown.
func (c *certificate) load(fsys vfs.FS, certFile, keyFile string) error {
	const op = "read the certificate"
	cert, err := vfs.ReadFile(fsys, certFile, pemLimit)
	if err != nil {
		return fault.Wrap(fault.Usage, op, err)
	}
	key, err := vfs.ReadFile(fsys, keyFile, pemLimit)
	if err != nil {
		return fault.Wrap(fault.Usage, op+"'s key", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return fault.Wrap(fault.Usage, op, err)
	}
	c.now.Store(&pair)
	return nil
}

// config is for one listener: a tls.Config is not to be shared.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.now.Load(), nil },
	}
}
