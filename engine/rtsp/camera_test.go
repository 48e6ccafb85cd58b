package rtsp

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/rtspcam"
)

// camera runs a scripted camera with one path, "live".
func camera(t *testing.T, stream rtspcam.Stream, o rtspcam.Options) *rtspcam.Camera {
	t.Helper()
	o.Paths = map[string]rtspcam.Stream{"live": stream, "other": stream}
	if at := strings.IndexByte(string(stream), ','); at >= 0 {
		o.Paths["other"] = stream[:at]
	}
	o.Seed = 7
	cam, err := rtspcam.New(o)
	if err != nil {
		t.Fatal(err)
	}
	l := listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- cam.Serve(ctx, l) }()
	until(t, "the camera", func() bool { return cam.Addr() != nil })
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return cam
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func dialCamera(t *testing.T, cam *rtspcam.Camera, o Options) *Client {
	t.Helper()
	if o.URL == "" {
		o.URL = cam.URL("live")
	}
	c, err := Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// honest checks what must hold whatever was lost: what is not marked as damaged is
// what the camera sent, what is missing is announced by the unit after it, and time never
// goes back. It returns how many units were damaged and missing.
func honest(t *testing.T, c *Client, list []media.AccessUnit) (damaged, missing int) {
	t.Helper()
	counters := map[media.TrackID]uint64{}
	unmarked := map[media.TrackID]uint64{} // damaged units that have lost their mark
	decoded := map[media.TrackID]media.Ticks{}
	for i, au := range list {
		codec := c.Run().Tracks[au.Track].Codec
		if last, ok := decoded[au.Track]; ok && au.DTS <= last || au.DTS > au.PTS {
			t.Errorf("unit %d: DTS %d after %d, PTS %d", i, au.DTS, last, au.PTS)
		}
		decoded[au.Track] = au.DTS
		if au.Damaged {
			damaged++
		} else if rtspcamMarks(codec) && !rtspcam.Intact(codec, au.Data) {
			t.Errorf("unit %d of %s is not what was sent and not marked as damaged (%d bytes, lost %d, key %v)", i, codec, len(au.Data), au.Lost, au.Key)
		}
		m, ok := rtspcam.ReadMark(codec, au.Data)
		if !ok {
			unmarked[au.Track]++
			continue
		}
		if last, ok := counters[au.Track]; ok && m.Counter != last+1+unmarked[au.Track] {
			missing++
			if au.Lost == 0 && !au.Damaged && au.Missing == nil && unmarked[au.Track] == 0 {
				t.Errorf("unit %d of %s: counter %d after %d and nothing says so", i, codec, m.Counter, last)
			}
		}
		counters[au.Track], unmarked[au.Track] = m.Counter, 0
	}
	return damaged, missing
}

// rtspcamMarks reports whether units of the codec carry marks.
func rtspcamMarks(codec media.Codec) bool {
	switch codec {
	case media.H264, media.H265, media.MPEG4, media.MJPEG, media.AAC, media.Opus:
		return true
	}
	return false
}

// whole checks that nothing at all is missing but, perhaps, the start of the first unit.
func whole(t *testing.T, c *Client, list []media.AccessUnit) {
	t.Helper()
	first := map[media.TrackID]bool{}
	list = slices.DeleteFunc(slices.Clone(list), func(au media.AccessUnit) bool {
		before := first[au.Track]
		first[au.Track] = true
		return !before && au.Damaged
	})
	if damaged, missing := honest(t, c, list); damaged+missing > 0 {
		t.Errorf("%d units damaged, %d missing; %+v", damaged, missing, c.Stats())
	}
}

func enough(video, sound int) func([]media.AccessUnit) bool {
	return func(l []media.AccessUnit) bool { return count(l, 0) >= video && count(l, 1) >= sound }
}

func TestEveryCodecArrivesWholeOverUDPAndTCP(t *testing.T) {
	t.Parallel()
	for _, codec := range rtspcam.Codecs() {
		switch codec[0] {
		case "metadata", "unknown":
			continue
		}
		for _, transport := range []Transport{UDP, TCP} {
			t.Run(codec[0]+" "+string(transport), func(t *testing.T) {
				t.Parallel()
				cam := camera(t, rtspcam.Stream(codec[0]), rtspcam.Options{})
				c := dialCamera(t, cam, Options{Transport: transport})
				list := units(t, c, 20*time.Second, enough(25, 0))
				whole(t, c, list)
				if s := c.Stats().Tracks[0]; s.Lost+s.Invalid+s.Duplicates+s.Late != 0 {
					t.Errorf("%+v", s)
				}
			})
		}
	}
}

func TestWhatCamerasDoWrongCostsNoUnit(t *testing.T) {
	t.Parallel()
	for _, spec := range []string{
		"early", "channels=10", "nobase", "lowercase", "brokenorigin", "control=absolute", "control=absent", "control=query", "control=star",
		"rtpinfo=none", "rtpinfo=wrong", "sdpparams=none", "sdpparams=garbage", "mode0", "lateauth", "keepalive=refused", "noteardown",
		"zeronal", "startcodes", "fuse", "stap", "marker=never", "marker=always", "bigunit=2M", "seqwrap=50", "tswrap=1s", "frozen",
		"ssrc@1s", "seqjump@1s=5000", "seqjump@1s=40000", "duplicate=10%", "reorder=1", "reorder=10", "jump@1s:1s=2h", "noreports", "ntp=zero",
		"burst=3s", "flap", "parameters@1s", "udpport",
	} {
		for _, stream := range []string{"h264b+aac", "h265+pcma"} {
			for _, transport := range []Transport{UDP, TCP} {
				if transport == UDP && (strings.HasPrefix(spec, "bigunit") || strings.HasPrefix(spec, "burst") || strings.HasPrefix(spec, "channels")) ||
					transport == TCP && spec == "udpport" || stream[:4] == "h265" && strings.Contains(spec, "control") {
					continue
				}
				if strings.HasPrefix(spec, "control=absent") {
					stream = "h264b"
				}
				t.Run(stream+" "+spec+" "+string(transport), func(t *testing.T) {
					t.Parallel()
					cam := camera(t, rtspcam.Stream(stream+","+spec), rtspcam.Options{})
					o := Options{Transport: transport}
					if spec == "reorder=10" {
						o.Reorder = time.Second // of so few packets a second
					}
					c := dialCamera(t, cam, o)
					list := units(t, c, 20*time.Second, enough(60, 0))
					whole(t, c, list)
					if s := c.Stats(); s.Tracks[0].Lost != 0 {
						t.Errorf("%+v", s)
					}
				})
			}
		}
	}
}

func TestLossIsMarked(t *testing.T) {
	t.Parallel()
	for _, spec := range []string{"loss=1%", "loss=5%", "loss=2%,reorder=10,duplicate=5%", "loss=5%,marker=never", "loss=5%,marker=always", "loss=3%,seqwrap=100"} {
		for _, stream := range []string{"h264b+aac", "h265b+opus", "mpeg4+pcmu", "mjpeg"} {
			for _, transport := range []Transport{UDP, TCP} {
				t.Run(stream+" "+spec+" "+string(transport), func(t *testing.T) {
					t.Parallel()
					cam := camera(t, rtspcam.Stream(stream+","+spec), rtspcam.Options{})
					c := dialCamera(t, cam, Options{Transport: transport})
					n := 100
					if stream == "mjpeg" {
						n = 40
					}
					list := units(t, c, 20*time.Second, enough(n, 0))
					damaged, missing := honest(t, c, list[1:])
					s := c.Stats().Tracks[0]
					if s.Lost == 0 || damaged+missing == 0 {
						t.Errorf("no loss seen: damaged %d missing %d %+v", damaged, missing, s)
					}
				})
			}
		}
	}
}

func TestWhatIsNotThereSaysWhy(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		stream rtspcam.Stream
		cam    rtspcam.Options
		o      Options
		edit   func(string) string
		want   fault.Kind
	}{
		{name: "no such path", stream: "h264", edit: func(u string) string { return u + "x" }, want: fault.NotFound},
		{name: "busy", stream: "h264,busy=453", want: fault.Busy},
		{name: "overloaded", stream: "h264,busy=503", want: fault.Busy},
		{name: "web server", stream: "h264,http", o: Options{Timeout: time.Second}, want: fault.Protocol},
		{name: "nothing known", stream: "unknown", want: fault.Unsupported},
		{name: "no credentials", stream: "h264", cam: rtspcam.Options{User: "u", Password: "p"}, edit: func(u string) string { return strings.Replace(u, "u:p@", "", 1) }, want: fault.Denied},
		{name: "wrong password", stream: "h264", cam: rtspcam.Options{User: "u", Password: "p"}, edit: func(u string) string { return strings.Replace(u, "u:p@", "u:q@", 1) }, want: fault.Denied},
		{name: "self-signed", stream: "h264", cam: rtspcam.Options{TLS: true}, want: fault.Denied},
		{name: "wrong fingerprint", stream: "h264", cam: rtspcam.Options{TLS: true}, o: Options{Fingerprint: strings.Repeat("ab", 32)}, want: fault.Denied},
		{name: "circle", stream: "h264,redirect=other", want: fault.Protocol},
		{name: "usage", stream: "h264", edit: func(string) string { return "http://x/" }, want: fault.Usage},
		{name: "black hole", stream: "h264,blackhole", o: Options{Timeout: time.Second}, want: fault.Timeout},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cam := camera(t, tc.stream, tc.cam)
			if tc.name == "circle" {
				cam.Misbehave("other", "redirect=live")
			}
			tc.o.URL = cam.URL("live")
			if tc.edit != nil {
				tc.o.URL = tc.edit(tc.o.URL)
			}
			c, err := Dial(t.Context(), tc.o)
			if err == nil {
				c.Close()
				t.Fatal("no error")
			}
			t.Log(err)
			if fault.KindOf(err) != tc.want {
				t.Errorf("%v is %v, want %v", err, fault.KindOf(err), tc.want)
			}
			if tc.cam.Password != "" && strings.Contains(err.Error(), ":q@") {
				t.Error("shows a password")
			}
		})
	}
}
