//go:build unix

package rtsp

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"rtsprec/engine/media"
)

// An answer that the socket had no room for is overtaken by none, also while media is held
// back for one; and media is overtaken by both.
func TestAnAnswerThatWaitsIsNotOvertaken(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	b := newOutbox(server, 1<<20, 0, time.Second, media.SystemClock{}, new(sync.WaitGroup))
	b.running = true // its goroutine is slow: the test is it
	filled := 0
	for {
		n, err := b.try(make([]byte, 64<<10))
		if err != nil {
			t.Fatal(err)
		}
		if filled += n; n == 0 {
			break
		}
	}
	b.answer([]byte("first "))
	if _, err := io.CopyN(io.Discard, client, int64(filled)); err != nil {
		t.Fatal(err)
	}
	b.cork()
	b.keep([]byte("media "))
	b.answer([]byte("second "))
	b.uncork()
	for b.some() {
	}
	server.Close()
	if said, err := io.ReadAll(client); err != nil || !bytes.Equal(said, []byte("first second media ")) {
		t.Errorf("%q, %v", said, err)
	}
}
