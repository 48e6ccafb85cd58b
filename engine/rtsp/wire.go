package rtsp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// wire reads one RTSP connection, in which messages and interleaved frames (RFC 2326
// 10.12) alternate. Frames are handed on in place: one read of the socket brings as
// many as have arrived, and none of them costs an allocation.
type wire struct {
	nc      net.Conn
	buf     []byte
	r, w    int             // buf[r:w] is unread
	known   func(byte) bool // whether a channel is in use; asked while searching for sync
	lost    bool            // searching for the next message or frame
	strict  bool            // what is neither ends the connection
	step    int             // bytes by which buf grows; twice what one read has room for at least
	maxHead int
	maxBody int
	garbage *atomic.Uint64 // counts bytes skipped
	err     error          // found in what was read
}

// errHTTP says that the port was the wrong one.
var errHTTP = errors.New("this is a web server, not an RTSP server")

const wireBuffer = 128 << 10 // at least one frame of 65539 bytes and then some

func newWire(nc net.Conn, known func(byte) bool) *wire {
	return &wire{
		nc: nc, buf: make([]byte, wireBuffer), known: known, garbage: new(atomic.Uint64),
		step: wireBuffer, maxHead: maxHead, maxBody: maxBody,
	}
}

// newServerWire makes the wire of a server: cameras are forgiven, clients are told. The
// buffer begins small and grows with what comes.
func newServerWire(nc net.Conn, step, maxHead, maxBody int) *wire {
	return &wire{
		nc: nc, buf: make([]byte, step), garbage: new(atomic.Uint64),
		strict: true, step: step, maxHead: maxHead, maxBody: maxBody,
	}
}

// handler is who takes what a wire carries. The payload of a frame is only valid during
// the call.
type handler interface {
	frame(channel byte, payload []byte, arrival time.Time)
	message(msg any)
}

// quitter is optional on a handler: an error ends serve, before the next message.
type quitter interface{ quit() error }

// serve reads until the connection fails and returns why. now gives the arrival time
// of what one read brought.
func (w *wire) serve(h handler, now func() time.Time) error {
	q, _ := h.(quitter)
	for {
		if err := w.fill(); err != nil {
			return err
		}
		arrival := now()
		for w.take(h, arrival) {
			if q != nil {
				if err := q.quit(); err != nil {
					return err
				}
			}
		}
		if w.err != nil {
			return w.err
		}
		if w.w-w.r >= w.maxHead+w.maxBody {
			w.skip(1)
		}
	}
}

// fill reads once, making room first.
func (w *wire) fill() error {
	if w.r == w.w {
		w.r, w.w = 0, 0
	}
	if len(w.buf)-w.w < w.step/2 {
		copy(w.buf, w.buf[w.r:w.w])
		w.w -= w.r
		w.r = 0
		if len(w.buf)-w.w < w.step/2 { // a message with a large body
			w.buf = append(w.buf[:w.w], make([]byte, w.step)...)
		}
	}
	n, err := w.nc.Read(w.buf[w.w:])
	w.w += n
	if n > 0 {
		return nil
	}
	return err
}

// take hands one whole frame or message on; false when there is none.
func (w *wire) take(h handler, arrival time.Time) bool {
	b := w.buf[w.r:w.w]
	if len(b) < 4 || w.lost && len(b) < 5 {
		return false
	}
	if b[0] == '$' && w.believe(b) {
		size := 4 + int(binary.BigEndian.Uint16(b[2:]))
		if len(b) < size {
			return false
		}
		w.r += size
		w.lost = false
		h.frame(b[1], b[4:size:size], arrival)
		return true
	}
	if b[0] == '\r' || b[0] == '\n' { // between messages they mean nothing
		w.r++
		return true
	}
	if bytes.HasPrefix(b, []byte("HTTP/")) {
		w.err = errHTTP
		return false
	}
	yes, maybe := startsText(b)
	if w.strict && (b[0] < 'A' || b[0] > 'z') {
		w.err = errNoText
		return false
	}
	if !yes && !w.strict {
		if maybe {
			return false
		}
		w.skip(1)
		return true
	}
	msg, size, err := parseBounded(b, w.maxHead, w.maxBody)
	switch err {
	case nil:
		w.r += size
		w.lost = false
		h.message(msg)
	case errShort:
		return false
	default:
		if w.strict {
			w.err = err
			return false
		}
		w.skip(1)
	}
	return true
}

// believe reports whether a dollar sign starts a frame. In sync it does; while
// searching, only when the channel is in use and the payload says RTP version 2.
func (w *wire) believe(b []byte) bool {
	if !w.lost {
		return true
	}
	return len(b) > 4 && w.known(b[1]) && b[4]>>6 == 2
}

func (w *wire) skip(n int) {
	w.r += n
	w.garbage.Add(uint64(n))
	w.lost = true
}
