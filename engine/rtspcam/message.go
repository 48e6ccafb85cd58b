package rtspcam

import (
	"bufio"
	"fmt"
	"io"
	"net/textproto"
	"strconv"
	"strings"
)

const (
	maxHeaders = 64
	maxLine    = 4096
	maxBody    = 64 << 10
)

// request is an RTSP request (RFC 2326 6).
type request struct {
	method string
	url    string
	proto  string
	header map[string]string // by canonical name; the last one of a name
	body   []byte
}

// response is what is answered.
type response struct {
	status int
	header [][2]string
	body   string
}

func (r *response) set(name, value string) { r.header = append(r.header, [2]string{name, value}) }

var statusText = map[int]string{
	200: "OK", 301: "Moved Permanently", 302: "Found", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found",
	405: "Method Not Allowed", 453: "Not Enough Bandwidth", 454: "Session Not Found",
	455: "Method Not Valid in This State", 459: "Aggregate Operation Not Allowed",
	461: "Unsupported Transport", 501: "Not Implemented", 503: "Service Unavailable",
}

// readRequest reads one request; sizes are bounded. It returns an error at the end of the
// connection and for what is no RTSP.
func readRequest(r *bufio.Reader) (*request, error) {
	line, err := readLine(r)
	if err != nil {
		return nil, err
	}
	field := strings.Fields(line)
	if len(field) != 3 {
		return nil, fmt.Errorf("request line %q", line)
	}
	q := &request{method: field[0], url: field[1], proto: field[2], header: map[string]string{}}
	for range maxHeaders {
		if line, err = readLine(r); err != nil {
			return nil, err
		}
		if line == "" {
			return q, q.readBody(r)
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("header %q", line)
		}
		q.header[textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name))] = strings.TrimSpace(value)
	}
	return nil, fmt.Errorf("more than %d headers", maxHeaders)
}

func (q *request) readBody(r *bufio.Reader) error {
	text, ok := q.header["Content-Length"]
	if !ok {
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > maxBody {
		return fmt.Errorf("content length %q", text)
	}
	q.body = make([]byte, n)
	_, err = io.ReadFull(r, q.body)
	return err
}

// readLine reads a line without its end; the reader's buffer bounds it.
func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadSlice('\n')
	return strings.TrimRight(string(line), "\r\n"), err
}

// skipFrame reads an interleaved frame behind its "$".
func skipFrame(r *bufio.Reader) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	_, err := r.Discard(int(head[2])<<8 | int(head[3]))
	return err
}

// bytes is the response on the wire.
func (r *response) bytes(proto string, lower bool) []byte {
	var b strings.Builder
	text := statusText[r.status]
	fmt.Fprintf(&b, "%s %d %s\r\n", proto, r.status, text)
	for _, h := range r.header {
		name := h[0]
		if lower {
			name = strings.ToLower(name)
		}
		fmt.Fprintf(&b, "%s: %s\r\n", name, h[1])
	}
	fmt.Fprintf(&b, "\r\n%s", r.body)
	return []byte(b.String())
}
