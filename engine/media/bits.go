package media

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// bitReader reads the syntax elements of a header. Reading past the end gives zeros
// and sets short, so that a parser asks once, at its end.
type bitReader struct {
	data  []byte
	pos   int // in bits
	short bool
	said  []byte // what say was told: the meaning of elements that have no field
}

// u reads n <= 32 bits as an unsigned number: u(n).
func (r *bitReader) u(n int) uint32 {
	if n > len(r.data)*8-r.pos {
		r.pos, r.short = len(r.data)*8, true
		return 0
	}
	var v uint64
	for read := 0; read < n; {
		left := 8 - r.pos%8
		take := min(left, n-read)
		v = v<<take | uint64(r.data[r.pos/8]>>(left-take))&(1<<take-1)
		r.pos += take
		read += take
	}
	return uint32(v)
}

// flag reads u(1).
func (r *bitReader) flag() bool { return r.u(1) == 1 }

// skip passes over n bits.
func (r *bitReader) skip(n int) {
	for ; n > 32; n -= 32 {
		r.u(32)
	}
	r.u(n)
}

// ue reads an unsigned Exp-Golomb number: ue(v), H.264 9.1.
func (r *bitReader) ue() uint32 {
	zeros := 0
	for !r.flag() {
		if zeros++; zeros > 31 || r.short {
			r.short = true
			return 0
		}
	}
	return 1<<zeros - 1 + r.u(zeros)
}

// se reads a signed Exp-Golomb number: se(v), H.264 9.1.1.
func (r *bitReader) se() int32 {
	v := r.ue()
	if v&1 == 1 {
		return int32(v/2) + 1
	}
	return -int32(v / 2)
}

// say notes the value of an element that nobody asks for by name, so that two headers
// can be compared by what they mean.
func (r *bitReader) say(values ...uint32) {
	for _, v := range values {
		r.said = binary.AppendUvarint(r.said, uint64(v))
	}
}

// sayRest notes all the bits that are left, as they are.
func (r *bitReader) sayRest() {
	rest := bytes.TrimRight(r.data, "\x00")
	end := len(rest) * 8
	if end > 0 {
		end -= bits.TrailingZeros8(rest[len(rest)-1]) + 1 // rbsp_stop_one_bit
	}
	for r.pos < end {
		r.say(r.u(1))
	}
}

// rbsp removes emulation prevention bytes (H.264 7.3.1) and trailing zeros. It shares
// nal's memory where nothing has to be removed.
func rbsp(nal []byte) []byte {
	nal = bytes.TrimRight(nal, "\x00")
	at := bytes.Index(nal, []byte{0, 0, 3})
	if at < 0 {
		return nal
	}
	out := make([]byte, 0, len(nal))
	for ; at >= 0; at = bytes.Index(nal, []byte{0, 0, 3}) {
		out = append(out, nal[:at+2]...)
		nal = nal[at+3:]
	}
	return bytes.TrimRight(append(out, nal...), "\x00")
}
