package segment

import (
	"encoding/hex"

	"rtsprec/engine/vfs"
)

// openHeader is the 16 bytes at headerOffset while the file is open: a free box that
// hides the copy of the first box from players.
const openHeader = "\x00\x00\x00\x30free\x00\x00\x00\x00\x00\x00\x00\x00"

// sealedHeader returns what they become: the header of a media data box of which
// everything up to size is the content.
func sealedHeader(size int64) []byte {
	b := make(builder, 0, headerSize)
	b.u32(1) // the size follows the kind
	b.str("mdat")
	b.u64(uint64(size - headerOffset))
	return b
}

// Seal flushes, appends the index and the tables, syncs, turns the first header into
// that of an ordinary MP4 and syncs again. Renaming the file is the caller's.
//
// After an error Seal may be called again, unless it was a sync that failed: that is
// final for the file, and the error says so by its kind fault.DiskFailed.
func (w *Writer) Seal() (Summary, error) {
	if err := w.Flush(); err != nil {
		return Summary{}, err
	}
	end := w.body.ending()
	if _, err := w.f.WriteAt(end, w.body.size); err != nil {
		return Summary{}, vfs.Fault("write the end of a segment", err)
	}
	if err := w.f.Sync(); err != nil {
		return Summary{}, vfs.Fault("sync a segment", err)
	}
	if _, err := w.f.WriteAt(sealedHeader(w.body.size), headerOffset); err != nil {
		return Summary{}, vfs.Fault("seal a segment", err)
	}
	if err := w.f.Sync(); err != nil {
		return Summary{}, vfs.Fault("sync a sealed segment", err)
	}
	return w.body.summary(end), nil
}

// ending returns what stands behind the last fragment of a sealed file.
func (b *body) ending() []byte {
	units := int64(0)
	for i := range b.tables {
		units += b.tables[i].count
	}
	out := make(builder, 0, 8192+int64(len(b.fragments))*32+units*12)
	out.index(b)
	out.moov(layout{header: b.header, origin: b.origin(), tables: b.tables})
	return out
}

// summary describes the file that ends with end.
func (b *body) summary(end []byte) Summary {
	sha := b.sum()
	sha.Write(end)
	return summarize(b.header, b.infos(), b.size+int64(len(end)), hex.EncodeToString(sha.Sum(nil)))
}

// summarize picks the track that leads: the first of video, or the longest where video
// has no unit.
func summarize(h Header, infos []TrackInfo, size int64, sha string) Summary {
	s := Summary{Size: size, SHA256: sha}
	lead := -1
	for i, info := range infos {
		s.Units = append(s.Units, info.Units)
		s.Starts = append(s.Starts, info.Start)
		s.Ends = append(s.Ends, info.End)
		if lead < 0 && h.Tracks[i].Codec.Video() && info.Units > 0 {
			lead = i
		}
	}
	if lead < 0 {
		lead = longest(infos)
	}
	s.Start, s.End = infos[lead].Start, infos[lead].End
	return s
}

func longest(infos []TrackInfo) int {
	best := 0
	for i, info := range infos {
		if info.End.Sub(info.Start) > infos[best].End.Sub(infos[best].Start) {
			best = i
		}
	}
	return best
}
