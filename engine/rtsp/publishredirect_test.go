package rtsp

import (
	"bufio"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"testing"

	"rtsprec/engine/fault"
)

// signpost is a server that sends publishers elsewhere.
func signpost(t *testing.T, location func() string) (addr string, said func() string) {
	t.Helper()
	l := listen(t)
	var mu sync.Mutex
	var heard strings.Builder
	var group sync.WaitGroup
	t.Cleanup(func() { l.Close(); group.Wait() })
	group.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			group.Go(func() { direct(nc, location, func(text string) { mu.Lock(); heard.WriteString(text); mu.Unlock() }) })
		}
	})
	return l.Addr().String(), func() string { mu.Lock(); defer mu.Unlock(); return heard.String() }
}

func direct(nc net.Conn, location func() string, heard func(string)) {
	defer nc.Close()
	in := textproto.NewReader(bufio.NewReader(nc))
	for {
		line, err := in.ReadLine()
		if err != nil {
			return
		}
		header, err := in.ReadMIMEHeader()
		if err != nil {
			return
		}
		var n int
		fmt.Sscan(header.Get("Content-Length"), &n)
		in.R.Discard(n)
		heard(line + "\n" + fmt.Sprint(header) + "\n")
		if strings.HasPrefix(line, "ANNOUNCE") {
			fmt.Fprintf(nc, "RTSP/1.0 302 Moved Temporarily\r\nCSeq: %s\r\nLocation: %s\r\n\r\n", header.Get("Cseq"), location())
		} else {
			fmt.Fprintf(nc, "RTSP/1.0 200 OK\r\nCSeq: %s\r\nPublic: ANNOUNCE\r\n\r\n", header.Get("Cseq"))
		}
	}
}

func TestAPublisherGoesWhereItIsSent(t *testing.T) {
	t.Parallel()
	v := serve(t, ServerOptions{}, false)
	addr, said := signpost(t, func() string { return v.url("elsewhere") })
	run, list := sample(t)
	p, err := Publish(t.Context(), PublishOptions{URL: "rtsp://yard:secret@" + addr + "/x"}, run)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, au := range list[:20] {
		if err := p.Write(t.Context(), au); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "it arrives", func() bool { return len(v.house.ledger("elsewhere").all()) > 3 })
	if !strings.Contains(said(), "ANNOUNCE") || strings.Contains(p.Stats().Peer, addr) {
		t.Errorf("%q; %s", said(), p.Stats().Peer)
	}
}

func TestAPublisherIsNotSentInCircles(t *testing.T) {
	t.Parallel()
	var addr string
	addr, said := signpost(t, func() string { return "rtsp://" + addr + "/again" })
	run, _ := sample(t)
	if _, err := Publish(t.Context(), PublishOptions{URL: "rtsp://" + addr + "/x"}, run); !fault.Is(err, fault.Protocol) {
		t.Errorf("%v", err)
	}
	if n := strings.Count(said(), "ANNOUNCE rtsp"); n != maxRedirects {
		t.Errorf("asked %d times", n)
	}
}
