package segment

import (
	"iter"
	"math"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// FLAC is the coding that sound gets where a browser does not play its own: it is never
// recorded. Units are FLAC frames, Track.Config is the STREAMINFO (RFC 9639 8.2).
const FLAC media.Codec = "flac"

// Place is a unit without its data: when it is, and where.
type Place struct {
	DTS      int64 // ticks
	Offset   int32 // PTS - DTS
	Duration uint32
	Size     uint32
	Key      bool
	At       int64 // of its first byte
}

// Assembly is an ordinary MP4 whose units lie in a payload that somebody else keeps. Its
// header goes before the payload, so that players can begin before they have all of it.
type Assembly struct {
	Camera string
	Start  time.Time     // capture time of time 0: tick 0 of every track
	Length time.Duration // units presented later are hidden by edit lists; 0: none is

	tracks   []*assembled
	chapters []chapter
}

type assembled struct {
	entries []media.Track
	pic     pixels
	table   table
	run     run
}

type chapter struct {
	at    time.Duration
	title string
}

// Track adds a track and returns its index. It must be Storable, or FLAC.
func (a *Assembly) Track(t media.Track) int {
	a.tracks = append(a.tracks, &assembled{entries: []media.Track{t}, pic: pictureSize(t)})
	return len(a.tracks) - 1
}

// Describe adds a sample description to a track for another configuration of the same
// coding, and returns its number for Add. That of the track itself is 0.
func (a *Assembly) Describe(track int, t media.Track) int {
	k := a.tracks[track]
	k.entries = append(k.entries, t)
	return len(k.entries) - 1
}

// Picture says how large the pictures of a track are whose configuration does not.
func (a *Assembly) Picture(track, width, height int) { a.tracks[track].pic = pixels{width, height} }

// Add appends units of a track that lie in the payload from at on without anything
// between. Ticks are those of the track's clock from Start on, before it too; DTS may
// not fall. Each unit lasts until the next begins, whatever its Duration; the last one its own.
func (a *Assembly) Add(track, description int, at int64, units []Place) {
	if len(units) == 0 {
		return
	}
	k := a.tracks[track]
	k.run.units = k.run.units[:0]
	k.run.dts = units[0].DTS
	for i, u := range units {
		duration := u.Duration
		if i+1 < len(units) {
			duration = uint32(units[i+1].DTS - u.DTS)
		}
		k.run.units = append(k.run.units, unit{size: u.Size, duration: duration, offset: u.Offset, key: u.Key})
	}
	k.table.addEntry(&k.run, at, uint32(description))
}

// Chapter adds a title from a time of the file on. Chapters come in order.
func (a *Assembly) Chapter(at time.Duration, title string) {
	a.chapters = append(a.chapters, chapter{at, title})
}

// Units walks over the units of a track that were added, with the numbers of their
// descriptions. At is in the payload.
func (a *Assembly) Units(track int) iter.Seq2[int, Place] { return a.tracks[track].table.places }

// End returns when the last unit of a track has been presented, in ticks; ok is false
// for a track without units.
func (a *Assembly) End(track int) (ticks int64, ok bool) {
	t := &a.tracks[track].table
	return t.end, t.count > 0
}

// Page is what the bytes before the payload of an Assembly are a multiple of: ranges that lie
// in pages of a file as they do in another are copied fastest.
const Page = 4096

// Header returns what the file holds before a payload of so many bytes. The error is of kind
// fault.Unsupported for more units than can be counted.
func (a *Assembly) Header(payload int64) ([]byte, error) {
	m := movie{created: a.Start, next: len(a.tracks) + 1, tags: [][2]string{
		{tagStart, a.Start.UTC().Format(time.RFC3339Nano)}, {tagCamera, a.Camera},
	}}
	total := int64(0)
	for i, k := range a.tracks {
		if total += k.table.count; k.table.count > math.MaxUint32 {
			return nil, fault.New(fault.Unsupported, "assemble a file of %d units", k.table.count)
		}
		if k.table.count > 0 {
			t := a.trak(i)
			m.duration = max(m.duration, t.lead+t.played)
			m.tracks = append(m.tracks, t)
		}
	}
	text := a.text(&m)
	b := make(builder, 0, 8192+total*8+int64(len(text)))
	// Where the payload begins depends on how long the tables are, and that on whether
	// offsets need 64 bits: they only ever grow.
	for base := int64(-1); base != int64(len(b)+len(text)); {
		base = int64(len(b) + len(text))
		for i := range m.tracks {
			m.tracks[i].base = base
		}
		b = b[:0]
		b.str(fileType)
		b.movie(m)
		free := -(int64(len(b)) + 8 + 16 + int64(len(text))) & (Page - 1)
		b.u32(uint32(8 + free))
		b.str("free")
		b = append(b, make([]byte, free)...)
		b.u32(1) // the size follows the kind
		b.str("mdat")
		b.u64(uint64(16 + int64(len(text)) + payload))
	}
	return append(b, text...), nil
}

// trak describes a track of the file.
func (a *Assembly) trak(i int) trak {
	k := a.tracks[i]
	rate := k.entries[0].ClockRate
	t := trak{id: i + 1, entries: k.entries, clock: rate, pic: k.pic, table: &k.table, edits: true}
	begin, _ := k.table.begin()
	begin = max(begin, 0)
	end := k.table.end
	if a.Length > 0 {
		end = min(end, media.FromDuration(a.Length, rate))
	}
	t.mediaTime = begin - k.table.first
	t.lead = media.FromDuration(media.ToDuration(begin, rate), movieRate)
	t.played = media.FromDuration(media.ToDuration(max(end-begin, 0), rate), movieRate)
	if len(a.chapters) > 0 && i == 0 {
		t.chapters = len(a.tracks) + 1
	}
	return t
}

// text adds the track of the chapters to m and returns its units, which go right before
// the payload: each is a title behind its length (QuickTime text).
func (a *Assembly) text(m *movie) []byte {
	if len(a.chapters) == 0 || len(m.tracks) == 0 {
		return nil
	}
	var out builder
	r := run{dts: media.FromDuration(a.chapters[0].at, movieRate)}
	last := media.ToDuration(m.duration, movieRate)
	for i, c := range a.chapters {
		end := last
		if i+1 < len(a.chapters) {
			end = a.chapters[i+1].at
		}
		title := c.title[:min(len(c.title), math.MaxUint16)]
		out.u16(uint16(len(title)))
		out.str(title)
		ticks := media.FromDuration(end, movieRate) - media.FromDuration(c.at, movieRate)
		r.units = append(r.units, unit{size: uint32(2 + len(title)), duration: uint32(max(ticks, 1)), key: true})
	}
	t := &table{}
	t.add(&r, -int64(len(out)))
	m.tracks = append(m.tracks, trak{id: m.next, text: true, clock: movieRate, table: t, edits: true, lead: r.dts, played: m.duration - r.dts})
	m.next++
	return out
}

// gmhd appends the media header of a track of text (QuickTime File Format).
func (b *builder) gmhd() {
	b.box("gmhd", func() {
		b.full("gmin", 0, 0, func() {
			b.u16(0x40)
			for range 3 {
				b.u16(0x8000)
			}
			b.zeros(4)
		})
		b.box("text", b.matrix)
	})
}

// textEntry appends the sample description of text: nothing is said of how it looks.
func (b *builder) textEntry() {
	b.box("text", func() {
		b.zeros(6)
		b.u16(1) // data reference
		b.zeros(43)
	})
}

// dfLa appends what a decoder of FLAC needs (Encapsulation of FLAC in ISO BMFF).
func (b *builder) dfLa(t media.Track) {
	b.full("dfLa", 0, 0, func() {
		b.u32(0x80000000 | uint32(len(t.Config))) // the last block, STREAMINFO
		b.bytes(t.Config)
	})
}
