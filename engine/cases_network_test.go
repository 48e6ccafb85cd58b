package engine_test

import (
	"strings"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/rtspcam"
)

func TestCase12LossIsDamage(t *testing.T) {
	t.Parallel()
	play(t, 6*time.Second, []scene{
		{name: "one-percent", stream: "h264+aac,loss=1%", transport: "udp", damage: true, rough: true},
		{name: "five-percent", stream: "h265+aac,loss=5%", transport: "udp", damage: true, rough: true},
		{name: "later-than-waited-for", stream: "h264,reorder=40", transport: "udp", damage: true, rough: true},
	})
}

func TestCase12ThirtySecondsOfNothing(t *testing.T) {
	t.Parallel()
	silence := []media.Cause{media.Timeout, media.Unreachable, media.StreamEnded}
	play(t, 37*time.Second, []scene{
		{name: "hole", stream: "h264+aac,blackhole@2s:30s", costs: silence, damage: true},
		{name: "beside-it", stream: "h264+aac"},
	})
}

func TestCase19WhatPlayAnswers(t *testing.T) {
	t.Parallel()
	play(t, 3500*time.Millisecond, []scene{
		{name: "early", stream: "h264+aac,early"},
		{name: "no-info", stream: "h264+aac,rtpinfo=none"},
		{name: "wrong-info", stream: "h264+aac,rtpinfo=wrong"},
		{name: "channels", stream: "h264+aac,channels=10", transport: "tcp"},
	})
}

func TestCase20ControlAddressesAndHeaders(t *testing.T) {
	t.Parallel()
	play(t, 3500*time.Millisecond, []scene{
		{name: "absolute", stream: "h264+aac,control=absolute", transport: "tcp"},
		{name: "absent", stream: "h264,control=absent", transport: "udp"},
		{name: "query", stream: "h264+aac,control=query"},
		{name: "star", stream: "h264+aac,control=star", transport: "tcp"},
		{name: "no-base", stream: "h264+aac,nobase"},
		{name: "no-base-query", stream: "h264+aac,nobase,control=query", transport: "tcp"},
		{name: "origin", stream: "h264+aac,brokenorigin", transport: "udp"},
		{name: "lower-case", stream: "h264+aac,lowercase", transport: "tcp"},
	})
}

func TestCase21WaysToLogIn(t *testing.T) {
	t.Parallel()
	for _, auth := range []string{"digest", "sha256", "both", "basic"} {
		t.Run(auth, func(t *testing.T) {
			t.Parallel()
			play(t, 4*time.Second, []scene{
				{name: "login", stream: "h264", transport: "tcp"},
				{name: "stale", stream: "h264,stale=1s,timeout=2s"},
				{name: "late", stream: "h264,lateauth", transport: "udp"},
			}, func(c *rtspcam.Options, _ *engine.RecordOptions) {
				c.User, c.Password, c.Auth = "ad@min", "p@ss:/w%rd", auth
			})
		})
	}
}

func TestCase22KeepalivesAndGoodbyes(t *testing.T) {
	t.Parallel()
	play(t, 8*time.Second, []scene{
		{name: "refused", stream: "h264,keepalive=refused,timeout=5s"},
		{name: "ignored", stream: "h264,keepalive=ignored,timeout=5s"},
		{name: "needed", stream: "h264,timeout=2s"},
		{name: "teardown", stream: "h264,noteardown"},
	})
}

func TestCase22SessionsUsedUpAreWaitedFor(t *testing.T) {
	t.Parallel()
	refused := []media.Cause{media.Refused, media.NotStarted}
	play(t, 7*time.Second, []scene{
		{name: "beside-it", stream: "h264", transport: "tcp"},
		{name: "busy-453", stream: "h264,busy:2500ms=453", costs: refused},
		{name: "busy-503", stream: "h264,busy:2500ms=503", transport: "tcp", costs: refused},
	})
}

func TestCase23ConnectionsBreak(t *testing.T) {
	t.Parallel()
	gone := []media.Cause{media.StreamEnded, media.Unreachable, media.Refused, media.Timeout}
	play(t, 12*time.Second, []scene{
		{name: "beside-it", stream: "h264", transport: "tcp"},
		// Who is back for the key frame that was due has lost nothing.
		{name: "reset", stream: "h264+aac,rst@2s", costs: gone, maybe: true},
		{name: "blink", stream: "h264,drop@2s:200ms", costs: gone},
		{name: "flapping", stream: "h264+aac,drop@2s:1s/5s", costs: gone},
		{name: "redirected", sends: "beside-it", stream: "h264,redirect=beside-it", transport: "tcp"},
	})
}

func TestCase23AHalfOpenConnectionIsLeft(t *testing.T) {
	t.Parallel()
	p := play(t, 18*time.Second, []scene{
		{name: "half-open", stream: "h264+aac,halfopen@2s", transport: "tcp", costs: []media.Cause{media.Timeout}},
	})
	for _, g := range p.camera(t, "half-open").Gaps {
		if g.To.Sub(g.From) > 13*time.Second { // ten seconds of silence, a dial, a key frame
			t.Errorf("a gap of %v for a connection that fell silent", g.To.Sub(g.From))
		}
	}
}

func TestCase24UDPThatDoesNotCome(t *testing.T) {
	t.Parallel()
	p := play(t, 6*time.Second, []scene{
		{name: "blocked", stream: "h264+aac,udpblocked", transport: "auto"},
		{name: "other-port", stream: "h264+aac,udpport", transport: "udp"},
		{name: "tcp-only", stream: "h264+aac,only=tcp", transport: "auto"},
	})
	for _, name := range []string{"blocked", "tcp-only"} {
		said := false
		for _, up := range all[engine.CameraUp](p.events) {
			said = said || up.Camera == name && up.Transport == "tcp"
		}
		if !said {
			t.Errorf("%s: nobody says that it plays over TCP", name)
		}
	}
	said := false
	for _, n := range all[engine.Notice](p.events) {
		said = said || n.Camera == "blocked" && strings.Contains(n.Message, "tcp instead of udp")
	}
	if !said {
		t.Error("nobody says that UDP does not come")
	}
}

func TestCase25Certificates(t *testing.T) {
	t.Parallel()
	cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264+aac"}, TLS: true})
	const letIn = fault.Kind(255)
	wrong := strings.Repeat("0", len(cam.Fingerprint()))
	for name, c := range map[string]struct {
		camera journal.Camera
		kind   fault.Kind // of the error
	}{
		"by default":        {journal.Camera{}, fault.Denied},
		"insecure":          {journal.Camera{Insecure: true}, letIn},
		"fingerprint":       {journal.Camera{Fingerprint: cam.Fingerprint()}, letIn},
		"wrong fingerprint": {journal.Camera{Fingerprint: wrong}, fault.Denied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, _ := deps(t)
			c.camera.Name, c.camera.URL, c.camera.Transport = "a", cam.URL("a"), "tcp"
			o := engine.RecordOptions{Dir: t.TempDir(), Length: 3 * time.Second, Cameras: []journal.Camera{c.camera}}
			_, err := engine.Record(t.Context(), d, o)
			if got := fault.KindOf(err); (err != nil || c.kind != letIn) && got != c.kind {
				t.Errorf("%v, want %v", err, c.kind)
			}
			if c.kind == fault.Denied && !strings.Contains(err.Error(), cam.Fingerprint()) {
				t.Errorf("%v: the fingerprint to pin is not said", err)
			}
			if c.kind == letIn {
				noneMissing(t, name, readMarks(t, o.Dir))
				decodes(t, o.Dir)
			}
		})
	}
}

func TestCase26BackAsAnother(t *testing.T) {
	t.Parallel()
	back := []media.Cause{media.StreamEnded, media.CameraRestart, media.Unreachable, media.Refused}
	p := play(t, 8*time.Second, []scene{
		{name: "same", stream: "h264+aac,restart@3s", costs: back, maybe: true},
		{name: "size", stream: "h264+aac,restart@3s,parameters@3s", costs: back, maybe: true},
		{name: "clock", stream: "h264+aac,restart@3s,clock@3s=2000-01-01", costs: back, maybe: true},
	})
	for _, c := range p.report.Cameras {
		if c.Segments < 2 {
			t.Errorf("%s: %d segments", c.Name, c.Segments)
		}
	}
}

func TestCase26BackWithAnotherCodec(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": "h264+aac,become@3s=h265+pcma"}})
			d, _ := deps(t)
			o := engine.RecordOptions{Dir: t.TempDir(), Length: 7 * time.Second, Segment: wholeDay, Cameras: []journal.Camera{camera("a", cam.URL("a"), transport)}}
			// A client that is quick enough is back for the first key frame: then there is no gap.
			_, err := engine.Record(t.Context(), d, o)
			want := archive.Clean
			if fault.Is(err, fault.Incomplete) {
				want = archive.Incomplete
			} else if err != nil {
				t.Fatal(err)
			}
			report := verified(t, d, o.Dir, want)
			if c := report.Cameras[0]; len(c.Gaps) > 1 || c.Segments != 2 {
				t.Errorf("%d segments, gaps %+v", c.Segments, c.Gaps)
			}
			if marks := len(storedUnits(t, o.Dir, media.H264)) + len(storedUnits(t, o.Dir, media.H265)); marks < 100 {
				t.Errorf("only %d pictures", marks)
			}
			decodes(t, o.Dir)
		})
	}
}
