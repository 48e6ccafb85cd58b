package engine

import (
	"context"
	"errors"
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
	"rtsprec/presets"
)

// exactEncoder is how the edges of an exact cut are encoded: so that one does not see where
// they end, and without reordering.
var exactEncoder = presets.Encoder{
	Speed: "fast", Quality: 16, GOP: 20 * time.Second, Buffer: time.Second,
	Rates: []presets.Rate{{Height: 1080, Bitrate: 50_000_000}}, Peak: 2,
}

// edges are the units of a track, by number, at which copying begins and ends.
type edges struct {
	head, tail, count int
}

// edgesOf finds the key frames to copy from and to copy to. A key frame that pictures follow
// which are shown before it cannot be one: those need what is before it.
func edgesOf(clip *archive.Clip, track int) edges {
	const near = 90 // ticks: a millisecond
	e := edges{head: -1, tail: -1}
	end := media.FromDuration(clip.Length, 90000)
	type candidate struct {
		n     int
		pts   media.Ticks
		clean bool
	}
	key, beyond, early, reorders := candidate{n: -1}, false, false, false
	settle := func() {
		if key.n < 0 || !key.clean {
			return
		}
		if e.head < 0 && key.pts >= -near {
			e.head = key.n
		}
		e.tail = key.n
	}
	for _, u := range clip.Places(track) {
		pts := u.DTS + int64(u.Offset)
		if u.Key {
			settle()
			key = candidate{e.count, pts, true}
		} else if pts < key.pts {
			key.clean = false
		}
		early = early || pts < -near
		reorders = reorders || u.Offset > 0
		beyond = beyond || pts >= end+near
		e.count++
	}
	settle()
	switch {
	case !early:
		e.head = 0
	case e.head < 0:
		e.head, e.tail = e.count, e.count
		return e
	}
	if !beyond || e.tail < e.head {
		e.tail = e.count
	}
	if clip.Tracks[track].Codec == media.MPEG4 && reorders && (e.head > 0 || e.tail < e.count) {
		// A decoder of MPEG-4 does not go from pictures in order to others without a mistake.
		e.head, e.tail = e.count, e.count
	}
	return e
}

// cutExactly makes a track begin and end with the picture that is asked for.
func (r *recoding) cutExactly(ctx context.Context, n int) error {
	clip := r.item.clip
	e := edgesOf(clip, n)
	if e.head == 0 && e.tail == e.count {
		return nil
	}
	number := 0
	for _, u := range clip.Places(n) {
		if number < e.head || number >= e.tail {
			r.total += int64(u.Size)
		}
		number++
	}
	track, err := r.newTrack(n)
	if err != nil {
		return err
	}
	o := r.coding(r.item)
	o.same, o.Encoder = true, exactEncoder
	o.Encoder.Video = clip.Tracks[n].Codec
	coder, err := newTranscoder(r.Deps, &codedSink{recoding: r, tracks: []*codedTrack{track}}, o)
	if err != nil {
		return err
	}
	c := exactCut{recoding: r, n: n, edges: e, track: track, coder: coder}
	err = errors.Join(c.run(ctx), coder.Close(ctx))
	switch {
	case clip.Tracks[n].Codec == media.MJPEG: // every picture is a group of its own
	case e.head == e.count:
		r.note("cut to the picture: no group of pictures within the range can be copied, all of it is re-encoded")
	case e.tail < e.count:
		r.note("cut to the picture: the groups of pictures at the edges are re-encoded")
	default:
		r.note("cut to the picture: what comes before the first whole group of pictures is re-encoded")
	}
	return err
}

// exactCut walks over a track.
type exactCut struct {
	*recoding
	edges
	n     int
	track *codedTrack
	coder media.Sink
	entry int
}

func (c *exactCut) run(ctx context.Context) (err error) {
	number := 0
	for entry, u := range c.item.clip.Places(c.n) {
		edge := number < c.head || number >= c.tail
		switch number {
		case c.head:
			if number > 0 {
				err = c.coder.End(ctx, media.Gap{})
			}
			fallthrough
		case 0, c.tail:
			if edge && err == nil {
				c.entry = -1
				err = c.begin(ctx, entry, u)
			}
		}
		switch {
		case err != nil:
			return err
		case edge:
			err = c.encode(ctx, entry, u)
		default:
			err = c.copy(entry, u, number == c.head && c.head > 0)
		}
		if err != nil {
			return err
		}
		number++
	}
	if c.tail < c.count || c.head == c.count {
		return c.coder.End(ctx, media.Gap{})
	}
	return nil
}

// source is the track with one of its configurations.
func (c *exactCut) source(entry int) media.Track {
	t := c.item.clip.Tracks[c.n]
	t.ID = 0
	if config := c.item.clip.Config(c.n, entry); len(config) > 0 {
		t.Config = config
	}
	return t
}

// begin begins an edge. What is encoded is decoded as early as the units that are copied
// beside it, which come in another order than they are shown.
func (c *exactCut) begin(ctx context.Context, entry int, u segment.Place) error {
	c.track.late = 0
	if c.head < c.count {
		number := 0
		for _, k := range c.item.clip.Places(c.n) {
			if number == c.head {
				c.track.late = int64(k.Offset)
				break
			}
			number++
		}
	}
	return c.coder.Begin(ctx, media.Run{Start: c.item.clip.Start, Tracks: []media.Track{c.source(entry)}})
}

func (c *exactCut) encode(ctx context.Context, entry int, u segment.Place) error {
	data, err := c.item.clip.Read(c.n, u)
	if err != nil {
		return err
	}
	c.progress(len(data))
	pts := u.DTS + int64(u.Offset)
	au := media.AccessUnit{
		PTS: pts, DTS: u.DTS, Key: u.Key, Data: data,
		Wall: c.item.clip.Start.Add(media.ToDuration(pts, c.item.clip.Tracks[c.n].ClockRate)),
	}
	if entry != c.entry && c.entry >= 0 {
		au.Config = c.source(entry).Config
	}
	c.entry = entry
	return c.coder.Write(ctx, au)
}

// copy takes a unit as it is. The first one behind what was encoded gets its parameter
// sets in band, where it has none, for players that know of one configuration only.
func (c *exactCut) copy(entry int, u segment.Place, first bool) error {
	t := c.source(entry)
	if first && t.Codec.NALs() {
		data, err := c.item.clip.Read(c.n, u)
		if err != nil {
			return err
		}
		if media.ConfigOf(t.Codec, data, nil) == nil {
			return c.track.keep(t, u, append(t.Config[:len(t.Config):len(t.Config)], data...))
		}
	}
	c.track.Copy(t, u)
	return nil
}
