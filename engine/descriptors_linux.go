package engine

import (
	"errors"
	"math"
	"os"
	"syscall"
)

// openDescriptors counts the process's descriptors and says how many it may have.
func openDescriptors() (used, limit int, ok bool) {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0, 0, false
	}
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		// Without one descriptor left all are in use.
		return int(min(l.Cur, math.MaxInt32)), int(min(l.Cur, math.MaxInt32)), errors.Is(err, syscall.EMFILE)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	return len(names), int(min(l.Cur, math.MaxInt32)), err == nil
}
