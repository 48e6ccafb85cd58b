package archive

import (
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// Status is the verdict of a [Report].
type Status string

// The verdicts, best first.
const (
	Clean      Status = "clean"      // every invariant holds and nothing is missing
	Incomplete Status = "incomplete" // what is there is sound, but something is missing
	Damaged    Status = "damaged"    // something on the disk is not what was written
)

// Severity says how much a finding matters.
type Severity string

// The severities, worst first. A finding of severity Broken makes the report
// Damaged, one of Missing makes it Incomplete; a Note changes nothing.
const (
	Broken  Severity = "damaged"
	Missing Severity = "incomplete"
	Note    Severity = "note"
)

// Report is what [Verify] found. Its JSON form may only grow.
type Report struct {
	Dir      string         `json:"dir"`
	Status   Status         `json:"status"`
	State    State          `json:"state"`
	Window   Window         `json:"window"`
	Cameras  []CameraReport `json:"cameras"`
	Findings []Finding      `json:"findings"` // worst first
	Files    int            `json:"files"`    // media files read
	Bytes    int64          `json:"bytes"`    // of those files
	Deep     bool           `json:"deep,omitempty"`
	Took     float64        `json:"took_s"`      // seconds; 0 without a clock
	Speed    float64        `json:"bytes_per_s"` // 0 without a clock
}

// CameraReport is what the media of one camera proved.
type CameraReport struct {
	Name     string          `json:"name"`
	Segments int             `json:"segments"` // files with media
	Open     int             `json:"open,omitempty"`
	Bytes    int64           `json:"bytes"`
	Units    int64           `json:"units"`    // of all tracks
	Coverage Coverage        `json:"coverage"` // of the window, by the track that decides
	Tracks   []TrackCoverage `json:"tracks"`
	Gaps     []Gap           `json:"gaps,omitempty"`    // journaled or measured; never the lead-in
	Damage   []Damage        `json:"damage,omitempty"`  // packets lost on the way, as journaled
	Beside   []Beside        `json:"beside,omitempty"`  // the main stream of times of Quality, got afterwards and kept beside
	Quality  []Quality       `json:"quality,omitempty"` // recorded at less than the camera's best, which is no gap
}

// TrackCoverage is the coverage of one elementary stream of a camera: of all its video,
// or of all its sound.
type TrackCoverage struct {
	Codec    media.Codec `json:"codec"` // the latest
	Units    int64       `json:"units"`
	Decides  bool        `json:"decides,omitempty"` // the camera's coverage is this one
	Coverage Coverage    `json:"coverage"`
}

// Finding is one thing that is not as RECORDING says it should be, or worth a remark.
type Finding struct {
	Kind      Kind      `json:"kind"`
	Severity  Severity  `json:"severity"`
	Invariant int       `json:"invariant,omitempty"` // 1 to 7; 0: none of them
	Camera    string    `json:"camera,omitempty"`
	File      string    `json:"file,omitempty"`   // relative to the recording, forward slashes
	Offset    int64     `json:"offset,omitempty"` // first byte in doubt, where that is known
	From      time.Time `json:"from,omitzero"`
	To        time.Time `json:"to,omitzero"`
	Text      string    `json:"text"` // one line for people
}

// Kind names a finding.
type Kind string

// The kinds of findings.
const (
	PlanLost        Kind = "plan_lost"        // recording.json is absent or unreadable
	JournalLost     Kind = "journal_lost"     // there is media, and no journal line
	JournalTorn     Kind = "journal_torn"     // the last line is broken: normal after a crash
	JournalCorrupt  Kind = "journal_corrupt"  // a broken line with sound ones behind it, lines that are missing or make no sense
	MediaLost       Kind = "media_lost"       // the journal knows a file that is not there
	PrunedLeft      Kind = "pruned_left"      // a file that retention removed is still there
	Stranger        Kind = "stranger"         // a file that the journal does not know
	LeftOpen        Kind = "left_open"        // a segment that nobody writes to and nobody sealed
	SealUnrecorded  Kind = "seal_unrecorded"  // the file is sealed and has its final name; its seal line is missing
	NotSealed       Kind = "not_sealed"       // journaled as sealed, but the file is not, or has not its final name
	SizeWrong       Kind = "size_wrong"       // shorter or longer than journaled
	ChecksumWrong   Kind = "checksum_wrong"   // the bytes are not the ones that were journaled
	StructureWrong  Kind = "structure_wrong"  // boxes, NAL length chains or sample tables do not hold together
	TimeWrong       Kind = "time_wrong"       // timestamps fall, or times and counts differ from the journal's
	NotDecodable    Kind = "not_decodable"    // the first unit is no key frame
	UnitWrong       Kind = "unit_wrong"       // deep: a unit is not what its track says
	Overlap         Kind = "overlap"          // two segments of a camera claim the same time
	UnexplainedGap  Kind = "unexplained_gap"  // time without media and without a journaled cause
	GapHasMedia     Kind = "gap_has_media"    // the journal claims a gap where there is media
	Unreadable      Kind = "unreadable"       // the disk would not give the file
	WasInterrupted  Kind = "interrupted"      // nobody writes, and the window was not ended
	BeingWritten    Kind = "being_written"    // somebody writes now: only what is committed was checked
	UncommittedTail Kind = "uncommitted_tail" // bytes behind the last commit of an open segment
	QuarantineUsed  Kind = "quarantine"       // recovery put something aside
)

// Err returns nil for a clean report, a [fault.Incomplete] or a [fault.Damaged].
//
// A window that is still open is not held against a recording that is being written.
func (r *Report) Err() error {
	switch r.Status {
	case Damaged:
		return fault.New(fault.Damaged, "verify %s: %s", r.Dir, r.worst(Broken))
	case Incomplete:
		return fault.New(fault.Incomplete, "verify %s: %s", r.Dir, r.worst(Missing))
	}
	return nil
}

// worst returns the first finding of that severity, or what is missing.
func (r *Report) worst(s Severity) string {
	for _, f := range r.Findings {
		if f.Severity == s {
			return f.Text
		}
	}
	return "media is missing"
}

// rank orders severities, worst first.
func (s Severity) rank() int {
	switch s {
	case Broken:
		return 0
	case Missing:
		return 1
	}
	return 2
}
