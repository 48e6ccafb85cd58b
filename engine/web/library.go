package web

import (
	"context"
	"io"
	"time"

	"rtsprec/engine/media"
)

// Library is what has been recorded. Every method may be called from many goroutines at a
// time. A camera is a path, RECORDING/CAMERA; paths come from strangers and are checked
// by the library: what does not exist is a fault.NotFound, whatever it looks like.
type Library interface {
	// Recordings lists what there is, by name, without opening media.
	Recordings(ctx context.Context) ([]Recording, error)
	// Camera returns one camera; the error is of kind fault.NotFound where there is none.
	Camera(ctx context.Context, camera string) (Camera, error)
	// Timeline tells what each instant of from..to is, in order and without a hole, as far
	// as the camera's window reaches. Zero times mean the ends of the window.
	Timeline(ctx context.Context, camera string, from, to time.Time) (Timeline, error)
	// Playlist lists the pieces of media that from..to is played from, in order.
	Playlist(ctx context.Context, camera, audio string, from, to time.Time) (Playlist, error)
	// Open opens what a piece of the camera's (or its audio camera's) playlist names.
	Open(ctx context.Context, camera, uri string) (Body, error)
	// Clip prepares one plain MP4 of from..to, with the sound of another camera if audio is
	// not empty. A range without media is a fault.NotFound that says what there is around it.
	Clip(ctx context.Context, camera, audio string, from, to time.Time) (Clip, error)
	// Live follows what is being recorded: it calls each with every new part, in order,
	// beginning with the newest key frame that is written, until ctx ends or the recording
	// does (io.EOF). An error of each ends it. Nothing being recorded is a fault.NotFound.
	Live(ctx context.Context, camera, audio string, each func(Piece) error) error
}

// Body is an open piece of media; its end is found by seeking.
type Body interface {
	io.ReadSeekCloser
}

// Piece is a stretch of media that decodes on its own behind its Init.
type Piece struct {
	URI           string // what [Library.Open] opens; empty for a Gap
	Offset        int64  // bytes of it, from here
	Length        int64  // this many; 0: to the end
	Time          time.Time
	Duration      time.Duration
	Init          *Piece // the header of the media that follows, the same pointer or the same URI and range while it stays the same
	Discontinuity bool   // times or parameters do not go on from the piece before
	Gap           bool   // nothing was recorded
	Key           bool   // begins with a key frame, or has no picture
	// Tracks is what the piece holds as it is delivered; needed where Init changes.
	Tracks []media.Track
}

// Playlist is what a range is played from.
type Playlist struct {
	Pieces []Piece
	Tracks []Delivered // what the player gets, of the first piece
	Notes  []string    // for people: what is left out or converted, and why
}

// Delivered is a track as the player gets it.
type Delivered struct {
	Codec         string // RFC 6381, as for the CODECS attribute
	Kind          string // "video" or "audio"
	Width, Height int
}

// Clip is one MP4, made while it is read. The caller closes it.
type Clip interface {
	Body
	Start() time.Time // of the first picture or sound, at or before what was asked
	End() time.Time
	Notes() []string
}

// Recording is a directory that was recorded into.
type Recording struct {
	Name    string    `json:"name"`             // unique on this server
	State   string    `json:"state"`            // "recording", "closed", "interrupted"
	From    time.Time `json:"from,omitzero"`    // of the first media
	To      time.Time `json:"to,omitzero"`      // of what is on the disk
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
	Missing   float64   `json:"missing_s"` // seconds
	Tracks    []Track   `json:"tracks"`    // of the newest media
}

// Track is one elementary stream as it was recorded.
type Track struct {
	Kind       string `json:"kind"`             // "video" or "audio"
	Codec      string `json:"codec"`            // "h264", "aac", ...
	Title      string `json:"title"`            // "H.264 1920x1080"
	Codecs     string `json:"codecs,omitempty"` // RFC 6381; empty where there is no such name
	Width      int    `json:"width,omitempty"`
	Height     int    `json:"height,omitempty"`
	SampleRate int    `json:"sample_rate,omitempty"`
	Channels   int    `json:"channels,omitempty"`
	// Browser is how a browser gets it: "as recorded" if it can play it, "converted" (to
	// FLAC), or "no".
	Browser string `json:"browser"`
	Why     string `json:"why,omitempty"` // where Browser is "no": one sentence
}

// Timeline is what a camera's time is made of.
type Timeline struct {
	Camera string    `json:"camera"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Spans  []Span    `json:"spans"` // in order, without a hole
	// Protected spans are never removed by retention.
	Protected []Protected `json:"protected"`
}

// Span is a stretch of one use.
type Span struct {
	Use    string       `json:"use"` // "media", "gap", "lead_in", "unexplained", "pruned", "future"
	From   time.Time    `json:"from"`
	To     time.Time    `json:"to"`
	Causes media.Causes `json:"causes,omitempty"` // of a gap
	Note   string       `json:"note,omitempty"`
	Damage bool         `json:"damage,omitempty"` // media that arrived incomplete
	Filled bool         `json:"filled,omitempty"` // media that came later, from a source that can replay
}

// Protected is a span that stays, and why.
type Protected struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Why  string    `json:"why"`
}
