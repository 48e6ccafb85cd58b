package engine_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/rtsp"
	"rtsprec/engine/rtspcam"
)

// certify writes a certificate of its own with that serial number, and its key.
func certify(t testing.TB, cert, key string, serial int64) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// serialOf is the serial number of the certificate that is shown at an address.
func serialOf(t testing.TB, address string) int64 {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	c, err := tls.Dial("tcp", u.Host, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

func TestCertificatesAreReplacedWhileServing(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264"}})
	cert, key := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	certify(t, cert, key, 1)
	s := serve(t, engine.ServeOptions{
		RTSP: []string{}, HTTP: []string{}, RTSPS: []string{"127.0.0.1:0"}, HTTPS: []string{"127.0.0.1:0"},
		Cert: cert, Key: key, Paths: []engine.ServePath{pulled("a", cam.URL("a"))},
	})
	urls := all[engine.Serving](s.events)[0].URLs
	if len(urls) != 2 {
		t.Fatalf("%q", urls)
	}
	v, err := engine.DialRTSP(t.Context(), rtsp.Options{URL: urls[0] + "a", Insecure: true})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	sees(t, v, 10)
	for _, url := range urls {
		if n := serialOf(t, url); n != 1 {
			t.Errorf("%s shows certificate %d", url, n)
		}
	}

	if err := os.WriteFile(cert, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.reload <- s.options
	waitFor(t, "the refusal", func() bool { return len(all[engine.Reloaded](s.events)) == 1 })
	if all[engine.Reloaded](s.events)[0].Err == "" || serialOf(t, urls[0]) != 1 {
		t.Error("a certificate that is none was taken")
	}
	certify(t, cert, key, 2)
	s.reload <- s.options
	waitFor(t, "the reload", func() bool { return len(all[engine.Reloaded](s.events)) == 2 })
	for _, url := range urls {
		if n := serialOf(t, url); n != 2 {
			t.Errorf("after the reload %s shows certificate %d", url, n)
		}
	}
	sees(t, v, 10) // the old connection goes on
	s.end(t)
}
