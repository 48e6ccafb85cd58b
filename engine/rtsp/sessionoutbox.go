package rtsp

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// outbox is the sending side of one connection of the server. What is given to it leaves
// in one write and by the goroutine that gives it, where the socket has room: that is the
// usual case, and costs a reader one system call a unit and no change of goroutines. Only
// what the socket does not take waits here, for a goroutine of the outbox.
//
// Media of others is shared memory, never copied; answers to requests go before media that
// waits.
type outbox struct {
	nc    net.Conn
	raw   syscall.RawConn // nil: every write is the goroutine's (TLS)
	limit int64
	late  time.Duration // how long live media may wait; 0: for as long as there is room
	batch int           // bytes taken in hand at a time
	stuck time.Duration
	clock media.Clock
	work  *sync.WaitGroup

	once func(fd uintptr) bool // writes now once, without waiting
	now  []byte                // what once is to write
	sent int
	fail error

	mu       sync.Mutex
	corked   bool
	running  bool      // the goroutine has been started
	writing  bool      // it has something in hand
	began    time.Time // when it took that
	waiting  []chunk
	inHand   []chunk // of the goroutine
	bytes    int64   // of media that waits or is in hand
	answers  int     // bytes of answers that wait
	skipping bool    // up to the next key frame
	dropped  uint64
	total    uint64
	err      error

	wake chan struct{} // for the goroutine
	room chan struct{} // for who waits in send
	done chan struct{} // closed when err is set
}

// chunk is something that waits.
type chunk struct {
	data  []byte
	media bool
	begun bool // its first bytes are on their way: it cannot be left out any more
	live  *shot
	key   bool // of live: a reader that missed something may begin here
	since time.Time
}

const (
	maxAnswers = 64 << 10 // bytes of answers that a peer may leave unread
	batchBytes = 64 << 10 // taken in hand at a time, and the least a reader must take in Stuck
	unsent     = 256 << 10
)

// errStuck is why a connection ends whose peer takes nothing.
var errStuck = fault.New(fault.Timeout, "the reader takes nothing")

func newOutbox(nc net.Conn, limit int64, late, stuck time.Duration, clock media.Clock, work *sync.WaitGroup) *outbox {
	b := &outbox{
		nc: nc, limit: limit, late: late, batch: batchBytes, stuck: stuck, clock: clock, work: work,
		wake: make(chan struct{}, 1), room: make(chan struct{}, 1), done: make(chan struct{}),
	}
	if b.raw = rawOf(nc); b.raw != nil {
		limitUnsent(b.raw, unsent)
	}
	if late > 0 {
		b.follow() // what waits here can be left out
	}
	b.once = func(fd uintptr) bool {
		b.sent, b.fail = writeNow(fd, b.now)
		return true
	}
	return b
}

// try writes what the socket has room for. The lock is held.
func (b *outbox) try(data []byte) (int, error) {
	b.now = data
	err := b.raw.Write(b.once)
	b.now = nil
	if err != nil {
		return 0, err
	}
	return b.sent, b.fail
}

// idle reports whether a write of our own would be in order. The lock is held.
func (b *outbox) idle() bool {
	return b.raw != nil && !b.corked && !b.writing && len(b.waiting) == 0
}

// offer gives live media that may be dropped, in the bytes that the reader gets: when more
// waits than the limit, everything up to the next key frame is, and with it what waits then,
// so that the reader sees what is new; and what has waited too long, see expire. False: it
// was dropped.
func (b *outbox) offer(s *shot, data []byte, key bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return false
	}
	b.expire()
	full := b.bytes > 0 && b.bytes+int64(len(data)) > b.limit
	if b.skipping || full {
		switch {
		case b.late > 0 && s.Sound && !full: // sound goes on
		case !key:
			b.skipping = true
			b.dropped++
			return false
		default:
			b.clear()
			b.skipping = false
		}
	}
	b.put(chunk{data: data, media: true, live: s, key: key})
	return true
}

// keep is offer for what belongs to a whole: a reader that joins gets all of the pictures
// since the key frame, however many bytes they are; they are shared with others anyway.
func (b *outbox) keep(data []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.put(chunk{data: data, media: true})
	}
}

// put writes media now or lets it wait. The lock is held.
func (b *outbox) put(c chunk) {
	b.total += uint64(len(c.data))
	if b.idle() {
		n, err := b.try(c.data)
		if err != nil {
			b.end(err)
			return
		}
		if n == len(c.data) {
			b.left(c)
			return
		}
		c.data, c.begun = c.data[n:], n > 0
	}
	if b.late > 0 {
		c.since = b.clock.Now()
	}
	b.waiting = append(b.waiting, c)
	b.bytes += int64(len(c.data))
	b.start()
}

// send gives media that is not dropped: it waits while more than limit bytes wait. The
// error is ctx's, or why the connection has ended.
func (b *outbox) send(ctx context.Context, data []byte, limit int64) error {
	for {
		b.mu.Lock()
		if b.err != nil {
			b.mu.Unlock()
			return b.err
		}
		if b.bytes == 0 || b.bytes+int64(len(data)) <= limit {
			b.put(chunk{data: data, media: true})
			b.mu.Unlock()
			return nil
		}
		b.mu.Unlock()
		select {
		case <-b.room:
		case <-b.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// answer gives a message, or a report, that goes before media that waits.
func (b *outbox) answer(data []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return
	}
	begun := false
	if b.raw != nil && !b.writing && (len(b.waiting) == 0 || b.corked && b.waiting[0].media && !b.waiting[0].begun) {
		n, err := b.try(data)
		if err != nil {
			b.end(err)
			return
		}
		if n == len(data) {
			return
		}
		data, begun = data[n:], n > 0
	}
	if b.answers += len(data); b.answers > maxAnswers {
		b.end(errStuck)
		return
	}
	at := 0
	for at < len(b.waiting) && (b.waiting[at].begun || !b.waiting[at].media) {
		at++
	}
	b.waiting = slices.Insert(b.waiting, at, chunk{data: data, begun: begun})
	b.start()
}

// flush leaves out all media that waits.
func (b *outbox) flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear()
	b.skipping = false
	b.signal()
}

func (b *outbox) clear() { b.dropped += b.leaveOut(func(int, *chunk) bool { return true }) }

// leaveOut leaves out media that waits, and says how much. The lock is held.
func (b *outbox) leaveOut(goes func(i int, c *chunk) bool) (units uint64) {
	kept := b.waiting[:0]
	for i, c := range b.waiting {
		if !c.media || c.begun || !goes(i, &c) {
			kept = append(kept, c)
			continue
		}
		b.bytes -= int64(len(c.data))
		b.total -= uint64(len(c.data))
		units++
	}
	clear(b.waiting[len(kept):])
	b.waiting = kept
	return units
}

// cork holds media back, so that an answer can go before it; uncork lets it go.
func (b *outbox) cork() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.corked = true
}

func (b *outbox) uncork() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.corked = false
	if len(b.waiting) > 0 {
		b.start()
	}
}

// start sees to it that the goroutine looks at what waits. The lock is held.
func (b *outbox) start() {
	if !b.running {
		b.running = true
		b.work.Go(b.run)
	}
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *outbox) signal() {
	select {
	case b.room <- struct{}{}:
	default:
	}
}

// end is the end of the connection; the first reason counts. The lock is held.
func (b *outbox) end(err error) {
	if b.err != nil {
		return
	}
	b.err = err
	b.waiting, b.bytes = nil, 0
	close(b.done)
	b.nc.Close()
}

func (b *outbox) close(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.end(err)
}

// drain waits until nothing waits any more, at most for d.
func (b *outbox) drain(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		b.mu.Lock()
		empty := b.err != nil || !b.writing && len(b.waiting) == 0
		b.mu.Unlock()
		if empty {
			return
		}
		select {
		case <-b.room:
		case <-b.done:
		case <-timer.C:
			return
		}
	}
}

// run writes what waits, until the connection ends.
func (b *outbox) run() {
	for {
		select {
		case <-b.done:
			return
		case <-b.wake:
		}
		for b.some() {
		}
	}
}

// some takes a part of what waits in hand and writes it. False: nothing is left to do.
func (b *outbox) some() bool {
	b.mu.Lock()
	list, size := b.take()
	b.writing, b.began = len(list) > 0, b.clock.Now()
	b.mu.Unlock()
	if len(list) == 0 {
		b.signal()
		return false
	}
	err := b.write(list)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writing = false
	if b.err != nil {
		return false
	}
	b.bytes -= size
	if err != nil {
		b.end(err)
		return false
	}
	for _, c := range b.inHand {
		b.left(c)
	}
	clear(b.inHand)
	b.signal()
	return true
}

// take takes chunks off the front; size counts those of media. The lock is held.
func (b *outbox) take() (list net.Buffers, size int64) {
	if b.late > 0 {
		b.expire()
	}
	n, bytes := 0, 0
	for n < len(b.waiting) && bytes < b.batch {
		c := &b.waiting[n]
		if c.media && b.corked && !c.begun {
			break
		}
		list = append(list, c.data)
		bytes += len(c.data)
		if c.media {
			size += int64(len(c.data))
		} else {
			b.answers -= len(c.data)
		}
		n++
	}
	b.inHand = append(b.inHand[:0], b.waiting[:n]...)
	b.waiting = slices.Delete(b.waiting, 0, n)
	return list, size
}

// write returns when everything is with the kernel. A peer that takes a part in time is
// slow, one that takes nothing is gone.
func (b *outbox) write(list net.Buffers) error {
	defer b.nc.SetWriteDeadline(time.Time{})
	for {
		b.nc.SetWriteDeadline(b.clock.Now().Add(b.stuck))
		n, err := list.WriteTo(b.nc)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded) && n > 0 && b.raw != nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			return errStuck
		default:
			return err
		}
	}
}

// gone is why the connection has ended; nil: it has not.
func (b *outbox) gone() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// state is what a snapshot of the session tells.
func (b *outbox) state() (total, dropped uint64, waiting int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.total, b.dropped, b.bytes
}
