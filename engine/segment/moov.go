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

// movie is what a moov box says.
type movie struct {
	created  time.Time
	duration int64 // in movieRate
	tracks   []trak
	next     int           // number of a track that is added
	growing  []media.Track // fragments of these follow; nil: the tables are all there is
	tags     [][2]string
}

// trak is what a trak box says.
type trak struct {
	id        int
	text      bool          // chapters; otherwise entries say what it is
	entries   []media.Track // sample descriptions; the first gives kind and clock rate
	clock     int           // Hz of the tables
	pic       pixels
	table     *table
	edits     bool  // it has an edit list of
	lead      int64 // in movieRate: nothing is presented so long
	played    int64 // in movieRate: how long it is presented then
	mediaTime int64 // in clock: and from where on
	base      int64 // added to the offset of every chunk
	chapters  int   // id of the track that names its chapters; 0: none
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

// moov appends the movie box of a segment. A sealed file names only the tracks that
// have units.
func (b *builder) moov(l layout) {
	m := movie{created: l.origin, next: len(l.header.Tracks) + 1, tags: l.tags()}
	if l.tables == nil {
		m.growing = l.header.Tracks
	}
	for i := range l.header.Tracks {
		if l.tables != nil && l.tables[i].count == 0 {
			continue
		}
		t := l.trak(i)
		m.duration = max(m.duration, t.lead+t.played)
		m.tracks = append(m.tracks, t)
	}
	b.movie(m)
}

// trak describes a track of the segment.
func (l layout) trak(i int) trak {
	t := l.header.Tracks[i]
	k := trak{id: i + 1, entries: l.header.Tracks[i : i+1], clock: t.ClockRate, pic: pictureSize(t), table: &table{}}
	if l.tables == nil {
		return k
	}
	k.table, k.edits, k.lead, k.played = &l.tables[i], true, l.lead(i), l.played(i)
	_, k.mediaTime = k.table.begin()
	if t.Codec == media.MJPEG {
		k.pic = k.table.pic
	}
	return k
}

// movie appends a movie box (ISO 14496-12 8.2.1).
func (b *builder) movie(m movie) {
	b.box("moov", func() {
		b.full("mvhd", 1, 0, func() {
			b.times(m.created)
			b.u32(movieRate)
			b.u64(uint64(m.duration))
			b.u32(1 << 16) // rate
			b.u16(1 << 8)  // volume
			b.zeros(10)
			b.matrix()
			b.zeros(24)
			b.u32(uint32(m.next))
		})
		for i := range m.tracks {
			b.trak(m, &m.tracks[i])
		}
		if m.growing != nil {
			b.mvex(m.growing)
		}
		b.tags(m.tags)
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

// at returns the media time of a tick.
func (h Header) at(track int, tick int64) time.Time {
	return h.Start.Add(media.ToDuration(tick, h.Tracks[track].ClockRate))
}

func (b *builder) trak(m movie, t *trak) {
	flags, volume := uint32(7), uint16(0) // enabled, in movie, in preview
	if t.text {
		flags = 2
	} else if !t.entries[0].Codec.Video() {
		volume = 1 << 8
	}
	b.box("trak", func() {
		b.full("tkhd", 1, flags, func() {
			b.times(m.created)
			b.u32(uint32(t.id))
			b.u32(0)
			b.u64(uint64(t.lead + t.played))
			b.zeros(8)
			b.u16(0) // layer
			b.u16(0) // no alternate group
			b.u16(volume)
			b.u16(0)
			b.matrix()
			b.u32(uint32(t.pic.width) << 16)
			b.u32(uint32(t.pic.height) << 16)
		})
		if t.edits {
			b.edts(t)
		}
		if t.chapters > 0 {
			b.box("tref", func() { b.box("chap", func() { b.u32(uint32(t.chapters)) }) })
		}
		b.box("mdia", func() {
			b.full("mdhd", 1, 0, func() {
				b.times(m.created)
				b.u32(uint32(t.clock))
				b.u64(uint64(t.table.last - t.table.first + int64(t.table.tail)))
				b.u16(0x55C4) // language "und"
				b.u16(0)
			})
			b.hdlr(t)
			b.minf(t)
		})
	})
}

// edts appends the edit list that puts a track in its place.
func (b *builder) edts(t *trak) {
	edit := func(duration, mediaTime int64) {
		b.u64(uint64(duration))
		b.u64(uint64(mediaTime))
		b.u32(1 << 16) // rate
	}
	b.box("edts", func() {
		b.full("elst", 1, 0, func() {
			b.counted(func() (edits int) {
				if t.lead > 0 {
					edit(t.lead, -1)
					edits++
				}
				edit(t.played, t.mediaTime)
				return edits + 1
			})
		})
	})
}

func (b *builder) hdlr(t *trak) {
	handler, name := "soun", "Sound"
	switch {
	case t.text:
		handler, name = "text", "Chapters"
	case t.entries[0].Codec.Video():
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

func (b *builder) minf(t *trak) {
	b.box("minf", func() {
		switch {
		case t.text:
			b.gmhd()
		case t.entries[0].Codec.Video():
			b.full("vmhd", 0, 1, func() { b.zeros(8) })
		default:
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
				if t.text {
					b.u32(1)
					b.textEntry()
					return
				}
				b.u32(uint32(len(t.entries)))
				for i := range t.entries {
					pic := t.pic
					if i > 0 {
						pic = pictureSize(t.entries[i])
					}
					b.entry(t.entries[i], pic)
				}
			})
			b.tables(t.table, t.base, !t.text && t.entries[0].Codec.Video())
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
