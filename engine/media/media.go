// Package media holds the nouns that every part of rtsprec shares: runs, tracks,
// access units, gaps, and the two interfaces, [Source] and [Sink], between which
// everything flows.
//
// Ownership: an [AccessUnit] and everything it points to is immutable from the
// moment a Source returns it. Sinks keep it as long as they like and never write
// to it; so one unit can be handed to many sinks without a copy.
package media

import (
	"context"
	"time"
)

// Ticks counts the units of a track's clock (1/ClockRate s).
type Ticks = int64

// TrackID is the index of a track in [Run.Tracks].
type TrackID int

// Run is one uninterrupted session with a peer. Its tracks never change.
type Run struct {
	ID     uint64    // unique within the process, rising
	Start  time.Time // host time when the run began, monotonic reading kept
	Tracks []Track
	Origin string // "live", or "replay" when the peer plays its own recording
	Peer   string // what the peer is and how it is reached, for people; no password
	Variant
}

// Variant says which stream of its source a run is, where the source has several of the
// same picture.
type Variant struct {
	Stream string // [MainStream] or [SubStream]; empty: there is but one
	Why    string // it is this one, for people
	Rate   int    // bit/s, as far as it was seen before the run began; 0: it was not
}

// The streams of a [Variant].
const (
	MainStream = "main"
	SubStream  = "sub" // the smaller one
)

// Track is one elementary stream of a run.
type Track struct {
	ID         TrackID
	Codec      Codec
	ClockRate  int    // Hz of PTS and DTS
	SampleRate int    // Hz of the sound (G.722: 16000 with a ClockRate of 8000); 0 for video
	Channels   int    // of sound; 0 for video
	Bits       int    // G.726: bits a sample, 2 to 5; L16: 16; else 0
	AAL2       bool   // G.726: samples are packed from the most significant bit (ITU-T I.366.2)
	Config     []byte // decoder configuration, see Codec; nil when it is not known yet
	// Pixel is how many times as wide as high a pixel of video is shown, where the container
	// says so; 0: the stream itself does.
	Pixel float64
	From  Codec // what it was re-encoded from; empty: it is as it was received
}

// AccessUnit is one decodable picture or one packet's worth of sound.
type AccessUnit struct {
	Track   TrackID
	PTS     Ticks     // continuous from the start of the run; survives wraps, jumps and resets
	DTS     Ticks     // never falls within a track of a run; DTS <= PTS
	Arrival time.Time // local receipt of the first packet, monotonic reading kept
	Wall    time.Time // media time of PTS: best estimate of capture on the host's clock
	Key     bool      // decoding may start here; every audio unit is a key
	Damaged bool      // packets of this unit were lost
	Lost    int       // packets known to be lost in or just before this unit
	Config  []byte    // non-nil when the decoder configuration changes here
	Missing *Gap      // non-nil when whole units were dropped just before this one
	Data    []byte    // exactly the MP4 sample, see Codec
}

// A Source delivers one run.
//
// Implementers owe: Run is constant; Next returns units of all tracks in order of
// arrival, io.EOF when the peer ended the run in order, and an error with a
// kind of package fault otherwise; what was received before an error is returned
// before it; Close may be called at any time, from any goroutine, and unblocks Next.
type Source interface {
	Run() Run
	Next(ctx context.Context) (AccessUnit, error)
	Close() error
}

// A Sink takes runs, one after the other.
//
// Callers owe: Begin, Write and End from one goroutine at a time; Begin before
// Write; End before the next Begin; Close once, last. Close after Begin without
// End ends the run with [Stopped].
type Sink interface {
	Begin(ctx context.Context, run Run) error
	Write(ctx context.Context, au AccessUnit) error
	// End says that the run is over and why. gap.From is the time from which media
	// may be missing; a zero gap.From means the end of what was written, a zero gap.To
	// "until the next unit". It may be called again before the next Begin, and before
	// the first one: its causes are then added to the gap that is open.
	End(ctx context.Context, gap Gap) error
	Close(ctx context.Context) error
}

// KeyRequester is optional on a Source: ask the peer for a key frame now.
type KeyRequester interface{ RequestKey() }

// Clock tells the time. The two readings differ only after the host's clock has
// been stepped.
type Clock interface {
	// Now carries a monotonic reading: differences are true durations.
	Now() time.Time
	// Wall is what the host's clock says, without a monotonic reading.
	Wall() time.Time
}

// SystemClock is the host's clock.
type SystemClock struct{}

// Now implements Clock.
func (SystemClock) Now() time.Time { return time.Now() }

// Wall implements Clock.
func (SystemClock) Wall() time.Time { return time.Now().Round(0) }

// ToDuration converts ticks of a clock of rate Hz to a duration, without overflow
// for any span of up to 290 years.
func ToDuration(t Ticks, rate int) time.Duration {
	r := int64(rate)
	return time.Duration(t/r)*time.Second + time.Duration(t%r)*time.Second/time.Duration(r)
}

// FromDuration converts a duration to ticks of a clock of rate Hz, rounding to the
// nearest tick.
func FromDuration(d time.Duration, rate int) Ticks {
	r := int64(rate)
	sec, rest := int64(d/time.Second), int64(d%time.Second)
	half := int64(time.Second) / 2
	if rest < 0 {
		half = -half
	}
	return sec*r + (rest*r+half)/int64(time.Second)
}
