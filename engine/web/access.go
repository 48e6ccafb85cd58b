package web

import (
	"time"
)

// Right is what somebody may do with a path.
type Right string

// The rights this package asks for.
const (
	Read   Right = "read"   // what is live
	Replay Right = "replay" // what was recorded
)

// Access knows users and what they may do. User "" is anybody.
type Access interface {
	Check(user, password string) bool
	Allow(user, path string, r Right) bool
	Open() bool // nobody needs to log in
}

// Guard counts failed logins by address.
type Guard interface {
	Blocked(addr string, now time.Time) time.Duration // how long this address is not heard; 0: it is
	Failed(addr string, now time.Time)
	Passed(addr string)
}
