package segment

import (
	"io"
	"iter"
	"math"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// Index says where the units of a file are and when, without the media itself.
type Index struct {
	State     State
	Header    Header
	Fragments []Fragment
	Tracks    []TrackInfo
	Size      int64
	Sound     int64 // where the last of Fragments ends

	init   int64
	tables []table
	rest   *scanner // of an open file
}

// maxMoov bounds the tables that are read, and with them memory: 20 million units.
const maxMoov = 1 << 28

// ReadIndex reads what is written at the end of a sealed file, or else the heads of the fragments
// of an open one; no media, no checksums of media. Errors are those of [Scan]; what is wrong
// behind the sound fragments is none, as somebody may be writing there.
func ReadIndex(r io.ReaderAt, size int64) (*Index, error) { return readWithout(r, size, true) }

// ReadFragments is ReadIndex without the units: Places and Runs of a sealed file are empty.
func ReadFragments(r io.ReaderAt, size int64) (*Index, error) { return readWithout(r, size, false) }

// readWithout reads an index without media, and without tables unless they are wanted.
func readWithout(r io.ReaderAt, size int64, tables bool) (*Index, error) {
	s := &scanner{ScanOptions: ScanOptions{Quick: true}, win: window{r: r, size: size, ahead: 4 << 10}}
	s.file = &File{Size: size, r: r}
	if err := s.begin(); err != nil {
		return nil, err
	}
	x := &Index{Header: s.file.Header, Size: size, init: s.file.init}
	done, err := s.fromIndex()
	if err != nil {
		return nil, err
	}
	if done {
		x.State, x.Fragments, x.Tracks, x.Sound = s.file.State, s.file.Fragments, s.file.Tracks, s.file.Sound
		if x.tables = make([]table, len(x.Tracks)); !tables {
			return x, nil
		}
		if done, err = s.readTables(x); err != nil || done {
			return x, err
		}
	}
	if err := s.fragments(); err != nil {
		return nil, err
	}
	x.State, x.Fragments, x.Tracks, x.Sound = s.file.State, s.body.fragments, s.body.infos(), s.body.size
	x.tables, x.rest = s.body.tables, s
	return x, nil
}

// InitRange is as [File.InitRange].
func (x *Index) InitRange() (offset, length int64) { return BodyOffset, x.init - BodyOffset }

// Places walks over the units of a track, in order of decoding. Ticks are from Header.Start.
func (x *Index) Places(track int) iter.Seq[Place] {
	return func(yield func(Place) bool) {
		for _, p := range x.tables[track].places {
			if !yield(p) {
				return
			}
		}
	}
}

// Runs are the units of a track that lie in the file without anything between: their
// number, and where the first one is.
func (x *Index) Runs(track int) iter.Seq2[int, int64] {
	return func(yield func(int, int64) bool) {
		for _, c := range x.tables[track].chunks {
			if !yield(int(c.count), c.offset) {
				return
			}
		}
	}
}

// readTables reads the sample tables behind the index. done is false when they are not
// those of the fragments.
func (s *scanner) readTables(x *Index) (done bool, err error) {
	p, ok, err := s.win.at(x.Sound, 8)
	if err != nil || !ok {
		return false, err
	}
	_, length, _ := boxAt(p)
	at := x.Sound + length
	if p, ok, err = s.win.at(at, 8); err != nil || !ok {
		return false, err
	}
	kind, size, sane := boxAt(p)
	if kind != "moov" || !sane || size > maxMoov || size > s.win.size-at {
		return false, nil
	}
	if p, ok, err = s.win.at(at, size); err != nil || !ok {
		return false, err
	}
	x.tables = make([]table, len(x.Header.Tracks))
	for kind, trak := range children(p[8:]) {
		if kind != "trak" {
			continue
		}
		tkhd, _ := child(trak, "tkhd")
		f := fields{p: tkhd}
		f.skip(20)
		i := int(f.u32()) - 1
		if f.bad || i < 0 || i >= len(x.tables) || x.tables[i].count > 0 {
			return false, nil
		}
		t, problem := readTable(trak, x, i)
		if problem != nil {
			return false, nil
		}
		x.tables[i] = *t
	}
	for i := range x.tables {
		if x.tables[i].count != x.Tracks[i].Units {
			return false, nil
		}
	}
	return true, nil
}

// readTable is the reverse of builder.tables. The first unit's time follows from when the
// index says that presentation begins.
func readTable(trak []byte, x *Index, track int) (*table, error) {
	broken := fault.New(fault.Damaged, "tables that make no sense")
	stbl, _ := child(trak, "mdia", "minf", "stbl")
	box := func(kind string, header int) fields {
		p, _ := child(stbl, kind)
		f := fields{p: p}
		f.skip(header)
		return f
	}
	sizes := box("stsz", 8)
	count := int64(sizes.u32())
	if sizes.bad || count*4 != int64(len(sizes.p)) || count != x.Tracks[track].Units {
		return nil, broken
	}
	durations, offsets, keys := runsOf(box("stts", 4)), runsOf(box("ctts", 4)), keysOf(stbl)
	t := &table{start: math.MaxInt64, end: math.MinInt64}
	dts, delta := int64(0), uint32(0)
	for i := range count {
		if i%blockSize == 0 {
			t.blocks = append(t.blocks, make([]entry, 0, min(blockSize, count-i)))
		}
		duration, offset := durations.next(), int32(offsets.next())
		size := sizes.u32()
		if size == 0 || size > MaxFragment || offset < -maxOffset || offset >= maxOffset || dts > maxTicks {
			return nil, broken
		}
		e := entry{size: size, delta: delta, offset: uint32(offset) << 1}
		if keys.at(uint32(i + 1)) {
			e.offset |= 1
		}
		block := &t.blocks[len(t.blocks)-1]
		*block = append(*block, e)
		pts := dts + int64(offset)
		t.start, t.end = min(t.start, pts), max(t.end, pts+int64(duration))
		t.last, t.tail, delta = dts, duration, duration
		dts += int64(duration)
	}
	t.count = count
	if !t.readChunks(stbl, x) {
		return nil, broken
	}
	begin := media.FromDuration(x.Tracks[track].Start.Sub(x.Header.Start), x.Header.Tracks[track].ClockRate)
	t.first = begin - t.start
	t.last, t.start, t.end = t.last+t.first, t.start+t.first, t.end+t.first
	if t.first < 0 || t.last > maxTicks {
		return nil, broken
	}
	return t, nil
}

// readChunks reads where the units are. ok is false unless all of them lie among the
// fragments, in order.
func (t *table) readChunks(stbl []byte, x *Index) (ok bool) {
	width := 4
	offsets, found := child(stbl, "stco")
	if !found {
		offsets, _ = child(stbl, "co64")
		width = 8
	}
	f := fields{p: offsets}
	f.skip(4)
	n := int64(f.u32())
	stsc, _ := child(stbl, "stsc")
	c := fields{p: stsc}
	c.skip(8)
	if f.bad || c.bad || n*int64(width) != int64(len(f.p)) || n > t.count {
		return false
	}
	t.chunks = make([]chunk, 0, n)
	sizes := chunkSizes{f: c}
	unit, end := int64(0), x.init
	for i := range n {
		size := sizes.at(uint32(i + 1))
		offset := int64(0)
		if width == 4 {
			offset = int64(f.u32())
		} else {
			offset = int64(f.u64())
		}
		if offset < end || size == 0 || int64(size) > t.count-unit {
			return false
		}
		end = offset
		for range size {
			end += int64(t.entry(unit).size)
			unit++
		}
		if end > x.Sound {
			return false
		}
		t.chunks = append(t.chunks, chunk{offset: offset, count: size})
	}
	return unit == t.count
}

// chunkSizes reads how many units each chunk has (stsc).
type chunkSizes struct {
	f           fields
	size, until uint32 // until: the first chunk of the next entry
}

// at returns the units of chunk n, which counts from 1 and rises; 0 when it is not said.
func (c *chunkSizes) at(n uint32) uint32 {
	for n >= c.until && len(c.f.p) >= 12 {
		first := c.f.u32()
		if first > n {
			return 0
		}
		c.size = c.f.u32()
		c.f.skip(4)
		ahead := c.f
		if c.until = ahead.u32(); ahead.bad {
			c.until = math.MaxUint32
		}
	}
	return c.size
}

// repeated reads run lengths.
type repeated struct {
	f      fields
	length uint32
	value  uint32
}

func runsOf(f fields) *repeated {
	f.u32() // entries
	return &repeated{f: f}
}

// next returns the next value, 0 behind the end.
func (r *repeated) next() uint32 {
	for r.length == 0 && len(r.f.p) >= 8 {
		r.length, r.value = r.f.u32(), r.f.u32()
	}
	if r.length == 0 {
		return 0
	}
	r.length--
	return r.value
}

// keyList is the sync sample table; without one every unit is a key.
type keyList struct {
	f    fields
	none bool
	next uint32
}

func keysOf(stbl []byte) *keyList {
	stss, found := child(stbl, "stss")
	k := &keyList{f: fields{p: stss}, none: !found}
	k.f.skip(8)
	k.next = k.f.u32()
	return k
}

// at reports whether unit n, which counts from 1 and rises, is a key.
func (k *keyList) at(n uint32) bool {
	if k.none {
		return true
	}
	for k.next < n && len(k.f.p) >= 4 {
		k.next = k.f.u32()
	}
	return k.next == n
}
