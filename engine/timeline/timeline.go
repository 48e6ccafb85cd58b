// Package timeline turns RTP timestamps, sender reports and arrival times into media
// time. It is pure: it has no clock, no goroutine and does no I/O; every time is an
// argument. A Session and its Tracks belong to one goroutine at a time.
package timeline

import (
	"time"

	"rtsprec/engine/media"
)

// Options tune a Session. The zero value is the default.
type Options struct {
	// Trust is how far a camera's clock may be from the host's for its absolute time
	// to be believed. Default 2 s; negative: never believed.
	Trust time.Duration
}

// Session is one run with one camera, whose tracks share the camera's clock.
type Session struct{ start time.Time }

// New begins a run. start is the host's time with its monotonic reading
// (media.Run.Start); later steps of the host's clock re-date nothing.
func New(start time.Time, o Options) *Session { return &Session{start: start} }

// Track adds a track whose RTP clock runs at clockRate Hz.
func (s *Session) Track(clockRate int) *Track { return &Track{s: s} }

// Track places the units of one elementary stream.
type Track struct{ s *Session }

// Stamp is a unit's place in time.
type Stamp struct {
	// Ticks count the track's clock from the start of the run: continuous over wraps,
	// jumps and changes of SSRC. They fall only as far as pictures are reordered.
	Ticks media.Ticks
	// Wall is media time: the best estimate of capture on the host's clock, UTC without
	// a monotonic reading. Of two units of a track, the one with the greater Ticks never
	// has the lesser Wall, and Wall is never later than Arrival.
	Wall time.Time
	// Within is the uncertainty of Wall, plus or minus.
	Within time.Duration
	// Reset says that the RTP time broke off here (a jump, a new SSRC, a clock that
	// stands still) and Ticks go on by arrival.
	Reset bool
}

// Stamp places the unit that begins with RTP timestamp rtp and whose first packet came
// at arrival. Further units of the same packet are placed by adding their offset to
// rtp. It always answers at once, whatever it was given.
func (t *Track) Stamp(rtp uint32, arrival time.Time) Stamp { return Stamp{Wall: arrival} }

// Report takes a sender report (RFC 3550 6.4.1): the camera's clock said ntp (32.32
// fixed point) when its RTP clock for this track stood at rtp. Reports that cannot be
// true are counted and ignored.
func (t *Track) Report(ntp uint64, rtp uint32, arrival time.Time) {}

// Restart says that the next unit has nothing to do with the RTP time so far: its SSRC
// is another.
func (t *Track) Restart() {}

// Observation is what is known of a track's clocks, for clock lines, probe and metrics.
type Observation struct {
	Reports int           // sender reports used
	Ignored int           // sender reports that could not be true
	Sound   bool          // Wall is derived from sender reports
	Trusted bool          // and the camera's absolute time is believed
	Offset  time.Duration // added to the camera's clock to give media time; 0 while Trusted
	Delay   time.Duration // of the least delayed unit of late, from capture to arrival; 0: not known
	Drift   float64       // parts per million by which the track's RTP clock is fast against the host's
	Jitter  time.Duration // of arrivals (RFC 3550 6.4.1)
	Within  time.Duration // uncertainty of the latest Wall
	Resets  int           // times the RTP time broke off

	RTP     uint32    // of the last report, as received
	NTP     uint64    // of the last report, as received
	Arrival time.Time // of the last report; zero: there was none
}

// Observe returns what is known now.
func (t *Track) Observe() Observation { return Observation{} }
