package rtsp

import (
	"bytes"
	"errors"
	"fmt"
	"net/textproto"
	"sort"
	"strconv"
	"strings"
)

// request is an RTSP request (RFC 2326 6).
type request struct {
	method string
	uri    string
	proto  string // "RTSP/1.0"; not written
	header textproto.MIMEHeader
	body   []byte
}

// response is an RTSP response (RFC 2326 7).
type response struct {
	code   int
	reason string
	header textproto.MIMEHeader
	body   []byte
}

const (
	maxHead = 64 << 10 // bytes of start line and headers; cameras stay below 2 KiB
	maxBody = 1 << 20  // bytes; a description of a hundred tracks has 50 KiB
)

var (
	errShort  = errors.New("message is not complete")
	errTooBig = errors.New("message is too large")
	errNoText = errors.New("no RTSP message")
)

// marshal gives the request's bytes. Headers that cameras like to see first come first.
func (r *request) marshal() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s RTSP/1.0\r\n", r.method, r.uri)
	marshalRest(&b, r.header, r.body)
	return b.Bytes()
}

// marshal gives the response's bytes.
func (r *response) marshal() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "RTSP/1.0 %d %s\r\n", r.code, r.reason)
	marshalRest(&b, r.header, r.body)
	return b.Bytes()
}

// spelled are header names whose usual spelling is not the canonical one of package
// textproto. Some peers compare them byte by byte.
var spelled = map[string]string{"Cseq": "CSeq", "Keymgmt": "KeyMgmt", "Rtp-Info": "RTP-Info", "Www-Authenticate": "WWW-Authenticate"}

// marshalRest writes headers and body.
func marshalRest(b *bytes.Buffer, header textproto.MIMEHeader, body []byte) {
	for _, key := range []string{"Cseq", "User-Agent", "Session"} {
		if v := header.Get(key); v != "" {
			fmt.Fprintf(b, "%s: %s\r\n", spelling(key), v)
		}
	}
	keys := make([]string, 0, len(header))
	for key := range header {
		switch key {
		case "Cseq", "User-Agent", "Session":
		default:
			keys = append(keys, key)
		}
	}
	sort.Strings(keys)
	for _, key := range keys {
		for _, v := range header[key] {
			fmt.Fprintf(b, "%s: %s\r\n", spelling(key), v)
		}
	}
	if len(body) > 0 {
		fmt.Fprintf(b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n")
	b.Write(body)
}

func spelling(key string) string {
	if s, ok := spelled[key]; ok {
		return s
	}
	return key
}

// parseMessage takes one message from the start of b: *request or *response, and how many
// bytes it has. errShort asks for more bytes; any other error means that b does not
// start with a message. It forgives what cameras do to headers: any case, bare line feeds,
// blanks before colons, lines without one.
func parseMessage(b []byte) (msg any, size int, err error) {
	return parseBounded(b, maxHead, maxBody)
}

// parseBounded is parseMessage with bounds of its own.
func parseBounded(b []byte, maxHead, maxBody int) (msg any, size int, err error) {
	head, size, err := splitHead(b, maxHead)
	if err != nil {
		return nil, 0, err
	}
	lines := strings.Split(strings.ReplaceAll(string(head), "\r\n", "\n"), "\n")
	header := parseHeader(lines[1:])
	length := 0
	if v := strings.TrimSpace(header.Get("Content-Length")); v != "" {
		if length, err = strconv.Atoi(v); err != nil || length < 0 {
			length = 0
		}
	}
	if length > maxBody {
		return nil, 0, errTooBig
	}
	if len(b) < size+length {
		return nil, 0, errShort
	}
	body := bytes.Clone(b[size : size+length])
	size += length
	first := strings.Fields(lines[0])
	if len(first) < 2 {
		return nil, 0, errNoText
	}
	if strings.HasPrefix(first[0], "RTSP/") {
		code, err := strconv.Atoi(first[1])
		if err != nil {
			return nil, 0, errNoText
		}
		return &response{code: code, reason: strings.Join(first[2:], " "), header: header, body: body}, size, nil
	}
	if len(first) != 3 || !strings.HasPrefix(first[2], "RTSP/") {
		return nil, 0, errNoText
	}
	return &request{method: first[0], uri: first[1], proto: first[2], header: header, body: body}, size, nil
}

// splitHead finds the empty line behind the headers; size counts it.
func splitHead(b []byte, maxHead int) (head []byte, size int, err error) {
	limit := min(len(b), maxHead)
	for i := 0; i < limit; i++ {
		nl := bytes.IndexByte(b[i:limit], '\n')
		if nl < 0 {
			break
		}
		i += nl
		switch {
		case i+1 < limit && b[i+1] == '\n':
			return b[:i], i + 2, nil
		case i+2 < limit && b[i+1] == '\r' && b[i+2] == '\n':
			return bytes.TrimSuffix(b[:i], []byte("\r")), i + 3, nil
		}
	}
	if len(b) >= maxHead {
		return nil, 0, errTooBig
	}
	return nil, 0, errShort
}

func parseHeader(lines []string) textproto.MIMEHeader {
	header := textproto.MIMEHeader{}
	last := ""
	for _, line := range lines {
		if last != "" && (strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")) {
			values := header[last]
			values[len(values)-1] += " " + strings.TrimSpace(line)
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		last = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(key))
		header[last] = append(header[last], strings.TrimSpace(value))
	}
	return header
}

// methods of requests that a peer may send, and the protocol's own name: how a text
// message in the byte stream is recognised.
var textStarts = [][]byte{
	[]byte("RTSP/"), []byte("HTTP/"), []byte("OPTIONS "), []byte("GET_PARAMETER "), []byte("SET_PARAMETER "), []byte("TEARDOWN "),
	[]byte("ANNOUNCE "), []byte("REDIRECT "), []byte("PAUSE "), []byte("PLAY "), []byte("DESCRIBE "), []byte("SETUP "),
	[]byte("RECORD "), []byte("PING "),
}

// startsText reports whether b begins with a message, or may once more bytes have come.
func startsText(b []byte) (yes, maybe bool) {
	for _, s := range textStarts {
		if bytes.HasPrefix(b, s) {
			return true, true
		}
		if len(b) < len(s) && bytes.HasPrefix(s, b) {
			maybe = true
		}
	}
	return false, maybe
}
