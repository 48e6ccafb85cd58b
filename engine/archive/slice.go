package archive

import (
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

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
// with the names in base64, as they may hold anything, and a slash too.
type resource struct {
	recording, camera string
	n                 uint64
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
	if len(words) != 4 || len(uri) > 4<<10 {
		return r, false
	}
	recording, err1 := base64.RawURLEncoding.DecodeString(words[0])
	camera, err2 := base64.RawURLEncoding.DecodeString(words[1])
	n, err3 := strconv.ParseUint(words[2], 10, 64)
	if err1 != nil || err2 != nil || err3 != nil {
		return r, false
	}
	r = resource{recording: string(recording), camera: string(camera), n: n}
	switch words[3] {
	case "media.mp4":
	case "init.mp4":
		r.kind = sliceInit
	default:
		first, last, _ := strings.Cut(strings.TrimSuffix(words[3], ".m4s"), "-")
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
}

// newSlicer decides how. The error is of kind fault.Unsupported when no browser plays the
// picture, or there is nothing but sound and none plays that.
func newSlicer(s *stretch) (*slicer, error) {
	c := &slicer{stretch: s, header: segment.Header{Camera: s.Header.Camera, Start: s.Header.Start}, direct: true}
	for i, t := range s.Header.Tracks {
		if s.Tracks[i].Units == 0 && s.State == segment.Sealed {
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
		return nil, fault.New(fault.Unsupported, "no browser plays any of it: %s", strings.Join(c.notes, "; "))
	}
	return c, nil
}

// slice assembles fragments first to last: a header around the same payload.
func (c *slicer) slice(first, last int) (head []byte, body *payload, err error) {
	if last >= len(c.Fragments) {
		return nil, nil, fault.New(fault.NotFound, "no fragment %d", last)
	}
	begin, end := c.Fragments[first].Offset, c.Fragments[last].Offset+c.Fragments[last].Size
	runs := c.runs()
	tracks := make([][]segment.Place, len(c.from))
	body = &payload{}
	for out, in := range c.from {
		var before *conversion
		for i, r := range runs {
			if r.track != in || r.at < begin || r.at >= end {
				continue
			}
			units := slices.Clone(r.units)
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
	if body.size > segment.MaxFragment {
		return nil, nil, fault.New(fault.Unsupported, "a slice of %d bytes", body.size)
	}
	return segment.FragmentHead(c.header, uint32(first+1), tracks), body, nil
}

// sliceBody is bytes in memory and a payload behind them, or a range of a file.
type sliceBody struct {
	*io.SectionReader
	file vfs.File
}

// Close implements io.Closer.
func (b *sliceBody) Close() error { return b.file.Close() }

func newBody(file vfs.File, head []byte, rest io.ReaderAt, size int64) Body {
	r := &headed{head: head, rest: rest}
	return &sliceBody{io.NewSectionReader(r, 0, int64(len(head))+size), file}
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
