//go:build !linux

package media

import "time"

// Asleep is how long the machine has been suspended since it was started: time that
// monotonic readings leave out. Zero where the system does not tell.
func (SystemClock) Asleep() time.Duration { return 0 }
