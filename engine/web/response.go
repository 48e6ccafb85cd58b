package web

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// stall is how long a reader may take nothing at all of an answer before it is dropped.
// A whole answer may take hours: a clip is read as fast as it is watched.
const stall = 30 * time.Second

// bodyGrace is how long a body that nobody wants is read before the connection goes.
const bodyGrace = 500 * time.Millisecond

// progressWriter moves the write deadline on with every write that begins, so that slow
// readers live and stalled ones do not.
type progressWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	sent    *atomic.Uint64
	blocks  *sync.Pool // of *block
	stall   time.Duration
}

// Unwrap serves http.ResponseController.
func (w *progressWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *progressWriter) Write(p []byte) (int, error) {
	// Not every writer has deadlines (a test's has none); then there is no socket to stall.
	_ = w.control.SetWriteDeadline(time.Now().Add(w.stall))
	n, err := w.ResponseWriter.Write(p)
	w.sent.Add(uint64(n))
	return n, err
}

// block is for copying: large enough that a disk reads ahead, small enough that many
// readers at a time take little memory.
type block [128 << 10]byte

func newBlock() any { return new(block) }

// ReadFrom copies block by block, each with its own deadline.
func (w *progressWriter) ReadFrom(r io.Reader) (n int64, err error) {
	b := w.blocks.Get().(*block)
	defer w.blocks.Put(b)
	return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, b[:])
}

// refuseBody bounds what is read of a body, and ends the connection after the answer.
func refuseBody(w *progressWriter) {
	w.Header().Set("Connection", "close")
	_ = w.control.SetReadDeadline(time.Now().Add(bodyGrace))
}

// secure sets what makes a browser careful. Everything the page needs comes from here,
// nothing of it may be framed or embedded by other sites, and no other site is let in
// (no CORS headers at all).
func secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "+
		"media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
}
