package rtsp

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net/textproto"
	"strings"
)

// challenge is one WWW-Authenticate value (RFC 7616, RFC 7617) that can be answered.
type challenge struct {
	basic     bool
	realm     string
	nonce     string
	opaque    string
	algorithm string // as the peer spelled it; "" means MD5
	qop       bool   // the peer offers qop=auth
	stale     bool
	count     uint32 // requests answered with this nonce
}

// pickChallenge returns the strongest challenge that can be answered, nil when there is none.
func pickChallenge(header textproto.MIMEHeader) *challenge {
	var best *challenge
	for _, value := range header.Values("Www-Authenticate") {
		for _, c := range parseChallenges(value) {
			if best == nil || c.strength() > best.strength() {
				best = c
			}
		}
	}
	return best
}

func (c *challenge) strength() int {
	switch {
	case c.basic:
		return 0
	case strings.HasPrefix(strings.ToUpper(c.algorithm), "SHA-256"):
		return 2
	}
	return 1
}

// name is the scheme as people know it.
func (c *challenge) name() string {
	switch {
	case c == nil:
		return "none"
	case c.basic:
		return "Basic"
	case c.strength() == 2:
		return "Digest SHA-256"
	}
	return "Digest MD5"
}

// parseChallenges reads one header value, which may hold several challenges.
func parseChallenges(value string) []*challenge {
	var list []*challenge
	var c *challenge
	for _, part := range splitQuoted(value, ',') {
		key, val, _ := strings.Cut(part, "=")
		key = strings.TrimSpace(key)
		if scheme, first, ok := strings.Cut(key, " "); ok || !strings.Contains(part, "=") {
			c = nil
			switch strings.ToLower(scheme) {
			case "basic":
				c = &challenge{basic: true}
			case "digest":
				c = &challenge{}
			}
			if c != nil {
				list = append(list, c)
			}
			key = strings.TrimSpace(first)
		}
		if c != nil {
			c.set(strings.ToLower(key), strings.Trim(strings.TrimSpace(val), `"`))
		}
	}
	usable := list[:0]
	for _, c := range list {
		if c.basic || (c.nonce != "" && c.hash() != nil) {
			usable = append(usable, c)
		}
	}
	return usable
}

func (c *challenge) set(key, value string) {
	switch key {
	case "realm":
		c.realm = value
	case "nonce":
		c.nonce = value
	case "opaque":
		c.opaque = value
	case "algorithm":
		c.algorithm = value
	case "stale":
		c.stale = strings.EqualFold(value, "true")
	case "qop":
		for _, q := range strings.Split(value, ",") {
			c.qop = c.qop || strings.EqualFold(strings.TrimSpace(q), "auth")
		}
	}
}

// splitQuoted splits at sep outside quotation marks.
func splitQuoted(s string, sep byte) []string {
	var parts []string
	quoted, from := false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			parts = append(parts, strings.TrimSpace(s[from:i]))
			from = i + 1
		}
	}
	return append(parts, strings.TrimSpace(s[from:]))
}

// hash is the digest's function; nil for an algorithm nobody here knows.
func (c *challenge) hash() func() hash.Hash {
	switch strings.TrimSuffix(strings.ToUpper(c.algorithm), "-SESS") {
	case "", "MD5":
		return md5.New
	case "SHA-256":
		return sha256.New
	}
	return nil
}

func (c *challenge) digest(s string) string {
	sum := c.hash()()
	sum.Write([]byte(s))
	return hex.EncodeToString(sum.Sum(nil))
}

// answer is the Authorization value for a request.
func (c *challenge) answer(user, password, method, uri string) string {
	if c.basic {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	h := func(parts ...string) string { return c.digest(strings.Join(parts, ":")) }
	c.count++
	count := fmt.Sprintf("%08x", c.count)
	var random [8]byte
	rand.Read(random[:])
	cnonce := hex.EncodeToString(random[:])
	ha1 := h(user, c.realm, password)
	session := strings.HasSuffix(strings.ToUpper(c.algorithm), "-SESS")
	if session {
		ha1 = h(ha1, c.nonce, cnonce)
	}
	ha2 := h(method, uri)
	var b strings.Builder
	fmt.Fprintf(&b, `Digest username="%s", realm="%s", nonce="%s", uri="%s"`, quote(user), c.realm, c.nonce, uri)
	if c.qop {
		fmt.Fprintf(&b, `, response="%s", qop=auth, nc=%s, cnonce="%s"`, h(ha1, c.nonce, count, cnonce, "auth", ha2), count, cnonce)
	} else {
		fmt.Fprintf(&b, `, response="%s"`, h(ha1, c.nonce, ha2))
		if session {
			fmt.Fprintf(&b, `, cnonce="%s"`, cnonce)
		}
	}
	if c.opaque != "" {
		fmt.Fprintf(&b, `, opaque="%s"`, c.opaque)
	}
	if c.algorithm != "" {
		fmt.Fprintf(&b, `, algorithm=%s`, c.algorithm)
	}
	return b.String()
}

// quote escapes a user name for a quoted string.
func quote(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s)
}
