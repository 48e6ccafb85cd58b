package access

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

// Challenge is one WWW-Authenticate value (RFC 7616, RFC 7617) that can be answered.
type Challenge struct {
	Basic     bool // otherwise Digest
	Realm     string
	Nonce     string
	opaque    string
	Algorithm string // as the peer spelled it; "" means MD5
	QOP       bool   // the peer offers qop=auth
	Stale     bool   // only the nonce was too old, the password may be right
	count     uint32 // requests answered with this nonce
}

// PickChallenge returns the strongest challenge that can be answered, nil when there is none.
func PickChallenge(header textproto.MIMEHeader) *Challenge {
	var best *Challenge
	for _, value := range header.Values("Www-Authenticate") {
		for _, c := range ParseChallenges(value) {
			if best == nil || c.strength() > best.strength() {
				best = c
			}
		}
	}
	return best
}

func (c *Challenge) strength() int {
	switch {
	case c.Basic:
		return 0
	case strings.HasPrefix(strings.ToUpper(c.Algorithm), "SHA-256"):
		return 2
	}
	return 1
}

// Name is the scheme as people know it; "none" of a nil Challenge.
func (c *Challenge) Name() string {
	switch {
	case c == nil:
		return "none"
	case c.Basic:
		return "Basic"
	case c.strength() == 2:
		return "Digest SHA-256"
	}
	return "Digest MD5"
}

// ParseChallenges reads one header value, which may hold several challenges.
func ParseChallenges(value string) []*Challenge {
	var list []*Challenge
	var c *Challenge
	for _, part := range SplitQuoted(value, ',') {
		key, val, _ := strings.Cut(part, "=")
		key = strings.TrimSpace(key)
		if scheme, first, ok := strings.Cut(key, " "); ok || !strings.Contains(part, "=") {
			c = nil
			switch strings.ToLower(scheme) {
			case "basic":
				c = &Challenge{Basic: true}
			case "digest":
				c = &Challenge{}
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
		if c.Basic || (c.Nonce != "" && c.Hash() != nil) {
			usable = append(usable, c)
		}
	}
	return usable
}

func (c *Challenge) set(key, value string) {
	switch key {
	case "realm":
		c.Realm = value
	case "nonce":
		c.Nonce = value
	case "opaque":
		c.opaque = value
	case "algorithm":
		c.Algorithm = value
	case "stale":
		c.Stale = strings.EqualFold(value, "true")
	case "qop":
		for _, q := range strings.Split(value, ",") {
			c.QOP = c.QOP || strings.EqualFold(strings.TrimSpace(q), "auth")
		}
	}
}

// SplitQuoted splits at sep outside quotation marks.
func SplitQuoted(s string, sep byte) []string {
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

// Hash is the digest's function; nil for an algorithm nobody here knows.
func (c *Challenge) Hash() func() hash.Hash {
	switch strings.TrimSuffix(strings.ToUpper(c.Algorithm), "-SESS") {
	case "", "MD5":
		return md5.New
	case "SHA-256":
		return sha256.New
	}
	return nil
}

// Digest is the hexadecimal hash of s. Hash must not be nil.
func (c *Challenge) Digest(s string) string {
	sum := c.Hash()()
	sum.Write([]byte(s))
	return hex.EncodeToString(sum.Sum(nil))
}

// Answer is the Authorization value for a request. It counts: a Challenge is for one
// goroutine at a time.
func (c *Challenge) Answer(user, password, method, uri string) string {
	if c.Basic {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	h := func(parts ...string) string { return c.Digest(strings.Join(parts, ":")) }
	c.count++
	count := fmt.Sprintf("%08x", c.count)
	var random [8]byte
	rand.Read(random[:])
	cnonce := hex.EncodeToString(random[:])
	ha1 := h(user, c.Realm, password)
	session := strings.HasSuffix(strings.ToUpper(c.Algorithm), "-SESS")
	if session {
		ha1 = h(ha1, c.Nonce, cnonce)
	}
	ha2 := h(method, uri)
	var b strings.Builder
	fmt.Fprintf(&b, `Digest username="%s", realm="%s", nonce="%s", uri="%s"`, Quote(user), c.Realm, c.Nonce, uri)
	if c.QOP {
		fmt.Fprintf(&b, `, response="%s", qop=auth, nc=%s, cnonce="%s"`, h(ha1, c.Nonce, count, cnonce, "auth", ha2), count, cnonce)
	} else {
		fmt.Fprintf(&b, `, response="%s"`, h(ha1, c.Nonce, ha2))
		if session {
			fmt.Fprintf(&b, `, cnonce="%s"`, cnonce)
		}
	}
	if c.opaque != "" {
		fmt.Fprintf(&b, `, opaque="%s"`, c.opaque)
	}
	if c.Algorithm != "" {
		fmt.Fprintf(&b, `, algorithm=%s`, c.Algorithm)
	}
	return b.String()
}

// Quote escapes a user name for a quoted string.
func Quote(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s)
}
