// Package rate decides how many bits a second a path takes, and at which step of a
// ladder a picture is sent over it. It is pure: everything it knows comes in as
// [Feedback] with the time, everything it wants goes out as a [Decision] with its reasons.
//
// The path is judged by how long what is sent waits on it, its queueing: the round trip
// above the least one seen, and the time that what still waits on this side will take.
// Queueing rises long before packets are lost, so that the sender can yield while the
// delay is still small; its slope says by how much too much is sent. Loss alone is
// believed only when it is heavy: a radio link loses a few packets in a hundred without
// being full. A connection that sends such packets again carries less for a moment, or
// nothing; that is not what the path takes either.
//
// What was learnt is kept. The rate at which the path was full is the ceiling: below it
// the rate rises quickly, near it slowly and after a rest, and only once it has been
// passed without queueing it is forgotten and the rise gathers speed. A path on which
// nothing at all waits any more, not even behind key frames, has become wider: then
// neither the rest nor the ceiling counts.
package rate

import (
	"fmt"
	"time"
)

// Options bound a controller. Zero values take the defaults named.
type Options struct {
	Min   int // bit/s; default 100 000
	Max   int // bit/s; default 50 000 000
	Start int // bit/s; default Max: what fits is not touched
}

// Feedback is what a sender knows of its path. Counts run from the session's start.
// Numbers that cannot be (negative, falling counts, a loss above 1) are not believed.
type Feedback struct {
	Sent      int64         // bytes given to the transport
	Delivered int64         // bytes that the peer's kernel is known to have (TCP); 0: not known
	Backlog   int64         // bytes that wait on this side: the queue, and what the kernel has not sent
	Drain     int           // bit/s at which what was sent last arrived (TCP); 0: not known
	Resent    int64         // segments that were sent again (TCP)
	Stalled   time.Duration // how long the write in progress has been waiting
	RTT       time.Duration // newest round trip; 0: none since the last call
	Waiting   time.Duration // how long the oldest unanswered round trip has been under way; 0: none is
	Loss      float64       // part of the packets lost, of the newest report, 0 to 1
	Reported  bool          // Loss is new
	Next      int           // bit/s that the next better step takes; 0: there is none
}

// Cause is a reason for a decision.
type Cause string

// The causes, each with what it rests on.
const (
	Delay   Cause = "delay"   // queueing is high and rising
	Late    Cause = "late"    // queueing is above what any viewer should wait
	Stall   Cause = "stall"   // a write waits
	Skipped Cause = "skipped" // the source leaves pictures out
	Loss    Cause = "loss"    // more packets are lost than a way loses that has room
	Drained Cause = "drained" // the queue is empty again
	Room    Cause = "room"    // no queueing: there may be room above
	Passed  Cause = "passed"  // the ceiling was passed without queueing
	Bounded Cause = "bounded" // at the least or the highest rate
	TooLow  Cause = "too_low" // the rate is below what the step needs
	Fits    Cause = "fits"    // the rate has been enough for the next step
	Grown   Cause = "grown"   // the source has more than the steps were made for
)

// Reason is a cause with the numbers that made it one.
type Reason struct {
	Cause Cause
	Text  string // for a person: "queueing 180 ms, rising by 0.4 s a second"
}

func (r Reason) String() string { return string(r.Cause) + ": " + r.Text }

func reason(c Cause, format string, args ...any) Reason {
	return Reason{Cause: c, Text: fmt.Sprintf(format, args...)}
}

// State is what a controller is doing.
type State string

// The states.
const (
	Hold State = "hold" // stays where it is
	Rise State = "rise" // looks for room
	Fall State = "fall" // lets the queue run dry
)

// Decision is what to do from now on.
type Decision struct {
	Bitrate  int // bit/s, of everything sent over the path
	Steady   int // bit/s, where Bitrate will be once the queue is dry: what to choose a step by
	State    State
	Reasons  []Reason // why Bitrate or State is another than before; none: nothing changed
	Capacity int      // bit/s, where the path was last seen full; 0: never
	Queueing time.Duration
	Loss     float64 // smoothed
}
