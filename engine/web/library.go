package web

import (
	"context"
	"io"
	"time"

	"rtsprec/engine/media"
)

// Library is what has been recorded. Every method may be called from many goroutines at a
// time. A camera is a path, RECORDING/CAMERA; paths and URIs come from strangers and are
// checked by the library: what does not exist is a fault.NotFound, whatever it looks like.
type Library interface {
	// Recordings lists what there is, by name, without opening media.
	Recordings(ctx context.Context) ([]Recording, error)
	// Timeline tells what each instant of from..to is, in order and without a hole, as far
	// as the camera's window reaches. Zero times mean the ends of the window.
	Timeline(ctx context.Context, camera string, from, to time.Time) (Timeline, error)
	// Pieces lists the pieces of media that from..to is played from, in order, and what a
	// person should know: sound that is converted or left out, and why. audio is another
	// camera whose sound goes beside the picture; empty: its own. A range without
	// media is a fault.NotFound, a picture that no browser plays a fault.Unsupported.
	Pieces(ctx context.Context, camera, audio string, from, to time.Time) (list []Piece, notes []string, err error)
	// Live lists the newest media of a camera that is being recorded. It waits until it
	// holds that part of that segment, or something later; zeros do not wait.
	// fault.NotFound: nobody records it.
	Live(ctx context.Context, camera string, sequence uint64, part int) (*Window, error)
	// Open opens what a piece of one of the camera's playlists, with that audio, names.
	Open(ctx context.Context, camera, audio, uri string) (Body, error)
	// Clip prepares one plain MP4 of from..to, with the sound of another camera if audio is
	// not empty. A range without media is a fault.NotFound that says what there is around it.
	Clip(ctx context.Context, camera, audio string, from, to time.Time) (*Clip, error)
}

// Body is an open piece of media; its length is found by seeking.
type Body = io.ReadSeekCloser

// Piece is a stretch of fragmented MP4, or the initialisation of such.
type Piece struct {
	URI           string // what [Library.Open] opens; empty for a Gap
	Offset        int64  // bytes of it, from here
	Length        int64  // this many; 0: the whole
	Time          time.Time
	Duration      time.Duration
	Key           bool // decoding may start here
	Discontinuity bool // times or parameters do not go on from the piece before
	Gap           bool // there is no media for this time
	Causes        media.Causes
	Init          *Piece // what comes before it; the same URI and range as long as it does not change
	Codecs        string // of an Init: RFC 6381, "avc1.640028,mp4a.40.2"
}

// Segment is a stretch of some seconds of what is being recorded.
type Segment struct {
	Piece         // as a whole, as far as it is there
	Parts []Piece // the fragments it is made of
	Open  bool    // more parts follow
}

// Window is the newest media of a camera that is being recorded.
type Window struct {
	Sequence        uint64 // of Segments[0]; each next one has one more
	Discontinuities uint64 // before Segments[0]
	Segments        []Segment
	PartTarget      time.Duration // no part is longer
	Ended           bool          // nobody records any more
	Notes           []string
}

// Clip is one MP4, made while it is read. The caller closes Body.
type Clip struct {
	Body
	Start time.Time // capture time of time 0
	End   time.Time
	Notes []string
}

// Recording is a directory that was recorded into.
type Recording struct {
	Name    string    `json:"name"`             // unique on this server
	State   string    `json:"state"`            // "recording", "closed", "interrupted"
	From    time.Time `json:"from,omitzero"`    // of the window
	To      time.Time `json:"to,omitzero"`      // as far as it is on the disk
	Planned time.Time `json:"planned,omitzero"` // the end that is planned
	Bytes   int64     `json:"bytes"`
	Cameras []Camera  `json:"cameras"`
	Error   string    `json:"error,omitempty"` // why no more is known
}

// Camera is one camera of a recording.
type Camera struct {
	Path      string    `json:"path"` // RECORDING/CAMERA: how every query names it
	Name      string    `json:"name"`
	Recording string    `json:"recording"`
	State     string    `json:"state"` // of its recording
	From      time.Time `json:"from,omitzero"`
	To        time.Time `json:"to,omitzero"`
	Bytes     int64     `json:"bytes"`
	Segments  int       `json:"segments"`
	Coverage  float64   `json:"coverage"` // 0 to 1, of the time that has passed
	Gaps      int       `json:"gaps"`
	Missing   float64   `json:"missing_s"` // seconds without media
	Tracks    []Track   `json:"tracks"`    // of the newest media
}

// Track is one elementary stream as it was recorded.
type Track struct {
	Kind       string `json:"kind"`             // "video" or "audio"
	Codec      string `json:"codec"`            // "h264", "aac", ...
	Title      string `json:"title"`            // "H.264 1920x1080"
	Codecs     string `json:"codecs,omitempty"` // RFC 6381; absent where there is no such name
	Width      int    `json:"width,omitempty"`
	Height     int    `json:"height,omitempty"`
	SampleRate int    `json:"sample_rate,omitempty"`
	Channels   int    `json:"channels,omitempty"`
	// Browser is how a browser gets it: "as recorded", "converted" (to FLAC) or "no".
	Browser string `json:"browser"`
	Why     string `json:"why,omitempty"` // one sentence, where Browser is "no"
}

// Timeline is what a camera's time is made of.
type Timeline struct {
	Camera string    `json:"camera"`
	From   time.Time `json:"from,omitzero"`
	To     time.Time `json:"to,omitzero"`
	Spans  []Span    `json:"spans"` // in order, without a hole
	// Damage is where media arrived incomplete. It may overlap spans of media.
	Damage []Damage `json:"damage"`
	// Protected spans are never removed by retention.
	Protected []Protected `json:"protected"`
}

// Span is a stretch of one use.
type Span struct {
	Use    string       `json:"use"` // "media", "gap", "lead_in", "unexplained", "pruned", "future", "none" (between recordings)
	From   time.Time    `json:"from"`
	To     time.Time    `json:"to"`
	Causes media.Causes `json:"causes,omitempty"` // of a gap
	Note   string       `json:"note,omitempty"`   // of a gap; why it was pruned
	Damage bool         `json:"damage,omitempty"` // media that arrived incomplete
	Filled bool         `json:"filled,omitempty"` // media that was missing at first and was got afterwards
	Stream string       `json:"stream,omitempty"` // "sub": media of the camera's sub-stream
	Low    bool         `json:"low,omitempty"`    // media of the main stream while the camera's encoder was held at a low bit rate
}

// Damage is a span that lost packets on the way.
type Damage struct {
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Units int64     `json:"units"`          // pictures or blocks of sound that are incomplete
	Lost  int64     `json:"lost,omitempty"` // packets known to be lost
}

// Protected is a span that stays, and why.
type Protected struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Why  string    `json:"why"`
}
