package rtsp

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"rtsprec/engine/media"
)

// clogged is a reader's side of a connection that takes nothing until it is opened.
type clogged struct {
	net.Conn
	busy chan struct{} // holds one when something is to be written
	open chan struct{}

	mu   sync.Mutex
	took bytes.Buffer
}

func (c *clogged) Write(b []byte) (int, error) {
	select {
	case c.busy <- struct{}{}:
	default:
	}
	<-c.open
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.took.Write(b)
}

func (c *clogged) SetWriteDeadline(time.Time) error { return nil }
func (c *clogged) Close() error                     { return nil }

// A reader that took nothing for a while goes on with what is new; its sound only lacks what
// was late. Without a bound it gets everything that there is room for.
func TestAReaderGetsNothingThatIsOlderThanTheBound(t *testing.T) {
	for _, late := range []time.Duration{0, 200 * time.Millisecond} {
		clock := &lateClock{}
		nc := &clogged{busy: make(chan struct{}, 1), open: make(chan struct{})}
		var work sync.WaitGroup
		b := newOutbox(nc, 1<<20, late, time.Minute, clock, &work)
		var delays Delays
		offer := func(n uint32, sound, key bool) {
			s := &shot{burst: burst{Key: key, Sound: sound, Wall: clock.Now()}, sent: &delays}
			b.offer(s, binary.BigEndian.AppendUint32(nil, n), key && !sound)
		}
		for n := range uint32(30) { // a key frame every ten, 40 ms each, and sound
			offer(n, false, n%10 == 0)
			if n == 0 {
				<-nc.busy // it has the first picture in hand
			}
			offer(n+1000, true, true)
			clock.by.Add(int64(40 * time.Millisecond))
		}
		close(nc.open)
		b.drain(10 * time.Second)
		b.close(io.EOF)
		work.Wait()
		var pictures, sounds []uint32
		for all := nc.took.Bytes(); len(all) >= 4; all = all[4:] {
			if n := binary.BigEndian.Uint32(all); n < 1000 {
				pictures = append(pictures, n)
			} else {
				sounds = append(sounds, n-1000)
			}
		}
		_, dropped, _ := b.state()
		if len(pictures)+len(sounds)+int(dropped) != 60 {
			t.Errorf("bound %v: %d and %d came, %d were dropped", late, len(pictures), len(sounds), dropped)
		}
		if late == 0 {
			if dropped > 0 {
				t.Errorf("%d were dropped, and there was room", dropped)
			}
			continue
		}
		for i := 1; i < len(pictures); i++ {
			if n := pictures[i]; n != pictures[i-1]+1 && n%10 != 0 {
				t.Errorf("picture %d follows %d: it cannot be decoded", n, pictures[i-1])
			}
		}
		// What the goroutine has in hand goes out, however old; then the newest key frame,
		// whose followers were late.
		if n := len(pictures); n == 0 || pictures[n-1] != 20 || len(sounds) == 0 || sounds[len(sounds)-1] != 29 {
			t.Errorf("pictures %v and sound %v came", pictures, sounds)
		}
		if s := delays.TCP.Spread(clock.Now()); s.Count != len(pictures)+len(sounds) || s.Max < 400 {
			t.Errorf("delays: %+v", s)
		}
	}
}

// What a reader is to be given is bounded through the whole server.
func TestAServerBoundsHowLateItsReadersAre(t *testing.T) {
	t.Parallel()
	s, err := NewServer(ServerOptions{Hub: noHub{}, Latency: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	if c := newServerConn(s, near, addrOf(near.RemoteAddr())); c.box.late != 300*time.Millisecond {
		t.Errorf("%v", c.box.late)
	}
}

type noHub struct{}

func (noHub) Live(context.Context, string) (*Stream, error) { return nil, io.EOF }
func (noHub) Publish(context.Context, string, media.Run, Publication) (media.Sink, error) {
	return nil, io.EOF
}
