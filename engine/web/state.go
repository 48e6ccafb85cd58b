package web

import "time"

// Hub knows how recording and serving stand now. It is asked at each request for the
// page, metrics or health, so State is cheap and never waits for a disk or a network.
type Hub interface {
	State() State
}

// State is everything that is happening. Its JSON form may only grow.
type State struct {
	At      time.Time     `json:"at"`
	Cameras []CameraState `json:"cameras"`
	Server  ServerState   `json:"server"`
}

// CameraState is one camera or published path. Counters rise for as long as the process
// lives; they never fall back when a camera reconnects.
type CameraState struct {
	Path      string    `json:"path"`  // as RTSP clients name it
	State     string    `json:"state"` // "connecting", "waiting", "recording", "live", "retrying", "disk", "idle", "done"
	Reason    string    `json:"reason,omitempty"`
	Since     time.Time `json:"since,omitzero"` // when State became what it is
	Transport string    `json:"transport,omitempty"`
	Readers   int       `json:"readers"`
	FPS       float64   `json:"fps"`
	Bitrate   float64   `json:"bitrate"` // bit/s
	Packets   uint64    `json:"packets"` // received or lost, ever
	Lost      uint64    `json:"lost"`    // of them
	Loss      float64   `json:"loss"`    // of this session, 0 to 1
	Sessions  uint64    `json:"sessions"`
	Recorded  *Recorded `json:"recorded,omitempty"` // nil: not recorded
}

// Recorded is how a camera's recording stands.
type Recorded struct {
	Camera   string             `json:"camera"`           // its path in the library: RECORDING/CAMERA
	Expected bool               `json:"expected"`         // media should be reaching the disk now (a window is open)
	OnDisk   time.Time          `json:"on_disk,omitzero"` // when bytes last reached the disk; zero: never
	Stale    time.Time          `json:"stale,omitzero"`   // since when they do not although they should; zero: they do
	Bytes    int64              `json:"bytes"`
	Gaps     map[string]float64 `json:"gaps_s"`        // seconds missing, by cause; a gap of two causes counts for both
	Coverage float64            `json:"coverage"`      // 0 to 1
	Forecast float64            `json:"forecast_days"` // days until the disk is full, or full again of what is kept; negative: not known
}

// ServerState counts what this server does for others.
type ServerState struct {
	Sessions int    `json:"sessions"` // RTSP sessions that are open
	Readers  int    `json:"readers"`  // of them, those that play
	Sent     uint64 `json:"sent_bytes"`
	Received uint64 `json:"received_bytes"`
	Refused  uint64 `json:"refused_logins"`
}
