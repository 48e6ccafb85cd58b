// Package archive reads recordings: what they hold ([Load]), whether that is true
// ([Verify]), and which there are ([List]). A [Library] keeps that in memory for those who
// ask all the time, and plays it ([Library.Replay]). What has to go is judged here
// ([Retention]) and removed by package record.
//
// It only reads, so it works beside a writer (it sees what is committed; playing also what
// is only written) and on a recording that crashed (it repairs nothing, and says what is
// open). The journal says what should be there; Verify proves it from the media. A media
// file that is played or cut is held (vfs.FS.Hold), so that no process removes it meanwhile.
package archive

import (
	"time"

	"rtsprec/engine/journal"
	"rtsprec/engine/media"
)

// State says who is at work on a recording.
type State string

// The states.
const (
	Live        State = "recording"   // a writer holds the lock
	Closed      State = "closed"      // its window was ended in order
	Interrupted State = "interrupted" // neither: a crash, or a pause that resuming ends
)

// Window is the time a recording is about. It is open while To may still grow.
type Window struct {
	From    time.Time `json:"from,omitzero"`    // zero: nothing was recorded yet
	To      time.Time `json:"to,omitzero"`      // closed: its end; open: the end of what is committed
	Planned time.Time `json:"planned,omitzero"` // the end the plan asks for; zero: until stopped
	Closed  bool      `json:"closed"`
}

func (w Window) span() span { return span{w.From, w.To} }

// Recording is the catalogue of one recording: what its journal says.
type Recording struct {
	Name      string // in a [Library]; else empty
	Dir       string
	Plan      journal.Plan // without credentials
	State     State
	Window    Window
	Cameras   []*Camera         // in the plan's order, then those the plan does not name
	Steps     []Step            // of clocks, by time
	Protected []journal.Protect // in force, by ID
	End       journal.End
	Problems  []journal.Problem // of the journal, and of lines that make no sense
	PlanError error             // why recording.json could not be used; the plan is then the journal's

	hasLines bool // the journal says something
}

// Camera returns the camera of that name, or nil.
func (r *Recording) Camera(name string) *Camera {
	for _, c := range r.Cameras {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Camera is one camera's part of a catalogue.
type Camera struct {
	Name     string
	Segments []*Segment // by start
	Gaps     []Gap      // by start; without what was filled
	Leads    []Lead     // by start
	Damage   []Damage   // by start
	Pruned   []Pruned   // by start
	Filled   []Filled   // by start
	Beside   []*Segment // by start: the main stream's, of times that Segments have from the sub-stream

	gone []journal.Range   // numbers of the segments that were pruned
	told []journal.Quality // in order
}

// Pruned is a span whose media retention removed.
type Pruned struct {
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Segments int       `json:"segments"`
	Bytes    int64     `json:"bytes"`
	Why      string    `json:"why,omitempty"`
}

// Filled is a span of gaps whose media was got afterwards.
type Filled struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Segment uint64    `json:"segment"`          // its number
	Splice  string    `json:"splice"`           // "identity" or "time"
	Source  string    `json:"source,omitempty"` // who played it

	gap    uint64
	starts []time.Time // by track of the segment: when what counts begins; nil: with its first unit
}

// Segment is one media file of a camera, as the journal knows it.
type Segment struct {
	Camera string
	N      uint64 // never repeats within a camera
	Run    uint64
	File   string // final name relative to the recording, forward slashes
	Origin string // "replay": backfilled
	Stream string // "sub": from the camera's sub-stream
	Limit  int    // bit/s that the encoder of the main stream was held at when it began; 0: it was not
	Source string // of Beside: who played it; empty: it is not whole yet
	Sealed bool   // else the name on the disk has ".part" behind it
	Size   int64  // sealed: of the file; open: committed bytes
	Start  time.Time
	End    time.Time // of the track that decides; open: as far as it is committed
	Tracks []SegmentTrack

	beside  bool                // it belongs to Camera.Beside
	instead bool                // it may begin with what an earlier one ends with
	line    uint64              // the one that sealed it
	seal    *journal.Seal       // nil while open
	commits []journal.Committed // while open, in order
	cut     int64               // while open: bytes from here on were written again to another segment; 0: none
}

// Units is how many units of all tracks the journal says there are.
func (s *Segment) Units() int64 {
	var n int64
	for _, t := range s.Tracks {
		n += t.Units
	}
	return n
}

// Name is the name the file should have now, relative to the recording.
func (s *Segment) Name() string {
	if s.Sealed {
		return s.File
	}
	return s.File + part
}

// SegmentTrack is one elementary stream of a segment.
type SegmentTrack struct {
	journal.Track
	Start time.Time
	End   time.Time // Start: no unit
	Units int64
}

// Gap is a span without media, as journaled, or as measured when Unexplained.
type Gap struct {
	ID          uint64       `json:"-"` // of the journal; 0: Unexplained
	From        time.Time    `json:"from"`
	To          time.Time    `json:"to"`
	Causes      media.Causes `json:"causes"`
	Note        string       `json:"note,omitempty"`
	Track       *int         `json:"track,omitempty"` // of the run; nil: all of them
	Open        bool         `json:"open,omitempty"`  // the journal has no end for it; To is the end of the window
	Unexplained bool         `json:"unexplained,omitempty"`

	codec   media.Codec // of Track; empty: not known, or all tracks
	line    uint64      // the last one that speaks of it
	decides bool        // it is missing from the track that decides
}

func (g Gap) span() span { return span{g.From, g.To} }

// Lead is what a camera's window begins with that is no gap.
type Lead struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Waited bool      `json:"waited"` // the wait for the first key frame; else media from before the window
}

// Damage is a span whose media arrived incomplete.
type Damage struct {
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Track int       `json:"track"`          // of the run
	Units int64     `json:"units"`          // damaged ones
	Lost  int64     `json:"lost,omitempty"` // packets known to be lost
}

// Step is a correction of a clock too large to be slewed.
type Step struct {
	Camera string // empty: the host's clock
	At     time.Time
	By     time.Duration
}
