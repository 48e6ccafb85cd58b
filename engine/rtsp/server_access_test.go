package rtsp

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rtsprec/engine/access"
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// lateClock is the host's clock, and later by what a test says.
type lateClock struct{ by atomic.Int64 }

func (c *lateClock) Now() time.Time  { return time.Now().Add(time.Duration(c.by.Load())) }
func (c *lateClock) Wall() time.Time { return c.Now().Round(0) }

func users(t *testing.T, list ...access.User) *access.List {
	t.Helper()
	l, err := access.New(list)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func grant(right access.Right, paths ...string) access.Grant {
	return access.Grant{Paths: paths, Rights: []access.Right{right}}
}

func TestRightsAreByPathAndUser(t *testing.T) {
	t.Parallel()
	v := live(t, ServerOptions{Access: users(t,
		access.User{Grants: []access.Grant{grant(access.Read, "free")}},
		access.User{Name: "eye", Password: `s3"c\ret`, Grants: []access.Grant{grant(access.Read, "cam*")}},
		access.User{Name: "hashed", Hash: access.Hash("s3cret"), Grants: []access.Grant{grant(access.Read, "**")}},
		access.User{Name: "else", Password: "s3cret", Grants: []access.Grant{grant(access.Publish, "**"), grant(access.Read, "yard/**")}},
	)}, "h264")
	v.feed(t, "free", "h264")
	until(t, "something is live", func() bool { return len(v.house.ledger("free").all()) > 3 })
	for _, c := range []struct {
		who, path string
		kind      fault.Kind
		auth      string
	}{
		{"", "free", fault.Bug, "none"},
		{"", "cam", fault.Denied, ""},
		{"eye:s3%22c%5Cret@", "cam", fault.Bug, "Digest SHA-256"},
		{"eye:s3%22c%5Cret@", "free", fault.Bug, "none"}, // nobody asks
		{"eye:wrong@", "cam", fault.Denied, ""},
		{"eye:@", "cam", fault.Denied, ""},
		{"nobody:s3cret@", "cam", fault.Denied, ""},
		{"else:s3cret@", "cam", fault.Denied, ""},
	} {
		c := c
		t.Run(c.who+c.path, func(t *testing.T) {
			client, err := Dial(t.Context(), Options{URL: "rtsp://" + c.who + v.addr + "/" + c.path, Transport: TCP})
			if err == nil {
				defer client.Close()
				if s := client.Stats(); s.Auth != c.auth {
					t.Errorf("by %s, want %s", s.Auth, c.auth)
				}
			}
			if c.kind == fault.Bug && err != nil || c.kind != fault.Bug && !fault.Is(err, c.kind) {
				t.Errorf("%v, want %v", err, c.kind)
			}
		})
	}
	// Basic works for who has only a hash.
	p := call(t, v.addr)
	res := p.ask("DESCRIBE", v.url("cam"))
	want(t, res, 401, "")
	if list := res.header.Values("Www-Authenticate"); len(list) != 3 || !strings.Contains(list[0], "SHA-256") || !strings.Contains(list[1], "MD5") || !strings.HasPrefix(list[2], "Basic") {
		t.Error(list)
	}
	want(t, p.ask("DESCRIBE", v.url("cam"), "Authorization: Basic aGFzaGVkOnMzY3JldA=="), 200, "OK")
	for _, bad := range []string{"Basic", "Basic !!!", "Digest", `Digest username="eye", nonce="0-0", response="x"`, "Bearer x", "Digest " + strings.Repeat("a=b,", 2000)} {
		want(t, p.ask("DESCRIBE", v.url("cam"), "Authorization: "+bad), 401, "")
	}
	if !v.saw("eye") || v.saw("wrong\"") || v.saw("s3cret") {
		t.Error("events say nothing, or too much")
	}
}

func TestAnExpiredNonceIsStaleAndNotAWrongPassword(t *testing.T) {
	t.Parallel()
	clock := &lateClock{}
	guard := access.NewGuard(1, time.Hour)
	v := live(t, ServerOptions{Clock: clock, Guard: guard, Idle: time.Hour, Timeout: time.Hour, Access: users(t,
		access.User{Name: "eye", Password: "s3cret", Grants: []access.Grant{grant(access.Read, "**")}})}, "h264")
	for _, algorithm := range []string{"SHA-256", "MD5"} {
		p := call(t, v.addr)
		fresh := func(res *response) *access.Challenge {
			for _, value := range res.header.Values("Www-Authenticate") {
				for _, c := range access.ParseChallenges(value) {
					if c.Algorithm == algorithm {
						return c
					}
				}
			}
			t.Fatalf("no %s in %v", algorithm, res.header)
			return nil
		}
		c := fresh(p.ask("DESCRIBE", v.url("cam")))
		with := func(c *access.Challenge) string {
			return "Authorization: " + c.Answer("eye", "s3cret", "DESCRIBE", v.url("cam"))
		}
		want(t, p.ask("DESCRIBE", v.url("cam"), with(c)), 200, "OK")
		clock.by.Add(int64(nonceLife + time.Second))
		res := p.ask("DESCRIBE", v.url("cam"), with(c))
		want(t, res, 401, "too old")
		again := fresh(res)
		if !again.Stale {
			t.Error("a nonce that is too old is not said to be stale")
		}
		again.QOP = true
		want(t, p.ask("DESCRIBE", v.url("cam"), with(again)), 200, "OK")
		// A nonce of another connection is none here.
		other := call(t, v.addr)
		want(t, other.ask("DESCRIBE", v.url("cam"), with(c)), 401, "")
	}
	if v.saw("wrong") {
		t.Error("somebody is said to have guessed")
	}
}

func TestWhoGuessesIsRefusedForAWhileAndOthersAreNot(t *testing.T) {
	t.Parallel()
	clock := &lateClock{}
	v := live(t, ServerOptions{Clock: clock, Guard: access.NewGuard(3, time.Minute), Idle: time.Hour, Access: users(t,
		access.User{Name: "eye", Password: "s3cret", Grants: []access.Grant{grant(access.Read, "**")}})}, "h264")
	watching := v.read(t, "", Options{URL: "rtsp://eye:s3cret@" + v.addr + "/cam", Transport: TCP})
	guess := func() *response {
		return call(t, v.addr).ask("DESCRIBE", v.url("cam"), "Authorization: Basic ZXllOmd1ZXNz") // eye:guess
	}
	for range 3 {
		want(t, guess(), 401, "")
	}
	want(t, guess(), 403, "too many")
	right := "Authorization: Basic ZXllOnMzY3JldA=="
	want(t, call(t, v.addr).ask("DESCRIBE", v.url("cam"), right), 403, "too many")
	units(t, watching, 20*time.Second, enough(20, 0)) // who is in stays in
	clock.by.Add(int64(2 * time.Minute))
	want(t, call(t, v.addr).ask("DESCRIBE", v.url("cam"), right), 200, "OK")
	if !v.saw("refused for a while") || v.saw("guess\"") {
		t.Error("events say nothing, or too much")
	}
}

func TestRTSPSReadsAndPublishesAndKeepsMediaInside(t *testing.T) {
	t.Parallel()
	v := live(t, ServerOptions{}, "h264+aac")
	c := v.read(t, "", Options{URL: "rtsps://" + v.secure + "/cam", Fingerprint: v.pin})
	list := units(t, c, 20*time.Second, enough(30, 0))
	same(t, v.house.ledger("cam").all(), list, 2, 3*time.Millisecond)
	if s := c.Stats(); !s.Secure || s.Transport != TCP {
		t.Errorf("%+v", s)
	}
	_, err := Dial(t.Context(), Options{URL: "rtsps://" + v.secure + "/cam", Fingerprint: v.pin, Transport: UDP})
	if !fault.Is(err, fault.Unsupported) {
		t.Errorf("media outside of RTSPS: %v", err)
	}
	p, err := Publish(t.Context(), PublishOptions{URL: "rtsps://" + v.secure + "/studio", Fingerprint: v.pin}, c.Run())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, au := range list {
		if err := p.Write(t.Context(), au); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "everything is there", func() bool { return len(v.house.ledger("studio").all()) >= len(list)-2 })
	same(t, list, v.house.ledger("studio").all(), 2, 3*time.Millisecond)
}

func TestSessionsAreBoundedAndSilenceEndsThem(t *testing.T) {
	t.Parallel()
	clock := &lateClock{}
	v := live(t, ServerOptions{Clock: clock, Sessions: 2, Idle: 20 * time.Second, Timeout: 40 * time.Second, Silence: 30 * time.Second}, "h264")
	a, b, c := call(t, v.addr), call(t, v.addr), call(t, v.addr)
	udp := func(port string) string { return "Transport: RTP/AVP;unicast;client_port=" + port }
	want(t, a.ask("SETUP", v.url("cam/trackID=0"), udp("40000-40001")), 200, "OK")
	want(t, a.ask("PLAY", v.url("cam")), 200, "OK")
	want(t, b.ask("SETUP", v.url("cam/trackID=0"), interleaved), 200, "OK")
	want(t, b.ask("PLAY", v.url("cam")), 200, "OK")
	want(t, c.ask("SETUP", v.url("cam/trackID=0"), interleaved), 453, "sessions")
	for range 3 { // a says that it lives, b takes what it gets, c says nothing
		clock.by.Add(int64(15 * time.Second))
		want(t, a.ask("GET_PARAMETER", v.url("cam")), 200, "OK")
	}
	until(t, "an idle connection is closed", func() bool { _, err := c.answer(); return err != nil })
	if n := len(v.Sessions()); n != 2 {
		t.Fatalf("%d sessions", n)
	}
	clock.by.Add(int64(50 * time.Second))
	until(t, "a silent session ends", func() bool { return len(v.Sessions()) == 1 })
	if !v.saw("no sign of life") {
		t.Error("nobody says why")
	}
	if _, err := b.frame(); err != nil {
		t.Error("who reads over TCP was sent away:", err)
	}
	// A publisher that falls silent.
	d := call(t, v.addr)
	d.say("ANNOUNCE", v.url("mute"), oneTrack)
	want(t, d.hear(), 200, "OK")
	want(t, d.ask("SETUP", v.url("mute/streamid=0"), interleaved+";mode=record"), 200, "OK")
	want(t, d.ask("RECORD", v.url("mute")), 200, "OK")
	clock.by.Add(int64(35 * time.Second))
	until(t, "a silent publisher ends", func() bool { return !v.house.publishing("mute") })
	if l := v.house.ledger("mute"); !l.ended.Causes.Has(media.Timeout) {
		t.Errorf("the run ended because of %v", l.ended.Causes)
	}
}
