package segment

import (
	"time"

	"rtsprec/engine/media"
)

const (
	headerOffset = 32 // of the 16 bytes that sealing overwrites
	headerSize   = 16

	// movieRate is the time scale of edit lists: 11 µs.
	movieRate = 90000
)

// fileType is the file's first box, and the beginning of its body once more. Its
// length is part of the format.
const fileType = "\x00\x00\x00\x20ftypiso6\x00\x00\x00\x01iso6isommp41mp42"

// epoch1904 and epoch1900 are the seconds from the origins of MP4 and NTP to 1970.
const (
	epoch1904 = 2082844800
	epoch1900 = 2208988800
)

// layout is what both moov boxes are made of. Without tables it is the first one.
type layout struct {
	header Header
	origin time.Time // time 0 of the file
	tables []table
}

// initBytes returns the file's beginning: first box, open header, copy of the first box and
// moov.
func initBytes(h Header) []byte {
	b := make(builder, 0, 4096)
	b.str(fileType)
	b.str(openHeader)
	b.str(fileType)
	b.moov(layout{header: h, origin: h.Start})
	return b
}

// moov appends a movie box (ISO 14496-12 8.2.1). A sealed file names only the tracks
// that have units.
func (b *builder) moov(l layout) {
	duration := int64(0)
	for i := range l.tables {
		duration = max(duration, l.movieEnd(i))
	}
	b.box("moov", func() {
		b.full("mvhd", 1, 0, func() {
			b.times(l.origin)
			b.u32(movieRate)
			b.u64(uint64(duration))
			b.u32(1 << 16) // rate
			b.u16(1 << 8)  // volume
			b.zeros(10)
			b.matrix()
			b.zeros(24)
			b.u32(uint32(len(l.header.Tracks) + 1)) // next track
		})
		for i := range l.header.Tracks {
			if l.tables == nil || l.tables[i].count > 0 {
				b.trak(l, i)
			}
		}
		if l.tables == nil {
			b.mvex(l.header.Tracks)
		}
		b.tags(l)
	})
}

func (b *builder) times(created time.Time) {
	seconds := uint64(max(0, created.Unix()+epoch1904))
	b.u64(seconds)
	b.u64(seconds)
}

// begin returns the tick of a track's first presentation, and what its media time is.
// Media time 0 is the first unit's DTS; what would be presented before it has no place
// in an edit list.
func (t *table) begin() (tick, mediaTime int64) {
	tick = max(t.start, t.first)
	return tick, tick - t.first
}

// lead returns how much later than the file's origin a track begins, in movieRate.
func (l layout) lead(i int) int64 {
	tick, _ := l.tables[i].begin()
	begin := l.header.at(i, tick)
	return max(0, media.FromDuration(begin.Sub(l.origin), movieRate))
}

// played returns how long a track is presented, in movieRate.
func (l layout) played(i int) int64 {
	tick, _ := l.tables[i].begin()
	length := media.ToDuration(max(0, l.tables[i].end-tick), l.header.Tracks[i].ClockRate)
	return media.FromDuration(length, movieRate)
}

// movieEnd returns when a track ends after the origin, in movieRate.
func (l layout) movieEnd(i int) int64 {
	if l.tables[i].count == 0 {
		return 0
	}
	return l.lead(i) + l.played(i)
}

// at returns the media time of a tick.
func (h Header) at(track int, tick int64) time.Time {
	return h.Start.Add(media.ToDuration(tick, h.Tracks[track].ClockRate))
}

func (b *builder) trak(l layout, i int) {
	t := l.header.Tracks[i]
	sealed := l.tables != nil
	pic := pictureSize(t)
	if sealed && t.Codec == media.MJPEG {
		pic = l.tables[i].pic
	}
	movieDuration, mediaDuration := int64(0), int64(0)
	if sealed {
		table := &l.tables[i]
		movieDuration = l.movieEnd(i)
		mediaDuration = table.last - table.first + int64(table.tail)
	}
	b.box("trak", func() {
		b.full("tkhd", 1, 7, func() { // enabled, in movie, in preview
			b.times(l.origin)
			b.u32(uint32(i + 1))
			b.u32(0)
			b.u64(uint64(movieDuration))
			b.zeros(8)
			b.u16(0) // layer
			b.u16(0) // no alternate group
			if t.Codec.Video() {
				b.u16(0)
			} else {
				b.u16(1 << 8) // volume
			}
			b.u16(0)
			b.matrix()
			b.u32(uint32(pic.width) << 16)
			b.u32(uint32(pic.height) << 16)
		})
		if sealed {
			b.edts(l, i)
		}
		b.box("mdia", func() {
			b.full("mdhd", 1, 0, func() {
				b.times(l.origin)
				b.u32(uint32(t.ClockRate))
				b.u64(uint64(mediaDuration))
				b.u16(0x55C4) // language "und"
				b.u16(0)
			})
			b.hdlr(t)
			b.minf(l, i, pic)
		})
	})
}

// edts appends the edit list that puts a track in its place.
func (b *builder) edts(l layout, i int) {
	lead := l.lead(i)
	_, mediaTime := l.tables[i].begin()
	edit := func(duration, mediaTime int64) {
		b.u64(uint64(duration))
		b.u64(uint64(mediaTime))
		b.u32(1 << 16) // rate
	}
	b.box("edts", func() {
		b.full("elst", 1, 0, func() {
			b.counted(func() (edits int) {
				if lead > 0 {
					edit(lead, -1)
					edits++
				}
				edit(l.played(i), mediaTime)
				return edits + 1
			})
		})
	})
}

func (b *builder) hdlr(t media.Track) {
	handler, name := "soun", "Sound"
	if t.Codec.Video() {
		handler, name = "vide", "Video"
	}
	b.full("hdlr", 0, 0, func() {
		b.u32(0)
		b.str(handler)
		b.zeros(12)
		b.str(name)
		b.u8(0)
	})
}

func (b *builder) minf(l layout, i int, pic pixels) {
	t := l.header.Tracks[i]
	b.box("minf", func() {
		if t.Codec.Video() {
			b.full("vmhd", 0, 1, func() { b.zeros(8) })
		} else {
			b.full("smhd", 0, 0, func() { b.zeros(4) })
		}
		b.box("dinf", func() {
			b.full("dref", 0, 0, func() {
				b.u32(1)
				b.full("url ", 0, 1, func() {}) // in this file
			})
		})
		b.box("stbl", func() {
			b.full("stsd", 0, 0, func() {
				b.u32(1)
				b.entry(t, pic)
			})
			if l.tables != nil {
				b.tables(&l.tables[i], t.Codec.Video())
			} else {
				b.tables(&table{}, false)
			}
		})
	})
}

// Sample flags (ISO 14496-12 8.8.3.1).
const (
	flagsKey   = 0x02000000 // depends on no other
	flagsDelta = 0x01010000 // depends on others; not a sync sample
)

func (b *builder) mvex(tracks []media.Track) {
	b.box("mvex", func() {
		for i := range tracks {
			b.full("trex", 0, 0, func() {
				b.u32(uint32(i + 1))
				b.u32(1) // sample description
				b.u32(0)
				b.u32(0)
				b.u32(flagsKey)
			})
		}
	})
}
