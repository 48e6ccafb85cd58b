package archive

import (
	"io"
	"sort"
	"sync"

	"rtsprec/engine/fault"
	"rtsprec/engine/vfs"
)

// payload is bytes that are put together from ranges of files and from sound that is
// converted when it is asked for.
type payload struct {
	parts []patch
	size  int64

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
}

// maxHole is how much framing between two units is copied along, so that a whole segment
// is one range. Units that are left out never are.
const maxHole = 4 << 10

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
	i := sort.Search(len(p.parts), func(i int) bool { return p.parts[i].off+p.parts[i].size > off })
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

// WriteTo implements io.WriterTo. Ranges of files are copied by the kernel where it can.
func (p *payload) WriteTo(w io.Writer) (written int64, err error) {
	for i := range p.parts {
		part := &p.parts[i]
		n := int64(0)
		if part.sound != nil {
			var data []byte
			if data, err = part.sound.bytes(); err == nil {
				var k int
				k, err = w.Write(data)
				n = int64(k)
			}
		} else {
			n, err = vfs.Copy(w, part.file, part.at, part.size)
		}
		if written += n; err != nil {
			return written, err
		}
	}
	return written, nil
}
