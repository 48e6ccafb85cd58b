package engine

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// giveWay puts the goroutine that calls it behind the others of the process where there are
// too few processors for all: by 5 it gets a third of what they get, by 10 a tenth (nice
// values, 0 to 19). It has a thread of its own from then on, which ends with it.
func giveWay(by int) {
	runtime.LockOSThread()
	unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), by) // where that cannot be it is only slower
}
