package media

import (
	"time"

	"golang.org/x/sys/unix"
)

// Asleep is how long the machine has been suspended since it was started: time that
// monotonic readings leave out. Zero where the system does not tell.
func (SystemClock) Asleep() time.Duration {
	var all, awake unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &awake) != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &all) != nil {
		return 0
	}
	asleep := time.Duration(all.Nano() - awake.Nano())
	return max(0, asleep.Round(time.Millisecond)) // the readings are not of one instant
}
