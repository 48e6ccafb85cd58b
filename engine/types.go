package engine

import (
	"time"

	"rtsprec/engine/archive"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
)

// RecordOptions says what to record. Zero durations mean the defaults of the
// command line: 10 m, 1 s, 250 ms, 10 s, 64 MiB.
type RecordOptions struct {
	Dir      string // a new or empty directory, made when absent
	Cameras  []journal.Camera
	At       time.Time     // start of the window; zero: at the first unit
	Until    time.Time     // end of the window; zero: Length decides
	Length   time.Duration // from the start of the window; zero with a zero Until: until stopped
	Segment  time.Duration
	Commit   time.Duration
	Fragment time.Duration
	Grace    time.Duration // how long an orderly stop may take to write what was received
	Queue    int64         // bytes that may wait for the disk, for the whole recording
	Keep     archive.Keep  // what of it is kept while it goes on; zero: everything

	Backfill     []BackfillSource // who can play again what is missing
	BackfillRate int64            // bytes a second taken from one at most; 0: DefaultBackfillRate

	Transcode TranscodeOptions // what is not recorded as it comes

	retryMain time.Duration // before a main stream that was given up is tried again; 0: rate.Retry's
}

// ResumeOptions says how far Resume goes.
type ResumeOptions struct {
	Repair bool // only repair, do not go on recording
	Grace  time.Duration
	Queue  int64
	Keep   archive.Keep // as RecordOptions.Keep

	Backfill     []BackfillSource // instead of those the recording was begun with
	BackfillRate int64            // as RecordOptions.BackfillRate
}

// Summary is what a recording holds, told at the end of Record and Resume.
type Summary struct {
	Dir     string          `json:"dir"`
	From    time.Time       `json:"from,omitzero"`
	To      time.Time       `json:"to,omitzero"`
	Cameras []CameraSummary `json:"cameras"`
	Repairs []string        `json:"repairs,omitempty"`
}

// CameraSummary is one camera's part. Coverage is 0 to 1 of the window, by video where
// there is any.
type CameraSummary struct {
	Name     string            `json:"name"`
	Coverage float64           `json:"coverage"`
	Gaps     []archive.Gap     `json:"gaps"`
	Damage   []archive.Damage  `json:"damage"`
	Files    []string          `json:"files"` // relative to the recording
	Bytes    int64             `json:"bytes"`
	Quality  []archive.Quality `json:"quality,omitempty"` // recorded at less than the camera's best, which is no gap
	Lead     float64           `json:"lead_s,omitempty"`  // seconds of the window before its first key frame, which are no gap
	Answered bool              `json:"answered"`          // it delivered media at least once
	Trouble  string            `json:"trouble,omitempty"` // the last reason when it did not
}

// ProbeOptions says whom to probe and how long.
type ProbeOptions struct {
	Cameras []journal.Camera
	Max     time.Duration // give up waiting for the second key frame; zero: 10 s
	Soak    time.Duration // judge the stream over this time instead; zero: no
	Quick   bool          // from the SDP alone
	// Snapshot is where a picture goes: a .jpg or .png file, in whose name {camera}
	// is replaced, or a directory; empty: nowhere. It needs Deps.Coder.
	Snapshot  string
	Overwrite bool // of Snapshot
}

// Verdict says whether a track can be recorded.
type Verdict struct {
	Action string `json:"action"` // "copy", "re-encode" (for the named use) or "skip"
	Why    string `json:"why,omitempty"`
}

// ProbeReport is what a camera really sends. Zero values of measured fields mean "not
// seen"; Unseen names them.
type ProbeReport struct {
	Name       string           `json:"name"`
	URL        string           `json:"url"`             // without password
	Kind       string           `json:"kind,omitempty"`  // fault.Kind of Error
	Error      string           `json:"error,omitempty"` // why nothing was seen
	Server     string           `json:"server,omitempty"`
	Auth       string           `json:"auth,omitempty"` // "none", "Basic", "Digest MD5", ...
	Transports []ProbeTransport `json:"transports"`
	Connect    float64          `json:"connect_ms"`      // to the answer to DESCRIBE
	FirstByte  float64          `json:"first_packet_ms"` // from PLAY
	FirstKey   float64          `json:"first_key_ms"`    // from PLAY
	Tracks     []ProbeTrack     `json:"tracks"`
	Skipped    []string         `json:"skipped,omitempty"`
	Clock      ProbeClock       `json:"clock"`
	Seconds    float64          `json:"seconds"` // how long it was watched
	Unseen     []string         `json:"unseen,omitempty"`
	Notes      []string         `json:"notes,omitempty"` // about this host
	Soak       *ProbeSoak       `json:"soak,omitempty"`
	Snapshot   *ProbeSnapshot   `json:"snapshot,omitempty"`
}

// ProbeTransport is one way of transport and whether media came that way.
type ProbeTransport struct {
	Name  string `json:"name"`
	Works bool   `json:"works"`
	Why   string `json:"why,omitempty"`
}

// ProbeTrack is one track as measured.
type ProbeTrack struct {
	Codec      media.Codec `json:"codec"`
	Profile    string      `json:"profile,omitempty"`
	Level      string      `json:"level,omitempty"`
	Width      int         `json:"width,omitempty"`
	Height     int         `json:"height,omitempty"`
	FPS        float64     `json:"fps,omitempty"`         // measured
	NominalFPS float64     `json:"nominal_fps,omitempty"` // claimed by the parameter sets
	GOPFrames  int         `json:"gop_frames,omitempty"`
	GOPSeconds float64     `json:"gop_s,omitempty"`
	BFrames    bool        `json:"b_frames,omitempty"`
	SampleRate int         `json:"sample_rate,omitempty"`
	Channels   int         `json:"channels,omitempty"`
	Bitrate    float64     `json:"bitrate"` // bit/s
	Packets    uint64      `json:"packets"`
	Lost       uint64      `json:"lost"`
	Jitter     float64     `json:"jitter_ms"`
	Reports    int         `json:"sender_reports"`
	Verdict    Verdict     `json:"verdict"`
}

// ProbeClock compares the camera's clock with the host's.
type ProbeClock struct {
	Sound  bool    `json:"sound"`     // sender reports came and made sense
	Offset float64 `json:"offset_ms"` // camera minus host
	Within float64 `json:"within_ms"`
	Note   string  `json:"note,omitempty"`
}

// ProbeSoak judges a stream over time.
type ProbeSoak struct {
	Seconds    float64  `json:"seconds"`
	LongestGap float64  `json:"longest_gap_ms"` // between two units of the video (or first) track
	MinFPS     float64  `json:"min_fps"`        // over any second
	MaxFPS     float64  `json:"max_fps"`
	MaxBitrate float64  `json:"max_bitrate"` // over any second
	GOPMin     int      `json:"gop_min"`
	GOPMax     int      `json:"gop_max"`
	Sessions   int      `json:"sessions"`
	Lost       uint64   `json:"lost"`
	DriftPPM   float64  `json:"drift_ppm"`
	Verdict    string   `json:"verdict"` // "steady", "usable", "bad"
	Why        []string `json:"why,omitempty"`
}
