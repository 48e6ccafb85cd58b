package segment

import (
	"encoding/binary"
	"hash/crc32"
	"time"
)

// The index is a free box: a name, how many tracks and their sums, how many fragments
// and where, when and whether they begin with a key, and the CRC-32C of the box so far.
// Times are nanoseconds since Header.Start.
const (
	indexName     = "rti1"
	indexFragment = 24
)

func (b *builder) index(body *body) {
	at := len(*b)
	since := func(t time.Time) uint64 { return uint64(t.Sub(body.header.Start)) }
	b.box("free", func() {
		b.str(indexName)
		b.u32(uint32(len(body.tables)))
		for i := range body.tables {
			info := body.info(i)
			b.u64(uint64(info.Units))
			if info.Units == 0 {
				b.zeros(16)
				continue
			}
			b.u64(since(info.Start))
			b.u64(since(info.End))
		}
		b.u32(uint32(len(body.fragments)))
		for _, f := range body.fragments {
			key := uint32(0)
			if f.Key {
				key = 1
			}
			b.u64(since(f.Time))
			b.u64(uint64(f.Span))
			b.u32(uint32(f.Size))
			b.u32(key)
		}
		b.u32(0)
	})
	box := (*b)[at:]
	binary.BigEndian.PutUint32(box[len(box)-4:], crc32.Checksum(box[:len(box)-4], castagnoli))
}

// readIndex is the reverse of builder.index. init is where the first fragment begins
// and end where the last one has to end. ok is false unless all of it fits together.
func readIndex(box []byte, h Header, init, end int64) (fragments []Fragment, tracks []TrackInfo, ok bool) {
	f := fields{p: box}
	kind, size, _ := boxAt(box)
	f.skip(8)
	if kind != "free" || size != int64(len(box)) || string(f.bytes(4)) != indexName || f.u32() != uint32(len(h.Tracks)) {
		return nil, nil, false
	}
	if crc32.Checksum(box[:len(box)-4], castagnoli) != binary.BigEndian.Uint32(box[len(box)-4:]) {
		return nil, nil, false
	}
	after := func() time.Time { return h.Start.Add(time.Duration(f.u64())) }
	for range h.Tracks {
		info := TrackInfo{Units: int64(f.u64()), Start: after(), End: after()}
		if info.Units == 0 {
			info = TrackInfo{}
		}
		tracks = append(tracks, info)
	}
	count := int64(f.u32())
	if f.bad || count*indexFragment+4 != int64(len(f.p)) {
		return nil, nil, false
	}
	fragments = make([]Fragment, 0, count)
	at := init
	for range count {
		fr := Fragment{Offset: at, Time: after(), Span: time.Duration(f.u64()), Size: int64(f.u32()), Key: f.u32() == 1}
		if fr.Size < minFragment || fr.Size > MaxFragment {
			return nil, nil, false
		}
		fragments = append(fragments, fr)
		at += fr.Size
	}
	return fragments, tracks, at == end
}

// minFragment is the size of a fragment of one unit of one byte.
const minFragment = prftSize + moofBase + trafBase + unitSound + mdatHeader + 1 + checkSize
