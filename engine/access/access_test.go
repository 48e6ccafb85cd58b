package access

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"rtsprec/engine/fault"
)

func list(t *testing.T, users ...User) *List {
	t.Helper()
	l, err := New(users)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestAHashOpensOnlyToItsPassword(t *testing.T) {
	b, err := bcrypt.GenerateFromPassword([]byte("correct horse"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	for name, hash := range map[string]string{
		"ours":   Hash("correct horse"),
		"bcrypt": string(b),
	} {
		l := list(t, User{Name: "u", Hash: hash})
		for range 2 { // the second answer comes from memory
			if !l.Check("u", "correct horse") {
				t.Errorf("%s: the right password is refused", name)
			}
			for _, wrong := range []string{"", "correct horse ", "Correct horse", strings.Repeat("x", 5000)} {
				if l.Check("u", wrong) {
					t.Errorf("%s: %.20q is let in", name, wrong)
				}
			}
		}
		if _, ok := l.Secret("u"); ok {
			t.Errorf("%s: a hash was given out as a password", name)
		}
	}
	if one, two := Hash("a"), Hash("a"); one == two {
		t.Error("two hashes of one password are the same: no salt")
	}
}

// The vector is of the reference implementation of argon2, test.c, version 0x13:
// t=2, m=256 KiB, p=1, password "password", salt "somesalt".
func TestArgonAgreesWithTheReference(t *testing.T) {
	const phc = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	l := list(t, User{Name: "u", Hash: phc})
	if !l.Check("u", "password") {
		t.Error("the reference's hash of the password is refused")
	}
	if l.Check("u", "differentpassword") {
		t.Error("another password is let in")
	}
}

func TestAPasswordThatMatchedOnceCostsNoHashAgain(t *testing.T) {
	l := list(t, User{Name: "u", Hash: Hash("p")})
	if !l.Check("u", "p") {
		t.Fatal("refused")
	}
	l.slow.Lock() // a hash can no longer be computed
	defer l.slow.Unlock()
	done := make(chan bool, 1)
	go func() { done <- l.Check("u", "p") }()
	select {
	case ok := <-done:
		if !ok {
			t.Error("refused the second time")
		}
	case <-time.After(10 * time.Second):
		t.Error("the hash is computed for every request")
	}
}

func TestRightsGoByPath(t *testing.T) {
	l := list(t,
		User{Name: "pub", Password: "x", Grants: []Grant{{[]string{"cam*"}, []Right{Publish}}, {[]string{"yard/**"}, []Right{Publish, Read}}}},
		User{Name: "all", Password: "x", Grants: []Grant{{[]string{"**"}, Rights()}}},
		User{Grants: []Grant{{[]string{"lobby"}, []Right{Read}}}},
	)
	for _, c := range []struct {
		user, path string
		right      Right
		allowed    bool
	}{
		{"pub", "cam1", Publish, true}, {"pub", "/cam1/", Publish, true}, {"pub", "cam1", Read, false},
		{"pub", "cam1/x", Publish, false}, {"pub", "xcam1", Publish, false},
		{"pub", "yard/a/b", Read, true}, {"pub", "yard", Read, false}, {"pub", "yardx/a", Read, false},
		{"all", "anything/at/all", Replay, true}, {"all", "", Publish, true},
		{"", "lobby", Read, true}, {"", "lobby", Publish, false}, {"", "cam1", Read, false},
		{"pub", "lobby", Read, true}, // what anybody may, everybody may
		{"nobody", "cam1", Publish, false}, {"nobody", "lobby", Read, true},
	} {
		if got := l.Allow(c.user, c.path, c.right); got != c.allowed {
			t.Errorf("%q %s %q: %v", c.user, c.right, c.path, got)
		}
	}
}

func TestWithoutUsersEverythingIsOpen(t *testing.T) {
	var none *List
	for _, l := range []*List{none, list(t)} {
		if !l.Open() || !l.Allow("", "x", Publish) {
			t.Error("closed without users")
		}
		if l.Check("", "") || l.Check("u", "") {
			t.Error("a user that does not exist has a password")
		}
	}
	if l := list(t, User{Name: "u", Password: "p"}); l.Open() || l.Allow("", "x", Read) || l.Allow("u", "x", Read) {
		t.Error("with users, something is allowed that was not granted")
	}
}

func TestReplacedUsersCountAtOnce(t *testing.T) {
	l := list(t, User{Name: "a", Hash: Hash("p")})
	if !l.Check("a", "p") {
		t.Fatal("refused")
	}
	if err := l.Replace([]User{{Name: "a"}}); err == nil || !l.Check("a", "p") {
		t.Error("users that make no sense replaced those that do")
	}
	if err := l.Replace([]User{{Name: "b", Password: "q"}}); err != nil {
		t.Fatal(err)
	}
	if l.Check("a", "p") || !l.Check("b", "q") {
		t.Error("the old users still count")
	}
}

func TestPlainPasswordsServeDigest(t *testing.T) {
	l := list(t, User{Name: "u", Password: "p@ss"}, User{Name: "h", Hash: Hash("q")})
	if got, ok := l.Secret("u"); !ok || got != "p@ss" {
		t.Errorf("got %q, %v", got, ok)
	}
	if !l.Digest() || !l.Check("u", "p@ss") || l.Check("u", "p") || l.Check("x", "p@ss") {
		t.Error("Basic does not agree with Digest")
	}
	if list(t, User{Name: "h", Hash: Hash("q")}).Digest() {
		t.Error("Digest is offered where every password is a hash")
	}
}

func TestUsersThatMakeNoSenseAreRefused(t *testing.T) {
	for name, users := range map[string][]User{
		"no password":         {{Name: "u"}},
		"password and hash":   {{Name: "u", Password: "p", Hash: Hash("p")}},
		"anybody's password":  {{Password: "p"}},
		"a colon":             {{Name: "a:b", Password: "p"}},
		"twice":               {{Name: "u", Password: "p"}, {Name: "u", Password: "q"}},
		"an unknown right":    {{Name: "u", Password: "p", Grants: []Grant{{[]string{"a"}, []Right{"write"}}}}},
		"a broken pattern":    {{Name: "u", Password: "p", Grants: []Grant{{[]string{"[a"}, Rights()}}}},
		"md5":                 {{Name: "u", Hash: "5f4dcc3b5aa765d61d8327deb882cf99"}},
		"argon2id, 4 TiB":     {{Name: "u", Hash: "$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"}},
		"argon2id, no passes": {{Name: "u", Hash: "$argon2id$v=19$m=256,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"}},
		"argon2id, cut":       {{Name: "u", Hash: "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ"}},
		"bcrypt, cost 31":     {{Name: "u", Hash: "$2a$31$" + strings.Repeat("a", 53)}},
		"bcrypt, cut":         {{Name: "u", Hash: "$2a$10$aaaa"}},
	} {
		if _, err := New(users); !fault.Is(err, fault.Usage) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzHashesFromConfigs holds that a hash somebody wrote is refused or works within the
// bounds on its costs.
func FuzzHashesFromConfigs(f *testing.F) {
	f.Add(Hash("p"))
	f.Add("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4")
	f.Add("$2a$04$" + strings.Repeat("a", 53))
	f.Fuzz(func(t *testing.T, text string) {
		v, err := parseHash(text)
		if err != nil {
			return
		}
		if h, ok := v.(*argonHash); ok && (h.memory > maxMemory || h.passes > maxPasses || h.lanes > maxLanes || h.lanes == 0 || len(h.sum) < 16) {
			t.Errorf("costs out of bounds: %+v", h)
		}
	})
}

func TestWhoGuessesIsBlockedAndForgotten(t *testing.T) {
	g, now := NewGuard(3, time.Minute), time.Unix(1e9, 0)
	bad, good := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for i := range 3 {
		if g.Blocked(bad, now) != 0 {
			t.Fatalf("blocked after %d", i)
		}
		if told := g.Failed(bad, now); told != (i == 2) {
			t.Errorf("failure %d: told %v", i, told)
		}
	}
	if g.Blocked(bad, now.Add(20*time.Second)) != 40*time.Second || g.Blocked(good, now) != 0 {
		t.Error("the wrong one is blocked, or not long enough")
	}
	if g.Blocked(netip.MustParseAddr("::ffff:192.0.2.1"), now) == 0 {
		t.Error("the same address, written as IPv6, gets in")
	}
	if g.Blocked(bad, now.Add(time.Minute)) != 0 {
		t.Error("blocked for ever")
	}
	g.Failed(bad, now.Add(2*time.Minute))
	if g.Blocked(bad, now.Add(2*time.Minute)) != 0 {
		t.Error("old failures count")
	}
	g.Failed(good, now)
	g.Failed(good, now)
	g.Passed(good)
	g.Failed(good, now)
	if g.Blocked(good, now) != 0 {
		t.Error("failures before a success count")
	}
}

func TestGuessingTakesBoundedMemory(t *testing.T) {
	g, now := NewGuard(1, time.Hour), time.Unix(1e9, 0)
	for i := range 3 * guardMost {
		g.Failed(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now.Add(time.Duration(i)))
	}
	if len(g.known) > guardMost || len(g.order) > guardMost {
		t.Errorf("%d addresses are remembered", len(g.known))
	}
	for i := range 100 { // one host with many addresses of its network
		g.Failed(netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", i+1)), now.Add(time.Minute))
	}
	if g.Blocked(netip.MustParseAddr("2001:db8::ffff"), now.Add(time.Minute)) == 0 {
		t.Error("a host gets as many tries as it has addresses")
	}
}

func TestAListServesManyAtOnce(t *testing.T) {
	l, g := list(t, User{Name: "u", Hash: Hash("p")}), NewGuard(5, time.Minute)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			addr := netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})
			for range 5 {
				if !l.Check("u", "p") || l.Check("u", "q") {
					t.Error("wrong answer")
				}
				g.Failed(addr, time.Unix(1e9, 0))
				g.Blocked(addr, time.Unix(1e9, 0))
				g.Passed(addr)
			}
		})
	}
	group.Wait()
}
