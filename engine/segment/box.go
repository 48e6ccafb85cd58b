package segment

import "encoding/binary"

// builder appends big-endian fields and boxes.
type builder []byte

func (b *builder) u8(v uint8)     { *b = append(*b, v) }
func (b *builder) u16(v uint16)   { *b = binary.BigEndian.AppendUint16(*b, v) }
func (b *builder) u32(v uint32)   { *b = binary.BigEndian.AppendUint32(*b, v) }
func (b *builder) u64(v uint64)   { *b = binary.BigEndian.AppendUint64(*b, v) }
func (b *builder) str(s string)   { *b = append(*b, s...) }
func (b *builder) bytes(p []byte) { *b = append(*b, p...) }
func (b *builder) zeros(n int)    { *b = append(*b, make([]byte, n)...) }

// box appends a box around what body appends (ISO 14496-12 4.2).
func (b *builder) box(kind string, body func()) {
	at := len(*b)
	b.u32(0)
	b.str(kind)
	body()
	binary.BigEndian.PutUint32((*b)[at:], uint32(len(*b)-at))
}

// full appends a box with a version and flags.
func (b *builder) full(kind string, version uint8, flags uint32, body func()) {
	b.box(kind, func() {
		b.u32(uint32(version)<<24 | flags)
		body()
	})
}

// counted appends a count that body returns before what body appends.
func (b *builder) counted(body func() int) {
	at := len(*b)
	b.u32(0)
	n := body()
	binary.BigEndian.PutUint32((*b)[at:], uint32(n))
}

// matrix appends the unity transformation.
func (b *builder) matrix() {
	for _, v := range [9]uint32{0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000} {
		b.u32(v)
	}
}

// boxAt returns the kind and the size of the box that p begins with. ok is false when
// p holds no whole 8-byte header or the size is smaller than that; 64-bit sizes and
// "up to the end of the file" are not used inside a segment's body.
func boxAt(p []byte) (kind string, size int64, ok bool) {
	if len(p) < 8 {
		return "", 0, false
	}
	size = int64(binary.BigEndian.Uint32(p))
	return string(p[4:8]), size, size >= 8
}

// child returns the body of the first box of that kind among the boxes in p, then of
// the first of the next kind inside it, and so on.
func child(p []byte, kinds ...string) ([]byte, bool) {
	for _, kind := range kinds {
		found := false
		for k, body := range children(p) {
			if k == kind {
				p, found = body, true
				break
			}
		}
		if !found {
			return nil, false
		}
	}
	return p, true
}

// children walks over the boxes in p and ends at the first that does not fit.
func children(p []byte) func(yield func(kind string, body []byte) bool) {
	return func(yield func(string, []byte) bool) {
		for len(p) >= 8 {
			kind, size, ok := boxAt(p)
			if !ok || size > int64(len(p)) || !yield(kind, p[8:size]) {
				return
			}
			p = p[size:]
		}
	}
}

// fields reads big-endian fields. Reading past the end sets bad and gives zeros.
type fields struct {
	p   []byte
	bad bool
}

func (f *fields) bytes(n int) []byte {
	if n < 0 || n > len(f.p) {
		f.bad, f.p = true, nil
		return nil
	}
	head := f.p[:n:n]
	f.p = f.p[n:]
	return head
}

func (f *fields) skip(n int) { f.bytes(n) }

func (f *fields) u8() uint8 {
	if b := f.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (f *fields) u16() uint16 {
	if b := f.bytes(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (f *fields) u32() uint32 {
	if b := f.bytes(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (f *fields) u64() uint64 {
	if b := f.bytes(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}
