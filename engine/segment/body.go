package segment

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"image/jpeg"
	"slices"
	"time"

	"rtsprec/engine/media"
)

// body is what a file holds from BodyOffset up to the end of its last fragment. The
// Writer grows it as it writes, Scan as it reads; so a salvaged file can be sealed.
type body struct {
	header    Header
	init      int64 // where the first fragment begins
	size      int64 // where the last one ends
	tables    []table
	fragments []Fragment
	sha       hash.Hash // of [BodyOffset, size)
	video     int       // first track of video, -1 without any
}

func newBody(h Header, init []byte) *body {
	b := &body{
		header: h,
		init:   int64(len(init)),
		size:   int64(len(init)),
		tables: make([]table, len(h.Tracks)),
		sha:    sha256.New(),
		video:  slices.IndexFunc(h.Tracks, func(t media.Track) bool { return t.Codec.Video() }),
	}
	b.sha.Write(init[BodyOffset:])
	return b
}

// sum returns a copy of the checksum's state.
func (b *body) sum() hash.Hash {
	c, err := b.sha.(hash.Cloner).Clone()
	if err != nil {
		panic(err) // SHA-256 can always be cloned
	}
	return c.(hash.Hash)
}

// leading returns the run of the leading track among those of a fragment.
func (b *body) leading(runs []run) *run {
	for i := range runs {
		if runs[i].track == b.video {
			return &runs[i]
		}
	}
	return &runs[0]
}

// add takes in a fragment of size bytes that follows the last one.
func (b *body) add(runs []run, size int64) {
	lead := b.leading(runs)
	b.fragments = append(b.fragments, Fragment{
		Offset: b.size,
		Size:   size,
		Time:   b.header.at(lead.track, lead.dts+int64(lead.units[0].offset)),
		Span:   media.ToDuration(lead.span(), b.header.Tracks[lead.track].ClockRate),
		Key:    b.video < 0 || lead.track == b.video && lead.units[0].key,
	})
	for i := range runs {
		r := &runs[i]
		b.tables[r.track].add(r, b.size+r.at)
	}
	b.size += size
}

// picture remembers the size of an MJPEG track's first picture.
func (b *body) picture(track int, data []byte) {
	t := &b.tables[track]
	if b.header.Tracks[track].Codec != media.MJPEG || t.count > 0 || t.pic != (pixels{}) {
		return
	}
	if c, err := jpeg.DecodeConfig(bytes.NewReader(data)); err == nil {
		t.pic = pixels{c.Width, c.Height}
	}
}

// pictureSize returns what a track's configuration says of its pictures.
func pictureSize(t media.Track) pixels {
	if !t.Codec.Video() {
		return pixels{}
	}
	info, err := media.Inspect(t)
	if err != nil {
		return pixels{}
	}
	return pixels{min(info.Width, 1<<16-1), min(info.Height, 1<<16-1)}
}

// info sums up a track.
func (b *body) info(track int) TrackInfo {
	t := &b.tables[track]
	if t.count == 0 {
		return TrackInfo{}
	}
	return TrackInfo{Units: t.count, Start: b.header.at(track, t.start), End: b.header.at(track, t.end)}
}

// infos sums up all tracks.
func (b *body) infos() []TrackInfo {
	list := make([]TrackInfo, len(b.tables))
	for i := range list {
		list[i] = b.info(i)
	}
	return list
}

// origin returns when the first unit of any track is presented: time 0 of the sealed file.
func (b *body) origin() time.Time {
	var origin time.Time
	for i := range b.tables {
		t := &b.tables[i]
		if t.count == 0 {
			continue
		}
		tick, _ := t.begin()
		if at := b.header.at(i, tick); origin.IsZero() || at.Before(origin) {
			origin = at
		}
	}
	if origin.IsZero() {
		return b.header.Start
	}
	return origin
}
