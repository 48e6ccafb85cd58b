// Package archive reads recordings: what they hold ([Load]), whether that is true
// ([Verify]), and which there are ([List]).
//
// It only reads. It takes no lock for that, so it works beside a writer (it sees what
// is committed) and on a recording that crashed (it repairs nothing, and says what is
// open). The journal says what should be there; Verify proves it from the media.
package archive

import (
	"context"
	"time"

	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
)

// State says who is at work on a recording.
type State string

// The states.
const (
	Live        State = "recording"   // a writer holds the lock
	Closed      State = "closed"      // its window was ended in order
	Interrupted State = "interrupted" // neither: a crash, or a pause that `resume` ends
)

// Window is the time a recording is about. It is open while To may still grow.
type Window struct {
	From    time.Time `json:"from,omitzero"`    // zero: nothing was recorded yet
	To      time.Time `json:"to,omitzero"`      // closed: its end; open: the end of what is committed
	Planned time.Time `json:"planned,omitzero"` // the end the plan asks for; zero: until stopped
	Closed  bool      `json:"closed"`
}

// Coverage sums up how the time of a window was used. Media, Gaps, LeadIn and
// Unexplained add up to the window's length as far as it has passed.
type Coverage struct {
	Window      Duration `json:"window"`
	Media       Duration `json:"media"`
	Gaps        Duration `json:"gaps"`
	LeadIn      Duration `json:"lead_in,omitempty"`     // before the camera's first key frame: no gap
	Unexplained Duration `json:"unexplained,omitempty"` // neither media nor a gap with a cause
	GapCount    int      `json:"gap_count"`
}

// Duration is a time.Duration whose JSON form is a number of seconds.
type Duration time.Duration

// TrackCoverage is the coverage of one elementary stream of a camera.
type TrackCoverage struct {
	Track    int         `json:"track"`
	Codec    media.Codec `json:"codec"`
	Decides  bool        `json:"decides"` // the camera's coverage is this track's
	Units    int64       `json:"units"`
	Coverage Coverage    `json:"coverage"`
}

// Gap is a span without media, as journaled, or as measured when Unexplained.
type Gap struct {
	From        time.Time    `json:"from"`
	To          time.Time    `json:"to"`
	Causes      media.Causes `json:"causes"`
	Note        string       `json:"note,omitempty"`
	Track       *int         `json:"track,omitempty"` // nil: all of them
	LeadIn      bool         `json:"lead_in,omitempty"`
	Open        bool         `json:"open,omitempty"` // the journal has no end for it; To is the end of the window
	Unexplained bool         `json:"unexplained,omitempty"`
}

// Damage is a span whose media arrived incomplete.
type Damage struct {
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Track int       `json:"track"`
	Units int64     `json:"units"`          // damaged ones
	Lost  int64     `json:"lost,omitempty"` // packets known to be lost
}

// Recording is the catalogue of one recording.
type Recording struct {
	Dir     string
	Plan    journal.Plan // without credentials
	State   State
	Window  Window
	Cameras []*Camera
	End     journal.End // how the journal ended
}

// Camera is one camera's part of a catalogue.
type Camera struct {
	Name     string
	Segments []*Segment // by start
	Gaps     []Gap      // by start
	Damage   []Damage
}

// Segment is one media file of a camera, as the journal knows it.
type Segment struct {
	Camera string
	N      uint64
	Run    uint64
	File   string // relative, forward slashes, as it is named now (".part" while open)
	Sealed bool
	Size   int64     // sealed: of the file; open: committed bytes
	Start  time.Time // of the first unit
	End    time.Time // of the track that decides; open: as far as it is committed
	Tracks []SegmentTrack
}

// SegmentTrack is one elementary stream of a segment.
type SegmentTrack struct {
	journal.Track
	Start time.Time
	End   time.Time // equal to Start: no unit
	Units int64
}

// VerifyOptions tunes [Verify]. The zero value is good.
type VerifyOptions struct {
	Deep     bool                    // also look into every unit
	Workers  int                     // files read at a time; 0: as many as there are processors
	Clock    media.Clock             // for the speed in the report; nil: none
	Progress func(done, total int64) // bytes; called from one goroutine at a time, may be nil
}

// Load reads the catalogue of the recording in dir.
func Load(fs vfs.FS, dir string) (*Recording, error) { panic("not yet") }

// Verify proves from the media that the recording in dir is what its journal says.
func Verify(ctx context.Context, fs vfs.FS, dir string, o VerifyOptions) (*Report, error) {
	panic("not yet")
}

// Summary is one line of `rtsprec ls`.
type Summary struct {
	Dir     string          `json:"dir"`
	State   State           `json:"state"`
	Window  Window          `json:"window"`
	Cameras []CameraSummary `json:"cameras"`
	Bytes   int64           `json:"bytes"`
	Error   string          `json:"error,omitempty"` // why no more is known about it
}

// CameraSummary is one camera of a [Summary].
type CameraSummary struct {
	Name     string   `json:"name"`
	Bytes    int64    `json:"bytes"`
	Coverage Coverage `json:"coverage"`
}

// List finds the recordings in and below root.
func List(fs vfs.FS, root string) ([]Summary, error) { panic("not yet") }
