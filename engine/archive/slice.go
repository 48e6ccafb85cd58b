package archive

import (
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/segment"
	"rtsprec/engine/vfs"
)

// A resource is what a piece's URI names. Whatever is in a URI, it is looked up in a
// catalogue; nothing of it becomes a file's name:
//
//	RECORDING/CAMERA/N/                 the file of segment N, as it is
//	RECORDING/CAMERA/N/init.mp4         the header for slices of it
//	RECORDING/CAMERA/N/FIRST-LAST.m4s   a slice: its fragments from FIRST to LAST
//
// with the names in base64, as they may hold anything, and a slash too. Before the last
// word may stand the path, in base64, of another camera whose sound is taken, and a [turn].
type resource struct {
	recording, camera string
	n                 uint64
	sound             string // path of another camera
	turn              turn   // of a segment that has a gap in its middle, or fills one
	kind              resourceKind
	first, last       int
}

type resourceKind int

const (
	wholeFile resourceKind = iota
	sliceInit
	sliceMedia
)

func (r resource) uri() string {
	code := base64.RawURLEncoding
	base := fmt.Sprintf("%s/%s/%d/", code.EncodeToString([]byte(r.recording)), code.EncodeToString([]byte(r.camera)), r.n)
	if r.sound != "" {
		base += code.EncodeToString([]byte(r.sound)) + "/"
	}
	if word := r.turn.word(); word != "" {
		base += word + "/"
	}
	switch r.kind {
	case sliceInit:
		return base + "init.mp4"
	case sliceMedia:
		return fmt.Sprintf("%s%d-%d.m4s", base, r.first, r.last)
	}
	return base + "media.mp4"
}

// parseResource is the reverse of uri.
func parseResource(uri string) (r resource, ok bool) {
	words := strings.Split(uri, "/")
	if len(words) < 4 || len(words) > 6 || len(uri) > 4<<10 {
		return r, false
	}
	recording, err1 := base64.RawURLEncoding.DecodeString(words[0])
	camera, err2 := base64.RawURLEncoding.DecodeString(words[1])
	n, err3 := strconv.ParseUint(words[2], 10, 64)
	if err1 != nil || err2 != nil || err3 != nil {
		return r, false
	}
	r = resource{recording: string(recording), camera: string(camera), n: n}
	middle := words[3 : len(words)-1]
	if n := len(middle); n > 0 && strings.HasPrefix(middle[n-1], "~") {
		var ok bool
		if r.turn, ok = parseTurn(middle[n-1]); !ok {
			return r, false
		}
		middle = middle[:n-1]
	}
	if len(middle) > 1 {
		return r, false
	}
	if len(middle) == 1 {
		sound, err := base64.RawURLEncoding.DecodeString(middle[0])
		if r.sound = string(sound); err != nil {
			return r, false
		}
	}
	switch words[len(words)-1] {
	case "media.mp4":
	case "init.mp4":
		r.kind = sliceInit
	default:
		first, last, _ := strings.Cut(strings.TrimSuffix(words[len(words)-1], ".m4s"), "-")
		r.kind = sliceMedia
		r.first, err1 = strconv.Atoi(first)
		r.last, err2 = strconv.Atoi(last)
		if err1 != nil || err2 != nil || r.first < 0 || r.last < r.first {
			return r, false
		}
	}
	return r, r.uri() == uri
}

// slicer cuts one segment into pieces that browsers play.
type slicer struct {
	*stretch
	header segment.Header // of the slices
	from   []int          // by track of header: the track of the file
	direct bool           // the file's own bytes will do
	notes  []string
	reach  *[2]int       // see extent; nil: not known yet
	shift  time.Duration // of the file's time to the header's
	beside *strip        // sound of another camera: the last track of header; nil: none
	heard  media.Track   // as it is recorded
}

// newSlicer decides how; silent leaves out the sound. The error is of kind fault.Unsupported when no browser plays the
// picture, or there is nothing but sound and none plays that.
func newSlicer(s *stretch, silent bool) (*slicer, error) {
	c := &slicer{stretch: s, header: segment.Header{Camera: s.Header.Camera, Start: s.Header.Start}, direct: true}
	for i, t := range s.Header.Tracks {
		if s.Tracks[i].Units == 0 && s.State == segment.Sealed || silent && !t.Codec.Video() {
			c.direct = false // a player would wait for it
			continue
		}
		out, why := playable(t)
		if why != "" {
			if t.Codec.Video() {
				return nil, fault.New(fault.Unsupported, "%s: no browser plays it; export the recording, or play it over RTSP", t.Codec.Title())
			}
			c.notes = append(c.notes, why)
		}
		if out.Codec != t.Codec && why == "" {
			c.notes = append(c.notes, t.Codec.Title()+" is heard as FLAC")
		}
		if why != "" || out.Codec != t.Codec {
			c.direct = false
		}
		if why == "" {
			out.ID = media.TrackID(len(c.header.Tracks))
			c.header.Tracks = append(c.header.Tracks, out)
			c.from = append(c.from, i)
		}
	}
	if len(c.header.Tracks) == 0 {
		return nil, fault.New(fault.Unsupported, "no browser plays any of it: %s", strings.Join(append(c.notes, "no picture"), "; "))
	}
	return c, nil
}

// hear adds a track with the sound of another camera. It is that of the first segment which
// has any; what is of another kind later is not heard.
func (c *slicer) hear(s *strip) {
	for _, one := range s.stretches {
		for _, i := range one.sounds {
			t := one.Header.Tracks[i]
			out, why := playable(t)
			if why != "" {
				c.notes = append(c.notes, why)
				continue
			}
			out.ID = media.TrackID(len(c.header.Tracks))
			c.header.Tracks = append(c.header.Tracks, out)
			c.beside, c.heard = s, t
			return
		}
	}
	c.notes = append(c.notes, s.camera+" has no sound for this time")
}

// besides appends the sound of another camera between two times to a slice's payload and
// returns its units.
func (c *slicer) besides(body *payload, from, to time.Time) []segment.Place {
	var list []segment.Place
	var before *conversion
	for _, one := range c.beside.stretches {
		track := slices.IndexFunc(one.Header.Tracks, func(t media.Track) bool { return fits(t, c.heard) })
		if track < 0 {
			continue
		}
		shift := media.FromDuration(one.Header.Start.Sub(c.header.Start), c.heard.ClockRate)
		runs := one.runs()
		for i, r := range runs {
			if r.track != track {
				continue
			}
			within := func(u segment.Place) bool {
				at := one.at(track, u.DTS)
				return !at.Before(from) && at.Before(to) && u.DTS+shift >= 0
			}
			first := slices.IndexFunc(r.units, within)
			if first < 0 {
				continue
			}
			last := first
			for last+1 < len(r.units) && within(r.units[last+1]) {
				last++
			}
			units := slices.Clone(r.units[first : last+1])
			if c.header.Tracks[len(c.header.Tracks)-1].Codec == segment.FLAC {
				k := clump{s: one, track: track, units: units, all: r.units, index: first, prior: runs[:i+1]}
				before = newConversion(k, uint64(units[0].DTS+shift), before)
				for j := range units {
					units[j].Size = before.sizes[j]
				}
				body.convert(before)
			} else {
				end := units[len(units)-1]
				body.add(one.file, units[0].At, end.At+int64(end.Size)-units[0].At, false)
			}
			for j := range units {
				units[j].DTS += shift
			}
			list = append(list, units...)
		}
	}
	for i := 1; i < len(list); i++ { // each lasts until the next, across files too
		list[i-1].Duration = uint32(max(list[i].DTS-list[i-1].DTS, 0))
	}
	return list
}

// slice assembles fragments first to last: a header around the same payload.
func (c *slicer) slice(first, last int) (head []byte, body *payload, err error) {
	if last >= len(c.Fragments) {
		return nil, nil, fault.New(fault.NotFound, "no fragment %d", last)
	}
	begin, end := c.Fragments[first].Offset, c.Fragments[last].Offset+c.Fragments[last].Size
	runs := c.runs()
	tracks := make([][]segment.Place, len(c.header.Tracks))
	body = &payload{}
	for out, in := range c.from {
		var before *conversion
		for i, r := range runs {
			if r.track != in || r.at < begin || r.at >= end {
				continue
			}
			units := slices.Clone(r.units)
			for j := range units {
				units[j].DTS += media.FromDuration(c.shift, c.header.Tracks[out].ClockRate)
			}
			if c.header.Tracks[out].Codec == segment.FLAC {
				k := clump{s: c.stretch, track: in, units: units, all: r.units, prior: runs[:i+1]}
				before = newConversion(k, uint64(units[0].DTS), before)
				for j := range units {
					units[j].Size = before.sizes[j]
				}
				body.convert(before)
			} else {
				body.add(c.file, r.at, r.end-r.at, false)
			}
			tracks[out] = append(tracks[out], units...)
		}
	}
	if c.beside != nil {
		from, to := c.Fragments[first].Time, c.end(last)
		if c.windows != nil {
			from, to = c.covers(first, last)
		}
		tracks[len(c.from)] = c.besides(body, from, to)
	}
	if body.size > segment.MaxFragment {
		return nil, nil, fault.New(fault.Unsupported, "a slice of %d bytes", body.size)
	}
	return segment.FragmentHead(c.header, uint32(first+1), tracks), body, nil
}

// sliceBody is bytes in memory and a payload behind them, or a range of a file.
type sliceBody struct {
	*io.SectionReader
	file   vfs.File
	beside *strip
}

// Close implements io.Closer.
func (b *sliceBody) Close() error {
	if b.beside != nil {
		b.beside.Close()
	}
	return b.file.Close()
}

func newBody(file vfs.File, head []byte, rest io.ReaderAt, size int64, beside *strip) Body {
	r := &headed{head: head, rest: rest}
	return &sliceBody{io.NewSectionReader(r, 0, int64(len(head))+size), file, beside}
}

// headed is bytes in memory before something else.
type headed struct {
	head []byte
	rest io.ReaderAt
}

// ReadAt implements io.ReaderAt.
func (h *headed) ReadAt(p []byte, off int64) (n int, err error) {
	if off < int64(len(h.head)) {
		n = copy(p, h.head[off:])
	}
	if n == len(p) {
		return n, nil
	}
	k, err := h.rest.ReadAt(p[n:], off+int64(n)-int64(len(h.head)))
	return n + k, err
}
