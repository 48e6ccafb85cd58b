package record

import (
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
)

// An Event is something that happened to a recording. Observers are called from the
// recording's own goroutines, some of them with a lock held: they return at once and do
// not call back into the recording.
type Event interface{ event() }

// WindowOpened says that the first unit of the recording was taken.
type WindowOpened struct{ From time.Time }

// SegmentOpened says that a file is ready for media.
type SegmentOpened struct {
	Camera string
	N      uint64
	File   string // final name, relative to the recording, forward slashes
	Start  time.Time
}

// SegmentSealed says that a file is finished, has its final name and will never change.
type SegmentSealed struct {
	Camera     string
	N          uint64
	File       string // relative to the recording, forward slashes
	Start, End time.Time
	Size       int64
}

// Committed says that everything written before the round began is durable and
// journaled. It follows each round that had something to commit.
type Committed struct {
	At      time.Time     // when the round began, by the host's clock
	Took    time.Duration // flush, syncs and journal
	Cameras int
	Bytes   int64
}

// GapOpened says that media is missing from Gap.From on; its end is not known.
type GapOpened struct{ Gap journal.Gap }

// GapClosed says that the span is known. A gap that was withdrawn has To equal to From.
type GapClosed struct{ Gap journal.Gap }

// Damaged says that media arrived incomplete.
type Damaged struct{ Damage journal.Damage }

// UnitsRefused counts units that could not be stored since the last such event, at
// most one a second and camera. Their time is journaled as a gap.
type UnitsRefused struct {
	Camera string
	Count  int
	Last   error
}

// TrackSkipped says that a track of the run is not recorded.
type TrackSkipped struct {
	Camera string
	Track  int
	Why    string
}

// DiskTrouble says that the disk refuses something. Writing waits and tries again;
// nothing that was acknowledged is lost. It is said once until DiskRecovered.
type DiskTrouble struct {
	Camera string // empty: the journal, the plan, the directory itself
	Kind   fault.Kind
	Err    error
}

// DiskRecovered says that everything that waited is on the disk.
type DiskRecovered struct{ After time.Duration }

// ClockStepped says that the host's clock was stepped. Nothing is re-dated.
type ClockStepped struct{ By time.Duration }

func (WindowOpened) event()  {}
func (SegmentOpened) event() {}
func (SegmentSealed) event() {}
func (Committed) event()     {}
func (GapOpened) event()     {}
func (GapClosed) event()     {}
func (Damaged) event()       {}
func (UnitsRefused) event()  {}
func (TrackSkipped) event()  {}
func (DiskTrouble) event()   {}
func (DiskRecovered) event() {}
func (ClockStepped) event()  {}
