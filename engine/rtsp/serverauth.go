package rtsp

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"rtsprec/engine/access"
)

// login is what a connection knows of who speaks. Nonces are good for the connection that
// they were made for, and for nonceLife.
type login struct {
	id    [8]byte // random, in every nonce of the connection; zero: no nonce was made yet
	user  string  // proven last; "": nobody
	basic string  // the Authorization value that was right: a hash is not computed twice
}

const nonceLife = 5 * time.Minute

// permit returns the first of the rights on path that the request has. The error is a 401
// or a 403.
func (c *serverConn) permit(req *request, path string, rights ...access.Right) (access.Right, error) {
	list := c.s.access.Load()
	given := req.header.Get("Authorization")
	user := ""
	if given != "" && !list.Open() {
		var err error
		if user, err = c.who(list, req, given, path); err != nil {
			return "", err
		}
	}
	for _, r := range rights {
		if list.Allow(user, path, r) {
			return r, nil
		}
	}
	if given == "" {
		return "", c.challenge(list, false)
	}
	c.s.o.Observe(AccessDenied{Peer: c.peer, User: user, Path: path})
	return "", refuse(403, "the user has no right to "+string(rights[0])+" here")
}

// who checks the credentials of a request.
func (c *serverConn) who(list *access.List, req *request, given, path string) (string, error) {
	now := c.s.o.Clock.Now()
	if c.s.o.Guard.Blocked(c.addr, now) > 0 {
		c.closing = true // whoever guesses has to wait
		return "", refuse(403, "too many wrong passwords from this address, try again later")
	}
	user, verdict := c.prove(list, req, given, now)
	switch verdict {
	case proofStale:
		return "", c.challenge(list, true)
	case proofWrong:
		blocked := c.s.o.Guard.Failed(c.addr, now)
		c.s.o.Observe(AccessDenied{Peer: c.peer, User: shortened(user), Path: path, Wrong: true, Blocked: blocked})
		return "", c.challenge(list, false)
	}
	c.s.o.Guard.Passed(c.addr)
	c.login.user = user
	return user, nil
}

// shortened makes a line for people of what a stranger sent.
func shortened(s string) string { return oneLine(s[:min(len(s), 64)]) }

// challenge is a 401. Clients that know one kind of Digest only take the last that is
// offered (ffmpeg, live555), so MD5 stands behind SHA-256.
func (c *serverConn) challenge(list *access.List, stale bool) error {
	why := "who are you?"
	if stale {
		why = "the nonce is too old"
	}
	e := &refusal{code: 401, why: why, header: textproto.MIMEHeader{}}
	if list.Digest() {
		nonce, suffix := c.nonce(c.s.o.Clock.Now()), ""
		if stale {
			suffix = ", stale=true"
		}
		for _, algorithm := range []string{"SHA-256", "MD5"} {
			e.header.Add("Www-Authenticate", fmt.Sprintf(`Digest realm="%s", nonce="%s", algorithm=%s%s`, access.Quote(c.s.o.Name), nonce, algorithm, suffix))
		}
	}
	e.header.Add("Www-Authenticate", fmt.Sprintf(`Basic realm="%s"`, access.Quote(c.s.o.Name)))
	return e
}

// nonce is the time, and a MAC over it and the connection.
func (c *serverConn) nonce(now time.Time) string {
	if c.login.id == [8]byte{} {
		rand.Read(c.login.id[:])
	}
	stamp := strconv.FormatInt(now.UnixMilli(), 16)
	return stamp + "-" + c.sign(stamp)
}

func (c *serverConn) sign(stamp string) string {
	mac := hmac.New(sha256.New, c.s.key[:])
	mac.Write(c.login.id[:])
	mac.Write([]byte(stamp))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// fresh reports whether a nonce is ours, and whether it is still good.
func (c *serverConn) fresh(nonce string, now time.Time) (ours, good bool) {
	stamp, mac, _ := strings.Cut(nonce, "-")
	ms, err := strconv.ParseInt(stamp, 16, 64)
	if err != nil || c.login.id == [8]byte{} || subtle.ConstantTimeCompare([]byte(mac), []byte(c.sign(stamp))) == 0 {
		return false, false
	}
	age := now.Sub(time.UnixMilli(ms))
	return true, age > -nonceLife && age < nonceLife
}

// proof is what credentials are worth.
type proof int

const (
	proofWrong proof = iota
	proofStale       // right or wrong: the nonce was too old, or of another connection
	proofRight
)

// prove checks an Authorization value.
func (c *serverConn) prove(list *access.List, req *request, given string, now time.Time) (user string, p proof) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(given), " ")
	switch {
	case len(given) > 4<<10:
		return "", proofWrong
	case strings.EqualFold(scheme, "basic"):
		plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
		user, password, ok := strings.Cut(string(plain), ":")
		if err != nil || !ok {
			return "", proofWrong
		}
		if c.login.basic == given && c.login.user == user {
			return user, proofRight
		}
		if !list.Check(user, password) {
			return user, proofWrong
		}
		c.login.basic = given
		return user, proofRight
	case strings.EqualFold(scheme, "digest"):
		return c.proveDigest(list, req.method, rest, now)
	}
	return "", proofWrong
}

// proveDigest checks a Digest (RFC 7616 without qop, as RFC 2069 had it and RTSP clients
// send it, and with qop=auth). The uri is taken as the client says: clients disagree about
// which one that is, and a nonce is no good on another connection.
func (c *serverConn) proveDigest(list *access.List, method, value string, now time.Time) (user string, p proof) {
	f := map[string]string{}
	for _, part := range access.SplitQuoted(value, ',') {
		key, v, _ := strings.Cut(part, "=")
		f[strings.ToLower(strings.TrimSpace(key))] = unquote(strings.TrimSpace(v))
	}
	user = f["username"]
	ch := access.Challenge{Realm: c.s.o.Name, Nonce: f["nonce"], Algorithm: f["algorithm"]}
	if ch.Hash() == nil || f["realm"] != c.s.o.Name {
		return user, proofWrong
	}
	ours, good := c.fresh(f["nonce"], now)
	if !good {
		if !ours && c.login.id != [8]byte{} {
			return user, proofWrong
		}
		return user, proofStale
	}
	secret, known := list.Secret(user)
	h := func(parts ...string) string { return ch.Digest(strings.Join(parts, ":")) }
	ha1 := h(user, ch.Realm, secret)
	if strings.HasSuffix(strings.ToUpper(ch.Algorithm), "-SESS") {
		ha1 = h(ha1, ch.Nonce, f["cnonce"])
	}
	want := h(ha1, ch.Nonce, h(method, f["uri"]))
	if f["qop"] != "" {
		want = h(ha1, ch.Nonce, f["nc"], f["cnonce"], f["qop"], h(method, f["uri"]))
	}
	if subtle.ConstantTimeCompare([]byte(strings.ToLower(f["response"])), []byte(want)) == 0 || !known {
		return user, proofWrong
	}
	return user, proofRight
}

// unquote undoes access.Quote and takes the quotation marks off.
func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	}
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(s)
}
