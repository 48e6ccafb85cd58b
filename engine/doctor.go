package engine

import (
	"context"

	"rtsprec/engine/media"
)

// DoctorOptions say what Doctor looks at.
type DoctorOptions struct {
	Dir string // where recordings would go
}

// DoctorReport is what a machine can do. What could not be found out is zero, and a
// check says so.
type DoctorReport struct {
	Version string         `json:"version"`
	Codecs  []DoctorCodecs `json:"codecs"` // empty: a build without codecs
	Disk    DoctorDisk     `json:"disk"`
	Clock   DoctorClock    `json:"clock"`
	Sockets DoctorSockets  `json:"sockets"`
	Files   DoctorFiles    `json:"files"`
	Checks  []DoctorCheck  `json:"checks"`
}

// DoctorCodecs is one way to decode and encode, and what of it works.
type DoctorCodecs struct {
	Device string        `json:"device"`
	Detail string        `json:"detail,omitempty"` // what it calls itself
	Decode []media.Codec `json:"decode"`
	Encode []media.Codec `json:"encode"`
	Why    string        `json:"why,omitempty"` // it does not work
}

// DoctorDisk is how fast a directory takes what is written and made durable.
type DoctorDisk struct {
	Dir      string  `json:"dir"`
	Free     uint64  `json:"free_bytes"`
	Speed    float64 `json:"bytes_per_s"`     // written and synced
	Sync     float64 `json:"sync_ms"`         // the median of a small write and its sync
	SlowSync float64 `json:"slowest_ms"`      // the slowest of them
	Error    string  `json:"error,omitempty"` // nothing could be written
}

// DoctorClock is what the kernel says about the host's clock.
type DoctorClock struct {
	Known  bool    `json:"known"`
	Synced bool    `json:"synced"`
	Error  float64 `json:"error_ms"` // at most, as the kernel estimates it
}

// DoctorSockets is how large the buffer of a UDP socket may be made.
type DoctorSockets struct {
	Max int `json:"receive_bytes"` // 0: not known
}

// DoctorFiles are the file descriptors that the process has and may have.
type DoctorFiles struct {
	Used  int `json:"used"`
	Limit int `json:"limit"` // 0: not known
}

// DoctorCheck is one thing that was looked at.
type DoctorCheck struct {
	Name string `json:"name"` // "codecs", "disk", "clock", "sockets", "files"
	OK   bool   `json:"ok"`
	Text string `json:"text"`
	Hint string `json:"hint,omitempty"` // what to type
}

const (
	// wantedSocket is what a session asks for.
	wantedSocket = 512 << 10
	// wantedFiles is enough for 64 cameras.
	wantedFiles = 1024
	// cameraRate is a camera of 4 Mbit/s, in bytes a second.
	cameraRate = 4_000_000 / 8
)

// Doctor looks at what this machine can do. What is wrong with it is in the report; an
// error is of the disk, or of the caller.
func Doctor(ctx context.Context, d Deps, o DoctorOptions) (*DoctorReport, error) {
	r := &DoctorReport{Version: d.Version, Codecs: []DoctorCodecs{}}
	if d.Coder != nil {
		for _, dev := range d.Coder.Devices(ctx) {
			r.Codecs = append(r.Codecs, DoctorCodecs{
				Device: dev.Name, Detail: dev.Detail, Why: dev.Why,
				Decode: append([]media.Codec{}, dev.Decode...), Encode: append([]media.Codec{}, dev.Encode...),
			})
		}
	}
	r.Clock = clockState()
	r.Sockets.Max = socketLimit()
	if used, limit, ok := openDescriptors(); ok {
		r.Files = DoctorFiles{Used: used, Limit: limit}
	}
	err := ctx.Err()
	if err == nil {
		err = measureDisk(ctx, d, o.Dir, &r.Disk)
	}
	r.Checks = []DoctorCheck{r.checkCodecs(), r.checkDisk(), r.checkClock(), r.checkSockets(), r.checkFiles()}
	return r, err
}
