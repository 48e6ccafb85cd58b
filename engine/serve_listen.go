package engine

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"rtsprec/engine/fault"
)

// listeners are what a server accepts connections on.
type listeners struct {
	rtsp  []net.Listener // RTSPS ones are of package tls
	http  []net.Listener
	https []net.Listener // plain: package web adds TLS
	urls  []string
}

// listen opens all of them, or none.
func listen(o ServeOptions, cert *certificate) (*listeners, error) {
	l := &listeners{}
	for _, group := range []struct {
		scheme    string
		addresses []string
		into      *[]net.Listener
		wrap      bool
	}{
		{"rtsp", o.RTSP, &l.rtsp, false}, {"rtsps", o.RTSPS, &l.rtsp, true},
		{"http", o.HTTP, &l.http, false}, {"https", o.HTTPS, &l.https, false},
	} {
		for _, address := range group.addresses {
			n, err := net.Listen("tcp", address)
			if err != nil {
				l.close()
				return nil, listenFault(group.scheme, address, err)
			}
			l.urls = append(l.urls, urlsOf(group.scheme, n.Addr())...)
			if group.wrap {
				n = tls.NewListener(n, cert.config())
			}
			*group.into = append(*group.into, n)
		}
	}
	return l, nil
}

func listenFault(scheme, address string, err error) error {
	op := "listen for " + scheme + " on " + address
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fault.New(fault.Busy, "%s: another program listens there", op)
	case errors.Is(err, syscall.EACCES):
		return fault.New(fault.Denied, "%s: this user may not", op)
	}
	return fault.Wrap(fault.Usage, op, err)
}

func (l *listeners) close() {
	for _, group := range [][]net.Listener{l.rtsp, l.http, l.https} {
		for _, n := range group {
			n.Close()
		}
	}
}

// urlsOf is how others reach a listener: for one on all addresses, by each of this machine
// that is not only good on its own network segment, localhost first.
func urlsOf(scheme string, at net.Addr) []string {
	bound, err := netip.ParseAddrPort(at.String())
	if err != nil {
		return nil
	}
	url := func(host string) string {
		return scheme + "://" + net.JoinHostPort(host, strconv.Itoa(int(bound.Port()))) + "/"
	}
	if !bound.Addr().IsUnspecified() {
		return []string{url(bound.Addr().Unmap().String())}
	}
	urls := []string{url("localhost")}
	addresses, _ := net.InterfaceAddrs()
	for _, a := range addresses {
		p, err := netip.ParsePrefix(a.String())
		if err != nil || p.Addr().IsLoopback() || p.Addr().IsLinkLocalUnicast() || len(urls) > 16 {
			continue
		}
		urls = append(urls, url(p.Addr().String()))
	}
	return urls
}
