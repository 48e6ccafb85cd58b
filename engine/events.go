package engine

import (
	"fmt"
	"strings"
	"time"

	"rtsprec/engine/media"
	"rtsprec/engine/rate"
)

// An Event is something that happened, for the display, --json lines and tests. Every
// event is a struct that encodes to JSON as it is; Type is its "type" member there.
// Text is one plain line for a log, without a time, starting with the camera's name if
// there is one; times of day are of the given zone.
type Event interface {
	Type() string
	Text(zone *time.Location) string
	// Serious reports whether -q shows it too.
	Serious() bool
}

// Started says that a recording begins (or goes on).
type Started struct {
	Dir     string    `json:"dir"`
	Cameras []string  `json:"cameras"`
	At      time.Time `json:"at,omitzero"`    // planned start; zero: now
	Until   time.Time `json:"until,omitzero"` // planned end as far as it is known
	Length  float64   `json:"length_s,omitempty"`
	Resumed bool      `json:"resumed,omitempty"`
}

// CameraUp says that a session with a camera plays.
type CameraUp struct {
	Camera    string   `json:"camera"`
	Peer      string   `json:"peer"`
	Transport string   `json:"transport"`
	Tracks    []string `json:"tracks"` // "H.264 1920x1080", "AAC 48000 Hz 2 ch"
	Skipped   []string `json:"skipped,omitempty"`
	SubStream bool     `json:"sub_stream,omitempty"`
	Why       string   `json:"why,omitempty"`    // it is the camera's other stream than before
	Down      float64  `json:"down_s,omitempty"` // how long there was no session before
}

// CameraDown says that a session ended or could not be begun. Retries of a camera that
// stays away are told once and then once a minute.
type CameraDown struct {
	Camera string `json:"camera"`
	Kind   string `json:"kind"` // fault.Kind
	Reason string `json:"reason"`
	Tries  int    `json:"tries"`
}

// Gap says that media is missing; To is zero while it goes on.
type Gap struct {
	Camera string       `json:"camera"`
	Track  *int         `json:"track,omitempty"`
	From   time.Time    `json:"from"`
	To     time.Time    `json:"to,omitzero"`
	Causes media.Causes `json:"causes"`
	Note   string       `json:"note,omitempty"`
}

// Damage says that media arrived incomplete.
type Damage struct {
	Camera string    `json:"camera"`
	Track  int       `json:"track"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Units  int64     `json:"units"`
	Lost   int64     `json:"lost_packets"`
}

// SegmentSealed says that a file is finished and will never change.
type SegmentSealed struct {
	Camera string    `json:"camera"`
	File   string    `json:"file"` // relative to the recording
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
	Bytes  int64     `json:"bytes"`
}

// Disk says that the disk began to refuse (Err set) or takes data again.
type Disk struct {
	Camera string `json:"camera,omitempty"`
	Kind   string `json:"kind,omitempty"`
	Err    string `json:"error,omitempty"`
}

// Notice is anything else worth a line: a transport that was switched, packets that
// made no sense (Count of them in the last second), a clock that is not believed.
type Notice struct {
	Camera  string `json:"camera,omitempty"`
	Message string `json:"text"`
	Hint    string `json:"hint,omitempty"`
	Count   int    `json:"count,omitempty"`
}

// Repaired is one thing that recovery did.
type Repaired struct {
	Dir  string `json:"dir"`
	What string `json:"what"`
}

// Progress is how things stand, about once a second.
type Progress struct {
	At      time.Time        `json:"at"`
	From    time.Time        `json:"from,omitzero"` // start of the window; zero: nothing recorded yet
	Until   time.Time        `json:"until,omitzero"`
	Cameras []CameraProgress `json:"cameras"`
	// Stuck says that media comes and nothing of it has reached the disk for half a minute,
	// without an error that would say why.
	Stuck bool `json:"stuck,omitempty"`
	// Layout and Speaker are what a composition shows.
	Layout  string `json:"layout,omitempty"`
	Speaker string `json:"speaker,omitempty"`
}

// CameraProgress is one camera's line of the live table.
type CameraProgress struct {
	Name      string  `json:"name"`
	State     string  `json:"state"` // "connecting", "waiting" (for a key frame), "recording", "retrying", "disk", "done"
	Transport string  `json:"transport,omitempty"`
	FPS       float64 `json:"fps"`
	Bitrate   float64 `json:"bitrate"`           // bit/s over the last seconds
	Loss      float64 `json:"loss"`              // lost packets / all packets of this session, 0 to 1
	Gaps      int     `json:"gaps"`              // so far
	GapTime   float64 `json:"gap_s"`             // so far
	Bytes     int64   `json:"bytes"`             // on disk
	Committed float64 `json:"committed_s"`       // seconds since the last commit
	Queue     int64   `json:"queue_bytes"`       // waiting to be written
	Quality   string  `json:"quality,omitempty"` // what an adapting relay sends: "source", "720p25 1.8 Mbit/s"
	Stream    string  `json:"stream,omitempty"`  // "sub": the camera's sub-stream, for the reason Why
	Why       string  `json:"why,omitempty"`
	Limit     int     `json:"limit,omitempty"` // bit/s: the camera's encoder is held at that, for the reason Why
	Reason    string  `json:"reason,omitempty"`
	// Delays are from capture on to the end of each hop, over the last seconds: "received"
	// here, "sent" to a target, "tcp" and "udp" to readers.
	Delays map[string]rate.Spread `json:"delays,omitempty"`
}

// delayed adds the delays of a hop, if there are any.
func (c *CameraProgress) delayed(hop string, d *rate.Delays, now time.Time) {
	s := d.Spread(now)
	if s.Count == 0 {
		return
	}
	if c.Delays == nil {
		c.Delays = map[string]rate.Spread{}
	}
	c.Delays[hop] = s
}

// DelayText is the delays in words, milliseconds of half of the units, of 95 of a hundred,
// and the most: "received 12/20/31 ms, sent 40/85/120 ms". Empty: there are none.
func (c CameraProgress) DelayText() string {
	var hops []string
	for _, hop := range []string{"received", "sent", "tcp", "udp"} {
		if s, ok := c.Delays[hop]; ok {
			hops = append(hops, fmt.Sprintf("%s %.0f/%.0f/%.0f ms", hop, s.P50, s.P95, s.Max))
		}
	}
	return strings.Join(hops, ", ")
}
