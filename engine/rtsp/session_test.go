package rtsp

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/rtspcam"
)

// drain reads until the run is over.
func drain(t *testing.T, c *Client, limit time.Duration) (list []media.AccessUnit, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for {
		au, err := c.Next(ctx)
		if err != nil {
			if ctx.Err() != nil {
				t.Fatalf("the run does not end: %+v", c.Stats())
			}
			return list, err
		}
		list = append(list, au)
	}
}

func TestTheEndOfARunSaysWhy(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		spec      string
		transport Transport
		want      fault.Kind // Ended: io.EOF
	}{
		{"drop@1s:3s", TCP, fault.Ended}, {"drop@1s:3s", UDP, fault.Ended}, {"restart@1s", TCP, fault.Ended},
		{"rst@1s", TCP, fault.Unreachable}, {"rst@1s", UDP, fault.Unreachable},
		{"halfopen@1s", TCP, fault.Timeout}, {"stall@1s", UDP, fault.Timeout}, {"blackhole@1s:20s", TCP, fault.Timeout},
	} {
		t.Run(tc.spec+" "+string(tc.transport), func(t *testing.T) {
			t.Parallel()
			cam := camera(t, rtspcam.Stream("h264,"+tc.spec), rtspcam.Options{})
			c := dialCamera(t, cam, Options{Transport: tc.transport, Timeout: 2 * time.Second})
			list, err := drain(t, c, 15*time.Second)
			if kind := fault.KindOf(err); errors.Is(err, io.EOF) != (tc.want == fault.Ended) || tc.want != fault.Ended && kind != tc.want {
				t.Errorf("%v (%v), want %v", err, kind, tc.want)
			}
			if len(list) < 15 {
				t.Errorf("%d units before the end", len(list))
			}
			if _, again := c.Next(t.Context()); again == nil || again.Error() != err.Error() {
				t.Errorf("then %v", again)
			}
			c.Close()
		})
	}
}

func TestAnOrderlyGoodbyeIsTheEnd(t *testing.T) {
	t.Parallel()
	for _, transport := range []Transport{UDP, TCP} {
		cam, err := rtspcam.New(rtspcam.Options{Paths: map[string]rtspcam.Stream{"live": "h264"}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- cam.Serve(ctx, listen(t)) }()
		until(t, "the camera", func() bool { return cam.Addr() != nil })
		c := dialCamera(t, cam, Options{Transport: transport})
		units(t, c, 10*time.Second, enough(10, 0))
		cancel()
		if _, err := drain(t, c, 10*time.Second); !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", transport, err)
		}
		c.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
}

func TestCloseUnblocksNextAndKeepsWhatCame(t *testing.T) {
	t.Parallel()
	cam := camera(t, "h264,stall@1s", rtspcam.Options{})
	c := dialCamera(t, cam, Options{})
	units(t, c, 10*time.Second, enough(5, 0))
	result := make(chan error, 1)
	go func() {
		for {
			if _, err := c.Next(context.Background()); err != nil {
				result <- err
				return
			}
		}
	}()
	c.Close()
	select {
	case err := <-result:
		if !fault.Is(err, fault.Canceled) {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("Next hangs")
	}
	c.Close()
	until(t, "the camera to have no session", func() bool { return cam.Readers("live") == 0 })
}

// events collects what is observed.
type events struct {
	mu   sync.Mutex
	list []Event
}

func (e *events) observe(ev Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, ev)
}

func (e *events) find(part string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ev := range e.list {
		if strings.Contains(ev.Text(), part) {
			return true
		}
	}
	return false
}

func TestAutoFallsBackToTCPAndSaysSo(t *testing.T) {
	t.Parallel()
	var e events
	cam := camera(t, "h264+aac,udpblocked", rtspcam.Options{})
	c := dialCamera(t, cam, Options{SilenceUDP: 500 * time.Millisecond, Observe: e.observe})
	whole(t, c, units(t, c, 10*time.Second, enough(10, 0)))
	if s := c.Stats(); s.Transport != TCP || !e.find("tcp instead of udp: no packet came within 500ms") {
		t.Errorf("%+v, %+v", s, e.list)
	}
	if n := cam.Readers("live"); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

func TestAutoStaysWithUDPWhereItWorks(t *testing.T) {
	t.Parallel()
	cam := camera(t, "h264,udpport", rtspcam.Options{})
	c := dialCamera(t, cam, Options{})
	whole(t, c, units(t, c, 10*time.Second, enough(30, 0)))
	if s := c.Stats(); s.Transport != UDP || s.SocketBuffer == 0 || s.SocketWanted == 0 {
		t.Errorf("%+v", s)
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	for _, auth := range []string{"digest", "sha256", "both", "basic"} {
		for _, spec := range []string{"", ",stale=300ms,timeout=3s", ",lateauth"} {
			t.Run(auth+spec, func(t *testing.T) {
				t.Parallel()
				cam := camera(t, rtspcam.Stream("h264"+spec), rtspcam.Options{User: "us er", Password: `p@s:s/w%o"rd`, Auth: auth})
				c := dialCamera(t, cam, Options{Transport: TCP})
				n := 10
				if strings.Contains(spec, "stale") {
					n = 150 // longer than the session lives without keepalives
				}
				whole(t, c, units(t, c, 20*time.Second, enough(n, 0)))
				want := map[string]string{"digest": "Digest MD5", "sha256": "Digest SHA-256", "both": "Digest SHA-256", "basic": "Basic"}[auth]
				if s := c.Stats(); s.Auth != want {
					t.Errorf("%q, want %q", s.Auth, want)
				}
				raw := "rtsp://us er:p@s:s/w%o\"rd@" + cam.Addr().String() + "/live"
				if _, err := Describe(t.Context(), Options{URL: raw}); err != nil {
					t.Errorf("unescaped: %v", err)
				}
			})
		}
	}
}

func TestRTSPS(t *testing.T) {
	t.Parallel()
	cam := camera(t, "h264+aac", rtspcam.Options{TLS: true})
	_, err := Dial(t.Context(), Options{URL: cam.URL("live")})
	if !fault.Is(err, fault.Denied) || !strings.Contains(err.Error(), "self-signed") || !strings.Contains(err.Error(), cam.Fingerprint()) {
		t.Error(err)
	}
	for _, o := range []Options{{Insecure: true}, {Fingerprint: cam.Fingerprint()}, {Fingerprint: strings.ToUpper(cam.Fingerprint())}} {
		o.URL = cam.URL("live")
		c := dialCamera(t, cam, o)
		whole(t, c, units(t, c, 10*time.Second, enough(10, 0)))
		if s := c.Stats(); s.Transport != TCP || !s.Secure {
			t.Errorf("%+v", s)
		}
	}
}

func TestRedirectIsFollowed(t *testing.T) {
	t.Parallel()
	cam := camera(t, "h264,redirect=other", rtspcam.Options{User: "u", Password: "p"})
	c := dialCamera(t, cam, Options{})
	whole(t, c, units(t, c, 10*time.Second, enough(10, 0)))
	if cam.Readers("other") != 1 || strings.Contains(c.Run().Peer, "p@") {
		t.Error(c.Run().Peer)
	}
}

func TestKeepalivesKeepASessionAliveAndTheirRefusalDoesNotEndIt(t *testing.T) {
	t.Parallel()
	for _, spec := range []string{"timeout=3s", "keepalive=refused", "keepalive=ignored", "timeout=3s,keepalive=refused"} {
		t.Run(spec, func(t *testing.T) {
			t.Parallel()
			var e events
			cam := camera(t, rtspcam.Stream("h264,"+spec), rtspcam.Options{})
			c := dialCamera(t, cam, Options{Transport: TCP, Observe: e.observe})
			n := 130
			if spec == "timeout=3s,keepalive=refused" {
				n = 50
			}
			whole(t, c, units(t, c, 20*time.Second, enough(n, 0)))
			if spec == "timeout=3s,keepalive=refused" && !e.find("refuses keepalives") {
				t.Errorf("%+v", e.list)
			}
		})
	}
}

func TestMetadataAndUnknownTracksAreLeftOut(t *testing.T) {
	t.Parallel()
	cam := camera(t, "h264+metadata+unknown+aac", rtspcam.Options{})
	c := dialCamera(t, cam, Options{Transport: TCP})
	units(t, c, 10*time.Second, enough(10, 10))
	s := c.Stats()
	if tracks := c.Run().Tracks; len(tracks) != 2 || tracks[0].Codec != media.H264 || tracks[1].Codec != media.AAC || len(s.Skipped) != 2 {
		t.Errorf("%+v, %q", tracks, s.Skipped)
	}
	d, err := Describe(t.Context(), Options{URL: cam.URL("live")})
	if err != nil || len(d.Tracks) != 2 || len(d.Skipped) != 2 || d.Infos[0].Width != 320 || d.Infos[1].SampleRate != 48000 || d.Server == "" || len(d.Methods) == 0 {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestNewParametersComeWithTheUnitThatNeedsThem(t *testing.T) {
	t.Parallel()
	for _, codec := range []string{"h264", "h265", "mpeg4"} {
		cam := camera(t, rtspcam.Stream(codec+",parameters@1s"), rtspcam.Options{})
		c := dialCamera(t, cam, Options{Transport: TCP})
		list := units(t, c, 10*time.Second, enough(75, 0))
		changes := 0
		for _, au := range list {
			if au.Config != nil {
				changes++
				track := c.Run().Tracks[0]
				was, _ := media.Inspect(track)
				track.Config = au.Config
				if info, err := media.Inspect(track); err != nil || info.Width == was.Width || !au.Key {
					t.Errorf("%s: %+v, %v, key %v", codec, info, err, au.Key)
				}
			}
		}
		if changes != 1 {
			t.Errorf("%s: %d changes", codec, changes)
		}
	}
}

func TestAFullQueueDropsWholeGOPsAndSaysSo(t *testing.T) {
	t.Parallel()
	cam := camera(t, "h264+aac", rtspcam.Options{})
	c := dialCamera(t, cam, Options{Transport: TCP, Queue: 100 << 10})
	until(t, "units to be dropped", func() bool { return c.Stats().Tracks[0].Dropped >= 30 })
	list := units(t, c, 20*time.Second, func(l []media.AccessUnit) bool {
		return len(l) > 0 && l[len(l)-1].Missing != nil && l[len(l)-1].Track == 0
	})
	after := list[len(list)-1]
	if gap := after.Missing; !after.Key || !gap.Causes.Has(media.Overflow) || !gap.To.After(gap.From) || !gap.To.Equal(after.Wall) {
		t.Errorf("%+v, %+v", gap, after.Key)
	}
	if damaged, missing := honest(t, c, list); damaged != 0 || missing == 0 {
		t.Errorf("damaged %d missing %d", damaged, missing)
	}
}

func TestStatisticsForProbe(t *testing.T) {
	t.Parallel()
	cam := camera(t, "h264+aac,loss=3%,duplicate=3%", rtspcam.Options{})
	c := dialCamera(t, cam, Options{Transport: UDP})
	units(t, c, 15*time.Second, enough(10, 0))
	cam.Misbehave("live", "ssrc") // within the session, however late that began
	units(t, c, 15*time.Second, enough(90, 0))
	s := c.Stats()
	v := s.Tracks[0]
	if v.Packets == 0 || v.Bytes == 0 || v.Units < 100 || v.Lost == 0 || v.Duplicates == 0 || v.SSRCChanges != 1 || v.SSRC == 0 ||
		v.Reports == 0 || v.LastReport.NTP == 0 || !v.ClockSound || v.FirstPacket.IsZero() || v.FirstKey.IsZero() {
		t.Errorf("%+v", v)
	}
	if s.RTT <= 0 || s.Connect <= 0 || s.FirstPacket <= 0 || s.FirstKey <= 0 || s.Bytes == 0 || s.Server == "" {
		t.Errorf("%+v", s)
	}
	c.RequestKey() // must not harm
	c.Close()
	c.RequestKey()
}
