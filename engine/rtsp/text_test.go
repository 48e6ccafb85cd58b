package rtsp

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"rtsprec/engine/fault"
)

func TestAddressesAreTakenAsPeopleTypeThem(t *testing.T) {
	for raw, want := range map[string]target{
		"rtsp://10.0.0.5/live":                     {host: "10.0.0.5", port: "554", uri: "rtsp://10.0.0.5/live"},
		"rtsps://cam:8322/a/b?c=d&e=f":             {secure: true, host: "cam", port: "8322", uri: "rtsps://cam:8322/a/b?c=d&e=f"},
		"RTSP://u:p@cam":                           {host: "cam", port: "554", uri: "rtsp://cam", user: "u", password: "p", hasUser: true},
		"rtsp://u@cam/":                            {host: "cam", port: "554", uri: "rtsp://cam/", user: "u", hasUser: true},
		"rtsp://u:p@ss:w%rd@cam:99/x":              {host: "cam", port: "99", uri: "rtsp://cam:99/x", user: "u", password: "p@ss:w%rd", hasUser: true},
		"rtsp://u:a/b?c#d@cam/x?y=z":               {host: "cam", port: "554", uri: "rtsp://cam/x?y=z", user: "u", password: "a/b?c#d", hasUser: true},
		"rtsp://u:%40%3A%2F%25@cam/":               {host: "cam", port: "554", uri: "rtsp://cam/", user: "u", password: "@:/%", hasUser: true},
		"rtsp://u:p@[fe80::1]:554/x":               {host: "fe80::1", port: "554", uri: "rtsp://[fe80::1]:554/x", user: "u", password: "p", hasUser: true},
		"rtsp://[::1]/x":                           {host: "::1", port: "554", uri: "rtsp://[::1]/x"},
		"rtsp://cam/live?user=a&password=b@c":      {host: "cam", port: "554", uri: "rtsp://cam/live?user=a&password=b@c"},
		"rtsp://cam:554/user=a_password=b@c?x.sdp": {host: "cam", port: "554", uri: "rtsp://cam:554/user=a_password=b@c?x.sdp"},
		" rtsp://cam/a#frag ":                      {host: "cam", port: "554", uri: "rtsp://cam/a"},
	} {
		if got, err := parseURL(raw); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", raw, got, err, want)
		}
	}
	for _, raw := range []string{"", "cam", "http://cam/", "rtsp://", "rtsp:///x", "rtsp://u:secret@/x", "rtsp://a b/"} {
		if _, err := parseURL(raw); !fault.Is(err, fault.Usage) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

func FuzzAddress(f *testing.F) {
	f.Add("rtsp://u:p@ss/w@cam:99/x?y")
	f.Fuzz(func(t *testing.T, raw string) {
		a, err := parseURL(raw)
		if err != nil {
			return
		}
		if a.host == "" || a.port == "" || strings.ContainsAny(a.uri, " \r\n") {
			t.Fatalf("%+v", a)
		}
		if b, err := parseURL(a.uri); err == nil && !b.hasUser && b.uri != a.uri {
			t.Fatalf("%q becomes %q", a.uri, b.uri)
		}
	})
}

func TestControlAddressesAreMeantAsCamerasMeanThem(t *testing.T) {
	for _, tc := range [][3]string{
		{"rtsp://c/x", "trackID=1", "rtsp://c/x/trackID=1"},
		{"rtsp://c/x/", "trackID=1", "rtsp://c/x/trackID=1"},
		{"rtsp://c/x/", "/trackID=1", "rtsp://c/x/trackID=1"},
		{"rtsp://c/x?a=b", "trackID=1", "rtsp://c/x?a=b/trackID=1"},
		{"rtsp://c/x", "?ctl=1", "rtsp://c/x?ctl=1"},
		{"rtsp://c/x", "", "rtsp://c/x"},
		{"rtsp://c/x", "*", "rtsp://c/x"},
		{"rtsp://c/x", "rtsp://u:p@d/y", "rtsp://d/y"},
	} {
		if got := join(tc[0], tc[1]); got != tc[2] {
			t.Errorf("%s + %s = %s, want %s", tc[0], tc[1], got, tc[2])
		}
	}
	for header, want := range map[string]string{
		"Content-Base: rtsp://d/y/\r\n": "rtsp://d/y/", "content-location: rtsp://d/z\r\n": "rtsp://d/z",
		"Content-Base: /abs/\r\n": "rtsp://c:99/abs/", "Content-Base: nonsense\r\n": "rtsp://c:99/x", "": "rtsp://c:99/x",
	} {
		msg, _, err := parseMessage([]byte("RTSP/1.0 200 OK\r\n" + header + "\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := baseOf(msg.(*response), "rtsp://c:99/x"); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
}

// taken is what came out of a wire.
type taken struct {
	frames   [][]byte
	messages []any
}

func (h *taken) frame(channel byte, payload []byte, _ time.Time) {
	h.frames = append(h.frames, append([]byte{channel}, payload...))
}
func (h *taken) message(msg any) { h.messages = append(h.messages, msg) }

// readerConn is a connection that only reads.
type readerConn struct {
	net.Conn
	r io.Reader
}

func (c readerConn) Read(b []byte) (int, error) { return c.r.Read(b) }

func readWire(stream string, slow bool) (*taken, *wire, error) {
	var r io.Reader = strings.NewReader(stream)
	if slow {
		r = iotest.OneByteReader(r)
	}
	h := &taken{}
	w := newWire(readerConn{r: r}, func(c byte) bool { return c < 4 })
	return h, w, w.serve(h, time.Now)
}

func TestWireFindsMessagesAndFramesAmongGarbage(t *testing.T) {
	rtp := "$\x00\x00\x0d\x80\x60\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01x"
	for _, slow := range []bool{false, true} {
		h, w, err := readWire(
			rtp+"RTSP/1.0 200 OK\r\nCSeq: 1\r\ncontent-length: 3\r\n\r\nabc"+rtp+
				"OPTIONS * RTSP/1.0\nCSeq : 7\n\n"+ // bare line feeds, a blank before the colon
				"\x00\x01$\x09\x00\x02garbage"+rtp+
				"\r\n\r\n"+rtp+"RTSP/1.0 401 Unauthorized\r\nbroken line\r\nWWW-Authenticate: Basic\r\n realm=\"x\"\r\n\r\n", slow)
		if err != io.EOF || len(h.frames) != 4 || len(h.messages) != 3 || w.garbage.Load() != 13 {
			t.Fatalf("%v, %d frames, %d messages, %d bytes of garbage", err, len(h.frames), len(h.messages), w.garbage.Load())
		}
		for _, f := range h.frames {
			if string(f[1:]) != rtp[4:] {
				t.Errorf("%q", f)
			}
		}
		if res := h.messages[0].(*response); res.code != 200 || string(res.body) != "abc" || res.header.Get("CSeq") != "1" {
			t.Errorf("%+v", res)
		}
		if req := h.messages[1].(*request); req.method != "OPTIONS" || req.header.Get("CSeq") != "7" {
			t.Errorf("%+v", req)
		}
		if res := h.messages[2].(*response); res.code != 401 || res.header.Get("Www-Authenticate") != `Basic realm="x"` {
			t.Errorf("%+v", res)
		}
	}
}

// A wire never hands on more than it was given, however the bytes arrive.
func FuzzWire(f *testing.F) {
	f.Add([]byte("$\x00\x00\x0d\x80\x60\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01xRTSP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab"))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, _, _ := readWire(string(b), false)
		slow, _, _ := readWire(string(b), true)
		if len(whole.frames) != len(slow.frames) || len(whole.messages) != len(slow.messages) {
			t.Fatalf("%d and %d at once, %d and %d byte by byte", len(whole.frames), len(whole.messages), len(slow.frames), len(slow.messages))
		}
		total := 0
		for _, p := range whole.frames {
			total += len(p)
		}
		if total > len(b) {
			t.Fatal(total)
		}
	})
}

func TestSDPThatIsBrokenStillNamesItsTracks(t *testing.T) {
	s := parseSDP([]byte("v=0\no=- \ns=x\nnonsense\nc=IN IP4 239.1.2.3/16\na=control:*\n" +
		"m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=fmtp:96 sprop-parameter-sets=garbage,!!;packetization-mode=0\na=control:v\na=framerate:12.5\n" +
		"m=audio 0 RTP/AVP 0 8\na=control:a\nm=audio 0 RTP/AVP 97\na=rtpmap:97 PCMU/8000\na=sendonly\n" +
		"m=application 0 RTP/AVP 107\na=rtpmap:107 vnd.onvif.metadata/90000\nm=video\n"))
	streams, skipped := streamsOf(s)
	if len(streams) != 2 || len(skipped) != 2 || s.address != "239.1.2.3" {
		t.Fatalf("%d streams, skipped %q, %+v", len(streams), skipped, s)
	}
	if v := streams[0]; v.track.Config != nil || v.rate != 12.5 || v.control != "v" || v.pt != 96 {
		t.Errorf("%+v", v)
	}
	if a := streams[1]; a.track.Codec != "pcmu" || a.track.ClockRate != 8000 || a.track.ID != 1 {
		t.Errorf("%+v", a)
	}
}

func FuzzSDP(f *testing.F) {
	f.Add([]byte("m=video 0 RTP/AVP 96\na=rtpmap:96 H265/90000\na=fmtp:96 sprop-vps=QAEMAf//AWAAAAMAkAAAAwAAAwA8\n"))
	f.Add([]byte("m=audio 0 RTP/AVP 96\na=rtpmap:96 MP4A-LATM/48000/2\na=fmtp:96 cpresent=0;config=400026203fc0\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		streams, _ := streamsOf(parseSDP(b))
		for _, st := range streams {
			if st.track.ClockRate <= 0 || st.make == nil || st.track.Codec == "" {
				t.Fatalf("%+v", st.track)
			}
			d := st.make(st, func(u *unit) {
				if len(u.data) == 0 || len(u.data) > maxUnit+64<<10 {
					t.Fatalf("a unit of %d bytes", len(u.data))
				}
			})
			for seq := range uint16(8) {
				d.push(&packet{seq: seq, rtp: uint32(seq / 2), marker: seq%2 == 1, payload: bytes.Clone(b[min(int(seq)*9, len(b)):]), arrival: t0})
			}
			d.flush()
		}
	})
}
