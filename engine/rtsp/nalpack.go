package rtsp

import (
	"bytes"
	"encoding/binary"

	"rtsprec/engine/media"
)

// nalWriter appends NAL units to a picture, each behind its 4-byte length, whole or in
// pieces, and puts right what cameras do to them: Annex B start codes inside a packet,
// trailing zeros, units without a byte.
type nalWriter struct {
	at    int  // where the length of the open NAL unit stands; valid while open
	open  bool // a NAL unit is being put together from fragments
	slice bool // the unit holds a slice
	hurt  bool // something was left out
	bad   uint64
	kind  func(nal []byte) nalKind
}

type nalKind uint8

const (
	otherNAL nalKind = iota
	sliceNAL
	setNAL // a parameter set
)

func (w *nalWriter) start(buf []byte, header ...byte) []byte {
	w.at, w.open = len(buf), true
	return append(append(buf, 0, 0, 0, 0), header...)
}

// end closes the open NAL unit.
func (w *nalWriter) end(buf []byte) []byte {
	w.open = false
	nal := buf[w.at+4:]
	if i := bytes.Index(nal, startCode); i >= 0 {
		return w.split(buf[:w.at], bytes.Clone(nal))
	}
	return w.seal(buf)
}

var startCode = []byte{0, 0, 1}

// split writes the NAL units of Annex B (H.264 B.1) one by one.
func (w *nalWriter) split(buf, nals []byte) []byte {
	for len(nals) > 0 {
		i := bytes.Index(nals, startCode)
		nal := nals
		if i >= 0 {
			nal, nals = nals[:i], nals[i+3:]
		} else {
			nals = nil
		}
		w.at = len(buf)
		buf = append(append(buf, 0, 0, 0, 0), nal...)
		buf = w.seal(buf)
	}
	return buf
}

// seal writes the length of the NAL unit at the end of buf, or removes it when nothing
// is left of it.
func (w *nalWriter) seal(buf []byte) []byte {
	end := len(buf)
	for end > w.at+4 && buf[end-1] == 0 {
		end--
	}
	if end == w.at+4 {
		return buf[:w.at]
	}
	binary.BigEndian.PutUint32(buf[w.at:], uint32(end-w.at-4))
	w.slice = w.slice || w.kind(buf[w.at+4:end]) == sliceNAL
	return buf[:end]
}

func (w *nalWriter) whole(buf, nal []byte) []byte {
	return w.end(append(w.start(buf), nal...))
}

// cut closes a fragmented NAL unit whose rest is missing: a decoder can show what is there.
func (w *nalWriter) cut(buf []byte) []byte {
	w.hurt = true
	return w.end(buf)
}

// aggregate writes the NAL units of an aggregation packet, each behind a 2-byte length.
// Padding is zeros.
func (w *nalWriter) aggregate(buf, b []byte) []byte {
	for len(b) >= 2 {
		n := int(binary.BigEndian.Uint16(b))
		b = b[2:]
		if n > len(b) {
			w.bad++
			w.hurt = true
			return buf
		}
		if n > 0 {
			buf = w.whole(buf, b[:n])
		}
		b = b[n:]
	}
	return buf
}

// fragment takes one piece of a NAL unit. header is the NAL unit's own header, for a
// first piece.
func (w *nalWriter) fragment(buf, piece []byte, first, last, broken bool, header ...byte) []byte {
	if first || broken { // without a loss: a camera that never marks the last piece
		buf = w.settle(buf, broken)
	}
	switch {
	case first:
		buf = w.start(buf, header...)
	case !w.open:
		w.hurt = true
		if !broken {
			w.bad++
		}
		return buf
	}
	buf = append(buf, piece...)
	if last {
		buf = w.end(buf)
	}
	return buf
}

// close is codec.close.
func (w *nalWriter) close(buf []byte, broken bool) []byte { return w.settle(buf, broken) }

func (w *nalWriter) picture() bool { return w.slice }
func (w *nalWriter) reset()        { w.slice = false }

// salvage keeps the parameter sets.
func (w *nalWriter) salvage(buf []byte) []byte {
	kept := buf[:0]
	for nal := range media.NALs(buf) {
		if w.kind(nal) == setNAL {
			kept = media.AppendNAL(kept, nal) // never longer than what has been read
		}
	}
	return kept
}

// settle closes a fragmented NAL unit before what does not continue it.
func (w *nalWriter) settle(buf []byte, broken bool) []byte {
	switch {
	case !w.open:
		return buf
	case broken:
		return w.cut(buf)
	}
	return w.end(buf)
}

func (w *nalWriter) damaged() bool {
	hurt := w.hurt
	w.hurt = false
	return hurt
}

func (w *nalWriter) invalid() uint64 { return w.bad }

// trimStart removes a start code before and zeros behind a NAL unit.
func trimStart(nal []byte) []byte {
	nal = bytes.TrimRight(nal, "\x00")
	if i := bytes.Index(nal, startCode); i >= 0 && len(bytes.Trim(nal[:i], "\x00")) == 0 {
		return nal[i+3:]
	}
	return nal
}

// afterStartCode skips an Annex B start code at the beginning of a packet.
func afterStartCode(b []byte) []byte {
	switch {
	case bytes.HasPrefix(b, startCode):
		return b[3:]
	case len(b) > 4 && b[0] == 0 && bytes.HasPrefix(b[1:], startCode):
		return b[4:]
	}
	return b
}
