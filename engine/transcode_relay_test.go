package engine_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rtsprec/engine"
	"rtsprec/engine/archive"
	"rtsprec/engine/rtspcam"
)

// picky is a server in front of another that refuses requests, as servers do that do not
// take every codec. refuse gets the request line and the body and returns the answer's
// status, empty: the other one answers.
func picky(t testing.TB, port int, refuse func(line, body string) string) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(func() { stop(); l.Close(); wait.Wait() })
	wait.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				client.Close()
				continue
			}
			context.AfterFunc(ctx, func() { client.Close(); server.Close() })
			wait.Go(func() { io.Copy(client, server); client.Close() })
			wait.Go(func() { between(client, server, refuse); server.Close() })
		}
	})
	return l.Addr().(*net.TCPAddr).Port
}

// between passes requests on until RECORD, and then everything.
func between(client, server net.Conn, refuse func(line, body string) string) {
	r := bufio.NewReader(client)
	for {
		text := textproto.NewReader(r)
		line, err := text.ReadLine()
		if err != nil {
			return
		}
		head, err := text.ReadMIMEHeader()
		if err != nil {
			return
		}
		n, _ := strconv.Atoi(head.Get("Content-Length"))
		body := make([]byte, n)
		if _, err := io.ReadFull(r, body); err != nil {
			return
		}
		if status := refuse(line, string(body)); status != "" {
			fmt.Fprintf(client, "RTSP/1.0 %s\r\nCSeq: %s\r\n\r\n", status, head.Get("Cseq"))
			continue
		}
		var b strings.Builder
		b.WriteString(line + "\r\n")
		for key, values := range head {
			b.WriteString(key + ": " + values[0] + "\r\n")
		}
		b.WriteString("\r\n" + string(body))
		io.WriteString(server, b.String())
		if strings.HasPrefix(line, "RECORD") {
			io.Copy(server, r)
			return
		}
	}
}

func TestARelayCodesWhatATargetRefusesAndCopiesTheRest(t *testing.T) {
	t.Parallel()
	d, _ := withCodecs(t)
	noSound := func(line, body string) string { // all of it is refused
		if strings.HasPrefix(line, "ANNOUNCE") && strings.Contains(body, "PCMA") {
			return "415 Unsupported Media Type"
		}
		return ""
	}
	noTrack := func() func(line, body string) string { // one track is
		var mu sync.Mutex
		sound := false
		return func(line, body string) string {
			mu.Lock()
			defer mu.Unlock()
			if strings.HasPrefix(line, "ANNOUNCE") {
				sound = strings.Contains(body, "PCMA")
			}
			if sound && strings.HasPrefix(line, "SETUP") && strings.Contains(line, "1 RTSP") {
				return "461 Unsupported Transport"
			}
			return ""
		}
	}()
	noH265 := func(line, body string) string {
		if strings.HasPrefix(line, "ANNOUNCE") && strings.Contains(body, "H265") {
			return "415 Unsupported Media Type"
		}
		return ""
	}
	for _, c := range []struct {
		name, stream string
		refuse       func(line, body string) string
		spool        bool
		want         string
		marks        bool // pictures are copied
	}{
		{"announce", "h264+pcma", noSound, false, "h264+aac", true},
		{"setup", "h264+pcma", noTrack, false, "h264+aac", true},
		{"pictures", "h265+aac", noH265, false, "h264+aac", false},
		{"spool", "h264+pcma", noSound, true, "h264+aac", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			cam := rtspcam.Start(t, rtspcam.Options{Paths: map[string]rtspcam.Stream{"a": rtspcam.Stream(c.stream)}})
			dir := t.TempDir()
			port := freeTCP(t)
			takes(t, port, dir)
			o := engine.RelayOptions{
				Input: camera("a", cam.URL("a"), "tcp"), Targets: []engine.RelayTarget{to(picky(t, port, c.refuse), "yard")},
				Transcode: engine.TranscodeOptions{Video: engine.Auto, Audio: engine.Auto, Device: "none"},
			}
			if c.spool {
				o.Spool = engine.RelaySpool{Dir: filepath.Join(t.TempDir(), "spool")}
			}
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				engine.Relay(ctx, d, o)
			}()
			defer func() { stop(); <-done }()
			library := archive.NewLibrary(d.FS, d.Clock, dir)
			got := ""
			waitFor(t, "tracks that the target takes", func() bool {
				_, _, tracks, err := library.Describe("yard")
				got = ""
				for _, track := range tracks {
					got += "+" + string(track.Codec)
				}
				return err == nil && got == "+"+c.want
			})
			if c.marks {
				began := time.Now()
				since(t, dir, "yard", began)
			}
		})
	}
}
