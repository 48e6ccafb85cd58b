package rtspcam_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"rtsprec/engine/rtspcam"
)

const tcp = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"

func TestDigestIsAskedForAndChecked(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"live": "h264"}, User: "u", Password: "p"})
	c := dial(t, cam.URL("live"))
	r := c.do("DESCRIBE", c.url)
	if r.status != 401 || !strings.HasPrefix(r.header["www-authenticate"], "Digest ") {
		t.Fatalf("without credentials: %d %v", r.status, r.header)
	}
	c.login(r)
	c.play()

	wrong := dial(t, strings.Replace(cam.URL("live"), "u:p@", "u:q@", 1))
	wrong.login(wrong.do("DESCRIBE", wrong.url))
	if r := wrong.do("DESCRIBE", wrong.url); r.status != 401 || strings.Contains(r.raw, "stale=true") {
		t.Errorf("with a wrong password: %s", r.raw)
	}
}

func TestANonceGoesStale(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"live": "h264"}, User: "u", Password: "p", Misbehave: "stale=200ms"})
	c := dial(t, cam.URL("live"))
	c.login(c.do("DESCRIBE", c.url))
	c.play()
	waitFor(t, "401", func() bool {
		r := c.do("GET_PARAMETER", c.url)
		if r.status == 401 && !strings.Contains(r.raw, "stale=true") {
			t.Fatalf("not said to be stale: %s", r.raw)
		}
		c.lastReply = r
		return r.status == 401
	})
	c.login(c.lastReply)
	if r := c.do("GET_PARAMETER", c.url); r.status != 200 {
		t.Errorf("with the new nonce: %d", r.status)
	}
}

func TestOtherWaysToAsk(t *testing.T) {
	t.Parallel()
	for auth, want := range map[string][]string{
		"basic": {"Basic realm"}, "sha256": {"SHA-256"}, "both": {"SHA-256", "MD5"},
	} {
		cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"live": "h264"}, User: "u", Password: "p", Auth: auth})
		c := dial(t, cam.URL("live"))
		r := c.do("DESCRIBE", c.url)
		for _, w := range want {
			if !strings.Contains(r.raw, w) {
				t.Errorf("%s: %s", auth, r.raw)
			}
		}
	}
}

func TestAuthenticationOnSetupOnly(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"live": "h264"}, User: "u", Password: "p", Misbehave: "lateauth"})
	c := dial(t, cam.URL("live"))
	if r := c.do("DESCRIBE", c.url); r.status != 200 {
		t.Errorf("DESCRIBE: %d", r.status)
	}
	r := c.do("SETUP", c.url+"/trackID=0", tcp)
	if r.status != 401 {
		t.Errorf("SETUP: %d", r.status)
	}
	c.login(r)
	if r := c.do("SETUP", c.url+"/trackID=0", tcp); r.status != 200 {
		t.Errorf("SETUP with credentials: %d", r.status)
	}
}

// one asks one thing of a camera that misbehaves and looks at the reply.
func TestRepliesThatAreWrong(t *testing.T) {
	t.Parallel()
	for misbehave, c := range map[string]struct {
		method, suffix, header string
		status                 int
		want                   string // in the raw reply and body
		not                    string
	}{
		"busy=503":             {"SETUP", "/trackID=0", tcp, 503, "", ""},
		"busy":                 {"SETUP", "/trackID=0", tcp, 453, "", ""},
		"channels=20":          {"SETUP", "/trackID=0", tcp, 200, "interleaved=20-21", ""},
		"redirect=other/path":  {"DESCRIBE", "", "", 302, "location: rtsp://", ""},
		"redirect=rtsp://x/y":  {"DESCRIBE", "", "", 302, "location: rtsp://x/y\r\n", ""},
		"lowercase":            {"DESCRIBE", "", "", 200, "\r\ncontent-type:", "Content-Type"},
		"nobase":               {"DESCRIBE", "", "", 200, "v=0", "Content-Base"},
		"brokenorigin":         {"DESCRIBE", "", "", 200, "o=- 1 1 IN\r\n", ""},
		"sdpparams=none":       {"DESCRIBE", "", "", 200, "H264/90000", "sprop-parameter-sets"},
		"sdpparams=garbage":    {"DESCRIBE", "", "", 200, "bm90IGEgcGFyYW1ldGVyIHNldA==", ""},
		"mode0":                {"DESCRIBE", "", "", 200, "packetization-mode=0", ""},
		"control=absolute":     {"DESCRIBE", "", "", 200, "a=control:rtsp://", ""},
		"control=absent":       {"DESCRIBE", "", "", 200, "v=0", "a=control"},
		"control=query":        {"DESCRIBE", "", "", 200, "a=control:trackID=0?channel=1&subtype=0", ""},
		"control=star":         {"DESCRIBE", "", "", 200, "a=control:*", ""},
		"only=tcp":             {"SETUP", "/trackID=0", "Transport: RTP/AVP;unicast;client_port=9-8,RTP/AVP/TCP;interleaved=0-1", 200, "RTP/AVP/TCP", ""},
		"only=udp":             {"SETUP", "/trackID=0", tcp, 461, "", ""},
		"timeout=5s":           {"SETUP", "/trackID=0", tcp, 200, ";timeout=5\r\n", ""},
		"":                     {"SETUP", "/trackID=9", tcp, 404, "", ""},
		"loss=0%":              {"SETUP", "/trackID=0", "Transport: RTP/SAVP;unicast", 461, "", ""},
		"loss=1%":              {"DESCRIBE", "/nothing", "", 404, "", ""},
		"loss=2%":              {"PLAY", "", "", 454, "", ""},
		"loss=3%":              {"OPTIONS", "", "", 200, "Public: ", ""},
		"keepalive=refused":    {"SETUP", "/trackID=0", "Transport: RTP/AVP/UDP;unicast;client_port=9-8, RTP/AVP/TCP;interleaved=4-5", 200, "", ""},
		"loss=4%":              {"RECORD", "", "", 501, "", ""},
		"drop@9h,control=star": {"SETUP", "", tcp, 200, "interleaved=0-1", ""},
	} {
		t.Run(misbehave, func(t *testing.T) {
			t.Parallel()
			cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"live": "h264", "other/path": "h265"}, Misbehave: misbehave})
			k := dial(t, cam.URL("live"))
			r := k.do(c.method, k.url+c.suffix, c.header)
			all := r.raw + r.body
			if c.header == "" {
				all = strings.Replace(all, "Location:", "location:", 1)
			}
			if r.status != c.status || !strings.Contains(all, c.want) || c.not != "" && strings.Contains(all, c.not) {
				t.Errorf("%s", all)
			}
		})
	}
}

func TestRTPBeforeTheReplyToPlay(t *testing.T) {
	t.Parallel()
	for misbehave, early := range map[string]bool{"early": true, "": false} {
		c := dial(t, start(t, "h264", misbehave).URL("live"))
		c.play()
		if (c.early > 0) != early {
			t.Errorf("%q: %d frames before the reply", misbehave, c.early)
		}
	}
}

func TestKeepaliveRefusedOrIgnoredKeepsTheStreamAlive(t *testing.T) {
	t.Parallel()
	for misbehave, status := range map[string]int{"keepalive=refused": 400, "keepalive=ignored": 0, "": 200} {
		c := dial(t, start(t, "h264", misbehave).URL("live"))
		c.play()
		c.conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
		r, _ := c.try("OPTIONS", c.url)
		if r.status != status {
			t.Errorf("%q: %d", misbehave, r.status)
		}
	}
}

func TestASessionThatIsNotKeptAliveEnds(t *testing.T) {
	t.Parallel()
	c := dial(t, start(t, "h264", "timeout=300ms").URL("live"))
	c.play()
	for begun := time.Now(); ; {
		if _, err := c.frame(); err != nil {
			if time.Since(begun) < 250*time.Millisecond {
				t.Errorf("it ended after %v", time.Since(begun))
			}
			return
		}
	}
}

func TestTeardownEndsTheStream(t *testing.T) {
	t.Parallel()
	for misbehave, ends := range map[string]bool{"": true, "noteardown": false} {
		cam := start(t, "h264", misbehave)
		c := dial(t, cam.URL("live"))
		c.play()
		c.conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
		r, err := c.try("TEARDOWN", c.url)
		if ends && (err != nil || r.status != 200 || cam.Readers("live") != 0) {
			t.Errorf("%v %d, %d readers", err, r.status, cam.Readers("live"))
		}
		if !ends && (r.status != 0 || cam.Readers("live") != 1) {
			t.Errorf("answered with %d, %d readers", r.status, cam.Readers("live"))
		}
	}
}

func TestAWebServerAnswers(t *testing.T) {
	t.Parallel()
	c := dial(t, start(t, "h264", "http").URL("live"))
	io.WriteString(c.conn, "DESCRIBE x RTSP/1.0\r\nCSeq: 1\r\n\r\n")
	if line, _ := c.in.ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 400") {
		t.Errorf("%q", line)
	}
}

func TestABlackHoleSwallowsAndThenGoesOn(t *testing.T) {
	t.Parallel()
	cam := start(t, "h264", "")
	c := dial(t, cam.URL("live"))
	c.play()
	c.rtp(func(packet) bool { return false })
	cam.Misbehave("", "blackhole:600ms")
	begun := time.Now()
	if r := c.do("OPTIONS", c.url); r.status != 200 || time.Since(begun) < 500*time.Millisecond {
		t.Errorf("%d after %v", r.status, time.Since(begun))
	}
	waitFor(t, "media again", func() bool { return len(cam.Sent("live")) == 2 })
	sent, lost := cam.Sent("live"), cam.Lost("live", 0)
	if len(lost) != 1 || lost[0].First.Counter != sent[0].Last.Counter+1 || lost[0].Last.Counter != sent[1].First.Counter-1 {
		t.Errorf("sent %v, lost %v", sent, lost)
	}
}

func TestAPreRollComesAtOnce(t *testing.T) {
	t.Parallel()
	cam := start(t, "h264", "burst=1s")
	first := dial(t, cam.URL("live"))
	first.play()
	n := 0
	first.rtp(func(p packet) bool { n++; return n < 60 }) // more than a second
	c := dial(t, cam.URL("live"))
	c.play()
	begun := time.Now()
	pictures := 0
	c.rtp(func(p packet) bool {
		if p.marker {
			pictures++
		}
		return pictures < 20
	})
	if d := time.Since(begun); d > 400*time.Millisecond {
		t.Errorf("20 pictures took %v", d)
	}
}

func TestOnePathFailsAlone(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264,drop", "b": "h264"}})
	good := dial(t, cam.URL("b"))
	good.play()
	good.rtp(func(packet) bool { return false })
	bad := dial(t, cam.URL("a"))
	if _, err := bad.try("DESCRIBE", bad.url); err == nil {
		t.Error("a path that is gone answers")
	}
}

func TestRTSPSHasTheFingerprintItSays(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"live": "h264"}, TLS: true})
	if got := fingerprint(t, cam.Addr().String()); got != cam.Fingerprint() {
		t.Errorf("%s, said %s", got, cam.Fingerprint())
	}
}

func TestGarbageEndsAConnectionAndNothingElse(t *testing.T) {
	t.Parallel()
	cam := start(t, "h264", "")
	for _, garbage := range []string{
		"\x16\x03\x01\x02\x00", "GET / HTTP/1.1\r\n\r\n", strings.Repeat("a", 1<<16), "DESCRIBE x RTSP/1.0\r\nContent-Length: -1\r\n\r\n",
		"DESCRIBE x RTSP/1.0\r\nContent-Length: 99999999\r\n\r\n", "OPTIONS * RTSP/1.0\r\n" + strings.Repeat("X: y\r\n", 100) + "\r\n",
		"SETUP rtsp://x/live/trackID=-1 RTSP/1.0\r\nTransport: RTP/AVP/TCP\r\n\r\n", "$\x00\xff",
		"SETUP rtsp://x/live/trackID=99999999999999999999 RTSP/1.0\r\nTransport: ;;=-;\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", cam.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		io.WriteString(conn, garbage)
		conn.(*net.TCPConn).CloseWrite()
		if _, err := io.ReadAll(conn); errors.Is(err, io.EOF) {
			t.Error(err)
		}
		conn.Close()
	}
	c := dial(t, cam.URL("live"))
	c.play()
}
