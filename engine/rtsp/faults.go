package rtsp

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"rtsprec/engine/fault"
)

// judge makes an error of an answer that is not 200. Redirects are left to the caller,
// who finds the *statusError inside.
func (c *control) judge(method string, res *response) error {
	if res.code >= 200 && res.code < 300 {
		return nil
	}
	kind := fault.Refused
	switch res.code {
	case 401, 403, 407, 470, 471:
		kind = fault.Denied
	case 404, 410:
		kind = fault.NotFound
	case 408, 504:
		kind = fault.Timeout
	case 453, 503:
		kind = fault.Busy
	case 415, 461, 505, 551:
		kind = fault.Unsupported
	}
	return fault.Wrap(kind, "open "+c.target.uri, &statusError{method, res.code, res.reason, res.header})
}

// broken makes an error of a connection that failed.
func (c *control) broken(op string, err error) error {
	return fault.Wrap(netKind(err), op, plain(err))
}

// netKind sorts the errors of package net, once and for all.
func netKind(err error) fault.Kind {
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var dns *net.DNSError
	switch {
	case err == nil:
		return fault.Bug
	case errors.Is(err, context.Canceled):
		return fault.Canceled
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return fault.Ended
	case errors.As(err, &cert):
		return fault.Denied
	case errors.As(err, &record), errors.As(err, &alert), errors.Is(err, errHTTP):
		return fault.Protocol
	case errors.As(err, &dns):
		return fault.Unreachable
	case errors.Is(err, syscall.ECONNREFUSED):
		return fault.Refused
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return fault.Timeout
	}
	return fault.Unreachable
}

// plain shortens what package net says about addresses that the reader knows already.
func plain(err error) error {
	var op *net.OpError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the peer closed the connection")
	case errors.As(err, &op):
		return op.Err
	}
	return err
}
