package rtsp

import (
	"errors"
	"net/textproto"

	"rtsprec/engine/fault"
)

// refusal is a status other than 200. Its reason goes into the status line: that is
// what players show people.
type refusal struct {
	code   int
	why    string
	header textproto.MIMEHeader
}

func (e *refusal) Error() string { return e.why }

func refuse(code int, why string) error { return &refusal{code: code, why: why} }

// statuses are the names of the codes that are used (RFC 2326 7.1.1).
var statuses = map[int]string{
	400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 406: "Not Acceptable",
	413: "Request Entity Too Large", 414: "Request-URI Too Large", 415: "Unsupported Media Type",
	451: "Parameter Not Understood", 453: "Not Enough Bandwidth", 454: "Session Not Found",
	455: "Method Not Valid In This State", 457: "Invalid Range", 459: "Aggregate Operation Not Allowed",
	461: "Unsupported Transport", 500: "Internal Server Error", 501: "Not Implemented", 503: "Service Unavailable",
	504: "Gateway Time-out", 505: "RTSP Version Not Supported", 551: "Option Not Supported",
}

// refused makes an answer of an error.
//
// Busy (somebody publishes there, no session is free) is 453: RFC 2326 11.3.5 gives it for
// a failed reservation of a resource, clients take it as passing, and 503 would say that
// the whole server has no time.
func (c *serverConn) refused(err error) *response {
	var r *refusal
	var bad *rangeError
	switch {
	case errors.As(err, &r):
	case errors.As(err, &bad):
		r = &refusal{code: bad.code, why: bad.why}
	default:
		code := 503
		switch fault.KindOf(err) {
		case fault.NotFound:
			code = 404
		case fault.Denied:
			code = 403
		case fault.Busy:
			code = 453
		case fault.Usage, fault.Protocol:
			code = 400
		case fault.Unsupported:
			code = 415
		case fault.Unreachable, fault.Timeout, fault.Refused:
			code = 504
		case fault.Bug:
			c.s.o.Log.Error("a request failed", "peer", c.peer, "err", err)
			code = 500
		}
		r = &refusal{code: code, why: err.Error()}
	}
	res := &response{code: r.code, reason: reasonOf(r.code, r.why), header: textproto.MIMEHeader{}}
	for k, v := range r.header {
		res.header[k] = v
	}
	return res
}

// reasonOf is the code's name with the reason behind it, on one line.
func reasonOf(code int, why string) string {
	text := statuses[code]
	if why = oneLine(fault.Redact(why)); why != "" {
		text += " (" + why[:min(len(why), 200)] + ")"
	}
	return text
}

// statusLine is a whole answer.
func statusLine(header textproto.MIMEHeader, code int, why string) []byte {
	if header == nil {
		header = textproto.MIMEHeader{}
	}
	header.Set("Connection", "close")
	res := response{code: code, reason: reasonOf(code, why), header: header}
	return res.marshal()
}
