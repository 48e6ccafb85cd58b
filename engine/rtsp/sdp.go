package rtsp

import (
	"strconv"
	"strings"
)

// sdpSession is what matters of a description (RFC 4566). It is read line by line and
// nothing in it can make it fail: lines that are broken or unknown are passed over.
type sdpSession struct {
	title   string
	control string
	address string // c=, for multicast
	keyMgmt string
	media   []sdpMedia
}

// sdpMedia is one m= section.
type sdpMedia struct {
	kind      string // "video", "audio", "application", ...
	profile   string // "RTP/AVP", "RTP/SAVP"
	control   string
	direction string // "sendonly", "recvonly", ...; "" when not said
	rate      float64
	width     int // a=x-dimensions
	height    int
	keyMgmt   string
	formats   []sdpFormat
}

// sdpFormat is one payload type of an m= section.
type sdpFormat struct {
	pt     uint8
	rtpmap string            // as it stands after the payload type
	fmtp   map[string]string // keys in lower case
}

// maxMedia bounds the tracks of a description.
const maxMedia = 64

func parseSDP(body []byte) sdpSession {
	var s sdpSession
	for _, line := range strings.FieldsFunc(string(body), func(r rune) bool { return r == '\n' || r == '\r' }) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok {
			continue
		}
		switch strings.TrimSpace(key) {
		case "s":
			s.title = strings.TrimSpace(value)
		case "c":
			if f := strings.Fields(value); len(f) == 3 && s.address == "" {
				s.address, _, _ = strings.Cut(f[2], "/")
			}
		case "m":
			if len(s.media) == maxMedia {
				return s
			}
			if m, ok := parseMediaLine(value); ok {
				s.media = append(s.media, m)
			}
		case "a":
			if len(s.media) == 0 {
				s.attribute(value)
			} else {
				s.media[len(s.media)-1].attribute(value)
			}
		}
	}
	return s
}

// parseMediaLine reads "video 0 RTP/AVP 96 97".
func parseMediaLine(value string) (sdpMedia, bool) {
	f := strings.Fields(value)
	if len(f) < 4 {
		return sdpMedia{}, false
	}
	m := sdpMedia{kind: strings.ToLower(f[0]), profile: strings.ToUpper(f[2])}
	for _, p := range f[3:] {
		if pt, err := strconv.ParseUint(p, 10, 7); err == nil {
			m.formats = append(m.formats, sdpFormat{pt: uint8(pt), fmtp: map[string]string{}})
		}
	}
	return m, len(m.formats) > 0
}

func (s *sdpSession) attribute(value string) {
	key, arg, _ := strings.Cut(value, ":")
	switch strings.ToLower(strings.TrimSpace(key)) {
	case "control":
		s.control = strings.TrimSpace(arg)
	case "key-mgmt":
		s.keyMgmt = strings.TrimSpace(arg)
	}
}

func (m *sdpMedia) attribute(value string) {
	key, arg, _ := strings.Cut(value, ":")
	arg = strings.TrimSpace(arg)
	switch key = strings.ToLower(strings.TrimSpace(key)); key {
	case "control":
		m.control = arg
	case "key-mgmt":
		m.keyMgmt = arg
	case "sendonly", "recvonly", "sendrecv", "inactive":
		m.direction = key
	case "framerate":
		if rate, err := strconv.ParseFloat(arg, 64); err == nil && rate > 0 && rate < 1000 {
			m.rate = rate
		}
	case "x-dimensions":
		w, h, _ := strings.Cut(arg, ",")
		m.width, m.height = dimension(w), dimension(h)
	case "rtpmap":
		if f, rest := m.format(arg); f != nil {
			f.rtpmap = rest
		}
	case "fmtp":
		if f, rest := m.format(arg); f != nil {
			for _, p := range strings.Split(rest, ";") {
				k, v, _ := strings.Cut(p, "=")
				f.fmtp[strings.ToLower(strings.TrimSpace(k))] = strings.TrimSpace(v)
			}
		}
	}
}

// format finds the payload type that an attribute begins with.
func (m *sdpMedia) format(arg string) (*sdpFormat, string) {
	number, rest, _ := strings.Cut(arg, " ")
	pt, err := strconv.ParseUint(number, 10, 7)
	if err != nil {
		return nil, ""
	}
	for i := range m.formats {
		if m.formats[i].pt == uint8(pt) {
			return &m.formats[i], strings.TrimSpace(rest)
		}
	}
	return nil, ""
}

func dimension(s string) int {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < 0 || n > 65535 {
		return 0
	}
	return n
}

// number reads a decimal fmtp parameter; def where there is none.
func (f *sdpFormat) number(key string, def int) int {
	if n, err := strconv.Atoi(f.fmtp[key]); err == nil && n >= 0 && n <= 1<<20 {
		return n
	}
	return def
}
