package segment

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// readHeader reads the body of the first moov. The error is of kind fault.Damaged, or
// fault.Unsupported for a format of the future.
func readHeader(moov []byte) (Header, error) {
	var h Header
	tags := readTags(moov)
	if f := tags[tagFormat]; f != format {
		if f == "" {
			return h, fault.New(fault.Damaged, "not a segment of rtsprec")
		}
		return h, fault.New(fault.Unsupported, "segment format %q", f)
	}
	start, err := time.Parse(time.RFC3339Nano, tags[tagStart])
	if err != nil {
		return h, fault.New(fault.Damaged, "no start time")
	}
	h.Camera, h.Start = tags[tagCamera], start.UTC()
	for kind, trak := range children(moov) {
		if kind != "trak" {
			continue
		}
		id, t, err := readTrack(trak)
		if err != nil {
			return h, err
		}
		if id != len(h.Tracks)+1 || id > maxTracks {
			return h, fault.New(fault.Damaged, "tracks out of order")
		}
		h.Tracks = append(h.Tracks, t)
	}
	if len(h.Tracks) == 0 {
		return h, fault.New(fault.Damaged, "no tracks")
	}
	reordered := strings.Split(tags[tagReordered], ",")
	for i := range h.Tracks {
		t := &h.Tracks[i]
		t.ID = media.TrackID(i)
		t.AAL2 = t.AAL2 && !slices.Contains(reordered, strconv.Itoa(i+1))
	}
	return h, nil
}

// readTrack reads a trak: its number and what it says of the stream.
func readTrack(trak []byte) (id int, t media.Track, err error) {
	tkhd, _ := child(trak, "tkhd")
	f := fields{p: tkhd}
	if f.u8() != 1 {
		return 0, t, fault.New(fault.Damaged, "a track header that is not ours")
	}
	f.skip(3 + 16)
	id = int(f.u32())
	mdhd, _ := child(trak, "mdia", "mdhd")
	g := fields{p: mdhd}
	if g.u8() != 1 {
		return 0, t, fault.New(fault.Damaged, "a media header that is not ours")
	}
	g.skip(3 + 16)
	t.ClockRate = int(g.u32())
	if f.bad || g.bad {
		return 0, t, fault.New(fault.Damaged, "a track header cut short")
	}
	stsd, _ := child(trak, "mdia", "minf", "stbl", "stsd")
	return id, t, readEntry(stsd, &t)
}
