package onvif

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/onvif/onviftest"
)

func to(d *onviftest.Device) Options {
	return Options{Device: d.URL, User: "admin", Password: "s3<cret", Stream: "rtsp://camera/main", Clock: media.SystemClock{}}
}

func known() onviftest.Options { return onviftest.Options{User: "admin", Password: "s3<cret"} }

// The example of the ONVIF Application Programmer's Guide, 6.1.1.3.
func TestThePasswordDigestIsThatOfTheStandard(t *testing.T) {
	nonce, _ := base64.StdEncoding.DecodeString("LKqI6G/AikKCQrN0zqZFlg==")
	if got := passwordDigest(nonce, "2010-09-16T07:50:45Z", "userpassword"); got != "tuOSpGlFlIXsozq4HFNeeGeFLEI=" {
		t.Error(got)
	}
}

// TestOnlyTheRateOfTheStreamsEncoderIsChanged: the device refuses what changes more, what
// is not signed, and what is signed by another clock than its own.
func TestOnlyTheRateOfTheStreamsEncoderIsChanged(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]func(*onviftest.Options){
		"as it is":             func(*onviftest.Options) {},
		"a clock that is off":  func(o *onviftest.Options) { o.Ahead = -9000 * time.Hour },
		"HTTP asks":            func(o *onviftest.Options) { o.HTTPDigest = true },
		"an address elsewhere": func(o *onviftest.Options) { o.Elsewhere = "192.0.2.1" },
		"anybody may":          func(o *onviftest.Options) { o.User = "" },
	} {
		t.Run(name, func(t *testing.T) {
			options := known()
			o(&options)
			d := onviftest.Start(t, options)
			e, err := Open(t.Context(), to(d))
			if err != nil {
				t.Fatal(err)
			}
			was, is, err := e.Lower(t.Context(), 800)
			if err != nil || was != 4000 || is != 800 {
				t.Errorf("%d to %d, %v", was, is, err)
			}
			if was, is, err := e.Lower(t.Context(), 900); err != nil || was != 800 || is != 800 {
				t.Errorf("what is lower already: %d to %d, %v", was, is, err)
			}
			if err := e.Restore(t.Context(), 4000); err != nil {
				t.Error(err)
			}
			if got := d.Changes(); !slices.Equal(got, []string{"main 800", "main 4000"}) {
				t.Error(got)
			}
		})
	}
}

func TestAnEncoderIsAskedForNoLessThanItTakes(t *testing.T) {
	t.Parallel()
	o := known()
	o.Least = 1000
	d := onviftest.Start(t, o)
	e, err := Open(t.Context(), to(d))
	if err != nil {
		t.Fatal(err)
	}
	if was, is, err := e.Lower(t.Context(), 800); err != nil || was != 4000 || is != 1000 {
		t.Errorf("%d to %d, %v", was, is, err)
	}
}

func TestAStreamThatNoProfileHasIsTakenForTheFirst(t *testing.T) {
	t.Parallel()
	d := onviftest.Start(t, known())
	o := to(d)
	o.Stream = "rtsp://camera/other"
	e, err := Open(t.Context(), o)
	if err != nil || e.token != "sub" {
		t.Errorf("%v %+v", err, e)
	}
}

// TestWhatADeviceDoesWrongHasAKindAndNoPassword goes through what a device may answer to
// the request that sets the rate, and to all.
func TestWhatADeviceDoesWrongHasAKindAndNoPassword(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("another host was asked") }))
	defer elsewhere.Close()
	text := func(s string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(s)) }
	}
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		kind   fault.Kind
		says   string
	}{
		"a fault": {func(w http.ResponseWriter, _ *http.Request) {
			onviftest.Fault(w, "ter:ConfigModify", "no s3<!-- -->&lt;cret")
		}, fault.Refused, "it says: no ***"},
		"not supported": {func(w http.ResponseWriter, _ *http.Request) { onviftest.Fault(w, "ter:ActionNotSupported", "never") }, fault.Unsupported, "never"},
		"HTTP only":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, fault.Refused, "500"},
		"garbage":       {text("\x00\xff<<<"), fault.Protocol, "no XML"},
		"half":          {text("<a><b>"), fault.Protocol, "no XML"},
		"nothing":       {text(""), fault.Protocol, "no XML"},
		"a web page":    {text("<html><body/></html>"), fault.Protocol, "something else"},
		"entities":      {text(`<!DOCTYPE a [<!ENTITY b "c">]><a/>`), fault.Protocol, "document type"},
		"10 MiB":        {text(strings.Repeat("<a/>", 10<<18)), fault.Protocol, "larger than"},
		"too deep":      {text(strings.Repeat("<a>", 100)), fault.Protocol, "too many"},
		"too many":      {text("<a>" + strings.Repeat("<a/>", 100_000) + "</a>"), fault.Protocol, "too many"},
		"silence":       {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, fault.Timeout, "deadline"},
		"elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, fault.Refused, "not followed"},
		"in clear text": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(401)
		}, fault.Denied, "user name and password"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, which := range []string{"SetVideoEncoderConfiguration", "GetProfiles"} {
				o := known()
				o.Answer = func(name string, w http.ResponseWriter, r *http.Request) bool {
					if name == which {
						c.answer(w, r)
					}
					return name == which
				}
				d := onviftest.Start(t, o)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				e, err := Open(ctx, to(d))
				if which[0] == 'S' {
					if err != nil {
						t.Fatal(err)
					}
					_, _, err = e.Lower(ctx, 800)
				}
				cancel()
				if !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "s3<cret") || strings.Contains(err.Error(), "\n") {
					t.Errorf("%s: %v (%v), want %v", which, err, fault.KindOf(err), c.kind)
				}
			}
		})
	}
}

func TestAWrongPasswordIsDeniedAndNotShown(t *testing.T) {
	t.Parallel()
	for _, overHTTP := range []bool{false, true} {
		d := onviftest.Start(t, onviftest.Options{User: "admin", Password: "other", HTTPDigest: overHTTP})
		_, err := Open(t.Context(), to(d))
		if !fault.Is(err, fault.Denied) || strings.Contains(err.Error(), "s3<cret") {
			t.Errorf("%v (%v)", err, fault.KindOf(err))
		}
		if n := len(d.Asked()); n > 3 {
			t.Errorf("%d requests: %v", n, d.Asked())
		}
	}
}

func TestNobodyThereIsAFaultOfTheNetwork(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(nil)
	s.Close()
	_, err := Open(t.Context(), Options{Device: s.URL, Clock: media.SystemClock{}})
	if !fault.Is(err, fault.Refused) {
		t.Errorf("%v (%v)", err, fault.KindOf(err))
	}
	for _, address := range []string{"", "rtsp://cam/", "http://", "http://u:s3cret@cam/", "://"} {
		if _, err := Open(t.Context(), Options{Device: address, Clock: media.SystemClock{}}); !fault.Is(err, fault.Usage) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v", address, err)
		}
	}
}
