package archive

import (
	"context"
	"io"
	"sort"
	"sync"

	"rtsprec/engine/fault"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
)

// payload is bytes that are put together from ranges of files and from sound that is
// converted when it is asked for.
type payload struct {
	parts []patch
	size  int64
	pages bool // of a file: long ranges lie in their pages as in those they come from

	mu   sync.Mutex
	last *conversion // whose bytes are kept: neighbours are asked for together
	made []byte
}

// patch is a range of a payload.
type patch struct {
	off, size int64 // in the payload
	file      vfs.File
	at        int64       // in file
	sound     *conversion // instead of file
	// neither: nothing that is used, all zero
}

// maxHole is how much framing between two units is copied along, so that a whole segment
// is one range. Units that are left out never are.
const maxHole = 4 << 10

// longRange is from where on a few kilobytes are well spent so that the kernel copies whole
// pages, which is a sixth faster than parts of them.
const longRange = 64 << 10

// add appends a range of a file and returns where it begins in the payload. joined says
// that nothing but framing lies between it and the range added before.
func (p *payload) add(f vfs.File, at, size int64, joined bool) int64 {
	if n := len(p.parts); joined && n > 0 {
		last := &p.parts[n-1]
		if hole := at - last.at - last.size; last.file == f && hole >= 0 && hole <= maxHole {
			last.size += hole + size
			p.size += hole + size
			return p.size - size
		}
	}
	if pad := (at - p.size) & (segment.Page - 1); p.pages && size >= longRange && pad > 0 {
		p.parts = append(p.parts, patch{off: p.size, size: pad})
		p.size += pad
	}
	p.parts = append(p.parts, patch{off: p.size, size: size, file: f, at: at})
	p.size += size
	return p.size - size
}

// convert appends sound that has to be converted.
func (p *payload) convert(c *conversion) int64 {
	p.parts = append(p.parts, patch{off: p.size, size: c.size, sound: c})
	p.size += c.size
	return p.size - c.size
}

// ReadAt implements io.ReaderAt.
func (p *payload) ReadAt(b []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fault.New(fault.Bug, "read at %d", off)
	}
	i := p.part(off)
	for n < len(b) {
		if i == len(p.parts) {
			return n, io.EOF
		}
		part := &p.parts[i]
		skip := off + int64(n) - part.off
		want := b[n:min(int64(len(b)), int64(n)+part.size-skip)]
		if part.sound != nil {
			data, err := p.converted(part.sound)
			if err != nil {
				return n, err
			}
			copy(want, data[skip:])
		} else if part.file == nil {
			clear(want)
		} else if k, err := part.file.ReadAt(want, part.at+skip); k < len(want) {
			if err == io.EOF || err == nil {
				err = io.ErrUnexpectedEOF // a segment never gets shorter
			}
			return n + k, vfs.Fault("read a segment", err)
		}
		n += len(want)
		i++
	}
	return n, nil
}

// part is the number of the part that a byte lies in.
func (p *payload) part(off int64) int {
	return sort.Search(len(p.parts), func(i int) bool { return p.parts[i].off+p.parts[i].size > off })
}

func (p *payload) converted(c *conversion) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last != c {
		data, err := c.bytes()
		if err != nil {
			return nil, err
		}
		p.last, p.made = c, data
	}
	return p.made, nil
}

// step is how much is copied before somebody is told, and asked whether to go on.
const step = 32 << 20

// write writes all of it. Ranges of files are copied by the kernel where it can. told is
// called with the bytes so far.
func (p *payload) write(ctx context.Context, w io.Writer, told func(int64)) (written int64, err error) {
	for i := range p.parts {
		part := &p.parts[i]
		for done := int64(0); done < part.size; {
			if err := ctx.Err(); err != nil {
				return written, fault.Because("write", err)
			}
			n := min(step, part.size-done)
			if part.sound != nil {
				data, err := part.sound.bytes()
				if err != nil {
					return written, err
				}
				n = part.size
				if _, err := w.Write(data); err != nil {
					return written, err
				}
			} else if part.file == nil {
				if _, err := w.Write(make([]byte, n)); err != nil {
					return written, err
				}
			} else if k, err := vfs.Copy(w, part.file, part.at+done, n); err != nil {
				return written + k, err
			}
			done += n
			written += n
			told(written)
		}
	}
	return written, nil
}
