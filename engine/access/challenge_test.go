package access

import (
	"net/textproto"
	"strings"
	"testing"
)

// The examples of RFC 7616 3.9.1 and RFC 2617 3.5.
func TestDigestsAreThoseOfTheStandard(t *testing.T) {
	for algorithm, want := range map[string]string{
		"MD5": "8ca523f5e9506fed4657c9700eebdbec", "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
	} {
		list := ParseChallenges(`Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=` + algorithm +
			`, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`)
		if len(list) != 1 {
			t.Fatal(list)
		}
		c := list[0]
		h := func(s string) string { return c.Digest(s) }
		ha1, ha2 := h("Mufasa:http-auth@example.org:Circle of Life"), h("GET:/dir/index.html")
		if got := h(strings.Join([]string{ha1, c.Nonce, "00000001", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "auth", ha2}, ":")); got != want {
			t.Errorf("%s: %s", algorithm, got)
		}
		answer := c.Answer("Mufasa", "Circle of Life", "GET", "/dir/index.html")
		for _, part := range []string{`username="Mufasa"`, "qop=auth", "nc=00000001", `opaque="FQhe/`, "algorithm=" + algorithm} {
			if !strings.Contains(answer, part) {
				t.Errorf("%s lacks %s", answer, part)
			}
		}
	}
}

func TestTheStrongestChallengeIsAnswered(t *testing.T) {
	for _, tc := range []struct {
		values []string
		want   string
	}{
		{[]string{`Basic realm="a"`}, "Basic"},
		{[]string{`Basic realm="a"`, `digest realm="b",nonce="c"`}, "Digest MD5"},
		{[]string{`Digest realm="b", nonce="c", algorithm=SHA-256`, `Digest realm="b", nonce="c"`}, "Digest SHA-256"},
		{[]string{`Digest realm="b, c", nonce="c", algorithm="md5", Basic realm="x"`}, "Digest MD5"},
		{[]string{`Digest realm="b", nonce="c", algorithm=SHA-512-256`, `Basic realm="x"`}, "Basic"},
		{[]string{`Bearer x="y"`}, "none"},
		{nil, "none"},
	} {
		if got := PickChallenge(textproto.MIMEHeader{"Www-Authenticate": tc.values}); got.Name() != tc.want {
			t.Errorf("%q: %s, want %s", tc.values, got.Name(), tc.want)
		}
	}
}
