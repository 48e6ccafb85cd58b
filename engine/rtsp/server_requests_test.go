package rtsp

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"rtsprec/engine/rtspcam"
)

// phone is a client of few words, written from the RFC.
type phone struct {
	t       testing.TB
	nc      net.Conn
	in      *bufio.Reader
	seq     int
	session string
	frames  []frameSeen // that came before an answer
}

type frameSeen struct {
	channel byte
	data    []byte
}

func call(t testing.TB, addr string) *phone {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return &phone{t: t, nc: nc, in: bufio.NewReader(nc)}
}

// ask sends a request and returns the answer; lines are headers.
func (p *phone) ask(method, uri string, lines ...string) *response {
	p.t.Helper()
	p.say(method, uri, "", lines...)
	return p.hear()
}

func (p *phone) say(method, uri, body string, lines ...string) {
	p.t.Helper()
	p.seq++
	text := fmt.Sprintf("%s %s RTSP/1.0\r\nCSeq: %d\r\n", method, uri, p.seq)
	if p.session != "" {
		text += "Session: " + p.session + "\r\n"
	}
	for _, l := range lines {
		text += l + "\r\n"
	}
	if body != "" {
		text += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	p.nc.SetWriteDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(p.nc, text+"\r\n"+body); err != nil {
		p.t.Fatal(err)
	}
}

// hear returns the next answer.
func (p *phone) hear() *response {
	p.t.Helper()
	res, err := p.answer()
	if err != nil {
		p.t.Fatal(err)
	}
	return res
}

func (p *phone) answer() (*response, error) {
	p.nc.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		b, err := p.in.Peek(1)
		if err != nil {
			return nil, err
		}
		if b[0] != '$' {
			break
		}
		f, err := p.read()
		if err != nil {
			return nil, err
		}
		p.frames = append(p.frames, f)
	}
	text := textproto.NewReader(p.in)
	line, err := text.ReadLine()
	if err != nil {
		return nil, err
	}
	proto, rest, _ := strings.Cut(line, " ")
	code, reason, _ := strings.Cut(rest, " ")
	if proto != "RTSP/1.0" {
		return nil, fmt.Errorf("%q is no answer", line)
	}
	res := &response{reason: reason}
	if res.code, err = strconv.Atoi(code); err != nil {
		return nil, err
	}
	if res.header, err = text.ReadMIMEHeader(); err != nil {
		return nil, err
	}
	if id, _, _ := strings.Cut(res.header.Get("Session"), ";"); id != "" {
		p.session = id
	}
	n, _ := strconv.Atoi(res.header.Get("Content-Length"))
	res.body = make([]byte, n)
	_, err = io.ReadFull(p.in, res.body)
	return res, err
}

// frame returns the next interleaved frame.
func (p *phone) frame() (frameSeen, error) {
	if len(p.frames) > 0 {
		f := p.frames[0]
		p.frames = p.frames[1:]
		return f, nil
	}
	return p.read()
}

func (p *phone) read() (frameSeen, error) {
	var head [4]byte
	if _, err := io.ReadFull(p.in, head[:]); err != nil {
		return frameSeen{}, err
	}
	if head[0] != '$' {
		return frameSeen{}, fmt.Errorf("%q is no frame", head)
	}
	data := make([]byte, binary.BigEndian.Uint16(head[2:]))
	_, err := io.ReadFull(p.in, data)
	return frameSeen{head[1], data}, err
}

// want checks the status of an answer.
func want(t testing.TB, res *response, code int, part string) {
	t.Helper()
	if res.code != code || !strings.Contains(res.reason, part) {
		t.Errorf("%d %s, want %d ... %s", res.code, res.reason, code, part)
	}
}

const (
	interleaved = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"
	oneTrack    = "v=0\r\ns=x\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:streamid=0\r\n"
)

// live starts a server with something live on "cam".
func live(t *testing.T, o ServerOptions, what rtspcam.Stream) *served {
	t.Helper()
	v := serve(t, o, true)
	v.feed(t, "cam", what)
	until(t, "something is live", func() bool { return len(v.house.ledger("cam").all()) > 3 })
	return v
}

func TestRequestsAreAnsweredAsTheRFCSays(t *testing.T) {
	t.Parallel()
	v := live(t, ServerOptions{}, "h264+aac")
	for _, c := range []struct {
		name string
		what func(p *phone) *response
		code int
		part string
	}{
		{"options", func(p *phone) *response { return p.ask("OPTIONS", "*") }, 200, "OK"},
		{"options of anything", func(p *phone) *response { return p.ask("OPTIONS", "rtsp://h/../x") }, 200, "OK"},
		{"nothing there", func(p *phone) *response { return p.ask("DESCRIBE", v.url("none")) }, 404, "none"},
		{"up and away", func(p *phone) *response { return p.ask("DESCRIBE", v.url("a/../../etc/passwd")) }, 400, "element"},
		{"escaped dots", func(p *phone) *response { return p.ask("DESCRIBE", v.url("%2e%2e/x")) }, 400, "element"},
		{"a zero byte", func(p *phone) *response { return p.ask("DESCRIBE", v.url("a%00b")) }, 400, "no name"},
		{"a backslash", func(p *phone) *response { return p.ask("DESCRIBE", v.url(`a%5cb`)) }, 400, "no name"},
		{"no path", func(p *phone) *response { return p.ask("DESCRIBE", v.url("")) }, 404, "no path"},
		{"a broken escape", func(p *phone) *response { return p.ask("DESCRIBE", v.url("a%zz")) }, 400, "escaped"},
		{"a long name", func(p *phone) *response { return p.ask("DESCRIBE", v.url(strings.Repeat("a", 300))) }, 414, "255"},
		{"4 KB of name", func(p *phone) *response { return p.ask("DESCRIBE", v.url(strings.Repeat("a", 4096))) }, 414, "2 KiB"},
		{"another protocol", func(p *phone) *response { return p.ask("DESCRIBE", "http://x/y") }, 400, "address"},
		{"an unknown method", func(p *phone) *response { return p.ask("FROBNICATE", v.url("cam")) }, 501, "method"},
		{"an unknown feature", func(p *phone) *response { return p.ask("DESCRIBE", v.url("cam"), "Require: telepathy") }, 551, "feature"},
		{"an unknown session", func(p *phone) *response { return p.ask("PLAY", v.url("cam"), "Session: 12345") }, 454, "session"},
		{"play before setup", func(p *phone) *response { return p.ask("PLAY", v.url("cam")) }, 455, "set up"},
		{"record before announce", func(p *phone) *response { return p.ask("RECORD", v.url("cam")) }, 455, "ANNOUNCE"},
		{"pause before setup", func(p *phone) *response { return p.ask("PAUSE", v.url("cam")) }, 455, "set up"},
		{"teardown of nothing", func(p *phone) *response { return p.ask("TEARDOWN", v.url("cam")) }, 454, "no session"},
		{"a parameter", func(p *phone) *response {
			p.say("SET_PARAMETER", v.url("cam"), "volume: 11")
			return p.hear()
		}, 451, "parameters"},
		{"no transport", func(p *phone) *response { return p.ask("SETUP", v.url("cam/trackID=0")) }, 461, "transport"},
		{"an unknown transport", func(p *phone) *response { return p.ask("SETUP", v.url("cam/trackID=0"), "Transport: RAW/RAW/UDP") }, 461, "transport"},
		{"SRTP", func(p *phone) *response {
			return p.ask("SETUP", v.url("cam/trackID=0"), "Transport: RTP/SAVP;unicast;client_port=5000-5001")
		}, 461, "SRTP"},
		{"multicast that is off", func(p *phone) *response {
			return p.ask("SETUP", v.url("cam/trackID=0"), "Transport: RTP/AVP;multicast")
		}, 461, "multicast"},
		{"no such track", func(p *phone) *response { return p.ask("SETUP", v.url("cam/trackID=7"), interleaved) }, 404, "track"},
		{"all tracks at once", func(p *phone) *response { return p.ask("SETUP", v.url("cam"), interleaved) }, 459, "one by one"},
		{"a setup to record without announcing", func(p *phone) *response {
			return p.ask("SETUP", v.url("cam/trackID=0"), interleaved+`;mode="RECORD"`)
		}, 455, "ANNOUNCE"},
		{"the second choice", func(p *phone) *response {
			return p.ask("SETUP", v.url("cam/trackID=1"), "Transport: RAW/RAW/UDP,RTP/SAVP;unicast,RTP/AVP/TCP;unicast;interleaved=8-9")
		}, 200, "OK"},
		{"two transports in one session", func(p *phone) *response {
			want(t, p.ask("SETUP", v.url("cam/trackID=0"), interleaved), 200, "OK")
			return p.ask("SETUP", v.url("cam/trackID=1"), "Transport: RTP/AVP;unicast;client_port=5000-5001")
		}, 461, "same transport"},
		{"channels that are taken", func(p *phone) *response {
			want(t, p.ask("SETUP", v.url("cam/trackID=0"), interleaved), 200, "OK")
			return p.ask("SETUP", v.url("cam/trackID=1"), "Transport: RTP/AVP/TCP;interleaved=1-2")
		}, 461, "channels"},
		{"another path in the same session", func(p *phone) *response {
			want(t, p.ask("SETUP", v.url("cam/trackID=0"), interleaved), 200, "OK")
			return p.ask("SETUP", v.url("other/trackID=1"), interleaved)
		}, 459, "another path"},
		{"announcing while reading", func(p *phone) *response {
			want(t, p.ask("SETUP", v.url("cam/trackID=0"), interleaved), 200, "OK")
			p.say("ANNOUNCE", v.url("new"), oneTrack, "Content-Type: application/sdp")
			return p.hear()
		}, 455, "session already"},
		{"what is announced is no SDP", func(p *phone) *response {
			p.say("ANNOUNCE", v.url("new"), "{}", "Content-Type: application/json")
			return p.hear()
		}, 415, "sdp"},
		{"an empty SDP", func(p *phone) *response {
			p.say("ANNOUNCE", v.url("new"), "v=0\r\n", "Content-Type: application/sdp")
			return p.hear()
		}, 415, "nothing"},
		{"an SDP with 200 tracks", func(p *phone) *response {
			p.say("ANNOUNCE", v.url("new"), strings.Repeat(oneTrack, 200), "Content-Type: application/sdp")
			return p.hear()
		}, 413, "tracks"},
		{"a second publisher", func(p *phone) *response {
			p.say("ANNOUNCE", v.url("cam"), oneTrack, "Content-Type: application/sdp")
			want(t, p.hear(), 200, "OK")
			want(t, p.ask("SETUP", v.url("cam/streamid=0"), interleaved+";mode=record"), 200, "OK")
			return p.ask("RECORD", v.url("cam"))
		}, 453, "publishes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := call(t, v.addr)
			want(t, c.what(p), c.code, c.part)
			// Whatever was wrong, the connection goes on.
			res := p.ask("OPTIONS", "*")
			want(t, res, 200, "OK")
			if got := res.header.Get("Cseq"); got != strconv.Itoa(p.seq) || !strings.Contains(res.header.Get("Public"), "RECORD") {
				t.Errorf("CSeq %s of %d, %v", got, p.seq, res.header)
			}
		})
	}
}

func TestWhatIsNoRequestIsAnsweredAndEndsTheConnection(t *testing.T) {
	t.Parallel()
	v := serve(t, ServerOptions{}, false)
	for _, c := range []struct {
		name, text string
		code       int
	}{
		{"a web browser", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"TLS where there is none", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400},
		{"words", "hello there\r\n\r\n", 400},
		{"a request line of two words", "DESCRIBE rtsp://x/y\r\n\r\n", 400},
		{"a head without end", "DESCRIBE rtsp://x/y RTSP/1.0\r\nA: " + strings.Repeat("x", 20<<10), 413},
		{"a body without end", "ANNOUNCE rtsp://x/y RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 999999999\r\n\r\n", 413},
		{"RTSP 2", "OPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n", 505},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := call(t, v.addr)
			go io.WriteString(p.nc, c.text)
			want(t, p.hear(), c.code, "")
			if res, err := p.answer(); err == nil {
				t.Errorf("the connection goes on: %+v", res)
			}
		})
	}
}

// A request that comes a byte at a time is no sign of life.
func TestARequestInDripsEndsTheConnection(t *testing.T) {
	t.Parallel()
	v := serve(t, ServerOptions{Idle: 300 * time.Millisecond}, false)
	p := call(t, v.addr)
	p.nc.SetWriteDeadline(time.Now().Add(30 * time.Second))
	for {
		if _, err := p.nc.Write([]byte("A")); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the connection goes on")
			}
			return
		}
		<-time.After(20 * time.Millisecond)
	}
}

func TestRequestsInOneSegmentAndInPiecesAreAnsweredInOrder(t *testing.T) {
	t.Parallel()
	v := live(t, ServerOptions{}, "h264")
	p := call(t, v.addr)
	text := ""
	for i, line := range []string{"OPTIONS *", "DESCRIBE " + v.url("cam"), "SETUP " + v.url("cam/trackID=0"), "PLAY " + v.url("cam")} {
		text += fmt.Sprintf("%s RTSP/1.0\r\nCSeq: %d\r\n", line, i+1)
		if i == 2 {
			text += interleaved + "\r\n"
		}
		text += "\r\n"
	}
	io.WriteString(p.nc, text)
	for i := range 4 {
		res := p.hear()
		want(t, res, 200, "OK")
		if res.header.Get("Cseq") != strconv.Itoa(i+1) || len(p.frames) > 0 {
			t.Fatalf("answer %d: %v, %d frames before it", i+1, res.header, len(p.frames))
		}
	}
	for _, b := range []byte("OPTIONS * RTSP/1.0\r\nCSeq: 5\r\n\r\n") {
		p.nc.Write([]byte{b})
	}
	if res := p.hear(); res.header.Get("Cseq") != "5" {
		t.Error(res)
	}
}

// The first frame of each track is a sender report, and RTP-Info names the packet that
// follows it, on the channels that the client chose, in the order it set the tracks up.
func TestMediaBeginsAsTheAnswerToPlaySays(t *testing.T) {
	t.Parallel()
	v := live(t, ServerOptions{}, "h264+aac")
	p := call(t, v.addr)
	res := p.ask("DESCRIBE", v.url("cam"), "Accept: application/sdp")
	want(t, res, 200, "OK")
	if res.header.Get("Content-Base") != v.url("cam")+"/" || res.header.Get("Content-Type") != "application/sdp" {
		t.Error(res.header)
	}
	for i, transport := range []string{`Transport: RTP/AVP/TCP;unicast;interleaved=40-41;mode="PLAY"`, "Transport: RTP/AVP/TCP;unicast;interleaved=6-7;mode=play"} {
		res := p.ask("SETUP", v.url(fmt.Sprintf("cam/trackID=%d", 1-i)), transport)
		want(t, res, 200, "OK")
		if got := res.header.Get("Transport"); !strings.Contains(got, []string{"interleaved=40-41", "interleaved=6-7"}[i]) || !strings.Contains(got, "ssrc=") {
			t.Error(got)
		}
	}
	want(t, p.ask("GET_PARAMETER", v.url("cam")), 200, "OK")
	res = p.ask("PLAY", v.url("cam"), "Range: npt=0.000-")
	want(t, res, 200, "OK")
	if len(p.frames) > 0 {
		t.Errorf("%d frames before the answer", len(p.frames))
	}
	info := map[string]map[string]uint64{}
	for part := range strings.SplitSeq(res.header.Get("Rtp-Info"), ",") {
		f := map[string]uint64{}
		url := ""
		for kv := range strings.SplitSeq(part, ";") {
			k, val, _ := strings.Cut(kv, "=")
			if k == "url" {
				url = val
			} else {
				f[k], _ = strconv.ParseUint(val, 10, 32)
			}
		}
		info[url] = f
	}
	seen := map[byte]int{}
	for range 60 {
		f, err := p.frame()
		if err != nil {
			t.Fatal(err)
		}
		seen[f.channel]++
		track, rtp := 0, f.channel&^1
		if rtp == 40 {
			track = 1
		}
		switch {
		case f.channel%2 == 1 && !isRTCP(f.data):
			t.Fatal("no report on the channel of reports")
		case f.channel == rtp && seen[rtp] == 1:
			if seen[rtp+1] == 0 {
				t.Errorf("track %d begins without a sender report", track)
			}
			said := info[v.url(fmt.Sprintf("cam/trackID=%d", track))]
			if seq := binary.BigEndian.Uint16(f.data[2:]); uint64(seq) != said["seq"] {
				t.Errorf("track %d begins with %d, RTP-Info says %v", track, seq, said)
			}
			if at, ok := said["rtptime"]; ok && uint64(binary.BigEndian.Uint32(f.data[4:])) != at {
				t.Errorf("track %d begins at another time than RTP-Info says", track)
			}
		}
	}
	if len(info) != 2 || seen[6] == 0 || seen[40] == 0 {
		t.Errorf("%v %v", info, seen)
	}
	want(t, p.ask("PLAY", v.url("cam")), 200, "OK")
	want(t, p.ask("PAUSE", v.url("cam")), 200, "OK")
	p.frames = nil
	want(t, p.ask("OPTIONS", "*"), 200, "OK")
	if len(p.frames) > 0 {
		t.Errorf("%d frames after PAUSE", len(p.frames))
	}
	want(t, p.ask("PLAY", v.url("cam")), 200, "OK")
	if _, err := p.frame(); err != nil {
		t.Error(err)
	}
	want(t, p.ask("TEARDOWN", v.url("cam")), 200, "OK")
	p.frames, p.session = nil, ""
	want(t, p.ask("PLAY", v.url("cam")), 455, "set up")
	if v.house.reading("cam") != 0 {
		t.Error("the stream still has readers")
	}
}

// live555 and ffmpeg put a track behind the query, RFC 3986 takes the query away.
func TestATrackIsFoundHoweverItsAddressWasJoined(t *testing.T) {
	t.Parallel()
	v := live(t, ServerOptions{}, "h264")
	for _, uri := range []string{"cam/trackID=0", "cam/?x=1/trackID=0", "cam?x=1/trackID=0", "cam/trackID=0?x=1", "cam/trackID=0/", "cam/", "cam"} {
		p := call(t, v.addr)
		want(t, p.ask("SETUP", v.url(uri), interleaved), 200, "OK")
	}
}

func TestThousandsOfConnectionsDisturbNobody(t *testing.T) {
	t.Parallel()
	v := live(t, ServerOptions{Conns: 40, PerAddress: 30, Idle: time.Second}, "h264+aac")
	c := v.read(t, "cam", Options{Transport: TCP})
	refused, kept := 0, []net.Conn{}
	defer func() {
		for _, nc := range kept {
			nc.Close()
		}
	}()
	for range 10000 {
		nc, err := net.Dial("tcp", v.addr)
		if err != nil {
			t.Fatal(err)
		}
		if len(kept) < 100 {
			io.WriteString(nc, "DESCRIBE rtsp") // and never more
			kept = append(kept, nc)
			continue
		}
		nc.Close()
	}
	for _, nc := range kept {
		nc.SetReadDeadline(time.Now().Add(20 * time.Second))
		b, _ := io.ReadAll(nc)
		if strings.HasPrefix(string(b), "RTSP/1.0 503") {
			refused++
		}
	}
	if refused == 0 {
		t.Error("nobody was told that there is no room")
	}
	until(t, "the flood is over", func() bool {
		v.Server.mu.Lock()
		left := len(v.conns)
		v.Server.mu.Unlock()
		return left <= 2 && v.Sessions()[0].Bytes > 0
	})
	list := units(t, c, 20*time.Second, enough(60, 0))
	same(t, v.house.ledger("cam").all(), list, 2, 3*time.Millisecond)
	if !v.saw("connections refused") {
		t.Error("nobody says that connections were refused")
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapInuse > 1<<30 {
		t.Errorf("%d MiB", m.HeapInuse>>20)
	}
}
