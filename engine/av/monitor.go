//go:build cgo

package av

// #include "monitor.h"
import "C"

import (
	"cmp"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"
)

const (
	// monitorSlack is how much later than it wants Go's monitor may look again. A thread
	// that the monitor starts, as it does now and then, inherits it: so it is not longer.
	// With a millisecond re-encoding one camera costs 3 % more.
	monitorSlack = 4 * time.Millisecond
	// monitorProcs is how many goroutines may be in C, or run, before others wait for it.
	monitorProcs = 16
)

// calm lets Go's monitor thread (runtime.sysmon) sleep, and says whether it could. It looks
// every 20 µs whether a goroutine that is in C keeps others from running, as long as there
// are such goroutines: here always, and that costs a twelfth of what a composition of four
// cameras does. With monitorProcs there is room for others beside those, and it need not
// look that often.
var calm = sync.OnceValue(func() bool {
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), monitorProcs))
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return false
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { // it is the first that Go starts
		return cmp.Or(cmp.Compare(len(a.Name()), len(b.Name())), cmp.Compare(a.Name(), b.Name()))
	})
	for range 50 {
		for _, e := range entries {
			thread, err := strconv.Atoi(e.Name())
			if err != nil {
				continue
			}
			if told := C.monitor_calm(C.int(thread), C.uint64_t(monitorSlack)); told != 0 {
				return told > 0
			}
		}
		time.Sleep(100 * time.Microsecond) // the monitor was awake
	}
	return false
})
