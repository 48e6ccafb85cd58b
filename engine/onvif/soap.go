package onvif

import (
	"context"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"syscall"
	"time"

	"rtsprec/engine/access"
	"rtsprec/engine/fault"
)

// Name spaces.
const (
	nsSOAP   = "http://www.w3.org/2003/05/soap-envelope"
	nsDevice = "http://www.onvif.org/ver10/device/wsdl"
	nsMedia  = "http://www.onvif.org/ver10/media/wsdl"
	nsSchema = "http://www.onvif.org/ver10/schema"
	nsWSSE   = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	nsWSU    = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	wssType  = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#"
)

// device is who is asked.
type device struct {
	o         Options
	client    *http.Client
	address   *url.URL          // of the device service
	ahead     time.Duration     // its clock, of ours
	challenge *access.Challenge // of HTTP; nil: none came
}

func newDevice(o Options) (*device, error) {
	u, err := url.Parse(o.Device)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return nil, fault.New(fault.Usage, "%q is no http:// address of an ONVIF device", fault.URL(o.Device))
	}
	return &device{o: o, address: u, client: &http.Client{
		// A connection is not worth keeping for a request every few minutes.
		Transport:     &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// ask sends a request, whose body is the content of an element in its name space, and
// returns the element of that name with Response behind it.
func (d *device) ask(ctx context.Context, to *url.URL, space, name, content string) (*element, error) {
	what := "ask " + to.Host + " for " + name
	fail := func(kind fault.Kind, format string, args ...any) error {
		return fault.Wrap(kind, what, errors.New(d.clean(fmt.Sprintf(format, args...))))
	}
	for try := 0; ; try++ {
		res, body, err := d.post(ctx, to, space, name, content)
		if err != nil {
			return nil, fail(fault.KindOf(err), "%v", err)
		}
		switch {
		case res.StatusCode == http.StatusUnauthorized && try == 0 && d.o.User != "" && d.challenged(res):
			continue
		case res.StatusCode == http.StatusUnauthorized:
			return nil, fail(fault.Denied, "it does not accept this user name and password")
		case res.StatusCode/100 == 3:
			return nil, fail(fault.Refused, "it redirects to another address (%s), which is not followed", short(res.Header.Get("Location")))
		case len(body) > mostBytes:
			return nil, fail(fault.Protocol, "its answer is larger than %d KiB", mostBytes>>10)
		}
		top, err := parse(body)
		if f := top.at("Body", "Fault"); f != nil {
			kind, reason := faultOf(f)
			return nil, fail(kind, "%s", reason)
		}
		switch answer := top.at("Body", name+"Response"); {
		case res.StatusCode == http.StatusNotFound:
			return nil, fail(fault.NotFound, "there is no such service")
		case res.StatusCode/100 != 2:
			return nil, fail(fault.Refused, "it answers %d", res.StatusCode)
		case err != nil:
			return nil, fail(fault.Protocol, "%v", err)
		case answer == nil:
			return nil, fail(fault.Protocol, "its answer is something else")
		default:
			return answer, nil
		}
	}
}

// post is one exchange.
func (d *device) post(ctx context.Context, to *url.URL, space, name, content string) (*http.Response, []byte, error) {
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="%s"><s:Header>%s</s:Header><s:Body><%s xmlns="%s">%s</%s></s:Body></s:Envelope>`,
		nsSOAP, d.security(name), name, space, content, name)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), strings.NewReader(b.String()))
	if err != nil {
		return nil, nil, fault.Wrap(fault.Usage, "", err)
	}
	req.Header.Set("Content-Type", fmt.Sprintf(`application/soap+xml; charset=utf-8; action="%s/%s"`, space, name))
	if d.challenge != nil {
		req.Header.Set("Authorization", d.challenge.Answer(d.o.User, d.o.Password, http.MethodPost, to.RequestURI()))
	}
	res, err := d.client.Do(req)
	if err != nil {
		return nil, nil, classify(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, mostBytes+1))
	if err != nil {
		return nil, nil, classify(err)
	}
	return res, body, nil
}

// security is a UsernameToken with a password digest (ONVIF Core, WS-UsernameToken). The
// time of a device is asked for by anybody, and decides whether it believes the others.
func (d *device) security(name string) string {
	if d.o.User == "" || name == "GetSystemDateAndTime" {
		return ""
	}
	var nonce [16]byte
	rand.Read(nonce[:])
	created := d.o.Clock.Wall().Add(d.ahead).UTC().Format("2006-01-02T15:04:05.000Z")
	return fmt.Sprintf(`<Security s:mustUnderstand="1" xmlns="%s"><UsernameToken><Username>%s</Username><Password Type="%sPasswordDigest">%s</Password>`+
		`<Nonce EncodingType="%s">%s</Nonce><Created xmlns="%s">%s</Created></UsernameToken></Security>`,
		nsWSSE, escaped(d.o.User), wssType, passwordDigest(nonce[:], created, d.o.Password),
		strings.Replace(wssType, "username-token-profile", "soap-message-security", 1)+"Base64Binary", base64.StdEncoding.EncodeToString(nonce[:]), nsWSU, created)
}

// passwordDigest is Base64(SHA-1(nonce + created + password)), as the Web Services Security
// UsernameToken Profile has it.
func passwordDigest(nonce []byte, created, password string) string {
	sum := sha1.New()
	sum.Write(nonce)
	io.WriteString(sum, created+password)
	return base64.StdEncoding.EncodeToString(sum.Sum(nil))
}

// challenged takes in what HTTP asks for, and reports whether it can be answered. A
// password does not travel in clear text.
func (d *device) challenged(res *http.Response) bool {
	c := access.PickChallenge(textproto.MIMEHeader(res.Header))
	if c == nil || c.Basic && d.address.Scheme != "https" {
		return false
	}
	d.challenge = c
	return true
}

// faultOf is what a SOAP fault says (SOAP 1.2, 5.4).
func faultOf(f *element) (fault.Kind, string) {
	reason := f.at("Reason", "Text").value()
	if reason == "" {
		reason = f.at("faultstring").value()
	}
	codes := ""
	for c := f.at("Code"); c != nil; c = c.at("Subcode") {
		codes += " " + c.at("Value").value()
	}
	kind := fault.Refused
	switch {
	case strings.Contains(codes, "NotAuthorized") || strings.Contains(codes, "FailedAuthentication"):
		kind = fault.Denied
	case strings.Contains(codes, "ActionNotSupported"):
		kind = fault.Unsupported
	case strings.Contains(codes, "NoConfig") || strings.Contains(codes, "NoProfile"):
		kind = fault.NotFound
	}
	if reason == "" {
		reason = "refused" + codes
	}
	return kind, "it says: " + short(reason)
}

// short is what of a device's words goes into a line.
func short(text string) string {
	return fault.OneLine(strings.ToValidUTF8(text[:min(len(text), 200)], ""))
}

// clean keeps the password out of what a device says.
func (d *device) clean(text string) string {
	if d.o.Password == "" {
		return text
	}
	return strings.ReplaceAll(text, d.o.Password, "***")
}

// classify gives a failure of HTTP its kind.
func classify(err error) error {
	kind := fault.Unreachable
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // it names the address, as the caller does
	}
	timeout, ok := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, context.Canceled):
		kind = fault.Canceled
	case errors.Is(err, context.DeadlineExceeded), ok && timeout.Timeout():
		kind = fault.Timeout
	case errors.Is(err, syscall.ECONNREFUSED):
		kind = fault.Refused
	case strings.Contains(err.Error(), "malformed HTTP"):
		kind = fault.Protocol
	}
	return fault.Wrap(kind, "", err)
}
