package rtsp

import (
	"net"
	"net/url"
	"strconv"
	"strings"

	"rtsprec/engine/fault"
)

// target is an RTSP address taken apart. uri is what stands in requests: without
// credentials, otherwise byte for byte as given, because cameras compare it so.
type target struct {
	secure   bool
	host     string // without port and brackets
	port     string
	uri      string
	user     string
	password string
	hasUser  bool
}

// parseURL takes an address apart more leniently than package url does: user name
// and password end at the last @ before the path, and a % in them that starts no escape
// stands for itself. Errors are fault.Usage and show no password.
func parseURL(raw string) (target, error) {
	var t target
	raw = strings.TrimSpace(raw)
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return t, fault.New(fault.Usage, "%q is no rtsp:// address", fault.URL(raw))
	}
	switch strings.ToLower(scheme) {
	case "rtsp", "rtspt", "rtspu":
		scheme, t.port = "rtsp", "554"
	case "rtsps":
		scheme, t.port, t.secure = "rtsps", "322", true
	default:
		return t, fault.New(fault.Usage, "%s:// is no RTSP address", scheme)
	}
	authority, path := splitAuthority(rest)
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		user, password, _ := strings.Cut(authority[:at], ":")
		t.user, t.password, t.hasUser = unescape(user), unescape(password), true
		authority = authority[at+1:]
	}
	if host, port, err := net.SplitHostPort(authority); err == nil && port != "" {
		t.host, t.port = host, port
	} else {
		t.host = strings.Trim(strings.TrimSuffix(authority, ":"), "[]")
	}
	path, _, _ = strings.Cut(path, "#")
	t.uri = scheme + "://" + authority + path
	port, err := strconv.ParseUint(t.port, 10, 16)
	switch {
	case t.host == "":
		return t, fault.New(fault.Usage, "no host in %q", fault.URL(raw))
	case err != nil || port == 0:
		return t, fault.New(fault.Usage, "%q is no port", t.port)
	case strings.ContainsFunc(t.uri, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return t, fault.New(fault.Usage, "a blank in %q", fault.URL(raw))
	}
	return t, nil
}

// Login is the host, without its port, and the user and password of an RTSP address, and
// the address without them. Errors are fault.Usage.
func Login(raw string) (host, user, password, bare string, err error) {
	t, err := parseURL(raw)
	return t.host, t.user, t.password, t.uri, err
}

// splitAuthority finds where the path begins. A slash, question mark or hash inside a
// password is part of it when what stands before can be no host and an @ follows.
func splitAuthority(rest string) (authority, path string) {
	from := 0
	for {
		end := len(rest)
		if i := strings.IndexAny(rest[from:], "/?#"); i >= 0 {
			end = from + i
		}
		at := strings.IndexByte(rest[end:], '@')
		if at < 0 || isHost(rest[strings.LastIndexByte(rest[:end], '@')+1:end]) {
			return rest[:end], rest[end:]
		}
		from = end + at
	}
}

// isHost reports whether s can be a host, with a port or without.
func isHost(s string) bool {
	if strings.HasPrefix(s, "[") {
		return true
	}
	host, port, _ := strings.Cut(s, ":")
	return host != "" && strings.Trim(port, "0123456789") == ""
}

// unescape undoes percent escapes and takes anything else as it is.
func unescape(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if u, err := url.PathUnescape(s[i : i+3]); err == nil {
				b.WriteString(u)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// address is what to dial.
func (t target) address() string { return net.JoinHostPort(t.host, t.port) }

// join resolves a control attribute (RFC 2326 C.1.1) the way cameras mean it: an absolute
// one stands for itself, a relative one is appended to the whole base, query included.
func join(base, control string) string {
	control = strings.TrimSpace(control)
	switch {
	case control == "" || control == "*":
		return base
	case hasScheme(control):
		return withoutCredentials(control)
	case strings.HasPrefix(control, "?") || strings.HasSuffix(base, "/"):
		return base + strings.TrimPrefix(control, "/")
	case strings.HasPrefix(control, "/"):
		return base + control
	}
	return base + "/" + control
}

func hasScheme(s string) bool {
	s = strings.ToLower(s)
	return strings.HasPrefix(s, "rtsp://") || strings.HasPrefix(s, "rtsps://")
}

// withoutCredentials removes user and password, which have no place in a request line.
func withoutCredentials(raw string) string {
	if t, err := parseURL(raw); err == nil && t.hasUser {
		return t.uri
	}
	return raw
}

// baseOf is the address that control attributes are relative to (RFC 2326 C.1.1).
func baseOf(res *response, requested string) string {
	for _, key := range []string{"Content-Base", "Content-Location"} {
		v := strings.TrimSpace(res.header.Get(key))
		switch {
		case hasScheme(v):
			return withoutCredentials(v)
		case strings.HasPrefix(v, "/"):
			if t, err := parseURL(requested); err == nil {
				scheme, rest, _ := strings.Cut(t.uri, "://")
				authority, _ := splitAuthority(rest)
				return scheme + "://" + authority + v
			}
		}
	}
	return requested
}
