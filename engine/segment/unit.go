package segment

import (
	"errors"
	"io"
	"iter"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
)

// cursor stands in a run.
type cursor struct {
	run  *run
	next int
	dts  int64
	at   int64
}

// units hands the units of a whole fragment to yield, in order of DTS over all tracks,
// until it returns false. cursors is reused and returned. Units stored in another order
// of bits are turned back in place, so it can be called once only for a fragment.
func (h Header) units(runs []run, fragment []byte, cursors []cursor, yield func(Unit) bool) []cursor {
	cursors = cursors[:0]
	for i := range runs {
		cursors = append(cursors, cursor{run: &runs[i], dts: runs[i].dts, at: runs[i].at})
	}
	for {
		c := h.earliest(cursors)
		if c == nil || !yield(h.unit(c, fragment)) {
			return cursors
		}
	}
}

// earliest returns the cursor with the least time, nil when all are done.
func (h Header) earliest(cursors []cursor) *cursor {
	var best *cursor
	var least time.Duration
	for i := range cursors {
		c := &cursors[i]
		if c.next == len(c.run.units) {
			continue
		}
		if t := media.ToDuration(c.dts, h.Tracks[c.run.track].ClockRate); best == nil || t < least {
			best, least = c, t
		}
	}
	return best
}

// Restore turns a unit of a track as it lies in a file into one as it was received, in place.
func Restore(t media.Track, data []byte) {
	if reordered(t) {
		reorder(data, t.Bits, false)
	}
}

// unit returns the unit at c and moves on.
func (h Header) unit(c *cursor, fragment []byte) Unit {
	t, u := h.Tracks[c.run.track], c.run.units[c.next]
	end := c.at + int64(u.size)
	data := fragment[c.at:end:end]
	Restore(t, data)
	pts := c.dts + int64(u.offset)
	out := Unit{
		Sample: Sample{Track: c.run.track, DTS: c.dts, Offset: u.offset, Duration: u.duration, Key: u.key, Data: data},
		PTS:    pts,
		Time:   h.at(c.run.track, pts),
	}
	c.next, c.dts, c.at = c.next+1, c.dts+int64(u.duration), end
	return out
}

// Samples reads the units of Fragments[from:to]: one read for each fragment, its units in
// order of DTS over all tracks. Data belongs to the caller. A fragment that is not
// sound gives one error of kind fault.Damaged in place of its units, a failed read one
// of kind fault.DiskFailed; a caller that goes on gets the next fragment.
func (f *File) Samples(from, to int) iter.Seq2[Unit, error] {
	return func(yield func(Unit, error) bool) {
		var runs []run
		var cursors []cursor
		for i := max(from, 0); i < min(to, len(f.Fragments)); i++ {
			p, read, err := f.fragment(i, runs)
			if err != nil {
				if !yield(Unit{}, err) {
					return
				}
				continue
			}
			runs = read
			more := true
			cursors = f.Header.units(runs, p, cursors, func(u Unit) bool {
				more = yield(u, nil)
				return more
			})
			if !more {
				return
			}
		}
	}
}

// fragment reads and checks Fragments[i].
func (f *File) fragment(i int, reuse []run) (p []byte, runs []run, err error) {
	damaged := func(err error) error { return fault.Wrap(fault.Damaged, "read a fragment", err) }
	p = make([]byte, f.Fragments[i].Size)
	if n, err := f.r.ReadAt(p, f.Fragments[i].Offset); n < len(p) {
		if errors.Is(err, io.EOF) {
			return nil, nil, damaged(io.ErrUnexpectedEOF)
		}
		return nil, nil, vfs.Fault("read a fragment", err)
	}
	head, ok := headSize(p)
	if !ok || head > int64(len(p)) {
		return nil, nil, damaged(errors.New("not a fragment"))
	}
	runs, size, err := f.Header.parseHead(p[:head], uint32(i+1), reuse)
	if err == nil && (size != int64(len(p)) || !checked(p)) {
		err = errors.New("wrong checksum")
	}
	for j := 0; err == nil && j < len(runs); j++ {
		err = f.Header.sound(&runs[j], p)
	}
	if err != nil {
		return nil, nil, damaged(err)
	}
	return p, runs, nil
}
