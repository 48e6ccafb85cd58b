package segment

import (
	"hash/crc32"
	"math"
	"slices"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
)

// Writer writes one segment. It is not safe for concurrent use, and it does not close
// its file.
type Writer struct {
	f    vfs.File
	body *body
	crc  uint32 // CRC-32C of [from, body.size)
	from int64  // where the next commit begins

	open  []run      // the open fragment, by track; no units: nothing of that track
	data  [][][]byte // its units' data, by track
	last  []int64    // DTS of the last unit added, by track; -1 before the first
	units int        // in the open fragment
	bytes int        // of media in the open fragment

	used []run   // what of open has units, in order
	buf  builder // the fragment being written
}

// keepBuffer is the largest buffer kept for the next fragment.
const keepBuffer = 8 << 20

// NewWriter writes the beginning of a segment into the empty file f: one write, not
// synced. The error is of kind fault.Unsupported when a track cannot be stored: ask
// [Storable] before, and leave it out.
func NewWriter(f vfs.File, h Header) (*Writer, error) {
	if len(h.Tracks) == 0 || len(h.Tracks) > maxTracks {
		return nil, fault.New(fault.Bug, "a segment of %d tracks", len(h.Tracks))
	}
	for _, t := range h.Tracks {
		if err := Storable(t); err != nil {
			return nil, err
		}
	}
	h.Tracks = slices.Clone(h.Tracks)
	init := initBytes(h)
	if _, err := f.WriteAt(init, 0); err != nil {
		return nil, vfs.Fault("begin a segment", err)
	}
	w := newWriter(f, newBody(h, init))
	w.crc, w.from = crc32.Checksum(init[BodyOffset:], castagnoli), BodyOffset
	return w, nil
}

func newWriter(f vfs.File, b *body) *Writer {
	n := len(b.header.Tracks)
	w := &Writer{f: f, body: b, from: b.size, open: make([]run, n), data: make([][][]byte, n), last: make([]int64, n)}
	for i := range n {
		w.open[i].track = i
		w.last[i] = -1
		if t := &b.tables[i]; t.count > 0 {
			w.last[i] = t.last
		}
	}
	return w
}

// Add puts a unit into the open fragment without touching the disk. s.Data is kept, and
// not copied, until it has been flushed. A fragment of video should begin with a key
// unit or hold none: Flush before adding one.
//
// A unit that breaks a rule of [Sample], or that would make the fragment pass
// [MaxFragment], is refused with a fault.Bug and nothing changes.
func (w *Writer) Add(s Sample) error {
	if err := w.refuse(s); err != nil {
		return err
	}
	r := &w.open[s.Track]
	if n := len(r.units); n == 0 {
		r.dts = s.DTS
	} else {
		r.units[n-1].duration = uint32(s.DTS - w.last[s.Track])
	}
	key := s.Key || !w.body.header.Tracks[s.Track].Codec.Video()
	r.units = append(r.units, unit{uint32(len(s.Data)), s.Duration, s.Offset, key})
	w.data[s.Track] = append(w.data[s.Track], s.Data)
	w.last[s.Track] = s.DTS
	w.units++
	w.bytes += len(s.Data)
	return nil
}

func (w *Writer) refuse(s Sample) error {
	if s.Track < 0 || s.Track >= len(w.open) {
		return fault.New(fault.Bug, "a unit of track %d of %d", s.Track, len(w.open))
	}
	codec, last := w.body.header.Tracks[s.Track].Codec, w.last[s.Track]
	switch {
	case s.DTS < 0 || s.DTS > maxTicks:
		return fault.New(fault.Bug, "a unit at %d ticks", s.DTS)
	case last >= 0 && (s.DTS < last || s.DTS-last > math.MaxUint32):
		return fault.New(fault.Bug, "a unit at %d ticks after one at %d", s.DTS, last)
	case s.Offset < -maxOffset || s.Offset >= maxOffset || s.Offset != 0 && !codec.Video():
		return fault.New(fault.Bug, "a unit presented %d ticks after decoding", s.Offset)
	case len(s.Data) == 0:
		return fault.New(fault.Bug, "a unit without data")
	case w.bytes+len(s.Data)+w.units*unitVideo+len(w.open)*trafBase+minFragment > MaxFragment:
		return fault.New(fault.Bug, "a fragment of more than %d bytes", MaxFragment)
	case codec.NALs():
		return fault.Wrap(fault.Bug, "add a unit", media.ValidNALs(s.Data))
	}
	return nil
}

// Pending returns what the open fragment holds: units, the longest time of a track from
// its first unit's DTS to the end of its last, and bytes of media.
func (w *Writer) Pending() (units int, span time.Duration, bytes int) {
	for i := range w.open {
		r := &w.open[i]
		if len(r.units) > 0 {
			span = max(span, media.ToDuration(r.span(), w.body.header.Tracks[i].ClockRate))
		}
	}
	return w.units, span, w.bytes
}

// Flush closes the open fragment: exactly one write, none when it is empty. After an
// error nothing has changed and the fragment is still open: Flush again writes it in
// the same place.
func (w *Writer) Flush() error {
	w.used = w.used[:0]
	for _, r := range w.open {
		if len(r.units) > 0 {
			w.used = append(w.used, r)
		}
	}
	if len(w.used) == 0 {
		return nil
	}
	w.build()
	if _, err := w.f.WriteAt(w.buf, w.body.size); err != nil {
		return vfs.Fault("write a fragment", err)
	}
	w.take()
	return nil
}

// build assembles the fragment of the runs in used.
func (w *Writer) build() {
	h := w.body.header
	size := h.place(w.used)
	w.buf = slices.Grow(w.buf[:0], int(size))
	w.buf.head(h, w.used, w.body.leading(w.used), uint32(len(w.body.fragments)+1))
	for _, r := range w.used {
		turn := reordered(h.Tracks[r.track])
		for _, data := range w.data[r.track] {
			w.buf.bytes(data)
			if turn {
				reorder(w.buf[len(w.buf)-len(data):], h.Tracks[r.track].Bits, true)
			}
		}
	}
	w.buf.check()
}

// take makes the fragment in buf part of the body and opens an empty one.
func (w *Writer) take() {
	for _, r := range w.used {
		w.body.picture(r.track, w.data[r.track][0])
	}
	w.body.sha.Write(w.buf)
	w.crc = crc32.Update(w.crc, castagnoli, w.buf)
	w.body.add(w.used, int64(len(w.buf)))
	for i := range w.open {
		w.open[i].units = w.open[i].units[:0]
		clear(w.data[i])
		w.data[i] = w.data[i][:0]
	}
	w.units, w.bytes = 0, 0
	if cap(w.buf) > keepBuffer {
		w.buf = nil
	}
}

// Progress returns what has been flushed.
func (w *Writer) Progress() Progress {
	p := Progress{Size: w.body.size}
	for _, info := range w.body.infos() {
		p.Units = append(p.Units, info.Units)
		p.Ends = append(p.Ends, info.End)
	}
	return p
}

// TakeCommit returns the range flushed since the last TakeCommit, and begins a new one.
// From equals Size when nothing was. Sync the file after taking and before telling.
func (w *Writer) TakeCommit() Commit {
	p := w.Progress()
	c := Commit{From: w.from, Size: p.Size, CRC: w.crc, Ends: p.Ends, Units: p.Units}
	w.from, w.crc = p.Size, 0
	return c
}
