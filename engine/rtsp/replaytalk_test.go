package rtsp

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"testing"
	"time"
)

// talk is a connection over which a test speaks RTSP by hand.
type talk struct {
	t       testing.TB
	nc      net.Conn
	base    string
	session string
	seq     int
	answers chan *response
	frames  chan talked
	gone    chan struct{}
}

// talked is a frame that came.
type talked struct {
	channel byte
	packet  []byte
}

func talkTo(t testing.TB, s *served, path string) *talk {
	t.Helper()
	nc, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	k := &talk{t: t, nc: nc, base: s.url(path), answers: make(chan *response, 16), frames: make(chan talked, 1<<16), gone: make(chan struct{})}
	go func() {
		defer close(k.gone)
		newWire(nc, func(byte) bool { return true }).serve(k, time.Now)
	}()
	t.Cleanup(func() { nc.Close(); <-k.gone })
	return k
}

func (k *talk) frame(channel byte, payload []byte, _ time.Time) {
	k.frames <- talked{channel, append([]byte(nil), payload...)}
}

func (k *talk) message(msg any) {
	if r, ok := msg.(*response); ok {
		k.answers <- r
	}
}

// ask sends a request and returns its answer. headers are lines.
func (k *talk) ask(method, uri string, headers ...string) *response {
	k.t.Helper()
	k.seq++
	text := fmt.Sprintf("%s %s RTSP/1.0\r\nCSeq: %d\r\n", method, uri, k.seq)
	if k.session != "" {
		text += "Session: " + k.session + "\r\n"
	}
	for _, h := range headers {
		text += h + "\r\n"
	}
	if _, err := k.nc.Write([]byte(text + "\r\n")); err != nil {
		k.t.Fatal(err)
	}
	for {
		select {
		case r := <-k.answers:
			if r.header.Get("Cseq") != strconv.Itoa(k.seq) {
				continue
			}
			if id, _, _ := strings.Cut(r.header.Get("Session"), ";"); id != "" {
				k.session = id
			}
			return r
		case <-k.gone:
			k.t.Fatalf("the connection ended behind %s", method)
		case <-time.After(20 * time.Second):
			k.t.Fatalf("no answer to %s", method)
		}
	}
}

// open describes and sets both tracks up.
func (k *talk) open(headers ...string) (sdp string) {
	k.t.Helper()
	d := k.ask("DESCRIBE", k.base, headers...)
	if d.code != 200 {
		k.t.Fatalf("DESCRIBE is answered by %d %s", d.code, d.reason)
	}
	for i := range 2 {
		if r := k.ask("SETUP", fmt.Sprintf("%s/trackID=%d", k.base, i), append(headers, fmt.Sprintf("Transport: RTP/AVP/TCP;unicast;interleaved=%d-%d", 2*i, 2*i+1))...); r.code != 200 {
			k.t.Fatalf("SETUP is answered by %d %s", r.code, r.reason)
		}
	}
	return string(d.body)
}

func (k *talk) play(headers ...string) *response {
	k.t.Helper()
	return k.ask("PLAY", k.base, headers...)
}

// next returns the next RTP packet of a track that begins a unit.
func (k *talk) next(track byte, within time.Duration) (p packet, ok bool) {
	k.t.Helper()
	limit := time.After(within)
	for {
		select {
		case f := <-k.frames:
			if f.channel == 2*track && p.parse(f.packet) {
				return p, true
			}
		case <-limit:
			return p, false
		}
	}
}

// rest collects what comes until every track has said goodbye.
func (k *talk) rest(tracks int) (list []packet) {
	k.t.Helper()
	limit := time.After(30 * time.Second)
	for byes := 0; byes < tracks; {
		select {
		case f := <-k.frames:
			var p packet
			switch {
			case f.channel%2 == 1 && hasBye(f.packet):
				byes++
			case f.channel == 0 && p.parse(f.packet):
				list = append(list, p)
			}
		case <-limit:
			k.t.Fatalf("no goodbye behind %d packets", len(list))
		}
	}
	return list
}

func hasBye(b []byte) bool {
	for len(b) >= 4 {
		if b[1] == rtcpBye {
			return true
		}
		b = b[min(len(b), 4*(int(binary.BigEndian.Uint16(b[2:]))+1)):]
	}
	return false
}

// units are the packets that begin a unit: their RTP time is another.
func unitsOf(list []packet) (units []packet) {
	for i, p := range list {
		if i == 0 || p.rtp != list[i-1].rtp {
			units = append(units, p)
		}
	}
	return units
}

func wallOf(t testing.TB, p packet) time.Time {
	t.Helper()
	x, ok := parseReplayExt(p.extension, nine)
	if p.profile != replayProfile || !ok {
		t.Fatalf("a unit begins with the extension %x of profile %04x", p.extension, p.profile)
	}
	return x.at
}

func infoOf(t testing.TB, r *response) []rtpInfo {
	t.Helper()
	list := parseRTPInfo(textproto.MIMEHeader(r.header))
	if len(list) != 2 {
		t.Fatalf("RTP-Info is %q", r.header.Get("Rtp-Info"))
	}
	return list
}
