package rtspcam_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rtsprec/engine/media"
	"rtsprec/engine/rtspcam"
)

// client is the least RTSP that sees what the camera does: interleaved TCP, packets as they are.
type client struct {
	t         *testing.T
	url       string
	conn      net.Conn
	in        *bufio.Reader
	cseq      int
	user      *url.Userinfo
	nonce     string
	session   string
	lastReply reply
	early     int // interleaved frames that came before a reply
}

type frame struct {
	channel int
	data    []byte
}

type reply struct {
	status int
	header map[string]string
	raw    string
	body   string
}

func dial(t *testing.T, raw string) *client {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &client{t: t, conn: conn, in: bufio.NewReader(conn), user: u.User}
	u.User = nil
	c.url = u.String()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

// do sends a request and reads its reply; interleaved frames before it are counted.
func (c *client) do(method, url string, header ...string) reply {
	c.t.Helper()
	r, err := c.try(method, url, header...)
	if err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
	return r
}

func (c *client) try(method, url string, header ...string) (reply, error) {
	c.cseq++
	req := fmt.Sprintf("%s %s RTSP/1.0\r\nCSeq: %d\r\n", method, url, c.cseq)
	if c.session != "" {
		req += "Session: " + c.session + "\r\n"
	}
	if c.nonce != "" {
		req += "Authorization: " + c.digest(method, url) + "\r\n"
	}
	for _, h := range header {
		req += h + "\r\n"
	}
	if _, err := io.WriteString(c.conn, req+"\r\n"); err != nil {
		return reply{}, err
	}
	for {
		b, err := c.in.Peek(1)
		if err != nil {
			return reply{}, err
		}
		if b[0] != '$' {
			break
		}
		c.early++
		if _, err := c.frame(); err != nil {
			return reply{}, err
		}
	}
	return c.readReply()
}

func (c *client) readReply() (reply, error) {
	r := reply{header: map[string]string{}}
	for i := 0; ; i++ {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return r, err
		}
		r.raw += line
		line = strings.TrimSpace(line)
		if i == 0 {
			fmt.Sscanf(line, "RTSP/1.0 %d", &r.status)
			continue
		}
		if line == "" {
			break
		}
		name, value, _ := strings.Cut(line, ":")
		r.header[strings.ToLower(name)] = strings.TrimSpace(value)
	}
	n, _ := strconv.Atoi(r.header["content-length"])
	body := make([]byte, n)
	_, err := io.ReadFull(c.in, body)
	r.body = string(body)
	return r, err
}

func (c *client) digest(method, uri string) string {
	h := func(s string) string { x := md5.Sum([]byte(s)); return hex.EncodeToString(x[:]) }
	password, _ := c.user.Password()
	response := h(h(c.user.Username()+":rtspcam:"+password) + ":" + c.nonce + ":" + h(method+":"+uri))
	return fmt.Sprintf(`Digest username="%s", realm="rtspcam", nonce="%s", uri="%s", response="%s"`, c.user.Username(), c.nonce, uri, response)
}

// login takes the nonce from a 401.
func (c *client) login(r reply) {
	_, rest, _ := strings.Cut(r.header["www-authenticate"], `nonce="`)
	c.nonce, _, _ = strings.Cut(rest, `"`)
}

// frame reads one interleaved frame.
func (c *client) frame() (frame, error) {
	var head [4]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return frame{}, err
	}
	if head[0] != '$' {
		return frame{}, fmt.Errorf("%q is no interleaved frame", head)
	}
	data := make([]byte, binary.BigEndian.Uint16(head[2:]))
	_, err := io.ReadFull(c.in, data)
	return frame{int(head[1]), data}, err
}

// play sets up the first track and plays.
func (c *client) play() reply {
	c.t.Helper()
	if r := c.do("DESCRIBE", c.url); r.status != 200 {
		c.t.Fatalf("DESCRIBE: %d", r.status)
	}
	r := c.do("SETUP", c.url+"/trackID=0", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
	if r.status != 200 {
		c.t.Fatalf("SETUP: %d", r.status)
	}
	c.session, _, _ = strings.Cut(r.header["session"], ";")
	if r = c.do("PLAY", c.url); r.status != 200 {
		c.t.Fatalf("PLAY: %d", r.status)
	}
	return r
}

// rtp reads RTP packets until one does not please.
func (c *client) rtp(want func(p packet) bool) {
	c.t.Helper()
	for {
		f, err := c.frame()
		if err != nil {
			c.t.Fatalf("waiting for RTP: %v", err)
		}
		if f.channel%2 == 0 && !want(parse(f.data)) {
			return
		}
	}
}

// packet is an RTP packet taken apart.
type packet struct {
	marker  bool
	seq     uint16
	time    uint32
	ssrc    uint32
	payload []byte
}

func parse(b []byte) packet {
	return packet{
		marker: b[1]&0x80 != 0, seq: binary.BigEndian.Uint16(b[2:]), time: binary.BigEndian.Uint32(b[4:]),
		ssrc: binary.BigEndian.Uint32(b[8:]), payload: b[12:],
	}
}

// mark of a packet that holds a whole one.
func (p packet) mark() (rtspcam.Mark, bool) {
	if len(p.payload) == 0 || !bytes.Contains(p.payload, []byte("rtspcam")) {
		return rtspcam.Mark{}, false
	}
	return rtspcam.ReadMark(media.H264, p.payload)
}

// serve runs a camera that the test stops itself.
func serve(t *testing.T, o rtspcam.Options) (c *rtspcam.Camera, stop func()) {
	t.Helper()
	c, err := rtspcam.New(o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	rtspcam.BePatient(c)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Serve(ctx, l) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	waitFor(t, "the address", func() bool { return c.Addr() != nil })
	return c, stop
}

// command is a program that does not outlive the test, nor a minute.
func command(t *testing.T, name string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return exec.CommandContext(ctx, name, args...)
}

// waitFor waits until something is so.
func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	if !within(30*time.Second, is) {
		t.Fatalf("waited too long for %s", what)
	}
}

// within waits until something is so; false: it was not in time.
func within(limit time.Duration, is func() bool) bool {
	late, look := time.NewTimer(limit), time.NewTicker(5*time.Millisecond)
	defer late.Stop()
	defer look.Stop()
	for !is() {
		select {
		case <-late.C:
			return false
		case <-look.C:
		}
	}
	return true
}

// units counts what is in ranges.
func units(ranges []rtspcam.Range) (n uint64) {
	for _, r := range ranges {
		n += r.Last.Counter - r.First.Counter + 1
	}
	return n
}

func start(t *testing.T, stream, misbehave string) *rtspcam.Camera {
	t.Helper()
	return rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"live": rtspcam.Stream(stream)}, Misbehave: misbehave})
}

// cut3 reads the two numbers behind a and b.
func cut3(s, a, b string, x, y *uint32) (head, rest string, ok bool) {
	head, rest, ok = strings.Cut(s, a)
	if n, _ := fmt.Sscanf(rest, "%d"+b+"%d", x, y); n != 2 {
		return head, "", false
	}
	return head, rest, ok
}

func sessionOf(r reply) string {
	id, _, _ := strings.Cut(r.header["session"], ";")
	return id
}

func ports(rtp, rtcp int) string { return fmt.Sprintf("%d-%d", rtp, rtcp) }

func serverPort(r reply) (port int) {
	_, rest, _ := strings.Cut(r.header["transport"], "server_port=")
	fmt.Sscanf(rest, "%d", &port)
	return port
}

func fingerprint(t *testing.T, addr string) string {
	t.Helper()
	conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sum := sha256.Sum256(conn.ConnectionState().PeerCertificates[0].Raw)
	return hex.EncodeToString(sum[:])
}

// record lets ffmpeg copy the first track for some seconds and returns the units.
func record(t *testing.T, ffmpeg, url, seconds string) [][]byte {
	t.Helper()
	dir := t.TempDir()
	file, index := filepath.Join(dir, "out.bin"), filepath.Join(dir, "out.idx")
	out, err := command(t, ffmpeg, "-hide_banner", "-loglevel", "warning", "-analyzeduration", "1500000", "-rtsp_transport", "tcp", "-i", url,
		"-t", seconds, "-map", "0:0", "-c", "copy", "-f", "data", file, "-t", seconds, "-map", "0:0", "-c", "copy", "-f", "framecrc", index).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	var list [][]byte
	for line := range strings.Lines(string(lines)) {
		field := strings.Split(line, ",")
		if strings.HasPrefix(line, "#") || len(field) < 5 {
			continue
		}
		size, err := strconv.Atoi(strings.TrimSpace(field[4]))
		if err != nil || size > len(data) {
			t.Fatalf("%s in %d bytes", line, len(data))
		}
		list = append(list, data[:size])
		data = data[size:]
	}
	return list
}

// gapless checks that every unit is whole and follows the one before it.
func gapless(t *testing.T, codec media.Codec, units [][]byte, atLeast int) (first, last rtspcam.Mark) {
	t.Helper()
	if len(units) < atLeast {
		t.Fatalf("only %d units", len(units))
	}
	for i, unit := range units {
		m, ok := rtspcam.ReadMark(codec, unit)
		if !ok || !rtspcam.Intact(codec, unit) {
			t.Errorf("unit %d of %d bytes: mark %v, not whole", i, len(unit), m)
		}
		if i == 0 {
			first = m
		} else if m.Counter != last.Counter+1 {
			t.Errorf("unit %d follows unit %d", m.Counter, last.Counter)
		}
		last = m
	}
	return first, last
}
