package rtspcam

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

const realm = "rtspcam"

// guard asks who is there (RFC 2617, RFC 7616). One for a connection.
type guard struct {
	user, password, kind string

	nonce string
	since time.Time
}

// challenges are the WWW-Authenticate headers to send. The nonce is renewed.
func (g *guard) challenges(nonce string, now time.Time, stale bool) []string {
	g.nonce, g.since = nonce, now
	digest := func(algorithm string) string {
		s := fmt.Sprintf(`Digest realm="%s", nonce="%s"`, realm, nonce)
		if algorithm != "" {
			s += ", algorithm=" + algorithm
		}
		if stale {
			s += ", stale=true"
		}
		return s
	}
	switch g.kind {
	case "basic":
		return []string{fmt.Sprintf(`Basic realm="%s"`, realm)}
	case "sha256":
		return []string{digest("SHA-256")}
	case "both":
		return []string{digest("SHA-256"), digest("MD5")}
	}
	return []string{digest("")}
}

// verdict on an Authorization header.
type verdict int

const (
	wrong verdict = iota
	stale         // right, for a nonce that is too old
	right
)

// check judges the Authorization header of a request. A nonce is good for life; zero: for ever.
func (g *guard) check(method, authorization string, now time.Time, life time.Duration) verdict {
	scheme, rest, _ := strings.Cut(authorization, " ")
	switch {
	case strings.EqualFold(scheme, "Basic") && g.kind == "basic":
		want := base64.StdEncoding.EncodeToString([]byte(g.user + ":" + g.password))
		if same(strings.TrimSpace(rest), want) {
			return right
		}
		return wrong
	case !strings.EqualFold(scheme, "Digest") || g.kind == "basic":
		return wrong
	}
	p := parameters(rest)
	if p["username"] != g.user || p["realm"] != realm || !same(p["response"], g.response(method, p)) {
		return wrong
	}
	if p["nonce"] != g.nonce || life > 0 && now.Sub(g.since) > life {
		return stale
	}
	return right
}

// response is the digest that the client should have sent.
func (g *guard) response(method string, p map[string]string) string {
	hash := func(s string) string { h := md5.Sum([]byte(s)); return hex.EncodeToString(h[:]) }
	switch {
	case strings.EqualFold(p["algorithm"], "SHA-256") && g.kind != "digest":
		hash = func(s string) string { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]) }
	case g.kind == "sha256":
		return ""
	}
	a1 := hash(g.user + ":" + realm + ":" + g.password)
	a2 := hash(method + ":" + p["uri"])
	if p["qop"] != "" {
		return hash(a1 + ":" + p["nonce"] + ":" + p["nc"] + ":" + p["cnonce"] + ":" + p["qop"] + ":" + a2)
	}
	return hash(a1 + ":" + p["nonce"] + ":" + a2)
}

func same(a, b string) bool { return b != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// parameters reads name=value and name="value" lists.
func parameters(s string) map[string]string {
	m := map[string]string{}
	for {
		name, rest, ok := strings.Cut(s, "=")
		if !ok {
			return m
		}
		var value string
		if quoted, is := strings.CutPrefix(rest, `"`); is {
			value, s, _ = strings.Cut(quoted, `"`)
			_, s, _ = strings.Cut(s, ",")
		} else {
			value, s, _ = strings.Cut(rest, ",")
		}
		m[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
	}
}
