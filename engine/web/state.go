package web

import (
	"time"

	"rtsprec/engine/rate"
)

// Hub knows how recording and serving stand now. It is asked with every request for
// metrics, health and rights, so State is cheap and waits for no disk and no network. The
// caller may change what it gets.
type Hub interface {
	State() State
}

// State is everything that is happening. Its JSON form may only grow.
type State struct {
	At      time.Time     `json:"at"`
	Cameras []CameraState `json:"cameras"`
	Server  ServerState   `json:"server"`
	Targets []TargetState `json:"targets,omitempty"` // of a relay
}

// TargetState is one server that is published to. Counters rise for as long as the process
// lives.
type TargetState struct {
	Name     string      `json:"name"`
	State    string      `json:"state"` // "waiting", "sending", "behind", "retrying"
	Reason   string      `json:"reason,omitempty"`
	Up       bool        `json:"up"`       // there is a session
	Latest   time.Time   `json:"latest"`   // when something was last sent; before that when sending was begun
	Sessions int         `json:"sessions"` // so far
	Units    uint64      `json:"units"`
	Sent     uint64      `json:"sent_bytes"` // of RTP
	Dropped  uint64      `json:"dropped"`    // units
	Queue    int64       `json:"queue_bytes"`
	Bitrate  float64     `json:"bitrate"` // bit/s over the last seconds
	Delay    rate.Spread `json:"delay"`   // from capture until it is with the kernel
	Adapt    *AdaptState `json:"adapt,omitempty"`
}

// AdaptState is what pictures that follow their way are sent as.
type AdaptState struct {
	Step     int           `json:"step"` // 0: the source itself
	Name     string        `json:"name"`
	Bitrate  int           `json:"bitrate"`  // bit/s that the way is given
	Capacity int           `json:"capacity"` // bit/s, as last seen full; 0: never
	Changes  int           `json:"changes"`  // of the step
	Queueing time.Duration `json:"queueing_ns"`
	Loss     float64       `json:"loss"` // 0 to 1
}

// CameraState is one camera or published path. Counters rise for as long as the process
// lives; they do not fall back when a camera reconnects.
type CameraState struct {
	Path      string    `json:"path"`  // as RTSP clients name it
	State     string    `json:"state"` // "connecting", "waiting", "recording", "live", "retrying", "disk", "idle", "done"
	Reason    string    `json:"reason,omitempty"`
	Since     time.Time `json:"since,omitzero"` // when State became what it is
	Transport string    `json:"transport,omitempty"`
	Readers   int       `json:"readers"`
	FPS       float64   `json:"fps"`
	Bitrate   float64   `json:"bitrate"` // bit/s over the last seconds
	Loss      float64   `json:"loss"`    // lost packets / all packets of this session, 0 to 1
	Packets   uint64    `json:"packets"` // received or lost
	Lost      uint64    `json:"lost"`    // of them
	Sessions  uint64    `json:"sessions"`
	// Delays are those of live media from its capture on, over the last seconds, by hop:
	// "received" here, "tcp" and "udp" to RTSP readers.
	Delays map[string]rate.Spread `json:"delays,omitempty"`
	// Adapted is nil where all readers get the source's pictures.
	Adapted *Adapted `json:"adapted,omitempty"`
	// Recorded is nil for what is not recorded.
	Recorded *Recorded `json:"recorded,omitempty"`
}

// Adapted is what the readers of a camera are sent, whose links are followed.
type Adapted struct {
	// Readers counts them by what they get: "source", or a step of the ladder that somebody
	// gets or did a moment ago, like "360p15 500k".
	Readers  map[string]int `json:"readers"`
	Encoders int            `json:"encoders"` // that run: one for each step in use
	Changes  uint64         `json:"changes"`  // of what a reader gets, so far
}

// Recorded is how the recording of a camera stands.
type Recorded struct {
	Camera   string    `json:"camera"`              // its path in the library: RECORDING/CAMERA
	Expected time.Time `json:"expected,omitzero"`   // since when its media should be reaching the disk; zero: it should not now
	OnDisk   time.Time `json:"on_disk,omitzero"`    // when bytes of it last did; zero: never
	Bytes    int64     `json:"bytes"`               // on the disk
	Coverage float64   `json:"coverage"`            // 0 to 1, of the window so far
	Forecast *float64  `json:"disk_days,omitempty"` // days until the disk is full at this pace; nil: not known, or retention keeps it from filling
	// Gaps is seconds without media, by cause; a gap of two causes counts for both.
	Gaps map[string]float64 `json:"gaps_s"`
}

// ServerState counts what is done for others, since the start.
type ServerState struct {
	Sessions int    `json:"sessions"` // RTSP sessions that are open
	Readers  int    `json:"readers"`  // of them, those that play
	Sent     uint64 `json:"sent_bytes"`
	Received uint64 `json:"received_bytes"`
	Refused  uint64 `json:"refused_logins"`
}
