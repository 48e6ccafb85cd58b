package archive

import (
	"context"
	"io"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// Piece is a stretch of fragmented MP4: one line of a media playlist (RFC 8216), or the
// initialisation of such lines.
type Piece struct {
	URI            string // for [Library.Open]; escaped, relative
	Offset, Length int64  // bytes of it; Length 0: the whole
	Time           time.Time
	Duration       time.Duration
	Key            bool         // decoding may start here
	Discontinuity  bool         // its timestamps do not follow the one before: another Init, or time was lost
	Gap            bool         // there is no media for this time: EXT-X-GAP; URI is empty
	Causes         media.Causes // of the gap
	Init           *Piece       // what comes before it; the same pointer as long as it does not change
	Codecs         string       // of an Init: RFC 6381, "avc1.640028,mp4a.40.2"
}

// LiveSegment is a stretch of some seconds that begins with a key frame.
type LiveSegment struct {
	Piece         // as a whole, as far as it is there
	Parts []Piece // the fragments it is made of; the first begins with a key frame
	Open  bool    // more parts follow
}

// LiveWindow is the newest media of a camera that is being recorded.
type LiveWindow struct {
	Sequence        uint64 // of Segments[0]: EXT-X-MEDIA-SEQUENCE; each next one has one more
	Discontinuities uint64 // before Segments[0]: EXT-X-DISCONTINUITY-SEQUENCE
	Segments        []LiveSegment
	PartTarget      time.Duration // no part is longer
	Ended           bool          // nobody records any more
	Notes           []string
}

// Body is the bytes of a resource that a Piece names.
type Body interface {
	io.ReadSeekCloser
	io.ReaderAt
	Size() int64
}

// HLS lists the media of a path between two times as pieces of some seconds, with gaps.
// Where a browser plays every track they are byte ranges of the segments, otherwise new
// headers around the same payload, sound converted or left out, which notes says.
// fault.NotFound: no media there; fault.Unsupported: no browser plays the picture.
func (l *Library) HLS(ctx context.Context, path string, from, to time.Time) (pieces []Piece, notes []string, err error) {
	return nil, nil, fault.New(fault.Unsupported, "hls")
}

// Live lists the newest media of a path that is being recorded, by whichever process, and
// waits until it holds that part of that segment, or something later. Zeros do not wait.
// fault.NotFound: nobody records it.
func (l *Library) Live(ctx context.Context, path string, sequence uint64, part int) (*LiveWindow, error) {
	return nil, fault.New(fault.Unsupported, "live")
}

// Open returns the bytes behind Piece.URI. fault.NotFound for anything else.
func (l *Library) Open(uri string) (Body, error) { return nil, fault.New(fault.NotFound, "no %q", uri) }
