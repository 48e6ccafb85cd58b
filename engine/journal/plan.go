package journal

import (
	"time"
)

// Plan is what a recording is about: recording.json. It is the only place where
// credentials are kept; [Plan.Public] is what may be shown.
type Plan struct {
	Format   int       `json:"format"` // 1
	Created  time.Time `json:"created"`
	Cameras  []Camera  `json:"cameras"`
	From     time.Time `json:"from,omitzero"`    // planned start of the window (--at); zero: at the first unit
	Until    time.Time `json:"until,omitzero"`   // planned end (--until); zero: Length decides
	Length   Duration  `json:"length,omitempty"` // planned length from the start of the window (-t); zero with a zero Until: until stopped
	Segment  Duration  `json:"segment"`
	Commit   Duration  `json:"commit"`
	Fragment Duration  `json:"fragment"`
}

// Camera is one input of a plan.
type Camera struct {
	Name        string   `json:"name"` // becomes a folder
	URL         string   `json:"url"`
	SubURL      string   `json:"sub_url,omitempty"`
	Transport   string   `json:"transport,omitempty"` // "auto", "udp", "tcp", "multicast"
	Reorder     Duration `json:"reorder,omitempty"`
	Insecure    bool     `json:"insecure,omitempty"`
	Fingerprint string   `json:"fingerprint,omitempty"` // SHA-256 of the peer's certificate, hex
}

// Duration is a time.Duration whose JSON form is a string like "10m0s".
type Duration time.Duration
