package journal

import (
	"slices"
	"time"

	"rtsprec/engine/media"
)

// An Entry is the body of a journal line. The zero value of every optional field is
// left out of the line. Times are media time in UTC unless a comment says otherwise.
type Entry interface{ Kind() Kind }

// Kind names what a line says.
type Kind string

// The kinds written today. Readers keep and skip kinds they do not know.
const (
	KindOpen    Kind = "open"
	KindPlan    Kind = "plan"
	KindRun     Kind = "run"
	KindSegment Kind = "segment"
	KindCommit  Kind = "commit"
	KindSeal    Kind = "seal"
	KindGap     Kind = "gap"
	KindDamage  Kind = "damage"
	KindClock   Kind = "clock"
	KindCompact Kind = "compact"
	KindClose   Kind = "close"
	KindLead    Kind = "lead"
	KindQuality Kind = "quality"

	KindBackfill Kind = "backfill"
	KindBeside   Kind = "beside"
	KindPrune    Kind = "prune"
	KindProtect  Kind = "protect"
)

// Open is the first line of every writer: who writes from here on. Format stands
// in the first line of every file, whatever its kind (Line.Format).
type Open struct {
	Version string    `json:"version"`          // of rtsprec
	Why     string    `json:"why"`              // "create", "resume" or "repair"
	Wall    time.Time `json:"wall"`             // the host's clock
	Before  string    `json:"before,omitempty"` // how the log before this line ended: "clean", "torn", "corrupt"
}

// PlanChanged carries the plan as it is from here on, URLs without passwords.
type PlanChanged struct {
	Plan Plan `json:"plan"`
}

// Run says that a camera's session began.
type Run struct {
	Camera string    `json:"camera"`
	Run    uint64    `json:"run"` // rises over the recording
	Start  time.Time `json:"start"`
	Origin string    `json:"origin"` // "live" or "replay"
	Peer   string    `json:"peer,omitempty"`
	Tracks []Track   `json:"tracks"`
}

// Track describes an elementary stream in a line.
type Track struct {
	Codec    media.Codec `json:"codec"`
	Clock    int         `json:"clock"`
	Channels int         `json:"channels,omitempty"`
	From     media.Codec `json:"from,omitempty"`    // what it was re-encoded from; empty: it is as it was received
	Skipped  string      `json:"skipped,omitempty"` // why it is not recorded
}

// Segment says that a file was created and its directory synced. It is journaled and
// synced before the first media byte is written.
type Segment struct {
	Camera  string    `json:"camera"`
	N       uint64    `json:"n"`    // never repeats within a camera
	File    string    `json:"file"` // final name, relative to the recording, with forward slashes; ".part" is appended while open
	Run     uint64    `json:"run"`
	Start   time.Time `json:"start"`
	Tracks  []Track   `json:"tracks"`
	Instead []Instead `json:"instead,omitempty"`
	Fill    uint64    `json:"fill,omitempty"`   // ID of the gap it is to fill: without a Backfill it holds nothing that counts
	Stream  string    `json:"stream,omitempty"` // "sub": of the camera's sub-stream
	Limit   int       `json:"limit,omitempty"`  // bit/s: when it began the camera's encoder was held at that, see Quality
	Beside  bool      `json:"beside,omitempty"` // it is to hold again what another holds of the sub-stream: without a Beside it holds nothing that counts
}

// Instead says that a segment holds, written again, the media of segment N of the same
// camera from byte From on, because the disk would not sync that file. It is in force
// once the new segment has a commit: from then on N's media ends at From, whatever N's
// own commits say, and N is truncated there and sealed.
type Instead struct {
	N    uint64 `json:"n"`
	From int64  `json:"from"`
}

// Commit says what is on the disk: one line for all cameras with new media.
type Commit struct {
	Files []Committed `json:"files"`
}

// Committed is one camera's part of a Commit.
type Committed struct {
	Camera string      `json:"camera"`
	N      uint64      `json:"n"`
	From   int64       `json:"from"`  // first byte of the new range (16 for the first: checksums begin behind the first header)
	Size   int64       `json:"size"`  // bytes so far: the new range is [From, Size)
	Sum    Hex32       `json:"sum"`   // CRC-32C of the new range
	Ends   []time.Time `json:"ends"`  // end of media by track of the segment; zero when it has none yet
	Units  []int64     `json:"units"` // units so far, by track
}

// Seal says that a file has its final name and will never change. A Size of 0 says that
// nothing is left of the segment: it held no media (its Instead does, or it never got
// any), and no file stands under its name.
type Seal struct {
	Camera   string      `json:"camera"`
	N        uint64      `json:"n"`
	Size     int64       `json:"size"`   // of the whole file
	SHA256   string      `json:"sha256"` // of the bytes behind the first header (RECORDING: 16-byte header at a fixed place), hex
	Start    time.Time   `json:"start"`
	End      time.Time   `json:"end"` // of the video track, or the longest one without video
	Starts   []time.Time `json:"starts"`
	Ends     []time.Time `json:"ends"`
	Units    []int64     `json:"units"`
	Stream   string      `json:"stream,omitempty"`   // as in Segment
	Limit    int         `json:"limit,omitempty"`    // as in Segment
	Salvaged int64       `json:"salvaged,omitempty"` // bytes kept by recovery beyond the last commit
	Cut      int64       `json:"cut,omitempty"`      // bytes recovery moved to quarantine
}

// Gap is a span of a camera's time without media. A gap whose end is not known yet has
// no To; a later line with the same ID replaces it. A gap whose To is its From is
// withdrawn: what seemed to be missing came late.
type Gap struct {
	ID     uint64       `json:"id"` // rises over the recording
	Camera string       `json:"camera"`
	Track  *int         `json:"track,omitempty"` // of the run; nil: all of them
	From   time.Time    `json:"from"`
	To     time.Time    `json:"to,omitzero"`
	Causes media.Causes `json:"causes"`
	Note   string       `json:"note,omitempty"`
}

// Damage is a span whose media arrived incomplete.
type Damage struct {
	Camera string    `json:"camera"`
	Track  int       `json:"track"` // of the run
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Units  int64     `json:"units"`          // damaged units
	Lost   int64     `json:"lost,omitempty"` // packets known to be lost
}

// Clock is what was observed of a clock: the raw pairs once a minute ("raw"), a
// correction forward that was taken at a cut ("step"), a camera whose own clock is not believed
// ("distrust"), or the host's own clock being stepped ("host", without a camera).
type Clock struct {
	What    string        `json:"what"`
	Camera  string        `json:"camera,omitempty"`
	Track   *int          `json:"track,omitempty"`
	At      time.Time     `json:"at"`
	Offset  time.Duration `json:"offset_ns,omitempty"` // added to the clock in question to give media time
	RTP     uint32        `json:"rtp,omitempty"`
	NTP     uint64        `json:"ntp,omitempty"` // of the sender report, 32.32 fixed point
	Arrival time.Time     `json:"arrival,omitzero"`
	Within  time.Duration `json:"within_ns,omitempty"` // uncertainty, plus or minus
}

// Compact begins a file that was written anew: it stands for lines From to To, of
// which commits of sealed segments were left out.
type Compact struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
}

// Close ends the window.
type Close struct {
	Why string    `json:"why"` // "stopped" or "planned"
	At  time.Time `json:"at"`
}

// Lead is a camera's lead-in, which is no gap: media from before the window (To is the
// window's start), kept so that it begins with a picture; or, Waited, the wait for the
// camera's first key frame after the window opened (From is the window's start).
type Lead struct {
	Camera string    `json:"camera"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Waited bool      `json:"waited,omitempty"`
}

// Quality says which of a camera's streams is recorded from here on, for a camera that has a
// sub-stream: its run and those behind it, until the next such line of the camera. What is
// recorded of the sub-stream is no gap; its segments say so too (Segment.Stream), so that
// nobody has to look for this line. The same line says at which bit rate the encoder of the
// main stream is held from From on, in the middle of a segment too ([Limits]).
type Quality struct {
	Camera string      `json:"camera"`
	Run    uint64      `json:"run"`
	From   time.Time   `json:"from"`          // its first unit
	Stream string      `json:"stream"`        // "main" or "sub"
	Was    string      `json:"was,omitempty"` // the one before
	Why    string      `json:"why,omitempty"` // one line for people
	Codec  media.Codec `json:"codec,omitempty"`
	Width  int         `json:"width,omitempty"` // of the picture, pixels
	Height int         `json:"height,omitempty"`
	Rate   int         `json:"bitrate,omitempty"` // bit/s, as far as it was seen before From
	Limit  int         `json:"limit,omitempty"`   // bit/s: of the main stream, its encoder is asked for no more; 0: for its own rate
}

// Backfill says that what a gap lacked is recorded after all: segment N, complete before
// this line and sealed behind it, holds the media of From to To that a peer played again. Of the gap only what
// lies outside of From to To still is one.
type Backfill struct {
	Gap    uint64    `json:"gap"` // ID of the gap
	Camera string    `json:"camera"`
	N      uint64    `json:"n"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	// Starts are, by track of the segment, when what counts begins: what is before it is
	// there so that decoding can begin, and is recorded elsewhere too. Zero: all counts.
	Starts []time.Time `json:"starts,omitempty"`
	Splice string      `json:"splice"`           // "identity": units of the overlap are the same; "time": joined by capture time
	Source string      `json:"source,omitempty"` // who played it; without a password
}

// Beside says that segment N, complete before this line and sealed behind it, holds once more,
// from the main stream that a peer played again, the time of From to To that was recorded from
// the sub-stream. It is kept beside that: no other segment and no coverage is changed by it.
type Beside struct {
	Camera string    `json:"camera"`
	N      uint64    `json:"n"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Source string    `json:"source,omitempty"` // who played it; without a password
}

// Prune says that retention removes a sealed segment. It is synced before the file is
// removed; a file that is still there is removed by the next writer. The line tells all
// about the segment, whose own lines may be in files that nobody reads any more.
type Prune struct {
	Camera string    `json:"camera"`
	N      uint64    `json:"n"`
	File   string    `json:"file"` // as in Segment
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
	Size   int64     `json:"size"` // bytes of the file
	Why    string    `json:"why"`  // "age", "size", "free", or what somebody gave as the reason
}

// Protect keeps retention from a span, until a line with the same ID and Off. A zero From
// or To has no bound on that side.
type Protect struct {
	ID      uint64    `json:"id"` // rises over the recording
	From    time.Time `json:"from,omitzero"`
	To      time.Time `json:"to,omitzero"`
	Cameras []string  `json:"cameras,omitempty"` // none: all of them
	Why     string    `json:"why,omitempty"`
	Off     bool      `json:"off,omitempty"`
	Token   string    `json:"token,omitempty"` // of the request that asked for it, so that it is taken up once
}

// Kind implements Entry.
func (*Open) Kind() Kind        { return KindOpen }
func (*PlanChanged) Kind() Kind { return KindPlan }
func (*Run) Kind() Kind         { return KindRun }
func (*Segment) Kind() Kind     { return KindSegment }
func (*Commit) Kind() Kind      { return KindCommit }
func (*Seal) Kind() Kind        { return KindSeal }
func (*Gap) Kind() Kind         { return KindGap }
func (*Damage) Kind() Kind      { return KindDamage }
func (*Clock) Kind() Kind       { return KindClock }
func (*Compact) Kind() Kind     { return KindCompact }
func (*Close) Kind() Kind       { return KindClose }
func (*Lead) Kind() Kind        { return KindLead }
func (*Quality) Kind() Kind     { return KindQuality }
func (*Backfill) Kind() Kind    { return KindBackfill }
func (*Beside) Kind() Kind      { return KindBeside }
func (*Prune) Kind() Kind       { return KindPrune }
func (*Protect) Kind() Kind     { return KindProtect }

// newEntry returns an empty entry of that kind to decode into, or nil for an unknown
// kind.
func newEntry(k Kind) Entry {
	switch k {
	case KindOpen:
		return new(Open)
	case KindPlan:
		return new(PlanChanged)
	case KindRun:
		return new(Run)
	case KindSegment:
		return new(Segment)
	case KindCommit:
		return new(Commit)
	case KindSeal:
		return new(Seal)
	case KindGap:
		return new(Gap)
	case KindDamage:
		return new(Damage)
	case KindClock:
		return new(Clock)
	case KindCompact:
		return new(Compact)
	case KindClose:
		return new(Close)
	case KindLead:
		return new(Lead)
	case KindQuality:
		return new(Quality)
	case KindBackfill:
		return new(Backfill)
	case KindBeside:
		return new(Beside)
	case KindPrune:
		return new(Prune)
	case KindProtect:
		return new(Protect)
	}
	return nil
}

// Covers reports whether anything of a camera's media from start to end is protected.
func (p *Protect) Covers(camera string, start, end time.Time) bool {
	of := len(p.Cameras) == 0 || slices.Contains(p.Cameras, camera)
	return of && !p.Off && (p.From.IsZero() || end.After(p.From)) && (p.To.IsZero() || start.Before(p.To))
}
