package rtsp

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"rtsprec/engine/access"
	"rtsprec/engine/media"
)

// deaf is a connection that says what it was given and keeps what it is told.
type deaf struct {
	in  bytes.Reader
	out bytes.Buffer
}

func (d *deaf) Read(p []byte) (int, error)       { return d.in.Read(p) }
func (d *deaf) Write(p []byte) (int, error)      { return d.out.Write(p) }
func (d *deaf) Close() error                     { return nil }
func (d *deaf) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (d *deaf) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 9} }
func (d *deaf) SetDeadline(time.Time) error      { return nil }
func (d *deaf) SetReadDeadline(time.Time) error  { return nil }
func (d *deaf) SetWriteDeadline(time.Time) error { return nil }

// Whatever a client says, each complete request gets one answer that can be read, with
// its CSeq; nothing is left of it when it is gone; and nobody without the right publishes.
func FuzzServerConnection(f *testing.F) {
	const play = "DESCRIBE rtsp://h/cam RTSP/1.0\r\nCSeq: 1\r\n\r\n" +
		"SETUP rtsp://h/cam/trackID=0 RTSP/1.0\r\nCSeq: 2\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n" +
		"PLAY rtsp://h/cam RTSP/1.0\r\nCSeq: 3\r\nRange: npt=0-\r\n\r\n" +
		"$\x01\x00\x08\x80\xc9\x00\x01\x00\x00\x00\x00PAUSE rtsp://h/cam RTSP/1.0\r\nCSeq: 4\r\n\r\nTEARDOWN rtsp://h/cam RTSP/1.0\r\nCSeq: 5\r\n\r\n"
	const record = "ANNOUNCE rtsp://h/open RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 73\r\n\r\nv=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:streamid=0\r\n" +
		"SETUP rtsp://h/open/streamid=0 RTSP/1.0\r\nCSeq: 2\r\nTransport: RTP/AVP/TCP;interleaved=0-1;mode=record\r\n\r\n" +
		"RECORD rtsp://h/open RTSP/1.0\r\nCSeq: 3\r\n\r\n$\x00\x00\x10\x80\xe0\x00\x01\x00\x00\x00\x00\x00\x00\x00\x07\x65\x88\x84\x00"
	f.Add([]byte(play))
	f.Add([]byte(record))
	f.Add([]byte(strings.ReplaceAll(record, "/open", "/closed")))
	f.Add([]byte("SETUP rtsp://h/cam/trackID=0 RTSP/1.0\r\nCSeq: 2\r\nTransport: RTP/AVP;multicast,RTP/AVP;client_port=1-2\r\nAuthorization: Digest username=\"x\"\r\n\r\n"))
	f.Add([]byte("OPTIONS * RTSP/1.0\r\n\r\nOPTIONS * RTSP/2.0\r\n\r\n\x00"))
	list, err := access.New([]access.User{
		{Grants: []access.Grant{{Paths: []string{"cam"}, Rights: []access.Right{access.Read}}, {Paths: []string{"open"}, Rights: []access.Right{access.Publish}}}},
		{Name: "x", Password: "y"},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		h := newHouse()
		sink, err := h.Publish(context.Background(), "cam", media.Run{}, Publication{})
		if err != nil {
			t.Fatal(err)
		}
		run := media.Run{Tracks: []media.Track{videoTrack()}}
		sink.Begin(context.Background(), run)
		sink.Write(context.Background(), media.AccessUnit{Key: true, Data: media.AppendNAL(nil, []byte{0x65, 0x88, 1})})
		s, err := NewServer(ServerOptions{Hub: h, Access: list})
		if err != nil {
			t.Fatal(err)
		}
		nc := &deaf{}
		nc.in.Reset(said)
		c := newServerConn(s, nc, addrOf(nc.RemoteAddr()))
		c.serve(context.Background())
		if n := len(s.Sessions()); n > 0 || h.reading("cam") > 0 || h.publishing("open") {
			t.Fatalf("%d sessions, %d readers are left", n, h.reading("cam"))
		}
		for path := range h.seen {
			if path != "cam" && path != "open" {
				t.Fatalf("somebody published %q without the right to", path)
			}
		}
		if c.box.bytes > s.o.Queue+1<<20 {
			t.Fatalf("%d bytes wait", c.box.bytes)
		}
		checkAnswers(t, &nc.out)
	})
}

// checkAnswers reads everything that was sent.
func checkAnswers(t *testing.T, out io.Reader) {
	t.Helper()
	b, _ := io.ReadAll(out)
	for len(b) > 0 {
		if b[0] == '$' {
			if len(b) < 4 || len(b) < 4+int(b[2])<<8+int(b[3]) {
				t.Fatalf("half a frame: %q", b)
			}
			b = b[4+int(b[2])<<8+int(b[3]):]
			continue
		}
		msg, n, err := parseMessage(b)
		res, ok := msg.(*response)
		if err != nil || !ok || res.code < 200 || res.code > 599 || res.reason == "" {
			t.Fatalf("no answer: %v %q", err, b)
		}
		b = b[n:]
	}
}

// A path that is taken is one name a part, and comes back as it is.
func FuzzServerAddress(f *testing.F) {
	for _, s := range []string{"rtsp://h/cam", "rtsp://u:p@h:1/a/b/trackID=3?x=1", "/a%20b", "rtsp://h/..", "rtsp://[::1]/a/?start=1/trackID=0", "*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		a, err := parseAddress(uri)
		if err != nil {
			if _, ok := err.(*refusal); !ok {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		if a.path == "" || len(a.path) > maxPath || strings.ContainsAny(a.path, "\x00\r\n\\") {
			t.Fatalf("%q is taken as %q", uri, a.path)
		}
		for part := range strings.SplitSeq(a.path, "/") {
			if part == "" || part == "." || part == ".." {
				t.Fatalf("%q is taken as %q", uri, a.path)
			}
		}
		if strings.Contains(a.base, "@") && !strings.Contains(uri[strings.LastIndex(uri, "@"):], "/") {
			t.Fatalf("%q keeps credentials: %q", uri, a.base)
		}
		again, err := parseAddress(a.base + "/trackID=1")
		if err != nil || again.path != a.path || again.query != a.query || again.track != "trackID=1" {
			t.Fatalf("%q: %+v comes back as %+v, %v", uri, a, again, err)
		}
	})
}

// Offers that are taken can be served.
func FuzzOffers(f *testing.F) {
	f.Add("RTP/AVP/TCP;unicast;interleaved=0-1,RTP/AVP;client_port=1-2")
	f.Add(`RTP/AVP;multicast;mode="RECORD"`)
	f.Fuzz(func(t *testing.T, value string) {
		list, err := parseOffers([]string{value})
		if (err == nil) != (len(list) > 0) || len(list) > 16 {
			t.Fatalf("%d offers, %v", len(list), err)
		}
		for _, o := range list {
			if o.channel < -1 || o.channel > 254 || o.ports[0] < 0 || o.ports[0] > 65535 {
				t.Fatalf("%+v", o)
			}
		}
	})
}
