package segment

import (
	"math"

	"rtsprec/engine/fault"
)

// unit is what a moof says of a sample.
type unit struct {
	size     uint32
	duration uint32
	offset   int32 // PTS - DTS
	key      bool
}

// run is the units of one track in one fragment.
type run struct {
	track int
	dts   int64 // of the first unit
	at    int64 // of the first unit's data, from the beginning of the fragment
	units []unit
}

// bytes returns the size of the run's data.
func (r *run) bytes() (n int64) {
	for _, u := range r.units {
		n += int64(u.size)
	}
	return n
}

// span returns the sum of the durations.
func (r *run) span() (n int64) {
	for _, u := range r.units {
		n += int64(u.duration)
	}
	return n
}

// A table remembers every unit of a track until the file is sealed: 12 bytes each.
type table struct {
	blocks [][]entry
	chunks []chunk
	count  int64
	first  int64  // DTS of the first unit
	last   int64  // DTS of the last unit
	tail   uint32 // its duration
	start  int64  // first PTS
	end    int64  // end of presentation
	pic    pixels // MJPEG only, whose configuration is in the first picture
}

// entry is one unit: its place follows from the chunk, its times from those before it.
type entry struct {
	size   uint32
	delta  uint32 // DTS since the unit before; 0 for the first
	offset uint32 // PTS - DTS in the upper 31 bits, as a signed number; key in the lowest
}

// chunk is the units of one run, which lie in the file without anything between.
type chunk struct {
	offset int64
	count  uint32
	entry  uint32 // which sample description they need, from 0
}

// blockSize bounds what growing copies: nothing.
const blockSize = 1024

// check says whether a run may follow. The error is of kind fault.Damaged.
func (t *table) check(r *run) error {
	dts := r.dts
	if dts < 0 || dts > maxTicks {
		return fault.New(fault.Damaged, "a time of %d ticks", dts)
	}
	if t.count > 0 && (dts < t.last || dts-t.last > math.MaxUint32) {
		return fault.New(fault.Damaged, "time goes from %d to %d ticks", t.last, dts)
	}
	return nil
}

// add appends a run that lies at offset in the file.
func (t *table) add(r *run, offset int64) { t.addEntry(r, offset, 0) }

// addEntry is add for a run of that sample description.
func (t *table) addEntry(r *run, offset int64, description uint32) {
	dts := r.dts
	for _, u := range r.units {
		if t.count == 0 {
			t.first, t.last, t.start, t.end = dts, dts, math.MaxInt64, math.MinInt64
		}
		if t.count%blockSize == 0 {
			t.blocks = append(t.blocks, make([]entry, 0, blockSize))
		}
		key := uint32(0)
		if u.key {
			key = 1
		}
		block := &t.blocks[len(t.blocks)-1]
		*block = append(*block, entry{u.size, uint32(dts - t.last), uint32(u.offset)<<1 | key})
		pts := dts + int64(u.offset)
		t.start, t.end = min(t.start, pts), max(t.end, pts+int64(u.duration))
		t.count, t.last, t.tail = t.count+1, dts, u.duration
		dts += int64(u.duration)
	}
	t.chunks = append(t.chunks, chunk{offset, uint32(len(r.units)), description})
}

// entries walks over the units.
func (t *table) entries(yield func(entry) bool) {
	for _, block := range t.blocks {
		for _, e := range block {
			if !yield(e) {
				return
			}
		}
	}
}

// places walks over the units with the numbers of their sample descriptions.
func (t *table) places(yield func(description int, u Place) bool) {
	i, dts := int64(0), t.first
	for _, c := range t.chunks {
		at := c.offset
		for range c.count {
			e := t.entry(i)
			dts += int64(e.delta)
			duration := t.tail
			if i++; i < t.count {
				duration = t.entry(i).delta
			}
			if !yield(int(c.entry), Place{DTS: dts, Offset: e.pts(), Duration: duration, Size: e.size, Key: e.key(), At: at}) {
				return
			}
			at += int64(e.size)
		}
	}
}

func (t *table) entry(i int64) entry { return t.blocks[i/blockSize][i%blockSize] }

func (e entry) pts() int32 { return int32(e.offset) >> 1 }
func (e entry) key() bool  { return e.offset&1 != 0 }

// tables appends the boxes of ISO 14496-12 8.6 and 8.7 that say where the samples are
// and when. base is added to where they are.
func (b *builder) tables(t *table, base int64, video bool) {
	b.stts(t)
	b.ctts(t)
	if video {
		b.stss(t)
	}
	b.full("stsz", 0, 0, func() {
		b.u32(0)
		b.u32(uint32(t.count))
		for e := range t.entries {
			b.u32(e.size)
		}
	})
	b.stsc(t)
	b.stco(t, base)
}

// runLengths appends a count and then, for each run of equal values, its length and the value.
// No values give no runs.
func (b *builder) runLengths(values func(yield func(uint32) bool)) {
	b.counted(func() (entries int) {
		length, value := uint32(0), uint32(0)
		put := func() {
			if length > 0 {
				b.u32(length)
				b.u32(value)
				entries++
			}
		}
		for v := range values {
			if v != value {
				put()
				length, value = 0, v
			}
			length++
		}
		put()
		return entries
	})
}

// stts: a unit lasts until the next begins; the last as long as it was said to, and two
// ticks at least: where one entry says that all units last one, ffmpeg takes them for
// uncompressed samples that have no sizes of their own, and reads nothing.
func (b *builder) stts(t *table) {
	b.full("stts", 0, 0, func() {
		b.runLengths(func(yield func(uint32) bool) {
			first := true
			for e := range t.entries {
				if !first && !yield(e.delta) {
					return
				}
				first = false
			}
			if !first {
				yield(max(t.tail, 2))
			}
		})
	})
}

func (b *builder) ctts(t *table) {
	shifted, version := false, uint8(0)
	for e := range t.entries {
		shifted = shifted || e.pts() != 0
		if e.pts() < 0 {
			version = 1
		}
	}
	if !shifted {
		return
	}
	b.full("ctts", version, 0, func() {
		b.runLengths(func(yield func(uint32) bool) {
			for e := range t.entries {
				if !yield(uint32(e.pts())) {
					return
				}
			}
		})
	})
}

// stss is left out where every unit is a key, which is what its absence means.
func (b *builder) stss(t *table) {
	all := true
	for e := range t.entries {
		all = all && e.key()
	}
	if all {
		return
	}
	b.full("stss", 0, 0, func() {
		b.counted(func() (keys int) {
			n := uint32(0)
			for e := range t.entries {
				if n++; e.key() {
					b.u32(n)
					keys++
				}
			}
			return keys
		})
	})
}

func (b *builder) stsc(t *table) {
	b.full("stsc", 0, 0, func() {
		b.counted(func() (entries int) {
			var last chunk
			for i, c := range t.chunks {
				if c.count != last.count || c.entry != last.entry {
					b.u32(uint32(i + 1))
					b.u32(c.count)
					b.u32(c.entry + 1)
					entries++
				}
				last = c
			}
			return entries
		})
	})
}

func (b *builder) stco(t *table, base int64) {
	n := len(t.chunks)
	if n > 0 && t.chunks[n-1].offset+base > math.MaxUint32 {
		b.full("co64", 0, 0, func() {
			b.u32(uint32(n))
			for _, c := range t.chunks {
				b.u64(uint64(c.offset + base))
			}
		})
		return
	}
	b.full("stco", 0, 0, func() {
		b.u32(uint32(n))
		for _, c := range t.chunks {
			b.u32(uint32(c.offset + base))
		}
	})
}
